import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';
import { silentLog } from '../../base/log.ts';
import { MemoryDevice } from '../memory/device.ts';
import { MemoryDriver, type MemoryActual, type MemoryStep, type MemoryTranslation } from '../memory/memory-driver.ts';
import { Worker } from './worker.ts';
import { soleWriter } from '../writer-lock.ts';

/** Tells what is asked of it, in order; steps of members are `quick` or not. */
class ToldDriver extends MemoryDriver {
  readonly told: string[] = [];
  readonly #isQuick: boolean;
  whileApplied: (step: MemoryStep) => void = () => undefined;

  constructor(device: MemoryDevice, isQuick: boolean) {
    super(device);
    this.#isQuick = isQuick;
  }

  override observe(signal: AbortSignal): Promise<MemoryActual> {
    this.told.push('read');
    return super.observe(signal);
  }

  override steps(actual: MemoryActual, wanted: MemoryTranslation): readonly MemoryStep[] {
    const steps = super.steps(actual, wanted);
    return this.#isQuick ? steps.map((step) => (step.kind === 'Members' ? { ...step, quick: true } : step)) : steps;
  }

  override async apply(step: MemoryStep, signal: AbortSignal): Promise<void> {
    this.told.push(step.urgent ? 'leave' : 'join');
    this.whileApplied(step);
    await super.apply(step, signal);
  }
}

/** What the driver is asked from a wish by which one leaves and one joins, while which a newer wish comes, until all is there. */
async function askedWhileOvertaken(isQuick: boolean): Promise<readonly string[]> {
  const driver = new ToldDriver(new MemoryDevice([]), isQuick);
  const worker = new Worker<MemoryActual, MemoryTranslation, MemoryStep>({
    cluster: 'lab',
    firewall: 'edge-1',
    driver,
    settings: enforce,
    clock: new FakeClock(),
    log: silentLog,
    lock: soleWriter,
  });
  worker.start();
  worker.desire({ kind: 'ruleset', ruleset: world(crowd(20, 'shop')) });
  await worker.settled();
  const [gone, ...rest] = Object.entries(crowd(20, 'shop'));
  expect(gone).toBeDefined();
  const second = world({ ...Object.fromEntries(rest), '10.0.1.1': 'shop' });
  driver.told.length = 0;
  driver.whileApplied = ({ urgent }) => {
    if (!urgent) return;
    driver.whileApplied = () => undefined;
    worker.desire({
      kind: 'ruleset',
      ruleset: world({ ...Object.fromEntries(rest), '10.0.1.1': 'shop', '10.0.1.2': 'shop' }),
    });
  };
  worker.desire({ kind: 'ruleset', ruleset: second });
  await worker.settled();
  await worker.stop();
  return driver.told;
}

test('who joins by a quick way does so right after who leaves, whatever is wished meanwhile', async () => {
  expect(await askedWhileOvertaken(true)).toEqual(['read', 'leave', 'join', 'read', 'join', 'read']);
});

test('a slow way to join waits for the newest wish', async () => {
  expect(await askedWhileOvertaken(false)).toEqual(['read', 'leave', 'read', 'join', 'read']);
});
