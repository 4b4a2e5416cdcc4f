import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resourceOf } from '../../../test/kit/border-world.ts';
import { basis, objects, pods } from '../../../test/kit/random-border.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { shown } from '../../../test/kit/shown-view.ts';
import { resourceKey } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import type { Delivery, SourceState } from '../../sources/source.ts';
import { Intake, type Taking } from './intake.ts';
import { LiveWorld } from './live-world.ts';

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

const change = fc
  .tuple(fc.oneof(objects, pods), fc.constantFrom('put', 'put', 'put', 'delete'))
  .map(([manifest, kind]) => {
    const resource = resourceOf(manifest);
    return kind === 'put'
      ? { kind: 'put' as const, resource }
      : { kind: 'delete' as const, key: resourceKey(resource) };
  });
const state = fc.constantFrom<SourceState>(
  { kind: 'complete' },
  { kind: 'complete' },
  { kind: 'complete' },
  { kind: 'frozen', sinceMs: 0, reason: 'lost' },
);
const delivery = fc.record({ changes: fc.array(change, { maxLength: 6 }), state }).map(
  (drawn): Delivery => ({
    ...drawn,
    diagnostics: [],
    broken: new Set(drawn.changes.slice(0, 1).flatMap((each) => (each.kind === 'delete' ? [each.key] : []))),
  }),
);
const start: readonly Delivery[] = [
  {
    changes: basis.map((manifest) => ({ kind: 'put', resource: resourceOf(manifest) })),
    state: { kind: 'loading', reason: 'not all of it is there' },
    diagnostics: [],
  },
  { changes: [], state: { kind: 'complete' }, diagnostics: [] },
];

/** All that a world shows by itself. */
function whole(world: LiveWorld): string {
  const views = [...world.firewalls].map(([name, view]) => [name, shown(view)]);
  const owners = [...world.owners.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([world.state, views, owners, world.isBroken(`Pod/a/p`)]);
}

test(
  'in turns a world shows whole versions only, each newer than the last, and ends where it would at once',
  async () => {
    let pauses = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(delivery, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(12), { minLength: 1, maxLength: 9 }),
        fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
        async (deliveries, milliseconds, waits) => {
          const world = new LiveWorld('test');
          const inTurns = new LiveWorld('test');
          const versions = [whole(world)];
          for (const each of [...start, ...deliveries]) {
            world.apply(each);
            versions.push(whole(world));
          }
          let settled = false;
          const intake = new Intake(
            {
              *take(each) {
                settled = false;
                yield* inTurns.applying(each);
              },
              *hurry() {},
              *say() {
                yield;
                settled = true;
              },
            },
            unsteady([0, ...milliseconds]),
            (thrown) => {
              throw thrown;
            },
          );
          let newest = 0;
          const look = (): void => {
            newest = versions.indexOf(whole(inTurns), newest);
            expect(newest).toBeGreaterThanOrEqual(0);
          };
          for (const [index, each] of [...start, ...deliveries].entries()) {
            intake.take(each);
            look();
            for (let n = waits[index] ?? 0; n > 0; n--) {
              await nextTurn();
              look();
            }
          }
          for (; !settled; pauses++) {
            await nextTurn();
            look();
          }
          expect(whole(inTurns)).toBe(versions.at(-1));
          expect(inTurns.findings()).toEqual(world.findings());
          expect(inTurns.diagnostics()).toEqual(world.diagnostics());
        },
      ),
      tries(40),
    );
    expect(pauses).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);

const keysOf = (changes: Delivery['changes']): string =>
  changes.map((each) => (each.kind === 'delete' ? each.key : '')).join(' ');

/** Records what is taken and said; every computation takes three pieces. */
function recorded(milliseconds: readonly number[]): { readonly log: string[]; readonly intake: Intake } {
  const log: string[] = [];
  const taking: Taking = {
    *take({ changes }) {
      yield;
      if (changes.some((each) => each.kind === 'delete' && each.key === 'Pod/a/bad')) throw new Error('a bad day');
      yield;
      log.push(`taken ${keysOf(changes)}`);
    },
    *hurry({ changes }, part) {
      yield;
      log.push(`${part}: ${keysOf(changes)}`);
    },
    *say() {
      yield;
      log.push('said');
    },
  };
  return { log, intake: new Intake(taking, unsteady(milliseconds), (thrown) => log.push(String(thrown))) };
}

const deletion = (...keys: readonly string[]): Delivery => ({
  changes: keys.map((key) => ({ kind: 'delete', key })),
  state: { kind: 'complete' },
  diagnostics: [],
});

