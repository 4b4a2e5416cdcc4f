import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { cluster, surroundings } from '../../test/kit/random-cluster.ts';
import { inNet } from '../../test/kit/slow-address.ts';
import { readResource } from '../api/read.ts';
import { formatAddress } from '../ip/address.ts';
import { Inventory } from './inventory.ts';
import { tries } from '../../test/kit/runs.ts';

type Status = {
  readonly podIPs?: readonly { readonly ip: string }[];
  readonly podIP?: string;
  readonly phase?: string;
};
type Spec = {
  readonly nodeName?: string;
  readonly hostNetwork?: boolean;
  readonly cidr?: string;
  readonly disabled?: boolean;
  readonly natOutgoing?: boolean;
  readonly allowedUses?: readonly string[];
};

/** What pods own, as design section 2 says it, on plain objects. */
function believed(objects: readonly PlainObject[]): Map<string, string[]> {
  const of = (kind: string): PlainObject[] => objects.filter((object) => object.kind === kind);
  const spec = (object: PlainObject): Spec => object.spec ?? {};
  const pools = of('IPPool');
  const nodes = of('Node');
  const nodeAddresses = nodes.flatMap(({ status }) =>
    ((status?.['addresses'] ?? []) as { address: string }[]).map(({ address }) => address),
  );
  const podCIDRs = nodes.flatMap((node) => (node.spec?.['podCIDRs'] ?? []) as string[]);
  const live = of('Pod').filter(
    ({ status, ...pod }) =>
      pod.spec?.['nodeName'] !== undefined && !['Succeeded', 'Failed'].includes(String((status as Status).phase)),
  );
  const released = ({ metadata }: PlainObject): boolean =>
    metadata.deletionTimestamp !== undefined && metadata.annotations?.['cni.projectcalico.org/podIP'] === '';
  const natted = (address: string): boolean =>
    pools.some((pool) => spec(pool).natOutgoing === true && inNet(address, spec(pool).cidr ?? ''));
  const status = (pod: PlainObject): string[] => {
    const { podIPs = [], podIP = '' } = pod.status as Status;
    return podIPs.length > 0 || podIP === '' ? podIPs.map(({ ip }) => ip) : [podIP];
  };
  const announced = ({ metadata: { annotations = {} } }: PlainObject): string[] => {
    const text = annotations['cni.projectcalico.org/podIPs'] ?? annotations['cni.projectcalico.org/podIP'] ?? '';
    return text === '' ? [] : text.split(',').map((net) => net.split('/')[0] ?? '');
  };
  const shown = (pod: PlainObject): string[] => (status(pod).length > 0 ? status(pod) : announced(pod));
  const result = new Map<string, string[]>();
  for (const pod of live) {
    const id = `pod:${pod.metadata.namespace}/${pod.metadata.name}`;
    if (spec(pod).hostNetwork === true) {
      result.set(id, []);
      continue;
    }
    const inside = (address: string): boolean =>
      pools.length === 0 ||
      pools.some((pool) => inNet(address, spec(pool).cidr ?? '')) ||
      nodeAddresses.includes(address) ||
      podCIDRs.some((range) => inNet(address, range));
    const early = (address: string): boolean =>
      pools.some(
        (pool) =>
          spec(pool).disabled !== true &&
          (spec(pool).allowedUses ?? ['Workload']).includes('Workload') &&
          inNet(address, spec(pool).cidr ?? ''),
      ) &&
      nodes.some(({ metadata }) => metadata.name === spec(pod).nodeName) &&
      live.every(
        (other) =>
          other === pod || spec(other).hostNetwork === true || released(other) || !shown(other).includes(address),
      );
    const own = status(pod).length > 0 ? status(pod).filter(inside) : announced(pod).filter(early);
    const kept = released(pod) ? own.filter(natted) : own;
    if (kept.length > 0) result.set(id, kept);
  }
  return result;
}

test('pods own the addresses that can be true, and no others', () => {
  fc.assert(
    fc.property(cluster, surroundings, (some, more) => {
      const objects = [...some, ...more];
      const inventory = new Inventory();
      for (const object of objects) {
        const { resource } = readResource(object, {});
        if (resource !== undefined) inventory.apply({ kind: 'put', resource });
      }
      const known = [...inventory.endpoints.values()].filter(({ kind }) => kind === 'Pod');
      expect(new Map(known.map(({ id, addresses }) => [id, addresses.map(formatAddress).sort()]))).toEqual(
        new Map([...believed(objects)].map(([id, addresses]) => [id, addresses.toSorted()])),
      );
    }),
    tries(50, 17),
  );
});
