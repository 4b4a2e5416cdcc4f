import { describe, expect, test } from 'vitest';
import { networkSet, pod, policy } from '../../test/kit/objects.ts';
import { A, B, OUT, ask, everywhere, flowOf, web } from '../../test/kit/two-pods.ts';
import { type World } from './world.ts';

describe('4 and 5: what a rule matches', () => {
  const ingress = (...rules: object[]): World =>
    web(policy('g', { ...everywhere, types: ['Ingress'], ingress: rules }));
  const destination = (side: object, more: object = {}): World =>
    ingress({ action: 'Allow', ...more, destination: side });
  const passes = (world: World, question: string): boolean => world.verdict(flowOf(question)).ingress?.allowed ?? false;

  test.each([
    [
      '5.1 numbers and names of one list are alternatives',
      { ports: [443, 'http'] },
      { protocol: 'TCP' },
      { '80/TCP': true, '443/TCP': true, '81/UDP': false, '9000/TCP': false },
    ],
    [
      '4.6 a name counts with the protocol of the rule',
      { ports: ['http'] },
      { protocol: 'UDP' },
      { '80/TCP': false, '81/UDP': true },
    ],
    [
      '4.6 without a protocol a name brings its own',
      { ports: ['http'] },
      {},
      { '80/TCP': true, '81/UDP': true, '81/TCP': false },
    ],
    [
      '5.3 a name that nobody defines matches nothing',
      { ports: ['nope'] },
      { protocol: 'TCP' },
      { '80/TCP': false, '443/TCP': false },
    ],
    [
      '5.3 and adds nothing to others',
      { ports: ['nope', '79:81'] },
      { protocol: 'TCP' },
      { '80/TCP': true, '443/TCP': false },
    ],
    [
      '5.2 a name in notPorts',
      { notPorts: ['http', 443] },
      { protocol: 'TCP' },
      { '80/TCP': false, '443/TCP': false, '81/TCP': true },
    ],
  ])('%s', (_, side, more, expected) => {
    const world = destination(side, more);
    for (const [port, allowed] of Object.entries(expected))
      expect([port, passes(world, `${OUT} -> ${A}:${port}`)]).toEqual([port, allowed]);
  });

  test('5.1 of two endpoints with one address, the one that the selector selects has to have the named port', () => {
    const twin = pod('b/twin', { labels: { app: 'other' }, ips: [A], ports: ['extra:7000'] });
    const rule = {
      action: 'Allow',
      protocol: 'TCP',
      destination: { selector: "app == 'web'", ports: ['extra', 'http'] },
    };
    const world = web(twin, policy('g', { selector: "app == 'web'", types: ['Ingress'], ingress: [rule] }));
    expect(passes(world, `${OUT} -> ${A}:7000/TCP`)).toBe(false);
  });

  test('named ports are looked up on the destination, pod by pod (8.3)', () => {
    const world = destination({ ports: ['http'] }, { protocol: 'TCP' });
    expect(passes(world, `${OUT} -> ${A}:80/TCP`)).toBe(true);
    expect(passes(world, `${OUT} -> ${B}:80/TCP`)).toBe(false);
    expect(passes(world, `${OUT} -> ${B}:8080/TCP`)).toBe(true);
  });

  test('5.4 notNets of one family make a rule of that family', () => {
    const world = ingress({ action: 'Allow', source: { notNets: ['10.0.0.0/8'] } });
    expect(passes(world, `${OUT} -> ${A}:80/TCP`)).toBe(true);
    expect(passes(world, `${B} -> ${A}:80/TCP`)).toBe(false);
    expect(passes(world, '2001:db8::9 -> [fd00::1]:80/TCP')).toBe(false);
  });

  test('5 the name ICMP means IPv4, the number does not; notICMP with a code excludes that pair only', () => {
    const byName = ingress({ action: 'Allow', protocol: 'ICMP' });
    const byNumber = ingress({ action: 'Allow', protocol: 58, notICMP: { type: 128, code: 0 } });
    expect(passes(byName, `${OUT} -> ${A} ICMP 8.0`)).toBe(true);
    expect(passes(byName, '2001:db8::9 -> fd00::1 1 8.0')).toBe(false);
    expect(passes(byNumber, '2001:db8::9 -> fd00::1 ICMPv6 128.0')).toBe(false);
    expect(passes(byNumber, '2001:db8::9 -> fd00::1 ICMPv6 128.1')).toBe(true);
    expect(passes(byNumber, '2001:db8::9 -> fd00::1 ICMPv6 1.0')).toBe(true);
  });

  test('4.4 a network set of everything selects every address of its family', () => {
    const rule = { action: 'Allow', source: { selector: "kind == 'all'" } };
    const world = web(
      networkSet('all', { kind: 'all' }, ['0.0.0.0/0']),
      policy('g', { ...everywhere, types: ['Ingress'], ingress: [rule] }),
    );
    expect(passes(world, `203.0.113.99 -> ${A}:80/TCP`)).toBe(true);
    expect(passes(world, '2001:db8::9 -> [fd00::1]:80/TCP')).toBe(false);
  });

  test('5.7 a rule with an HTTP match is left out, and said', () => {
    const world = web(
      policy('g', {
        ...everywhere,
        types: ['Ingress'],
        ingress: [{ action: 'Allow', http: { methods: ['GET'] } }],
      }),
    );
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe('no: - | deny default tier-default');
    expect(world.diagnostics.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'HTTP_NOT_ENFORCEABLE spec.ingress[0].http',
    ]);
  });
});
