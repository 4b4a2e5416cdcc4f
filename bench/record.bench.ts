/**
 * What it costs to keep what is confirmed, and to take it over after a restart (decision 17): the keeper and the state folder, no firewall.
 * `changes`: 100 new addresses a second, written once a second, as CPU of each second. `elsewhere`: the same of addresses that concern
 * another firewall. `of-fifty`: the same for each of fifty firewalls of one process, each confirmed at another of the versions of that second.
 * `whole`: all of it, as each process writes it first. `recall`:
 * reading it and making a basis of it and of what the firewall shows; whether a step leads there is for the driver to find out, as at every start.
 * The longest stretch is CPU too, of all threads of the process: what it takes at most between two turns of the event loop.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BucketMap } from '../src/base/bucket-map.ts';
import { type Clock, systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import { ConfirmedFolder } from '../src/controller/state/confirmed-folder.ts';
import { ConfirmedKeeper, type RecordPlace } from '../src/firewalls/worker/confirmed-keeper.ts';
import type { KnownState } from '../src/firewalls/confirmed/confirmed-record.ts';
import { OwnerVersions } from '../src/firewalls/confirmed/owner-versions.ts';
import type { Session } from '../src/firewalls/worker/session.ts';
import type { Actual, Translation } from '../src/firewalls/driver.ts';
import type { Step } from '../src/plan/step.ts';
import { behaviourOf } from '../src/plan/ruleset-behaviour.ts';
import { collectGarbage, load, print, quantile, smoke } from './figure.ts';
import { largeRuleset } from './ruleset.ts';

const sizes = smoke ? [1_000] : [10_000, 100_000];
const PER_SECOND = 100;
const classes = 200;
const groups = 20;
/** Nobody waits here: who looks for the longest stretch does nothing else meanwhile. */
const clock: Clock = {
  wall: () => systemClock.wall(),
  monotonic: () => systemClock.monotonic(),
  after(_ms, callback) {
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  },
};
const OF = { cluster: 'bench', firewall: 'edge', device: 'd' };

/** Milliseconds of CPU of some work, or the most of them between two turns of the event loop: who looks at every turn takes CPU himself. */
async function taken(work: () => Promise<unknown>, isLongest: boolean): Promise<number> {
  collectGarbage();
  const began = process.cpuUsage();
  if (!isLongest) {
    await work();
    return msOf(process.cpuUsage(began));
  }
  let isDone = false;
  const done = work().finally(() => (isDone = true));
  let longest = msOf(process.cpuUsage(began));
  while (!isDone) {
    const before = process.cpuUsage();
    await nextTurn();
    longest = Math.max(longest, msOf(process.cpuUsage(before)));
  }
  await done;
  return longest;
}

function msOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1_000;
}

/** So many addresses, with their owners; more come one by one. */
class World {
  #state: KnownState;
  #born = 0;

