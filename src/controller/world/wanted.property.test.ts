import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressGroup, clusterPolicy, firewall, pod, resourceOf } from '../../../test/kit/border-world.ts';
import { DESTINATIONS, POD_ADDRESSES, basis, objects, pods } from '../../../test/kit/random-border.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { plain } from '../../../test/kit/shown-view.ts';
import { type Pod, resourceKey } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import type { Pieces } from '../../base/pieces.ts';
import { evaluate } from '../../border/evaluate.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Flow } from '../../engine/flows/flow-set.ts';
import { type Address, formatAddress, parseAddress } from '../../ip/address.ts';
import type { Delivery, ResourceChange } from '../../sources/source.ts';
import { Intake } from './intake.ts';
import { LiveWorld } from './live-world.ts';
import { Wanted } from './wanted.ts';

// Every wish that is handed out, at every moment of computations that are broken off anywhere, against worlds that are computed at once and
// a plain reading of what was delivered since.

/** Few pods and few addresses, so that what is given up is often somebody's again, or was somebody else's. */
const restlessPods = fc
  .tuple(
    fc.constantFrom('a/p', 'a/q'),
    fc.constantFrom([], ['10.1.0.1'], ['10.1.0.2'], ['10.1.0.1', 'fd01::1']),
    fc.constantFrom('Running', 'Running', 'Running', 'Succeeded', 'Failed'),
  )
  .map(([name, ips, phase]) => pod(name, ips, { phase, labels: { app: 'x' } }));

const change = fc
  .tuple(
    fc.oneof({ weight: 1, arbitrary: objects }, { weight: 1, arbitrary: pods }, { weight: 2, arbitrary: restlessPods }),
    fc.nat(3),
  )
  .map(([manifest, kind]): ResourceChange => {
    const resource = resourceOf(manifest);
    return kind > 0 ? { kind: 'put', resource } : { kind: 'delete', key: resourceKey(resource) };
  });
const changeLists = fc.array(fc.array(change, { maxLength: 5 }), { minLength: 1, maxLength: 7 });
const rights = { selector: "app == 'x'", egress: [{ action: 'Allow', protocol: 'TCP', ports: [443] }] };
const start: readonly ResourceChange[] = [
  ...basis,
  firewall('open', { unknown: 'Ignore', destinations: ['203.0.113.0/24'] }),
  clusterPolicy('c1', rights),
  addressGroup('a1', { selector: "app == 'x'", use: 'Deny' }),
].map((manifest) => ({ kind: 'put', resource: resourceOf(manifest) }));

/** A clock by which each piece takes as long as the next number says, over and over. */
function unsteady(milliseconds: readonly number[]): Clock {
  let now = 0;
  let asked = 0;
  return {
    wall: () => now,
    monotonic: () => (now += milliseconds[asked++ % milliseconds.length] ?? 0),
    after: () => () => undefined,
  };
}
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Its place among the deliveries goes along as its only mistake: of several that are taken as one the last counts. */
const numbered = (changes: readonly ResourceChange[], n: number): Delivery => ({
  changes,
  state: { kind: 'complete' },
  diagnostics: [{ severity: 'warning', code: 'READER_FAILED', path: '', message: String(n) }],
});
const numberOf = ({ diagnostics }: Delivery): number => Number(diagnostics[0]?.message);

/** What a pod shows: nothing where it is not scheduled, has finished, or has its node's address. */
function shows({ nodeName, phase, hostNetwork, podIPs }: Pod): readonly string[] {
  if (nodeName === undefined || hostNetwork || phase === 'Succeeded' || phase === 'Failed') return [];
  return podIPs.map((address) => (typeof address === 'string' ? address : formatAddress(address)));
}

/** Addresses that only one pod had, and that it gave up in one of these changes. */
function givenUp(world: LiveWorld, changes: readonly ResourceChange[]): Set<string> {
  const gone = new Set<string>();
  for (const [address, owner] of world.owners.entries())
    for (const each of changes) {
      const isDeleted = each.kind === 'delete' && each.key === owner.replace('pod:', 'Pod/');
      const pod = each.kind === 'put' && each.resource.type === 'Pod' ? each.resource : undefined;
      const isIts = pod !== undefined && `pod:${pod.namespace}/${pod.name}` === owner;
      if (isDeleted || (isIts && !shows(pod).includes(address))) gone.add(address);
    }
  return gone;
}

