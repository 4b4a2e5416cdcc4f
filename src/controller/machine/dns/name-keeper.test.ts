import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../../test/kit/runs.ts';
import { FakeClock, turns } from '../../../../test/kit/fake-clock.ts';
import { atOnce, type Pieces } from '../../../base/pieces.ts';
import { NameBook } from '../../../machine/dns/name-book.ts';
import { type DomainSet, domainSetName } from '../../../machine/rules/domain-sets.ts';
import type { ElementChange } from '../plain-sets.ts';
import { NameKeeper } from './name-keeper.ts';

const NAMES = ['a.', 'b.'];
const ADDRESSES = ['192.0.2.1', '192.0.2.2', '2001:db8::1'];
const give = (text: string, ttl: number) => ({ family: text.includes(':') ? (6 as const) : (4 as const), text, ttl });
const signal = new AbortController().signal;

type Sets = ReadonlyMap<string, Set<string>>;

/** A kernel that takes its time, and fails when it is told to. */
class SlowKernel {
  sets: Sets = new Map();
  readonly batches: number[] = [];
  failing = false;
  #busy: (() => void)[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  /** What the load under way makes of it. */
  #coming: Sets | undefined;

  /** As `KernelTable` answers: it is there, and the load under way leaves it there. */
  hasElement(set: string, element: string): boolean {
    return [this.sets, this.#coming ?? this.sets].every((sets) => sets.get(set)?.has(element) === true);
  }

  isThere(set: string, element: string): boolean {
    return this.sets.get(set)?.has(element) === true;
  }

  elementsOf(set: string): ReadonlySet<string> {
    return this.sets.get(set) ?? new Set();
  }

  changeElements(changes: readonly ElementChange[]): Promise<void> {
    return this.#inTurn(() => {
      this.batches.push(changes.length);
      for (const { change, set, element } of changes)
        if (change === 'add') this.sets.get(set)?.add(element);
        else this.sets.get(set)?.delete(element);
    });
  }

  load(make: () => Sets): Promise<void> {
    return this.#inTurn(
      () => (this.sets = this.#coming ?? this.sets),
      () => (this.#coming = make()),
    );
  }

  #inTurn(commit: () => void, begin: () => void = () => {}): Promise<void> {
    const turn = this.#turn.then(async () => {
      begin();
      await new Promise<void>((resolve) => this.#busy.push(resolve));
      if (!this.failing) commit();
      this.#coming = undefined;
      if (this.failing) throw new Error('the kernel is away');
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Lets what waits come through. */
  work(): void {
    for (const resolve of this.#busy.splice(0)) resolve();
  }
}

function world() {
  const clock = new FakeClock();
  const book = new NameBook();
  book.follow({ names: new Set(NAMES), includes: (name) => NAMES.includes(name) });
  const kernel = new SlowKernel();
  let woken = 0;
  const took: number[] = [];
  const keeper = new NameKeeper({ book, kernel, clock, signal, wake: () => woken++, measure: (ms) => took.push(ms) });
  const sets = (): readonly DomainSet[] =>
    [...book.resolved()].flatMap(([domain, { ipv6 }]) =>
      (['ipv4_addr', 'ipv6_addr'] as const)
        .filter((type) => type === 'ipv4_addr' || ipv6 !== undefined)
        .map((type) => ({ name: domainSetName(domain, type), domain, type, addresses: [] })),
    );
  let loading: Promise<void> | undefined;
  /** What the controller does, one load after the other: rules are made, and loaded with what is known when it is their turn. */
  const load = (): Promise<void> => {
    const made = async (): Promise<void> => {
      const round = keeper.begin();
      const wanted = sets();
      const elementsOf = round.elementsOf(wanted);
      try {
        await kernel.load(() => new Map(wanted.map(({ name }) => [name, new Set(elementsOf(name))])));
        round.settle(wanted);
      } catch (thrown) {
        round.fail(thrown);
      }
    };
    loading ??= made().finally(() => (loading = undefined));
    return loading;
  };
  return { clock, book, kernel, keeper, woken: () => woken, took, load };
}

/** Everything that is under way comes to its end. */
async function settle({ clock, kernel, keeper, load }: ReturnType<typeof world>): Promise<void> {
  for (let n = 0; n < 16; n++) {
    if (keeper.isWaiting) void load();
    clock.advance(5);
    await turns();
    kernel.work();
    await turns();
  }
}

describe('what was learnt, on its way into the kernel', () => {
  test('who learns waits until the kernel has it, whatever comes, goes, fails and is loaded meanwhile', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(
          fc.constant('learn' as const),
          fc.constantFrom(...NAMES, 'other.'),
          fc.subarray(ADDRESSES, { minLength: 1 }),
          fc.integer({ min: 0, max: 40 }),
        ),
      },
      { weight: 3, arbitrary: fc.tuple(fc.constant('wait' as const), fc.constantFrom(1, 5, 1_000, 30_000)) },
      { weight: 3, arbitrary: fc.tuple(fc.constant('compare' as const)) },
      { weight: 3, arbitrary: fc.tuple(fc.constant('kernel' as const)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('load' as const)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('fail' as const)) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const it = world();
        const { clock, book, kernel, keeper } = it;
        /** Who was told that an address is there may use it until the book lets it go. */
        const promised = new Map<string, () => boolean>();
        let comparing: Pieces | undefined;
        for (const [what, ...rest] of steps) {
          if (what === 'learn') {
            const [name, texts, ttl] = rest as [string, string[], number];
            const given = texts.map((text) => give(text, ttl));
            // An answer that was held beyond its own time promises nothing any more.
            const end = clock.monotonic() + (Math.max(ttl, 5) + 5) * 1_000;
            const isThere = (): void => {
              if (clock.monotonic() >= end) return;
              for (const { family, text } of given) {
                const set = domainSetName(name, family === 4 ? 'ipv4_addr' : 'ipv6_addr');
                // What has ended since is no promise any more.
                if (!book.addresses(name, family).has(text)) continue;
                expect(kernel.isThere(set, text)).toBe(true);
                promised.set(`${set} ${text}`, () => book.addresses(name, family).has(text));
              }
            };
            const done = keeper.learn([name], given);
            if (done === undefined) isThere();
            else
              done.then(isThere).catch((thrown: unknown) => {
                if (!String(thrown).includes('the kernel is away') && !String(thrown).includes('no rules'))
                  throw thrown;
              });
          } else if (what === 'wait') clock.advance(rest[0] as number);
          else if (what === 'compare') {
            comparing ??= keeper.compare();
            clock.advance(2);
          } else if (what === 'kernel') kernel.work();
          else if (what === 'load') void it.load();
          else kernel.failing = true;
          // A comparison goes on piece by piece, whatever happens between two.
          if (comparing?.next().done === true) comparing = undefined;
          await turns();
          if (what === 'fail') {
            kernel.work();
            await turns();
            kernel.failing = false;
          }
          for (const [key, isKnown] of promised) {
            const [set = '', text = ''] = key.split(' ');
            if (!isKnown()) promised.delete(key);
            else expect(kernel.isThere(set, text), key).toBe(true);
          }
        }
        if (comparing !== undefined) atOnce(comparing);
        await settle(it);
        atOnce(keeper.compare());
        await settle(it);
        void it.load();
        await settle(it);
        for (const [name, { ipv4, ipv6 }] of book.resolved()) {
          expect([...kernel.elementsOf(domainSetName(name, 'ipv4_addr'))].toSorted()).toEqual(ipv4.toSorted());
          if (ipv6 !== undefined)
            expect([...kernel.elementsOf(domainSetName(name, 'ipv6_addr'))].toSorted()).toEqual(ipv6.toSorted());
        }
      }),
      tries(300, 60),
    );
  });

  test('without loads, the kernel comes to hold what the book holds, and nothing else', async () => {
    const it = world();
    for (const name of NAMES) it.keeper.learn([name], [give('192.0.2.9', 5)])?.catch(() => {});
    await settle(it);
    it.clock.advance(60_000);
    const learnt = it.keeper.learn(['a.'], [give('192.0.2.1', 60), give('192.0.2.2', 60)]);
    await settle(it);
    await learnt;
    atOnce(it.keeper.compare());
    await settle(it);
    expect([...it.kernel.sets.values()].map((set) => [...set].toSorted())).toEqual([['192.0.2.1', '192.0.2.2'], []]);
  });

  test('an answer about a name that no policy asks for waits for nothing', () => {
    const { keeper, woken } = world();
    expect(keeper.learn(['other.'], [give('192.0.2.1', 60)])).toBeUndefined();
    expect([keeper.isWaiting, woken()]).toEqual([false, 0]);
    keeper.learn(['other.', 'a.'], [give('192.0.2.1', 60)])?.catch(() => {});
    expect([keeper.isWaiting, woken()]).toEqual([true, 1]);
  });

  test('additions that come together go together, and one that is on its way is not sent again', async () => {
    const it = world();
    it.keeper.learn(NAMES, [give('192.0.2.1', 60)])?.catch(() => {});
    await settle(it);
    it.kernel.batches.length = 0;
    const waits = ['192.0.2.2', '192.0.2.3', '192.0.2.2'].map((text) =>
      it.keeper.learn(['a.', 'b.'], [give(text, 60)]),
    );
    await settle(it);
    for (const wait of waits) await wait;
    expect(it.kernel.batches).toEqual([4]);
    expect(it.keeper.learn(['a.', 'b.'], [give('192.0.2.2', 60)])).toBeUndefined();
  });

  test('an address that is learnt while it is being let go comes back before anybody hears of it', async () => {
    const it = world();
    it.keeper.learn(['a.'], [give('192.0.2.1', 5)])?.catch(() => {});
    await settle(it);
    it.clock.advance(20_000);
    atOnce(it.keeper.compare());
    it.clock.advance(5);
    const again = it.keeper.learn(['a.'], [give('192.0.2.1', 60)]);
    expect(again).toBeDefined();
    await settle(it);
    await again;
    expect(it.kernel.hasElement(domainSetName('a.', 'ipv4_addr'), '192.0.2.1')).toBe(true);
  });

  test('an address that ended before a load, and is learnt again before that is in force, is there when it is told', async () => {
    const it = world();
    const set = domainSetName('a.', 'ipv4_addr');
    it.keeper.learn(['a.'], [give('192.0.2.1', 5)])?.catch(() => {});
    await settle(it);
    it.clock.advance(20_000);
    atOnce(it.book.expire(it.clock.monotonic()));
    void it.load();
    await turns();
    const again = it.keeper.learn(['a.'], [give('192.0.2.1', 60)]);
    expect(again).toBeDefined();
    const told = again?.then(() => it.kernel.isThere(set, '192.0.2.1'));
    await settle(it);
    expect(await told).toBe(true);
  });

  test('a name without rules has them made; where none come in time, or none can be made, nobody is told that it is open', async () => {
    const it = world();
    const late = it.keeper.learn(['a.'], [give('192.0.2.1', 60)]);
    expect([it.woken(), it.keeper.isWaiting]).toEqual([1, true]);
    const refused = expect(late).rejects.toThrow('no rules after');
    it.clock.advance(5_000);
    await refused;
    const failed = it.keeper.learn(['a.'], [give('192.0.2.1', 60)]);
    const told = expect(failed).rejects.toThrow('refused');
    it.keeper.begin().fail(new Error('refused'));
    await told;
    const passed = it.keeper.learn(['a.'], [give('192.0.2.1', 60)]);
    // The rules stay as they are: no rule asks for the name, so there is nothing to wait for.
    it.keeper.begin().settle(undefined);
    await expect(passed).resolves.toBeUndefined();
  });

  test('who comes while rules are made waits for these where they have his name, and else for the next ones', async () => {
    const it = world();
    const round = it.keeper.begin();
    const ended: string[] = [];
    const learn = (name: string): void => {
      const done = it.keeper.learn([name], [give('192.0.2.1', 60)]);
      void done?.then(() => ended.push(name));
    };
    learn('a.');
    learn('b.');
    const made: DomainSet = { name: domainSetName('a.', 'ipv4_addr'), domain: 'a.', type: 'ipv4_addr', addresses: [] };
    const elementsOf = round.elementsOf([made]);
    it.kernel.sets = new Map([[made.name, new Set(elementsOf(made.name))]]);
    round.settle([made]);
    await turns();
    expect([ended, it.keeper.isWaiting]).toEqual([['a.'], true]);
    await settle(it);
    expect([ended, it.keeper.isWaiting]).toEqual([['a.', 'b.'], false]);
  });

  test('counts what comes and goes, and how long a batch took from its first address to the end of its transaction', async () => {
    const { clock, kernel, keeper, book, took, load } = world();
    book.learn('a.', [give('192.0.2.1', 5)], clock.monotonic());
    void load();
    await turns();
    kernel.work();
    await turns();
    const done = keeper.learn(['a.'], [give('192.0.2.2', 5), give('192.0.2.1', 5)]);
    clock.advance(40);
    await turns();
    clock.advance(7);
    kernel.failing = true;
    kernel.work();
    await expect(done).rejects.toThrow('the kernel is away');
    expect([keeper.counts, took]).toEqual([{ added: 0, removed: 0 }, []]);
    kernel.failing = false;
    const again = keeper.learn(['a.'], [give('192.0.2.2', 5)]);
    clock.advance(40);
    await turns();
    clock.advance(7);
    kernel.work();
    await again;
    expect([keeper.counts, took]).toEqual([{ added: 1, removed: 0 }, [47]]);
    clock.advance(60_000);
    atOnce(keeper.compare());
    clock.advance(4);
    await turns();
    kernel.work();
    await turns();
    expect([keeper.counts, took]).toEqual([{ added: 1, removed: 2 }, [47, 4]]);
  });

  test('what comes within four milliseconds goes together, or as soon as what is under way then has ended', async () => {
    const { clock, kernel, keeper, book, load } = world();
    book.learn('a.', [give('192.0.2.1', 60)], clock.monotonic());
    void load();
    await turns();
    kernel.work();
    await turns();
    kernel.batches.length = 0;
    let next = 2;
    const learn = async (): Promise<void> => {
      keeper.learn(['a.'], [give(`192.0.2.${next++}`, 60)])?.catch(() => {});
      await turns();
    };
    const after = async (ms: number): Promise<void> => {
      clock.advance(ms);
      await turns();
      kernel.work();
      await turns();
    };
    await learn();
    await after(3);
    await learn();
    expect(kernel.batches).toEqual([]);
    await after(1);
    expect(kernel.batches).toEqual([2]);
    // One that ends soon hurries nobody.
    await learn();
    clock.advance(4);
    await turns();
    await learn();
    await after(1);
    expect(kernel.batches).toEqual([2, 1]);
    await learn();
    await after(2);
    expect(kernel.batches).toEqual([2, 1]);
    await after(1);
    expect(kernel.batches).toEqual([2, 1, 2]);
    // Behind one that takes long nobody waits any longer.
    await learn();
    clock.advance(4);
    await turns();
    await learn();
    clock.advance(5);
    await turns();
    await learn();
    await after(0);
    await after(0);
    expect(kernel.batches).toEqual([2, 1, 2, 1, 2]);
  });

  test('who learns while many are let go waits for one transaction of these, and has what he was told', async () => {
    const it = world();
    const { clock, kernel, keeper } = it;
    const name = 'a.';
    const set = domainSetName(name, 'ipv4_addr');
    const texts = Array.from({ length: 100 }, (_, n) => `192.0.2.${n}`);
    void keeper.learn(
      [name],
      texts.map((text) => give(text, 5)),
    );
    await settle(it);
    clock.advance(20_000);
    atOnce(keeper.compare());
    clock.advance(5);
    await turns();
    // The first forty are on their way out. One of them comes again, so does one that waits to go, and somebody is new.
    const told = ['192.0.2.0', '192.0.2.99', '198.51.100.1'];
    let isThere = false;
    const done = keeper.learn(
      [name],
      told.map((text) => give(text, 60)),
    );
    void done?.then(() => (isThere = true));
    kernel.batches.length = 0;
    for (let turn = 0; turn < 2; turn++) {
      clock.advance(4);
      kernel.work();
      await turns();
    }
    expect([isThere, kernel.batches]).toEqual([true, [40, 3]]);
    expect(told.map((text) => kernel.hasElement(set, text))).toEqual([true, true, true]);
    await settle(it);
    expect([...kernel.elementsOf(set)].toSorted()).toEqual(told);
  });
});
