import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../../../ip/address.ts';
import { droptailerAddress, hostAddress, withHost } from './droptailer-pods.ts';

const shown = (text: string): string | undefined => {
  const address = hostAddress(text, 'droptailer');
  return address && formatAddress(address);
};

describe('the droptailer in the hosts file', () => {
  test('comes, moves and is the only one; everything else stays as it is', () => {
    const before = '127.0.0.1\tlocalhost\n# our own\n::1 localhost ip6-localhost # loop\n';
    expect(withHost(before, 'droptailer', '10.0.0.7')).toBe(`${before}10.0.0.7 droptailer\n`);
    const there = '127.0.0.1 localhost\n10.0.0.6 droptailer\n10.0.0.9 else\n';
    expect(withHost(there, 'droptailer', '10.0.0.7')).toBe('127.0.0.1 localhost\n10.0.0.7 droptailer\n10.0.0.9 else\n');
    expect(withHost('10.0.0.6 a droptailer b # c\n10.0.0.5 droptailer', 'droptailer', '10.0.0.7')).toBe(
      '10.0.0.6 a b # c\n10.0.0.7 droptailer\n',
    );
    expect(withHost('', 'droptailer', 'fd00::7')).toBe('fd00::7 droptailer\n');
    expect(shown('#10.0.0.6 droptailer\n10.0.0.7 my-droptailer\n')).toBeUndefined();
  });

  test('is found as it was written, and writing it again changes nothing', () => {
    const word = fc.constantFrom(
      'droptailer',
      'web',
      'droptailer.local',
      '#',
      '# x',
      '10.0.0.1',
      'fd00::1',
      ' ',
      '\t',
      '',
    );
    const file = fc.array(
      fc.array(word, { maxLength: 5 }).map((words) => words.join(' ')),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(file, fc.ipV4(), (lines, address) => {
        const once = withHost(lines.join('\n'), 'droptailer', address);
        expect(shown(once)).toBe(address);
        expect(withHost(once, 'droptailer', address)).toBe(once);
        // Lines that say nothing of it are there, in their order.
        const others = lines.filter(
          (line) => !(line.split('#', 1)[0] ?? '').trim().split(/\s+/).slice(1).includes('droptailer'),
        );
        const kept = once.split('\n');
        let at = 0;
        for (const line of others.join('\n').replace(/\n$/, '').split('\n')) {
          const found = kept.indexOf(line, at);
          expect(found).toBeGreaterThanOrEqual(line === '' ? -1 : at);
          if (found >= 0) at = found + 1;
        }
      }),
    );
  });
});

test('where the server is: ready before running, the known one before others, then the newest', () => {
  const pod = (podIP: string, more: object = {}, ready = 'True', created = '2026-01-01T00:00:00Z'): object => ({
    metadata: { creationTimestamp: created, ...more },
    status: { podIP, phase: 'Running', conditions: [{ type: 'Ready', status: ready }] },
  });
  const where = (pods: readonly unknown[], known?: string): string | undefined => {
    const found = droptailerAddress(pods, known === undefined ? undefined : parseAddress(known));
    return found && formatAddress(found);
  };
  const old = pod('10.0.0.1');
  const young = pod('10.0.0.2', {}, 'True', '2026-02-01T00:00:00Z');
  const unready = pod('10.0.0.3', {}, 'False', '2026-03-01T00:00:00Z');
  expect(where([old, young, unready])).toBe('10.0.0.2');
  expect(where([old, young, unready], '10.0.0.1')).toBe('10.0.0.1');
  expect(where([old, young, unready], '10.0.0.3')).toBe('10.0.0.2');
  expect(where([unready])).toBe('10.0.0.3');
  expect(
    where([pod('10.0.0.1', { deletionTimestamp: 'x' }), pod('nonsense'), 7, {}, { status: { podIP: '10.0.0.5' } }]),
  ).toBe(undefined);
});
