import { expect, test } from 'vitest';
import { crowd, world } from '../../../test/kit/worlds.ts';
import type { MayGoOn } from '../driver.ts';
import { MemoryDevice } from '../memory/device.ts';
import { MemoryDriver, type MemoryStep } from '../memory/memory-driver.ts';
import { bring } from './harness.ts';
import { sentAfterLapse } from './sleeping-writer.ts';

/** One whose steps are two requests each; between them it asks whether it may go on, or forgets to. */
class InHalves extends MemoryDriver {
  readonly #device: MemoryDevice;
  readonly #asks: boolean;

  constructor(device: MemoryDevice, asks: boolean) {
    super(device);
    this.#device = device;
    this.#asks = asks;
  }

  override async apply({ transaction }: MemoryStep, _: AbortSignal, mayGoOn?: MayGoOn): Promise<void> {
    const { from, to, objects, rows } = transaction;
    this.#device.commit({ from, to: `${to}, half`, objects, rows: new Map() }, this);
    await Promise.resolve();
    if (this.#asks) mayGoOn?.();
    this.#device.commit({ from: `${to}, half`, to, objects: new Map(), rows }, this);
  }
}

test('the suite finds a driver that sends on within a step, and lets one pass that asks', async () => {
  for (const [asks, late] of [
    [true, 0],
    [false, 1],
  ] as const) {
    const device = new MemoryDevice();
    await bring(new MemoryDriver(device), world(crowd(2, 'bank')));
    const driver = new InHalves(device, asks);
    expect(await sentAfterLapse(driver, world(crowd(3, 'shop')), () => device.writes, 1)).toBe(late);
  }
});
