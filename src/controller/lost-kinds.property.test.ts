import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BorderWorld,
  type Manifest,
  addressGroup,
  calico,
  clusterPolicy,
  firewall,
  namespace,
  namespacedPolicy,
  node,
  pod,
  pool,
  resourceOf,
} from '../../test/kit/border-world.ts';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { adminPolicy, kubernetesPolicy } from '../../test/kit/objects.ts';
import { PATIENCE_MS, tries } from '../../test/kit/runs.ts';
import { plain } from '../../test/kit/shown-view.ts';
import { type Resource, type ResourceType, resourceKey } from '../api/resource.ts';
import { BucketMap } from '../base/bucket-map.ts';
import { silentLog } from '../base/log.ts';
import type { Ruleset } from '../border/ruleset.ts';
import { formatAddress } from '../ip/address.ts';
import { MemoryDevice } from '../firewalls/memory/device.ts';
import { MemoryDriver } from '../firewalls/memory/memory-driver.ts';
import { soleWriter } from '../firewalls/writer-lock.ts';
import type { Delivery, ResourceChange, SourceState } from '../sources/source.ts';
import { Controller } from './controller.ts';

const edge = (name: string, spec: Manifest = {}): Manifest =>
  firewall(name, {
    address: `netns:${name}`,
    mode: 'Enforce',
    guard: { removals: { atLeast: 100_000 }, gains: { atLeast: 100_000 } },
    ...spec,
  });
const basis: readonly Manifest[] = [
  namespace('a', { env: 'prod' }),
  node('n1', '172.18.0.1'),
  pool('pods', '10.1.0.0/16'),
  edge('plain'),
  edge('tiers', { policies: { tiers: ['adminnetworkpolicy', 'default'] } }),
  edge('accepting', { accepts: [{ namespaces: 'all()' }] }),
  edge('behind', { behind: ['tiers'] }),
  addressGroup('web', { selector: "app == 'web'" }),
];

/** Which kinds may be lost, and which firewalls that concerns; written down by hand. */
const CONCERNS: Readonly<Record<string, readonly string[]>> = {
  AdminNetworkPolicy: ['behind', 'tiers'],
  KubernetesNetworkPolicy: ['behind', 'tiers'],
  GlobalNetworkPolicy: ['behind', 'tiers'],
  BorderPolicy: ['accepting'],
  BorderApproval: [],
};
const LOSABLE = Object.keys(CONCERNS) as ResourceType[];

const pods = fc
  .record({
    name: fc.constantFrom('a/x', 'a/y', 'a/z'),
    uid: fc.constantFrom('1', '2'),
    ip: fc.constantFrom('10.1.0.1', '10.1.0.2', '10.1.0.3'),
    app: fc.constantFrom('web', 'db'),
    phase: fc.constantFrom('Running', 'Running', 'Running', 'Succeeded'),
  })
  .map(({ name, uid, ip, app, phase }): Manifest => {
    const made = pod(name, [ip], { labels: { app }, phase });
    return { ...made, metadata: { ...(made['metadata'] as object), uid } };
  });
const net = fc.constantFrom('203.0.113.0/24', '198.51.100.0/24');
const action = fc.constantFrom('Allow', 'Deny');
const egress = fc.tuple(action, net).map(([what, to]) => [{ action: what, nets: [to] }]);
const selector = fc.constantFrom('all()', "app == 'web'");
const policies = fc.oneof(
  fc.tuple(selector, egress).map(([to, rules]) => clusterPolicy('c', { selector: to, egress: rules })),
  fc.tuple(selector, egress).map(([to, rules]) => namespacedPolicy('a/b', { selector: to, egress: rules })),
  fc.tuple(action, net).map(
    ([what, to]): Manifest => ({
      ...adminPolicy('AdminNetworkPolicy', 'first', {
        priority: 1,
        subject: { namespaces: {} },
        egress: [{ name: 'r', action: what, to: [{ networks: [to] }] }],
      }),
    }),
  ),
  net.map(
    (to): Manifest => ({
      ...kubernetesPolicy('a/k', {
        podSelector: { matchLabels: { app: 'web' } },
        policyTypes: ['Egress'],
        egress: [{ to: [{ ipBlock: { cidr: to } }] }],
      }),
    }),
  ),
  fc.tuple(selector, action, net).map(([to, what, where]) =>
    calico('GlobalNetworkPolicy', 'g', {
      order: 1,
      selector: to,
      types: ['Egress'],
      egress: [{ action: what, destination: { nets: [where] } }],
    }),
  ),
);

