import { describe, expect, test } from 'vitest';
import { conntrackError, nftError } from './error-classes.ts';

describe("nft's words", () => {
  test.each([
    [
      '/tmp/x:3:1-5: Error: Could not process rule: No such file or directory\nadd element …\n ^^^',
      'DEVICE_CHANGED',
      'conflict',
    ],
    [
      'Error: No such file or directory; did you mean chain ‘a’ in table inet ‘sallyport’?\n',
      'DEVICE_CHANGED',
      'conflict',
    ],
    ['/tmp/x:1:1-2: Error: Could not process rule: File exists', 'DEVICE_CHANGED', 'conflict'],
    ['/tmp/x:1:1-2: Error: Could not process rule: Message too long', 'TRANSACTION_TOO_LARGE', 'rejected'],
    ['netlink: Error: cache initialization failed: Operation not permitted', 'DEVICE_RIGHTS', 'rejected'],
    [
      'Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted',
      'DEVICE_RIGHTS',
      'rejected',
    ],
    ['/tmp/x:1:1-2: Error: Could not process rule: Too many links', 'DEVICE_LIMIT', 'rejected'],
    ['/tmp/x:1:1-2: Error: syntax error, unexpected newline', 'INTERNAL', 'bug'],
    ['/tmp/x:1:1-2: Error: Could not process rule: A word nobody knows', 'DEVICE_REJECTED', 'rejected'],
    ['', 'DEVICE_REJECTED', 'rejected'],
  ])('%j', (stderr, code, blame) => {
    expect(nftError(stderr, 'test')).toMatchObject({ code, blame });
  });

  test('the echo of our own text does not count', () => {
    const stderr = '/tmp/x:1:1-2: Error: Could not process rule: Unheard of\nadd rule … comment "Message too long"\n';
    expect(nftError(stderr, 'test').code).toBe('DEVICE_REJECTED');
  });
});

describe("conntrack's words", () => {
  const said = (words: string): string => `conntrack v1.4.7 (conntrack-tools): Operation failed: ${words}\n`;

  test.each([
    ["such conntrack doesn't exist", 'DEVICE_CHANGED', 'conflict'],
    ['Protocol error', 'DEVICE_CHANGED', 'conflict'],
    ['No buffer space available', 'DEVICE_CHANGED', 'conflict'],
    ['Operation not permitted', 'DEVICE_RIGHTS', 'rejected'],
    ['invalid parameters', 'DEVICE_REJECTED', 'rejected'],
  ])('%j', (words, code, blame) => {
    expect(conntrackError(said(words))).toMatchObject({ code, blame });
  });
});
