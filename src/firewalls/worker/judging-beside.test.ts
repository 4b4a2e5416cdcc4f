import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import { MemoryDevice } from '../memory/device.ts';
import { type MemoryActual, MemoryDriver, type MemoryStep, type MemoryTranslation } from '../memory/memory-driver.ts';
import { Worker } from './worker.ts';
import { soleWriter } from '../writer-lock.ts';

type Actual = MemoryActual & { readonly owed: ReadonlySet<string> };
type Step = MemoryStep & { readonly judges?: ReadonlySet<string> };

/** A firewall in memory with connections: who left has some until a round over them was done, beside whatever else is. */
class JudgingDriver extends MemoryDriver {
  readonly #device: MemoryDevice;
  /** Whose connections are to be judged. */
  readonly #owed = new Set<string>();
  /** Resolves or rejects the round under way; resolves with whether there is one. */
  #end: ((error?: Error) => void) | undefined;
  rounds = 0;
  mostAtOnce = 0;
  atOnce = 0;

  constructor(device: MemoryDevice) {
    super(device);
    this.#device = device;
  }

  get isJudging(): boolean {
    return this.#end !== undefined;
  }

  get owed(): ReadonlySet<string> {
    return this.#owed;
  }

  end(error?: Error): void {
    this.#end?.(error);
  }