type Step =
  | { readonly put: Manifest }
  | { readonly delete: number }
  /** Another pod takes the place of one, with its name and address. */
  | { readonly renew: number }
  | { readonly lose: ResourceType }
  | { readonly heal: ResourceType };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: pods.map((put) => ({ put })) },
  { weight: 3, arbitrary: policies.map((put) => ({ put })) },
  { weight: 2, arbitrary: fc.nat().map((index) => ({ delete: index })) },
  { weight: 2, arbitrary: fc.nat().map((index) => ({ renew: index })) },
  { weight: 2, arbitrary: fc.constantFrom(...LOSABLE).map((lose) => ({ lose })) },
  { weight: 1, arbitrary: fc.constantFrom(...LOSABLE).map((heal) => ({ heal })) },
);

/** A cluster of which some kinds may not be heard; what is told of the others is what there is. */
class HalfHeard {
  readonly truth = new Map<string, Resource>();
  readonly lost = new Set<ResourceType>();
  readonly #told = new Map<string, Resource>();

  perform(one: Step): void {
    if ('put' in one) this.put(one.put);
    else if ('delete' in one) {
      const keys = [...this.truth.keys()].filter((key) => /^(Pod|.*Policy)\//.test(key)).sort();
      this.truth.delete(keys[one.delete % keys.length] ?? '');
    } else if ('renew' in one) {
      const pods = [...this.truth].filter(([, { type }]) => type === 'Pod');
      const [key, old] = pods[one.renew % pods.length] ?? [];
      if (key !== undefined && old?.type === 'Pod') this.truth.set(key, { ...old, uid: `${old.uid}'` });
    } else if ('lose' in one) this.lost.add(one.lose);
    else this.lost.delete(one.heal);
  }

  put(manifest: Manifest): void {
    const resource = resourceOf(manifest);
    this.truth.set(resourceKey(resource), resource);
  }

  delivery(): Delivery {
    const isHeard = (key: string): boolean => !this.lost.has(key.slice(0, key.indexOf('/')) as ResourceType);
    const changes: ResourceChange[] = [];
    const isGone = (key: string, { uid }: Resource): boolean =>
      !this.truth.has(key) || this.truth.get(key)?.uid !== uid;
    const removed = [...this.#told].filter(([key, resource]) => isHeard(key) && isGone(key, resource));
    for (const [key] of removed) {
      changes.push({ kind: 'delete', key });
      this.#told.delete(key);
    }
    for (const [key, resource] of this.truth)
      if (isHeard(key) && this.#told.get(key) !== resource) {
        changes.push({ kind: 'put', resource });
        this.#told.set(key, resource);
      }
    const kinds = new Set([...this.lost].filter((kind) => CONCERNS[kind]?.length !== 0));
    const state: SourceState =
      kinds.size === 0 ? { kind: 'complete' } : { kind: 'frozen', sinceMs: 0, reason: 'a kind is lost', kinds };
    return { changes, state, diagnostics: [] };
  }

  /** Who has each address: pods with their uids. */
  holders(): ReadonlyMap<string, ReadonlySet<string>> {
    const held = new Map<string, Set<string>>();
    for (const resource of this.truth.values()) {
      if (resource.type !== 'Pod' || resource.phase === 'Succeeded') continue;
      const [ip] = resource.podIPs;
      if (typeof ip !== 'object') continue;
      const text = formatAddress(ip);
      held.set(text, (held.get(text) ?? new Set()).add(`${resource.name} ${resource.uid}`));
    }
    return held;
  }

  /** What a firewall is to hold, computed from all there is, from nothing. */
  wanted(name: string): unknown {
    return plain(new BorderWorld().change([...this.truth.values()], []).ruleset(name));
  }
}

/** All of a ruleset but who is in it; and who is. */
function parted(ruleset: Ruleset): { readonly rest: unknown; readonly members: ReadonlyMap<string, string> } {
  const groups = new Map(
    [...ruleset.groups].map(([id, group]) => [
      id,
      group.kind === 'AddressGroup' ? { ...group, members: BucketMap.empty<true>() } : group,
    ]),
  );
  const rest = plain({
    ...ruleset,
    members: ruleset.members.with([...ruleset.members.keys()].map((key) => [key, undefined])),
    groups,
  });
  const members = new Map<string, string>(ruleset.members.entries());
  for (const [id, group] of ruleset.groups)
    if (group.kind === 'AddressGroup') for (const address of group.members.keys()) members.set(`${id} ${address}`, id);
  return { rest, members };
}

test(
  'a firewall that a lost kind does not feed follows all there is; one that it feeds keeps all but addresses whose owners are gone',
  async () => {
    const inAllWorlds = fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 10 }),
      async (turns) => {
        const cluster = new HalfHeard();
        for (const manifest of basis) cluster.put(manifest);
        let deliver: (delivery: Delivery) => void = () => {};
        const stop = new AbortController();
        const controller = new Controller({
          cluster: 'test',
          source: {
            name: 'half-heard',
            run: (take, signal) => {
              deliver = take;
              return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
            },
          },
          open: () => ({
            driver: new MemoryDriver(new MemoryDevice()),
            lock: soleWriter,
            close: () => Promise.resolve(),
          }),
          clock: new FakeClock(),
          log: silentLog,
        });
        const running = controller.run(stop.signal);
        /** What each firewall held, and who had its addresses when it was last brought up to date and has them still. */
        const kept = new Map<string, { ruleset: Ruleset; holders: Map<string, Set<string>> }>();
        try {
          for (const turn of [[], ...turns]) {
            for (const one of turn) cluster.perform(one);
            deliver(cluster.delivery());
            while (controller.isComputing) await new Promise<void>((resolve) => void setImmediate(resolve));
            const now = cluster.holders();
            const frozen = new Set([...cluster.lost].flatMap((kind) => CONCERNS[kind] ?? []));
            for (const name of ['plain', 'tiers', 'accepting', 'behind']) {
              const worker = controller.station(name)?.worker;
              await worker?.settled();
              const held = worker?.confirmed()?.ruleset;
              if (held === undefined) throw new Error(`${name} confirmed nothing`);
              const before = kept.get(name);
              if (!frozen.has(name)) {
                expect(plain(held)).toEqual(cluster.wanted(name));
                const holders = new Map(Array.from(now, ([address, all]) => [address, new Set(all)]));
                kept.set(name, { ruleset: held, holders });
                continue;
              }
              if (before === undefined) throw new Error(`${name} was never brought up to date`);
              for (const [address, had] of before.holders) {
                const left = [...had].filter((one) => now.get(address)?.has(one));
                before.holders.set(address, new Set(left));
              }
              const [was, is] = [parted(before.ruleset), parted(held)];
              expect(is.rest).toEqual(was.rest);
              const expected = [...was.members].filter(([key]) => {
                const address = key.slice(key.indexOf(' ') + 1);
                return (before.holders.get(address)?.size ?? 0) > 0;
              });
              expect(is.members).toEqual(new Map(expected));
            }
          }
        } finally {
          stop.abort();
          await running;
        }
      },
    );
    await fc.assert(inAllWorlds, tries(25, 9));
  },
  PATIENCE_MS,
);