const sources = [...POD_ADDRESSES[4], ...POD_ADDRESSES[6], '172.18.0.1', '192.0.2.1', '10.1.77.7'];
const flows: readonly Flow[] = sources.flatMap((from) => {
  const source = parseAddress(from) as Address;
  return DESTINATIONS[source.family].slice(0, 4).flatMap((to) => {
    const base = { family: source.family, source, destination: parseAddress(to) as Address } as const;
    return [
      { ...base, protocol: 6, destinationPort: 443 },
      { ...base, protocol: 17, destinationPort: 53 },
    ] as Flow[];
  });
});

/** A wish beside the whole version that it was made from. */
function compare(whole: Ruleset, wished: Ruleset, gone: ReadonlySet<string>): void {
  /** Asked of thousands of pairs, nearly all of them the same. */
  const agree = (now: object, before: object): void => {
    if (!isDeepStrictEqual(now, before)) expect(now).toEqual(before);
  };
  for (const flow of flows) {
    const source = formatAddress(flow.source);
    const [before, now] = [evaluate(whole, flow), evaluate(wished, flow)];
    if (!gone.has(source)) {
      agree(now, before);
      continue;
    }
    const isSilenced = whole.members.has(source) && whole.networks.contains(flow.source);
    if (isSilenced && before.reason !== 'not-governed') expect(now.reason).toBe('unknown-source');
    else agree(now, before);
  }
  for (const [id, group] of whole.groups) {
    if (group.kind !== 'AddressGroup') continue;
    const left = wished.groups.get(id);
    const members = [...group.members.keys()].filter((address) => group.use === 'Deny' || !gone.has(address));
    expect(left?.kind === 'AddressGroup' && [...left.members.keys()].sort()).toEqual(members.sort());
  }
}

test(
  'what was given up leaves ahead of the computation, nobody else notices, and the end is as if it had not',
  async () => {
    let early = 0;
    await fc.assert(
      fc.asyncProperty(
        changeLists,
        fc.array(fc.nat(12), { minLength: 1, maxLength: 9 }),
        fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
        async (lists, milliseconds, waits) => {
          const deliveries = [start, ...lists].map(numbered);
          const at: LiveWorld[] = [];
          const world = new LiveWorld('test');
          const wanted = new Wanted(world);
          const worker = {};
          /** The last deliveries that the world has, and that were heard of. */
          let has = -1;
          let heard = -1;
          let settled = false;
          let failure: unknown;
          const look = (): void => {
            const whole = at[has];
            if (whole === undefined) return;
            const gone = givenUp(
              whole,
              deliveries.slice(has + 1, heard + 1).flatMap(({ changes }) => changes),
            );
            for (const [name, view] of whole.firewalls) {
              const shown = world.firewalls.get(name);
              if (shown === undefined) throw new Error(`${name} is not there`);
              const wish = wanted.wishFor(shown, worker, 1);
              if (view.ruleset === undefined) expect(wish.kind).toBe('unknown');
              else if (wish.kind === 'ruleset') {
                compare(view.ruleset, wish.ruleset, gone);
                if (gone.size > 0) early += 1;
                else expect(plain(wish.ruleset)).toEqual(plain(view.ruleset));
                const stays = (address: string): boolean => wish.ruleset.members.has(address) || !gone.has(address);
                expect(wish.owners?.sorted()).toEqual(whole.owners.sorted().filter(([address]) => stays(address)));
              } else throw new Error(`the wish is ${wish.kind}`);
            }
          };
          const intake = new Intake(
            {
              *take(delivery): Pieces {
                settled = false;
                wanted.begin();
                yield* world.applying(delivery);
                yield* wanted.settle();
                has = numberOf(delivery);
                heard = Math.max(heard, has);
                look();
              },
              *hurry(delivery, part): Pieces {
                yield* wanted.release(delivery.changes, part);
                heard = Math.max(heard, numberOf(delivery));
                look();
              },
              *say(): Pieces {
                yield;
                settled = true;
              },
            },
            unsteady([0, ...milliseconds]),
            (thrown) => (failure = thrown),
          );
          for (const [n, delivery] of deliveries.entries()) {
            const upTo = new LiveWorld('test');
            upTo.apply({ ...delivery, changes: deliveries.slice(0, n + 1).flatMap(({ changes }) => changes) });
            at.push(upTo);
            intake.take(delivery);
            for (let turns = waits[n] ?? 0; turns > 0; turns--) await nextTurn();
          }
          while (!settled && failure === undefined) await nextTurn();
          if (failure !== undefined) throw failure;
          expect(has).toBe(deliveries.length - 1);
          for (const view of world.firewalls.values()) {
            const wish = wanted.wishFor(view, worker, 2);
            if (wish.kind === 'ruleset') expect([wish.ruleset, wish.owners]).toEqual([view.ruleset, world.owners]);
          }
        },
      ),
      tries(40),
    );
    expect(early).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);