  override async observe(signal: AbortSignal): Promise<Actual> {
    return { ...(await super.observe(signal)), owed: new Set(this.#owed) };
  }

  override steps(actual: Actual, wanted: MemoryTranslation): readonly Step[] {
    const steps = super.steps(actual, wanted);
    const left = this.#members().filter((address) => wanted.behaviour.senders.get(address) === undefined);
    const judges = new Set([...actual.owed, ...left]);
    if (judges.size === 0) return steps;
    const cut = { kind: 'Cut', title: 'judge', objects: [], urgent: false, beside: true } as const;
    return [...steps, { ...cut, judges, transaction: steps[0]?.transaction as MemoryStep['transaction'] }];
  }

  override async apply(step: Step, signal: AbortSignal): Promise<void> {
    if (step.judges !== undefined) return await this.#judge(step.judges, signal);
    const before = this.#members();
    await super.apply(step, signal);
    const after = new Set(this.#members());
    for (const address of before) if (!after.has(address)) this.#owed.add(address);
  }

  async #judge(judges: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    this.rounds++;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    const round = new Set([...judges].filter((address) => this.#owed.has(address)));
    try {
      await new Promise<void>((resolve, reject) => {
        const stop = (): void => reject(signal.reason as Error);
        signal.addEventListener('abort', stop, { once: true });
        this.#end = (error) => (error === undefined ? resolve() : reject(error));
      });
      for (const address of round) this.#owed.delete(address);
    } finally {
      this.#end = undefined;
      this.atOnce--;
    }
  }

  #members(): readonly string[] {
    return [...(this.#device.read().program.tables.get('members')?.keys() ?? [])];
  }
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function setUp() {
  const clock = new FakeClock();
  const device = new MemoryDevice([]);
  const driver = new JudgingDriver(device);
  const confirmed: number[] = [];
  const owedWhenConfirmed: ReadonlySet<string>[] = [];
  const worker = new Worker<Actual, MemoryTranslation, Step>({
    cluster: 'lab',
    firewall: 'edge-1',
    driver: driver as never,
    settings: enforce,
    clock,
    log: silentLog,
    lock: soleWriter,
    events: {
      confirmed: (version) => {
        confirmed.push(version);
        owedWhenConfirmed.push(new Set(driver.owed));
      },
    },
  });
  worker.start();
  stops.push(() => worker.stop());
  const members = (): readonly string[] => [...(device.read().program.tables.get('members')?.keys() ?? [])].sort();
  const wish = async (addresses: Readonly<Record<string, string>>): Promise<void> => {
    worker.desire({ kind: 'ruleset', ruleset: world(addresses) });
    for (let turn = 0; turn < 5; turn++) await setImmediate();
  };
  return { clock, driver, worker, members, wish, confirmed, owedWhenConfirmed };
}

describe('connections are judged beside newer wishes', () => {
  test('newcomers join meanwhile, and nothing is confirmed gone before', async () => {
    const { worker, driver, members, wish, confirmed } = setUp();
    await wish(crowd(3, 'bank'));
    await wish(crowd(2, 'bank'));
    expect(driver.isJudging).toBe(true);
    expect(confirmed).toEqual([1]);
    await wish({ ...crowd(2, 'bank'), '10.0.1.1': 'shop' });
    await wish({ ...crowd(2, 'bank'), '10.0.1.1': 'shop', '10.0.1.2': 'shop' });
    expect(members()).toEqual(['10.0.0.1', '10.0.0.2', '10.0.1.1', '10.0.1.2']);
    expect(driver.isJudging).toBe(true);
    expect(confirmed).toEqual([1]);
    expect(worker.confirmed()?.ruleset.members.has('10.0.0.3')).toBe(true);
    expect(worker.status().confirmedVersion).toBe(1);
    driver.end();
    await worker.settled();
    expect(confirmed).toEqual([1, 2, 3, 4]);
    expect(worker.confirmed()?.ruleset.members.has('10.0.0.3')).toBe(false);
    expect(driver.rounds).toBe(1);
  });

  test('what an older wish took away is confirmed while newer ones go on, and those who left later are judged later', async () => {
    const { worker, driver, members, wish, confirmed } = setUp();
    await wish(crowd(5, 'bank'));
    await wish(crowd(4, 'bank'));
    await wish(crowd(3, 'bank'));
    expect(members()).toHaveLength(3);
    expect(confirmed).toEqual([1]);
    driver.end();
    await setImmediate();
    await setImmediate();
    expect(confirmed).toEqual([1, 2]);
    expect([...driver.owed]).toEqual(['10.0.0.4']);
    expect(driver.isJudging).toBe(true);
    driver.end();
    await worker.settled();
    expect(confirmed).toEqual([1, 2, 3]);
    expect(driver.mostAtOnce).toBe(1);
  });

  test('a round that fails is told, and done again before anything is confirmed', async () => {
    const { clock, worker, driver, wish, confirmed } = setUp();
    await wish(crowd(3, 'bank'));
    await wish(crowd(2, 'bank'));
    await wish({ ...crowd(2, 'bank'), '10.0.1.1': 'shop' });
    driver.end(new SallyportError('DEVICE_UNREACHABLE', 'conntrack did not answer'));
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    expect(confirmed).toEqual([1]);
    expect(worker.status().conditions.find(({ type }) => type === 'Ready')?.message).toContain(
      'conntrack did not answer',
    );
    clock.advance(60_000);
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    expect(driver.isJudging).toBe(true);
    driver.end();
    await worker.settled();
    expect(confirmed).toEqual([1, 2, 3]);
  });

  test('a worker that stops ends the round, and one that leaves waits for it', async () => {
    const stopped = setUp();
    await stopped.wish(crowd(3, 'bank'));
    await stopped.wish(crowd(2, 'bank'));
    await stopped.worker.stop();
    expect(stopped.driver.atOnce).toBe(0);

    const { worker, driver, members, wish } = setUp();
    await wish(crowd(3, 'bank'));
    await wish(crowd(2, 'bank'));
    await wish(crowd(1, 'bank'));
    const gone = worker.leave();
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    expect(members()).toHaveLength(1);
    driver.end();
    await gone;
    expect(members()).toEqual([]);
  });

  test('whatever comes when: one round at a time, who left is judged before that is confirmed, and in the end all is', {
    timeout: PATIENCE_MS,
  }, async () => {
    const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5');
    const event = fc.oneof(
      { weight: 3, arbitrary: fc.record({ put: fc.uniqueArray(address, { maxLength: 5 }) }) },
      { weight: 2, arbitrary: fc.constant('end' as const) },
      { weight: 1, arbitrary: fc.constant('fail' as const) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 700 }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
        const run = setUp();
        const { worker, driver, clock, members, confirmed, owedWhenConfirmed } = run;
        const wished: (readonly string[])[] = [['10.0.0.1', '10.0.0.2']];
        await run.wish(Object.fromEntries(wished[0]?.map((one) => [one, 'bank']) ?? []));
        for (const one of events) {
          if (one === 'end') driver.end();
          else if (one === 'fail') driver.end(new SallyportError('DEVICE_UNREACHABLE', 'no answer'));
          else if (typeof one === 'number') clock.advance(one);
          else {
            wished.push(one.put);
            worker.desire({
              kind: 'ruleset',
              ruleset: world(Object.fromEntries(one.put.map((each) => [each, 'bank']))),
            });
          }
          await setImmediate();
        }
        for (let turn = 0; turn < 40 && confirmed.length < wished.length; turn++) {
          driver.end();
          clock.advance(60_000);
          await setImmediate();
        }
        expect(driver.mostAtOnce).toBeLessThan(2);
        expect(confirmed).toEqual(wished.map((_, at) => at + 1));
        expect(members()).toEqual([...(wished.at(-1) ?? [])].sort());
        for (const [at, owed] of owedWhenConfirmed.entries()) {
          const version = confirmed[at] ?? 0;
          const later = wished.slice(version);
          for (const one of owed) {
            // It left later than the version that is confirmed: it was there then, or came again.
            const came =
              wished[version - 1]?.includes(one) === true ? 0 : later.findIndex((list) => list.includes(one));
            expect([version, one, came >= 0 && later.slice(came).some((list) => !list.includes(one))]).toEqual([
              version,
              one,
              true,
            ]);
          }
        }
        await worker.stop();
      }),
      tries(20),
    );
  });
});
