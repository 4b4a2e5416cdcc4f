import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { FakeClock, turns } from '../../test/kit/fake-clock.ts';
import type { Pieces } from './pieces.ts';
import { Turn } from './turns.ts';

function* pieces(clock: FakeClock, each: number, done: number[]): Pieces<string> {
  for (let piece = 0; piece < 6; piece++) {
    clock.advance(each);
    done.push(piece);
    yield;
  }
  return 'all of it';
}

test('what takes longer than a turn lets others have theirs', async () => {
  const clock = new FakeClock();
  const done: number[] = [];
  const work = new Turn(clock, 10).finish(pieces(clock, 4, done));
  expect(done).toEqual([0, 1, 2]);
  await nextTurn();
  await nextTurn();
  expect(await work).toBe('all of it');
  expect(done).toHaveLength(6);
});

test('what fits into one turn is done at once', async () => {
  const clock = new FakeClock();
  const done: number[] = [];
  const work = new Turn(clock, 10).finish(pieces(clock, 1, done));
  expect(done).toHaveLength(6);
  expect(await work).toBe('all of it');
});

test('what throws in a later turn is told to whoever waits', async () => {
  const clock = new FakeClock();
  const work = new Turn(clock, 10).finish(
    (function* (): Pieces {
      clock.advance(20);
      yield;
      throw new Error('no end');
    })(),
  );
  await expect(work).rejects.toThrow('no end');
});

test('work takes what is left of a turn, and lets others have theirs when that is over', async () => {
  const clock = new FakeClock();
  const done: number[] = [];
  const turn = new Turn(clock, 10);
  clock.advance(5);
  const work = turn.finish(pieces(clock, 4, done));
  expect(done).toEqual([0, 1]);
  await nextTurn();
  expect(done).toEqual([0, 1, 2, 3, 4]);
  expect(await work).toBe('all of it');
  expect(done).toHaveLength(6);
});

test('a turn that took its time lets others have theirs, and another does not', async () => {
  const clock = new FakeClock();
  const turn = new Turn(clock, 10);
  let others = 0;
  const count = setImmediate(() => others++);
  clock.advance(9);
  await turn.rest();
  expect(others).toBe(0);
  clock.advance(1);
  await turn.rest();
  expect(others).toBe(1);
  clearImmediate(count);
  clock.advance(9);
  turn.begin();
  clock.advance(9);
  setImmediate(() => others++);
  await turn.rest();
  expect(others).toBe(1);
});

describe('what nobody waits for', () => {
  const begun = () => {
    const clock = new FakeClock();
    const done: number[] = [];
    const ended = new AbortController();
    const turn = new Turn(clock, 10, { times: 5, signal: ended.signal });
    return { clock, done, ended, turn };
  };

  test('rests several times as long as it worked, however often the event loop comes round', async () => {
    const { clock, done, turn } = begun();
    const work = turn.finish(pieces(clock, 4, done));
    expect(done).toEqual([0, 1, 2]);
    await turns();
    clock.advance(59);
    await turns();
    expect(done).toEqual([0, 1, 2]);
    clock.advance(1);
    await turns();
    expect(done).toEqual([0, 1, 2, 3, 4, 5]);
    expect(clock.monotonic()).toBe(12 + 60 + 12);
    clock.advance(60);
    expect(await work).toBe('all of it');
  });

  test('takes no more than its share of a long time', async () => {
    const { clock, done, turn } = begun();
    let isDone = false;
    const many = (function* (): Pieces {
      for (let n = 0; n < 20; n++) yield* pieces(clock, 4, done);
    })();
    void turn.finish(many).then(() => (isDone = true));
    while (!isDone) await clock.pass(1, 1);
    const worked = done.length * 4;
    expect(worked).toBe(480);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(6 * (worked - 12));
  });

  test('rests at a place where it can be left, too', async () => {
    const { clock, turn } = begun();
    let isOver = false;
    clock.advance(20);
    void turn.rest().then(() => (isOver = true));
    clock.advance(99);
    await turns();
    expect(isOver).toBe(false);
    clock.advance(1);
    await turns();
    expect(isOver).toBe(true);
  });

  test('is done without a rest from when somebody waits for it', async () => {
    const { clock, done, ended, turn } = begun();
    const work = turn.finish(pieces(clock, 4, done));
    ended.abort();
    expect(await work).toBe('all of it');
    expect(clock.monotonic()).toBe(24);
  });
});

test('of many who have more to do one goes on in each round of the event loop, in the order in which they came', async () => {
  const clock = new FakeClock();
  const done = [0, 1, 2].map((): number[] => []);
  const works = done.map((own) => new Turn(clock, 10).finish(pieces(clock, 10, own)));
  const seen: string[] = [];
  for (let round = 0; round < 6; round++) {
    seen.push(done.map((own) => own.length).join(' '));
    await nextTurn();
  }
  expect(seen).toEqual(['1 1 1', '2 1 1', '2 2 1', '2 2 2', '3 2 2', '3 3 2']);
  for (let round = 0; round < 12; round++) await nextTurn();
  expect(await Promise.all(works)).toEqual(['all of it', 'all of it', 'all of it']);
});
