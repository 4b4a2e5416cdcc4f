/**
 * How long an answer with a new address waits by design, in a time that stands still while anything is computed, so that nothing else on the machine
 * has a part in it: the real way of additions and removals into the kernel (`NameKeeper`), and a kernel whose transactions take a given time, and
 * 30 µs more for each element. New addresses come by chance, 500 a second; each is let go ten seconds later. `removing`: from then on, so that as
 * many go as come; the first seconds count apart.
 */
import { NameKeeper } from '../src/controller/machine/dns/name-keeper.ts';
import type { ElementChange } from '../src/controller/machine/plain-sets.ts';
import { NameBook } from '../src/machine/dns/name-book.ts';
import { turns } from '../test/kit/fake-clock.ts';
import { drawing } from './draw.ts';
import { load, print, quantile, smoke } from './figure.ts';
import { atOnce } from '../src/base/pieces.ts';

const PER_SECOND = 500;
const SECONDS = smoke ? 2 : 30;
const NAMES = 100;
const ELEMENT_MS = 0.03;
/** A name keeps an address for its time to live and five seconds more. */
const TTL_S = 5;
const KEPT_MS = 10_000;
/** How often what has ended is let go (`name-service.ts`). */
const STEP_MS = 1_000;

/** Things that happen at a time, in their order. */
class Agenda {
  now = 0;
  readonly #due: { readonly at: number; readonly run: () => void }[] = [];

  put(ms: number, run: () => void): void {
    const at = this.now + ms;
    const before = this.#due.findLastIndex((each) => each.at <= at);
    this.#due.splice(before + 1, 0, { at, run });
  }

  async until(end: number): Promise<void> {
    for (;;) {
      const next = this.#due[0];
      if (next === undefined || next.at > end) return;
      this.#due.shift();
      this.now = next.at;
      next.run();
      await turns();
    }
  }
}

async function measure(transactionMs: number): Promise<void> {
  const agenda = new Agenda();
  const sets = new Map<string, Set<string>>();
  const setOf = (name: string): Set<string> => {
    const found = sets.get(name) ?? new Set<string>();
    sets.set(name, found);
    return found;
  };
  const kernel = {
    hasElement: (set: string, element: string) => setOf(set).has(element),
    elementsOf: setOf,
    changeElements: (changes: readonly ElementChange[]) =>
      new Promise<void>((resolve) => {
        agenda.put(transactionMs + changes.length * ELEMENT_MS, () => {
          for (const { change, set, element } of changes)
            if (change === 'add') setOf(set).add(element);
            else setOf(set).delete(element);
          resolve();
        });
      }),
  };
  const clock = {
    wall: () => agenda.now,
    monotonic: () => agenda.now,
    after: (ms: number, run: () => void) => {
      agenda.put(ms, run);
      return () => {};
    },
  };
  const book = new NameBook();
  book.follow({ names: new Set(), includes: () => true });
  const { signal } = new AbortController();
  const keeper = new NameKeeper({ book, kernel, clock, signal, wake: () => {} });
  const names = Array.from({ length: NAMES }, (_, n) => `host-${n}.`);
  keeper.begin().settle(names.map((domain) => ({ name: domain, domain, type: 'ipv4_addr' as const, addresses: [] })));
  const [filling, removing]: [number[], number[]] = [[], []];
  let count = 0;
  const draw = drawing();
  const arrive = (): void => {
    const began = agenda.now;
    const number = count++;
    const text = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
    const waits = began > KEPT_MS ? removing : filling;
    void keeper
      .learn([names[number % NAMES] ?? ''], [{ family: 4, text, ttl: TTL_S }])
      ?.then(() => void waits.push(agenda.now - began));
    agenda.put((-Math.log(1 - draw(2 ** 31) / 2 ** 31) * 1_000) / PER_SECOND, arrive);
  };
  const step = (): void => {
    atOnce(keeper.compare());
    agenda.put(STEP_MS, step);
  };
  arrive();
  step();
  await agenda.until(SECONDS * 1_000);
  for (const [name, waits] of Object.entries({ filling, removing }))
    if (waits.length > 0)
      print({
        bench: `dns-wait/${name}`,
        unit: 'ms',
        value: quantile(waits, 0.99),
        budget: 20,
        p50: Number(quantile(waits, 0.5).toPrecision(3)),
        most: Number(Math.max(...waits).toPrecision(3)),
        transactionMs,
        newPerSecond: PER_SECOND,
        ...load(),
      });
}

for (const transactionMs of [1, 2, 5]) await measure(transactionMs);
