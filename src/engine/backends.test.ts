import { describe, expect, test } from 'vitest';
import { endpointSlice, policy } from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { A, B, OUT, ask, everywhere, flowOf, web } from '../../test/kit/two-pods.ts';
import { atOnce } from '../base/pieces.ts';
import { Backends } from './backends.ts';
import { mentions } from './queries.ts';
import { type World } from './world.ts';

const slices = [
  endpointSlice('b/db-1', 'db', [B, OUT], ['8080', '53/UDP']),
  endpointSlice('b/db-2', 'db', ['fd00::2'], ['8081/TCP']),
  endpointSlice('b/db-3', 'db', ['203.0.113.5'], ['/TCP']),
];
const rule = (action: string, services: object, side = 'destination', more: object = {}): object => ({
  action,
  ...more,
  [side]: { services },
});
const db = { name: 'db', namespace: 'b' };

describe('11: service matches', () => {
  const egress = (name: string, rules: readonly object[], ...more: readonly PlainObject[]): World =>
    web(...slices, policy(name, { ...everywhere, types: ['Egress'], egress: rules }), ...more);
  const allowed = (world: World, question: string): boolean | undefined =>
    world.verdict(flowOf(question)).egress?.allowed;

  test.each([
    ['11.2 an address with its port', `${A} -> ${B}:8080/TCP`, true],
    ['11.2 and with another port of its slice', `${A} -> ${B}:53/UDP`, true],
    ['11.2 not with a port of another protocol', `${A} -> ${B}:53/TCP`, false],
    ['11.2 not with a port of another slice', `${A} -> ${B}:8081/TCP`, false],
    ['11.2 not another address', `${A} -> 10.0.0.9:8080/TCP`, false],
    ['11.2 an address outside the cluster, if a slice shows it', `${A} -> ${OUT}:8080/TCP`, true],
    ['11.2 the other family', `fd00::1 -> [fd00::2]:8081/TCP`, true],
    ['11.3 a port without number contributes nothing', `${A} -> 203.0.113.5:80/TCP`, false],
    ['11.2 what has no ports is in no set with ports', `${A} -> ${B} ICMP 8.0`, false],
  ])('%s: %s', (_, question, expected) => {
    expect(allowed(egress('g', [rule('Allow', db)]), question)).toBe(expected);
    expect(allowed(egress('g', [rule('Deny', db), { action: 'Allow' }]), question)).toBe(!expected);
    expect(allowed(egress('g', [rule('Pass', db), { action: 'Deny' }]), question)).toBe(expected);
  });

  test('11.1 a NetworkPolicy means its own namespace unless it names one', () => {
    const question = `${A} -> ${B}:8080/TCP`;
    expect(allowed(egress('a/n', [rule('Allow', { name: 'db' })]), question)).toBe(false);
    expect(allowed(egress('a/n', [rule('Allow', db)]), question)).toBe(true);
  });

  test('5 the rest of the rule counts as well', () => {
    const world = egress('g', [rule('Allow', db, 'destination', { protocol: 'UDP' })]);
    expect(allowed(world, `${A} -> ${B}:53/UDP`)).toBe(true);
    expect(allowed(world, `${A} -> ${B}:8080/TCP`)).toBe(false);
  });

  test('11.2 a source is matched by its address alone, ready or not', () => {
    const ingress = [{ ...rule('Allow', db, 'source'), protocol: 'TCP', destination: { ports: [80] } }];
    const world = web(...slices, policy('g', { ...everywhere, types: ['Ingress'], ingress }));
    const from = (src: string): boolean | undefined =>
      world.verdict({ src, dst: A, proto: 'TCP', sport: 1, dport: 80 }).ingress?.allowed;
    expect([B, OUT, '203.0.113.5', '10.0.0.9'].map(from)).toEqual([true, true, true, false]);
  });

  test('5.3 and 5.8 a service without slices has nothing behind it, which is said; a Deny for it denies nothing', () => {
    const world = egress('g', [rule('Deny', { name: 'none', namespace: 'b' }), { action: 'Allow' }]);
    expect(ask(world, `${A} -> ${B}:8080/TCP`)).toContain('allow default GlobalNetworkPolicy/g#1 rule');
    expect(world.diagnostics).toMatchObject([
      {
        severity: 'warning',
        code: 'SERVICE_UNKNOWN',
        object: 'GlobalNetworkPolicy/g',
        path: 'spec.egress[0].destination.services',
      },
    ]);
    expect(egress('g', [rule('Allow', db)]).diagnostics).toEqual([]);
  });

  test.each([
    ['11.1 egress, on the source', { egress: [rule('Allow', db, 'source')] }],
    ['11.1 ingress, on the destination', { ingress: [rule('Allow', db)] }],
    ['11.1 a global policy has to name the namespace', { egress: [rule('Allow', { name: 'db' })] }],
    ...[
      { selector: 'all()' },
      { notSelector: 'all()' },
      { namespaceSelector: 'all()' },
      { serviceAccounts: { names: ['x'] } },
      { nets: ['10.0.0.0/8'] },
      { notNets: ['10.0.0.0/8'] },
      { ports: [80] },
      { notPorts: [80] },
    ].map((more): [string, object] => [
      `11.5 not beside ${Object.keys(more).join()}`,
      { egress: [{ action: 'Allow', protocol: 'TCP', destination: { services: db, ...more } }] },
    ]),
  ])('%s', (_, spec) => {
    const { diagnostics } = web(...slices, policy('g', { ...everywhere, ...spec }));
    expect(diagnostics.map(({ severity, code }) => `${severity} ${code}`)).toEqual(['error FIELD_CONFLICT']);
  });

  test('11.5 ports stand beside a service on the source', () => {
    const ingress = [{ action: 'Allow', protocol: 'TCP', source: { services: db, ports: [1] } }];
    const world = web(...slices, policy('g', { ...everywhere, types: ['Ingress'], ingress }));
    expect(world.diagnostics).toEqual([]);
    const from = (sport: number): boolean => world.verdict({ src: B, dst: A, proto: 'TCP', sport, dport: 1 }).allowed;
    expect([1, 2].map(from)).toEqual([true, false]);
  });

  test('6.5.2 a rule mentions what is behind its service', () => {
    const { engine } = egress('g', [rule('Allow', db)]);
    const mention = {
      policy: 'GlobalNetworkPolicy/g',
      direction: 'egress',
      rule: 0,
      side: 'destination',
      selector: '',
    };
    expect(mentions(engine, 'pod:b/db')).toEqual([{ endpoint: 'pod:b/db', ...mention }]);
    expect(mentions(engine, 'pod:a/web')).toEqual([]);
  });
});

