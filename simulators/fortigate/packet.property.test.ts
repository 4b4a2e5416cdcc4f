import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { FortiGate } from './fortigate.ts';

// A small universe: eight sources, eight destinations, four ports. The oracle is written over sets of numbers, from what was generated
// and not from what the device holds.
const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7];
const PORTS = [80, 81, 82, 83];

const span = fc.tuple(fc.nat(7), fc.nat(7)).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const names = (prefix: string, count: number) =>
  fc.subarray(
    Array.from({ length: count }, (_, n) => `${prefix}${n}`),
    { minLength: 1 },
  );

const world = fc.record({
  sources: fc.array(span, { minLength: 4, maxLength: 4 }),
  destinations: fc.array(span, { minLength: 3, maxLength: 3 }),
  groups: fc.array(fc.record({ members: names('s', 4), without: fc.option(names('s', 4)) }), {
    minLength: 2,
    maxLength: 2,
  }),
  services: fc.array(fc.subarray(PORTS, { minLength: 1 }), { minLength: 2, maxLength: 2 }),
  policies: fc.array(
    fc.record({
      from: fc.subarray(['s0', 's1', 's2', 's3', 'g0', 'g1'], { minLength: 1, maxLength: 2 }),
      to: names('d', 3),
      service: names('p', 2),
      notFrom: fc.boolean(),
      notTo: fc.boolean(),
      notService: fc.boolean(),
      enabled: fc.boolean(),
      accept: fc.boolean(),
    }),
    { maxLength: 5 },
  ),
  snat: fc.array(
    fc.record({
      from: fc.subarray(['s0', 's1', 's2', 's3', 'g0', 'g1'], { minLength: 1, maxLength: 2 }),
      to: names('d', 3),
      port: fc.option(fc.constantFrom(...PORTS)),
      translate: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
});
type World = typeof world extends fc.Arbitrary<infer One> ? One : never;

const named = (some: readonly string[]): object[] => some.map((name) => ({ name }));

function configure({ hand }: FortiGate, made: World): void {
  hand.settings('system/settings', { 'central-nat': 'enable' });
  for (const [n, { from, to }] of made.sources.entries())
    hand.create('firewall/address', {
      name: `s${n}`,
      type: 'iprange',
      'start-ip': `10.0.0.${from}`,
      'end-ip': `10.0.0.${to}`,
    });
  for (const [n, { from, to }] of made.destinations.entries())
    hand.create('firewall/address', {
      name: `d${n}`,
      type: 'iprange',
      'start-ip': `192.0.2.${from}`,
      'end-ip': `192.0.2.${to}`,
    });
  for (const [n, { members, without }] of made.groups.entries())
    hand.create('firewall/addrgrp', {
      name: `g${n}`,
      member: named(members),
      ...(without === null ? {} : { exclude: 'enable', 'exclude-member': named(without) }),
    });
  for (const [n, ports] of made.services.entries())
    hand.create('firewall.service/custom', { name: `p${n}`, 'tcp-portrange': ports.join(' ') });
  hand.create('firewall/ippool', { name: 'pool', startip: '203.0.113.1', endip: '203.0.113.1' });
  const any = { srcintf: [{ name: 'any' }], dstintf: [{ name: 'any' }] };
  const on = (is: boolean): string => (is ? 'enable' : 'disable');
  for (const one of made.policies)
    hand.create('firewall/policy', {
      ...any,
      srcaddr: named(one.from),
      dstaddr: named(one.to),
      service: named(one.service),
      'srcaddr-negate': on(one.notFrom),
      'dstaddr-negate': on(one.notTo),
      'service-negate': on(one.notService),
      status: on(one.enabled),
      schedule: 'always',
      action: one.accept ? 'accept' : 'deny',
    });
  for (const one of made.snat)
    hand.create('firewall/central-snat-map', {
      ...any,
      'orig-addr': named(one.from),
      'dst-addr': named(one.to),
      ...(one.port === null ? {} : { 'dst-port': String(one.port) }),
      ...(one.translate ? { 'nat-ippool': [{ name: 'pool' }] } : { nat: 'disable' }),
    });
}

/** `policy 2 accept, rule 1 pool` */
function oracle(made: World, source: number, destination: number, port: number): string {
  const inSpan = ({ from, to }: { from: number; to: number }, n: number): boolean =>
    EIGHT.slice(from, to + 1).includes(n);
  const isSource = (name: string): boolean => {
    const n = Number(name.slice(1));
    if (name.startsWith('s')) return inSpan(made.sources[n] ?? { from: 9, to: 9 }, source);
    const group = made.groups[n];
    return group !== undefined && group.members.some(isSource) && !(group.without ?? []).some(isSource);
  };
  const isDestination = (name: string): boolean =>
    inSpan(made.destinations[Number(name.slice(1))] ?? { from: 9, to: 9 }, destination);
  const isService = (name: string): boolean => made.services[Number(name.slice(1))]?.includes(port) === true;
  const decided = made.policies.findIndex(
    (one) =>
      one.enabled &&
      one.from.some(isSource) !== one.notFrom &&
      one.to.some(isDestination) !== one.notTo &&
      one.service.some(isService) !== one.notService,
  );
  if (made.policies[decided]?.accept !== true) return `policy ${decided + 1} deny`;
  const rule = made.snat.findIndex(
    (one) => one.from.some(isSource) && one.to.some(isDestination) && (one.port === null || one.port === port),
  );
  return `policy ${decided + 1} accept, rule ${rule + 1} ${made.snat[rule]?.translate === true ? 'pool' : 'none'}`;
}

test('what becomes of every flow of a small universe, against sets of numbers', async () => {
  await fc.assert(
    fc.asyncProperty(world, async (made) => {
      await using device = await FortiGate.start({ plain: true });
      configure(device, made);
      for (const source of EIGHT)
        for (const destination of EIGHT)
          for (const port of PORTS) {
            const found = device.wouldPass({
              source: `10.0.0.${source}`,
              destination: `192.0.2.${destination}`,
              protocol: 'tcp',
              destinationPort: port,
              from: 'port2',
              to: 'port1',
            });
            const said =
              found.verdict === 'accept'
                ? `policy ${found.policy} accept, rule ${found.centralSnat} ${found.source.kind}`
                : `policy ${found.policy} ${found.verdict}`;
            if (said !== oracle(made, source, destination, port))
              expect(`${source} to ${destination}:${port}: ${said}`).toBe(oracle(made, source, destination, port));
          }
    }),
    tries(40, 8),
  );
});
