import { describe, expect, test } from 'vitest';
import { type Delta, LabelIndex, loadWorld } from '../../src/engine/index.ts';
import { hostEndpoint, namespace, networkSet, pod, policy } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';
import { idOf } from '../kit/slow-selector.ts';

const everyone = { selector: 'all()', types: ['Ingress'] };
const from = (source: object, more: object = {}): object => ({ action: 'Allow', source, ...more });
const objects = [
  namespace('a'),
  pod('a/p', { labels: { app: 'x' }, ips: ['10.0.0.1', 'fd00::1'], ports: ['web:80', 'web:81/UDP', 'web:82/SCTP'] }),
];
const setsOf = (...more: PlainObject[]) => loadWorld([...objects, ...more]).ipSets();
const short = (delta: Delta): string[] => [
  ...delta.added.map(({ set, member }) => `+${set} ${member}`),
  ...delta.removed.map(({ set, member }) => `-${set} ${member}`),
];
const net = (...nets: string[]) => ({ labels: new Map([['app', 'x']]), nets, ports: [], parents: [] });

describe('4: IP sets', () => {
  test('4.1 one for each effective selector in use, however often it is used', () => {
    const rules = [from({ selector: "app == 'x'" }), from({ selector: "app=='x'" }), from({ selector: "app == 'y'" })];
    const sets = setsOf(policy('q', { ...everyone, ingress: rules }), policy('r', { ...everyone, ingress: rules }));
    expect(sets.map(({ selector }) => selector).sort()).toEqual(['app == "x"', 'app == "y"']);
  });

  test('4.1 of policies that apply to somebody', () => {
    const spec = { selector: 'has(nobody)', ingress: [from({ selector: "app == 'x'" })] };
    expect(setsOf(policy('q', spec))).toEqual([]);
  });

  test('4.2 members: addresses of pods, expected addresses of hosts, nets of network sets', () => {
    const [set] = setsOf(
      hostEndpoint('h', { app: 'x' }, { interfaceName: 'eth0', expectedIPs: ['192.0.2.1', '2001:db8::1'] }),
      hostEndpoint('learnt', { app: 'x' }, { interfaceName: 'eth1' }),
      networkSet('g', { app: 'x' }, ['198.51.100.0/24', '2001:db8:1::/48']),
      policy('q', { ...everyone, ingress: [from({ selector: "app == 'x'" })] }),
    );
    expect(set?.members).toEqual([
      '10.0.0.1/32',
      '192.0.2.1/32',
      '198.51.100.0/24',
      '2001:db8:1::/48',
      '2001:db8::1/128',
      'fd00::1/128',
    ]);
  });

  test('4.3 a member leaves with its last contributor, of several endpoints and of one that gives it twice', () => {
    const index = new LabelIndex();
    index.setSelector('s', "app == 'x'");
    expect(short(index.setEndpoint('one', net('10.0.0.1/32', '10.0.0.1/32')))).toEqual(['+s 10.0.0.1/32']);
    expect(short(index.setEndpoint('two', net('10.0.0.1/32')))).toEqual([]);
    expect(short(index.deleteEndpoint('one'))).toEqual([]);
    expect(short(index.deleteEndpoint('two'))).toEqual(['-s 10.0.0.1/32']);
    index.setEndpoint('one', net('10.0.0.1/32', '10.0.0.1/32'));
    expect(short(index.setEndpoint('one', net('10.0.0.1/32')))).toEqual([]);
    expect(short(index.setEndpoint('one', net()))).toEqual(['-s 10.0.0.1/32']);
  });

  test('4.4 a net of length 0 is kept as halves, host bits are masked away', () => {
    const [set] = setsOf(
      networkSet('g', { app: 'y' }, ['0.0.0.0/0', '::/0', '10.1.2.3/24', '2001:db8::5/64']),
      policy('q', { ...everyone, ingress: [from({ selector: "app == 'y'" })] }),
    );
    expect(set?.members).toEqual(['0.0.0.0/1', '10.1.2.0/24', '128.0.0.0/1', '2001:db8::/64', '8000::/1', '::/1']);
  });

  test('4.5 ids of sets: the selector itself, or selector, protocol and name of the port', () => {
    const destination = { selector: "app == 'x'", ports: ['web'] };
    const rules = [
      { action: 'Allow', destination },
      { action: 'Allow', protocol: 'TCP', destination },
      { action: 'Allow', protocol: 17, destination },
      { action: 'Allow', protocol: 'SCTP', destination },
      from({ selector: "app == 'x'" }),
    ];
    const id = idOf('s', 'app == "x"');
    const named = ['any', 'tcp', 'udp', 'sctp'].map((protocol) => idOf('n', `${id},${protocol},web`));
    expect(setsOf(policy('q', { ...everyone, ingress: rules })).map(({ uid }) => uid)).toEqual([...named, id].sort());
  });

  test.each([
    [
      {},
      ['10.0.0.1,sctp:82', '10.0.0.1,tcp:80', '10.0.0.1,udp:81', 'fd00::1,sctp:82', 'fd00::1,tcp:80', 'fd00::1,udp:81'],
    ],
    [{ protocol: 'TCP' }, ['10.0.0.1,tcp:80', 'fd00::1,tcp:80']],
    [{ protocol: 6 }, ['10.0.0.1,tcp:80', 'fd00::1,tcp:80']],
    [{ protocol: 'UDP' }, ['10.0.0.1,udp:81', 'fd00::1,udp:81']],
    [{ protocol: 132 }, ['10.0.0.1,sctp:82', 'fd00::1,sctp:82']],
  ])('4.6 members of a named port: each port of that name, with each address: %j', (words, expected) => {
    const rule = { action: 'Allow', ...words, destination: { selector: "app == 'x'", ports: ['web'] } };
    expect(setsOf(policy('q', { ...everyone, ingress: [rule] }))[0]?.members).toEqual(expected);
  });

  test('4.7 a covered net is withheld, and told when its cover goes', () => {
    const index = new LabelIndex({ suppressOverlaps: true });
    index.setSelector('s', "app == 'x'");
    expect(short(index.setEndpoint('small', net('10.0.0.0/24')))).toEqual(['+s 10.0.0.0/24']);
    expect(short(index.setEndpoint('middle', net('10.0.0.0/16'))).sort()).toEqual(['+s 10.0.0.0/16', '-s 10.0.0.0/24']);
    expect(short(index.setEndpoint('wide', net('10.0.0.0/8'))).sort()).toEqual(['+s 10.0.0.0/8', '-s 10.0.0.0/16']);
    // Covered by what stays: nothing is told of it, whatever goes.
    expect(short(index.deleteEndpoint('middle'))).toEqual([]);
    expect(short(index.setEndpoint('middle', net('10.0.0.0/16')))).toEqual([]);
    expect(short(index.deleteEndpoint('small'))).toEqual([]);
    expect(short(index.deleteEndpoint('wide')).sort()).toEqual(['+s 10.0.0.0/16', '-s 10.0.0.0/8']);
    expect(short(index.deleteEndpoint('middle'))).toEqual(['-s 10.0.0.0/16']);
  });

  test('4.8 a set holds both families', () => {
    const [set] = setsOf(policy('q', { ...everyone, ingress: [from({ selector: 'has(app)' }, { ipVersion: 4 })] }));
    expect(set?.members).toEqual(['10.0.0.1/32', 'fd00::1/128']);
  });
});