  constructor(addresses: number) {
    const ruleset = largeRuleset({ addresses, groups, classes });
    const owners = [...ruleset.members.keys()].map((address) => [address, this.#owner()] as const);
    this.#state = { ruleset, owners: BucketMap.from(owners) };
  }

  #owner(): string {
    return `namespace-${this.#born % 50}/pod-${this.#born++}`;
  }

  /** As a worker has it. */
  get confirmed() {
    const { ruleset, owners } = this.#state;
    return { ruleset, owners, behaviour: behaviourOf(ruleset) };
  }

  grow(): void {
    const { ruleset, owners } = this.#state;
    const n = this.#born;
    const address = `10.200.${(n >> 8) & 255}.${n & 255}`;
    const all = [...ruleset.groups].map(([id, group]) =>
      group.kind === 'AddressGroup' && id === `group-${n % groups}`
        ? ([id, { ...group, members: group.members.with([[address, true]]) }] as const)
        : ([id, group] as const),
    );
    const members = ruleset.members.with([[address, `class-${n % classes}`]]);
    this.#state = {
      ruleset: { ...ruleset, members, groups: new Map(all) },
      owners: owners.with([[address, this.#owner()]]),
    };
  }

  /** Somebody comes whom this firewall does not know. */
  stir(): void {
    const { ruleset, owners } = this.#state;
    const n = this.#born;
    this.#state = { ruleset, owners: owners.with([[`10.220.${(n >> 8) & 255}.${n & 255}`, this.#owner()]]) };
  }
}

/** A state folder that tells when something was written there. */
function toldPlace(
  folder: string,
  firewall = OF.firewall,
): { readonly place: RecordPlace; readonly written: () => Promise<void> } {
  const of = { ...OF, firewall };
  const inner = new ConfirmedFolder(folder, of, undefined);
  let tell: () => void = () => undefined;
  const then = (work: Promise<void>): Promise<void> => work.then(() => tell());
  const place: RecordPlace = {
    of,
    room: inner.room,
    writer: () => inner.writer(),
    load: () => inner.load(),
    replace: (chunks) => then(inner.replace(chunks)),
    append: (text) => then(inner.append(text)),
    remove: () => inner.remove(),
    close: () => inner.close(),
  };
  return { place, written: () => new Promise((resolve) => (tell = resolve)) };
}

/** Nothing has to be done on a firewall that holds just what is asked for. */
const session = { foresee: () => Promise.resolve(), steps: () => [] } as unknown as Session<Actual, Translation, Step>;

for (const addresses of sizes) {
  // Half of the rounds for the CPU, half for the longest stretch.
  const [rounds, seconds] = smoke || addresses > 10_000 ? [2, 2] : [6, 5];
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const file = join(folder, 'confirmed', 'edge.jsonl');
  const cpu = { changes: [] as number[], elsewhere: [] as number[], whole: [] as number[], recall: [] as number[] };
  const longest = { changes: [] as number[], elsewhere: [] as number[], whole: [] as number[], recall: [] as number[] };
  let size = 0;
  for (let round = 0; round < rounds; round++) {
    const isLongest = round % 2 === 1;
    const into = isLongest ? longest : cpu;
    const world = new World(addresses);
    const { place, written } = toldPlace(folder);
    const keeper = new ConfirmedKeeper(place, clock, silentLog, 'edge');
    const keep = async (states: readonly World['confirmed'][]): Promise<void> => {
      const done = written();
      for (const state of states) keeper.note(state);
      await done;
    };
    const first = world.confirmed;
    into.whole.push(await taken(() => keep([first]), isLongest));
    size = statSync(file).size;
    for (const [what, change] of [
      ['changes', () => world.grow()],
      ['elsewhere', () => world.stir()],
    ] as const)
      for (let second = 0; second < seconds; second++) {
        const states = Array.from({ length: PER_SECOND }, () => {
          change();
          return world.confirmed;
        });
        into[what].push(await taken(() => keep(states), isLongest));
      }
    await keeper.close();
    const next = new ConfirmedKeeper(toldPlace(folder).place, clock, silentLog, 'edge');
    const { ruleset, owners, behaviour } = world.confirmed;
    const actual = { empty: false, drift: [], foreign: [], behaviour };
    const wished = { kind: 'ruleset', ruleset, owners, version: 1 } as Parameters<typeof next.recall>[1];
    const recall = async (): Promise<void> => {
      if ((await next.recall(actual, wished, session)) === undefined) throw new Error('it was not believed');
    };
    into.recall.push(await taken(recall, isLongest));
  }
  rmSync(folder, { recursive: true });
  const about = { addresses, classes, groups, ...load() };
  print({ bench: 'record/whole/size', unit: 'KB', value: size / 1_000, ...about });
  for (const what of ['changes', 'elsewhere', 'whole', 'recall'] as const) {
    const isRate = what === 'changes' || what === 'elsewhere';
    const more = { ...(isRate ? { changes: PER_SECOND, seconds } : {}), rounds, ...about };
    print({ bench: `record/${what}/cpu`, unit: 'ms', value: quantile(cpu[what], 0.5), ...more });
    print({
      bench: `record/${what}/longest-stretch`,
      unit: 'ms',
      value: Math.max(...longest[what]),
      budget: 50,
      ...more,
    });
  }
}

/** Of all of them together, each second. */
async function ofFifty(): Promise<void> {
  const [addresses, firewalls, seconds] = smoke ? [1_000, 2, 2] : [2_000, 50, 5];
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const world = new World(addresses);
  const versions = new OwnerVersions();
  const all = Array.from({ length: firewalls }, (_, at) => {
    const { place, written } = toldPlace(folder, `edge-${at}`);
    return { written, keeper: new ConfirmedKeeper(place, clock, silentLog, `edge-${at}`, versions) };
  });
  const keep = async (of: (at: number) => World['confirmed']): Promise<void> => {
    const done = all.map(({ written }) => written());
    for (const [at, { keeper }] of all.entries()) keeper.note(of(at));
    await Promise.all(done);
  };
  const first = world.confirmed;
  versions.add(first.owners);
  await keep(() => first);
  const each: number[] = [];
  for (let second = 0; second < seconds; second++) {
    const states = Array.from({ length: PER_SECOND }, () => {
      world.stir();
      versions.add(world.confirmed.owners);
      return world.confirmed;
    });
    // The newest are read back by nobody yet.
    each.push(await taken(() => keep((at) => states[PER_SECOND - 1 - at] as World['confirmed']), false));
  }
  for (const { keeper } of all) await keeper.close();
  rmSync(folder, { recursive: true });
  const about = { addresses, classes, groups, firewalls, changes: PER_SECOND, seconds, ...load() };
  print({ bench: 'record/of-fifty/cpu', unit: 'ms', value: quantile(each, 0.5), ...about });
}

await ofFifty();
