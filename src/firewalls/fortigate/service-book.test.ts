import { expect, test } from 'vitest';
import { packetOf } from '../../engine/packet.ts';
import { type Truth, isDoubt } from '../passage/truth.ts';
import { serviceHolder } from './service-book.ts';
import type { ToldRow } from './told.ts';

const ends = { src: '10.0.0.1', dst: '203.0.113.7' };
const tcp = packetOf({ ...ends, proto: 'tcp', dport: 443 });
const UDP_LITE = 136;
const named = (...names: readonly string[]) => names.map((name) => ({ name }));

/** A custom service for TCP to port 443, but for this. */
function held(change: ToldRow, flow = tcp): Truth {
  const row = { name: 'one', protocol: 'TCP/UDP/SCTP', 'tcp-portrange': '443', iprange: '0.0.0.0', ...change };
  return serviceHolder({ customs: new Map([['one', row]]), groups: new Map(), unread: undefined }, flow)('one');
}

function group(groups: Readonly<Record<string, readonly string[]>>, unread?: string): (name: string) => Truth {
  const rows = Object.entries(groups).map(([name, members]) => [name, { name, member: named(...members) }] as const);
  const customs = new Map([['web', { name: 'web', protocol: 'TCP/UDP/SCTP', 'tcp-portrange': '443' }]]);
  return serviceHolder({ customs, groups: new Map(rows), unread }, tcp);
}

const why = (truth: Truth): string => (isDoubt(truth) ? truth.because.join('; ') : String(truth));

test.each<readonly [string, ToldRow, string]>([
  ['its ports', {}, 'true'],
  ['other ports', { 'tcp-portrange': '80 8000-8080' }, 'false'],
  ['no protocol, as before it was told', { protocol: undefined }, 'true'],
  ['any protocol', { protocol: 'IP', 'protocol-number': 0 }, 'true'],
  ['another protocol', { protocol: 'IP', 'protocol-number': 47 }, 'false'],
  ['ICMP', { protocol: 'ICMP', icmptype: 8 }, 'false'],
  ['ports that end before they begin', { 'tcp-portrange': '443-80' }, 'ports that cannot be read (443-80)'],
  ['ports beyond the last', { 'tcp-portrange': '443-65536' }, 'ports that cannot be read'],
  ['source ports that cannot be read', { 'tcp-portrange': '443:x' }, 'ports that cannot be read (443:x)'],
  ['addresses of its own', { iprange: '203.0.113.0-203.0.113.9' }, 'has iprange'],
  ['a name of its own', { fqdn: 'bank.example' }, 'has fqdn'],
  ['applications', { application: [{ id: 7 }] }, 'has application'],
  ['a proxy', { protocol: 'HTTP' }, 'is of the kind HTTP'],
])('a service for %s', (_, change, told) => {
  expect(why(held(change))).toContain(told);
});

test('what a service with other addresses is for is no doubt where its ports are others', () => {
  expect(held({ iprange: '203.0.113.9', 'tcp-portrange': '80' })).toBe(false);
});

test('whether ports of UDP are those of UDP-Lite is not known, where a release names it beside UDP', () => {
  const lite = { ...tcp, protocol: UDP_LITE };
  expect(held({}, lite)).toBe(false);
  expect(why(held({ protocol: 'TCP/UDP/UDP-Lite/SCTP' }, lite))).toContain('UDP-Lite is not known');
});

test('a group holds what its members hold, at whatever depth', () => {
  expect(group({ outer: ['inner'], inner: ['web'] })('outer')).toBe(true);
  expect(group({ outer: ['gone', 'web'] })('outer')).toBe(true);
});

test('a group that is empty, holds itself, or cannot be read is a doubt', () => {
  expect(why(group({ none: [] })('none'))).toContain('is empty');
  expect(why(group({ a: ['b'], b: ['a'] })('a'))).toContain('holds itself');
  expect(why(group({ outer: ['gone'] })('outer'))).toBe('"gone" is no service that can be read');
  expect(why(group({}, 'no right')('web2'))).toBe('"web2" is no service that can be read (no right)');
});
