/**
 * How long questions wait for the one thread while it does what nobody waits for: in a time of its own, which moves by what the thread does alone, so that
 * nothing else on the machine has a part in it. Questions come by chance, 10,000 a second, and the thread is given to them for a part of the time; beside
 * them it works, in turns (`base/turns.ts`), 7 ms each second and 45 ms every fifth, as `name-service.ts` does with a thousand names. `loop`: with a turn
 * of the event loop after each, as work that somebody waits for has; `rest`: with a rest, as there.
 */
import type { Clock } from '../src/base/clock.ts';
import { elapsed } from '../src/base/elapsed.ts';
import type { Pieces } from '../src/base/pieces.ts';
import { type Rest, Turn } from '../src/base/turns.ts';
import { drawing } from './draw.ts';
import { load, print, quantile, smoke } from './figure.ts';

const PER_SECOND = 10_000;
const END_MS = smoke ? 1_500 : 30_000;
/** So many datagrams of a socket libuv reads before others have their turn. */
const AT_ONCE = 32;
const STEP_MS = 1_000;
const COMPARE_MS = 7;
const STATE_MS = 45;
const STATE_EVERY = 5;
const PIECE_MS = 0.04;

/** The time of a thread. */
class ThreadTime implements Clock {
  now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  wall(): number {
    return this.now;
  }

  monotonic(): number {
    return this.now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  get next(): number {
    return Math.min(...this.#timers.map(({ at }) => at));
  }

  fire(): void {
    const due = this.#timers.filter(({ at }) => at <= this.now);
    this.#timers = this.#timers.filter(({ at }) => at > this.now);
    for (const { run } of due) run();
  }
}

function* work(clock: ThreadTime, ms: number): Pieces {
  for (let done = 0; done < ms; done += PIECE_MS) {
    clock.now += PIECE_MS;
    yield;
  }
}

async function measure(name: string, questionMs: number, turnMs: number, rest?: Rest): Promise<void> {
  const clock = new ThreadTime();
  const { signal } = new AbortController();
  void (async () => {
    const turn = new Turn(clock, turnMs, rest);
    for (let step = 1; ; step++) {
      turn.begin();
      await turn.finish(work(clock, COMPARE_MS));
      if (step % STATE_EVERY === 0) await turn.finish(work(clock, STATE_MS));
      await elapsed(clock, STEP_MS, signal);
    }
  })();
  const draw = drawing();
  const gap = (): number => (-Math.log(1 - draw(2 ** 31) / 2 ** 31) * 1_000) / PER_SECOND;
  const waits: number[] = [];
  let arrives = gap();
  while (clock.now < END_MS) {
    const began = clock.now;
    clock.fire();
    for (let n = 0; n < AT_ONCE && arrives <= clock.now; n++) {
      clock.now += questionMs;
      waits.push(clock.now - arrives);
      arrives += gap();
    }
    await new Promise<void>((resolve) => void setImmediate(resolve));
    if (clock.now === began) clock.now = Math.max(began, Math.min(arrives, clock.next));
  }
  print({
    bench: `dns-beside/${name}`,
    unit: 'ms',
    value: quantile(waits, 0.99),
    budget: 20,
    p50: Number(quantile(waits, 0.5).toPrecision(3)),
    most: Number(quantile(waits, 1).toPrecision(3)),
    busy: Number(((questionMs * PER_SECOND) / 1_000).toPrecision(3)),
    turnMs,
    restTimes: rest?.times ?? 0,
    ...load(),
  });
}

for (const questionMs of [0.06, 0.075, 0.08]) {
  await measure('loop', questionMs, 2);
  await measure('rest', questionMs, 1, { times: 5, signal: new AbortController().signal });
}
