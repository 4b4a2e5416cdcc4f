import { describe, expect, test } from 'vitest';
import { parseDeviceAddress } from './transport.ts';

describe('device addresses', () => {
  test.each([
    ['local', { kind: 'local' }],
    ['netns:fw-1', { kind: 'netns', name: 'fw-1' }],
    ['ssh://root@edge.example:2222', { kind: 'ssh', user: 'root', host: 'edge.example', port: 2222 }],
    ['ssh://edge', { kind: 'ssh', host: 'edge' }],
    ['ssh://admin@[2001:db8::1]:22', { kind: 'ssh', user: 'admin', host: '2001:db8::1', port: 22 }],
  ])('%s', (text, expected) => {
    expect(parseDeviceAddress(text)).toEqual(expected);
  });

  test.each([
    '',
    'Local',
    'netns:',
    'netns:-x',
    'netns:../../proc/1/ns/net',
    'netns:a b',
    'ssh://',
    'ssh://-oProxyCommand=id',
    'ssh://-l@host',
    'ssh://root@-x',
    'ssh://host:0',
    'ssh://host:65536',
    'ssh://host/path',
    'ssh://a@b@c',
    'ssh://host;id',
    'ssh://user:secret@host',
    'https://host',
  ])('refused: %j', (text) => {
    expect(() => parseDeviceAddress(text)).toThrow(/is not the address/);
  });

  test('what is refused is told without a password', () => {
    expect(() => parseDeviceAddress('ssh://user:hunter2@host')).toThrow(/^(?!.*hunter2).*ssh:\/\/user:…@host/);
    expect(() => parseDeviceAddress('ssh://user:hun/t@er2@host')).toThrow(/^(?!.*er2)/);
  });
});