test('what fits into a turn is done at once', () => {
  const { log, intake } = recorded([0]);
  intake.take(deletion('Pod/a/p'));
  expect(log).toEqual(['taken Pod/a/p', 'said']);
  intake.say();
  expect(log.slice(2)).toEqual(['said']);
});

test('what comes while a turn is waited for is taken together, before anything is said', async () => {
  const { log, intake } = recorded([100]);
  intake.take(deletion('Pod/a/p'));
  intake.take(deletion('Pod/a/q'));
  intake.take(deletion('Pod/a/r', 'Pod/a/s'));
  expect(log).toEqual([]);
  for (let n = 0; n < 19; n++) await nextTurn();
  expect(log).toEqual([
    'under way: Pod/a/p',
    'waiting: Pod/a/q Pod/a/r Pod/a/s',
    'taken Pod/a/p',
    'taken Pod/a/q Pod/a/r Pod/a/s',
    'said',
  ]);
});

test('what comes at the end of a long computation is hurried before the next one, and once', async () => {
  const { log, intake } = recorded([100]);
  intake.take(deletion('Pod/a/p'));
  for (let n = 0; n < 4; n++) await nextTurn();
  expect(log).toEqual(['under way: Pod/a/p', 'taken Pod/a/p']);
  intake.take(deletion('Pod/a/q'));
  for (let n = 0; n < 9; n++) await nextTurn();
  expect(log.slice(2)).toEqual(['waiting: Pod/a/q', 'said', 'taken Pod/a/q', 'said']);
});

test('a stream of what cannot wait keeps no computation from its end', async () => {
  const { log, intake } = recorded([100]);
  intake.take(deletion('Pod/a/p'));
  for (let n = 0; n < 40; n++) {
    intake.take(deletion(`Pod/a/${n}`));
    await nextTurn();
  }
  const taken = log.filter((line) => line.startsWith('taken'));
  expect(taken.length).toBeGreaterThanOrEqual(4);
  // What a computation began with before it was hurried is hurried as a part of it.
  expect(log.filter((line) => line.startsWith('under way')).length).toBeGreaterThanOrEqual(4);
  // Whatever is taken was hurried before, and once.
  for (const line of taken)
    for (const key of line.split(' ').slice(1)) {
      const hurried = log.flatMap((one, at) => (!one.startsWith('taken') && one.split(' ').includes(key) ? [at] : []));
      expect(hurried).toHaveLength(1);
      expect(hurried[0]).toBeLessThan(log.indexOf(line));
    }
});

test('after a failure, and when closed, nothing more is taken', async () => {
  const { log, intake } = recorded([100]);
  intake.take(deletion('Pod/a/bad'));
  for (let n = 0; n < 3; n++) await nextTurn();
  intake.take(deletion('Pod/a/p'));
  const other = recorded([100]);
  other.intake.take(deletion('Pod/a/p'));
  other.intake.close();
  for (let n = 0; n < 9; n++) await nextTurn();
  expect(log).toEqual(['under way: Pod/a/bad', 'Error: a bad day']);
  expect(other.log).toEqual([]);
});

test('however often objects change meanwhile, what waits does not grow, and the last change of each counts', async () => {
  const taken: Delivery[] = [];
  const taking: Taking = {
    *take(delivery) {
      taken.push(delivery);
      yield;
    },
    *hurry() {},
    *say() {},
  };
  const intake = new Intake(taking, unsteady([100]), () => undefined);
  intake.take(deletion('Pod/a/first'));
  const pod = (name: number, ip: number) =>
    resourceOf({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `p-${name}`, namespace: 'a' },
      spec: { nodeName: 'n1' },
      status: { phase: 'Running', podIP: `10.1.0.${ip}` },
    });
  const puts = Array.from({ length: 250 }, (_, ip) => Array.from({ length: 40 }, (_unused, name) => pod(name, ip)));
  for (let round = 0; round < 12; round++)
    for (const turn of puts)
      intake.take({
        changes: [
          { kind: 'delete', key: 'Pod/a/p-0' },
          ...turn.map((resource) => ({ kind: 'put', resource }) as const),
          { kind: 'delete', key: 'Pod/a/p-39' },
        ],
        state: { kind: 'complete' },
        diagnostics: [],
      });
  for (let n = 0; n < 9; n++) await nextTurn();
  const [, together] = taken;
  const changes = together?.changes ?? [];
  expect(changes.length).toBeLessThan(10_100);
  const last = new Map<string, unknown>();
  for (const each of changes)
    if (each.kind === 'put') last.set(resourceKey(each.resource), each.resource);
    else last.set(each.key, 'deleted');
  expect(last.size).toBe(40);
  expect(last.get('Pod/a/p-0')).toBe(puts.at(-1)?.[0]);
  expect(last.get('Pod/a/p-39')).toBe('deleted');
});
