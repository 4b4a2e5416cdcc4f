import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { namespace, node, pod, pool } from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { tries } from '../../test/kit/runs.ts';
import { readResource } from '../api/read.ts';
import { type ResourceKey, resourceKey } from '../api/resource.ts';
import { formatAddress } from '../ip/address.ts';
import { Inventory } from './inventory.ts';

/** So few that pods, nodes and pools meet in them all the time. */
const ADDRESSES = ['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3'];
const RANGES = ['10.0.0.0/31', '10.0.0.2/31', '10.0.0.0/30'];
const PODS = ['shop/a', 'shop/b', 'bank/c'];

const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values], { maxLength: 2 });
const any = fc.constantFrom;
const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: any(...others) });
const object: fc.Arbitrary<PlainObject> = fc.oneof(
  fc
    .record({
      name: any(...PODS),
      text: fc.record({
        ips: fc.oneof(
          fc.constant([]),
          any(...ADDRESSES).map((ip) => [ip]),
          some([...ADDRESSES, 'fd00::1']),
        ),
        annotations: any('', ...ADDRESSES).map((ip) => ({ 'cni.projectcalico.org/podIP': ip })),
        node: mostly('n1', 'n2', null),
        phase: mostly('Running', 'Pending', 'Succeeded', 'Failed'),
        deleting: mostly(false, true),
        hostNetwork: mostly(false, true),
      }),
    })
    .map(({ name, text }) => pod(name, text)),
  fc
    .record({
      name: any('p1', 'p2'),
      cidr: any(...RANGES),
      more: fc.record({
        natOutgoing: fc.boolean(),
        disabled: mostly(false, true),
        allowedUses: mostly(['Workload'], ['Tunnel']),
      }),
    })
    .map(({ name, cidr, more }) => pool(name, cidr, more)),
  fc
    .record({
      name: any('n1', 'n2'),
      addresses: some(ADDRESSES.flatMap((ip) => [ip, `ExternalIP:${ip}`])),
      ranges: some(RANGES),
    })
    .map(({ name, addresses, ranges }) => node(name, addresses, ranges)),
  any('shop', 'bank').map((name) => namespace(name)),
);
/** `look`: somebody reads in between, or takes what changed. */
const step = fc.record({ object, isThere: mostly(true, false), look: any('no', 'read', 'flush') });

/** Everything that others read of pods, pools and nodes. */
function stateOf(inventory: Inventory): Record<string, unknown> {
  const endpoints = [...inventory.endpoints].map(([id, { addresses, node: on, hostNetwork, labels }]) => [
    id,
    [addresses.map(formatAddress), on, hostNetwork, [...labels]],
  ]);
  return {
    endpoints: Object.fromEntries(endpoints),
    shown: PODS.map((name) => inventory.statusAddresses(`pod:${name}`).map(formatAddress)),
    pools: Object.fromEntries([...inventory.pools].map(([name, { cidr, ...rest }]) => [name, [cidr.toString(), rest]])),
    nodes: Object.fromEntries(
      [...inventory.nodes].map(([name, { addresses, podCIDRs }]) => [
        name,
        [addresses.map(({ type, address }) => `${type} ${formatAddress(address)}`), podCIDRs.toString()],
      ]),
    ),
    mistakes: inventory.diagnostics(),
  };
}

test.each(['Credible', 'Calico'] as const)(
  'what came before leaves no trace, and a flush tells all that differs (%s)',
  (belief) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 8, maxLength: 30, size: 'max' }), (steps) => {
        const inventory = new Inventory(belief);
        const present = new Map<ResourceKey, PlainObject>();
        const put = (into: Inventory, given: PlainObject): ResourceKey => {
          const { resource } = readResource(given, {});
          if (resource === undefined) throw new Error(`${given.kind} cannot be read`);
          into.apply({ kind: 'put', resource });
          return resourceKey(resource);
        };
        let flushed = stateOf(inventory);
        for (const { object: given, isThere, look } of [
          ...steps,
          { ...steps[0], look: 'flush' } as (typeof steps)[0],
        ]) {
          const key = put(inventory, given);
          if (isThere) present.set(key, given);
          else {
            inventory.apply({ kind: 'delete', key });
            present.delete(key);
          }
          if (look === 'no') continue;
          const now = stateOf(inventory);
          const anew = new Inventory(belief);
          for (const each of present.values()) put(anew, each);
          expect(now).toEqual(stateOf(anew));
          if (look === 'read') continue;
          const { endpoints, other } = inventory.flush();
          const before = flushed['endpoints'] as Record<string, unknown>;
          const after = now['endpoints'] as Record<string, unknown>;
          const ids = [...new Set([...Object.keys(before), ...Object.keys(after)])];
          const differs = (id: string): boolean => JSON.stringify(before[id]) !== JSON.stringify(after[id]);
          expect([...endpoints.keys].sort()).toEqual(ids.filter(differs).sort());
          for (const kind of ['pools', 'nodes'] as const)
            expect([kind, other.has(kind)]).toEqual([kind, !isDeepStrictEqual(flushed[kind], now[kind])]);
          flushed = now;
        }
      }),
      tries(300, 60),
    );
  },
);