describe('what is behind a service follows its slices', () => {
  const slice = (id: string, service: string, port: number) =>
    [id, { id, service, addresses: [], ports: [{ protocol: 6, port }] }] as const;
  const ports = (backends: Backends, service: string): readonly number[] =>
    backends.of(service).ports.map(({ port }) => port);

  test('as they come, change service, and go', () => {
    const backends = new Backends();
    const take = (
      touched: readonly string[],
      now: ReadonlyMap<string, ReturnType<typeof slice>[1]>,
    ): readonly string[] =>
      [...atOnce(backends.take({ added: touched, changed: [], removed: [], keys: touched }, now))].sort();
    expect(take(['1', '2'], new Map([slice('1', 'a/s', 80), slice('2', 'a/s', 81)]))).toEqual(['a/s']);
    expect(ports(backends, 'a/s')).toEqual([80, 81]);
    expect(take(['2'], new Map([slice('1', 'a/s', 80), slice('2', 'b/s', 81)]))).toEqual(['a/s', 'b/s']);
    expect([ports(backends, 'a/s'), ports(backends, 'b/s')]).toEqual([[80], [81]]);
    expect(take(['1', '3'], new Map([slice('2', 'b/s', 81)]))).toEqual(['a/s']);
    expect([ports(backends, 'a/s'), ports(backends, 'b/s')]).toEqual([[], [81]]);
  });
});
