import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Delivery } from '../source.ts';
import { ManifestsSource } from './manifests-source.ts';

const object = (name: string): string => `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n`;

/** One look after the other, without pause. */
const restless: Clock = { ...systemClock, after: (_, action) => systemClock.after(0, action) };

async function following(
  clock: Clock,
  course: (folder: string, deliveries: readonly Delivery[]) => Promise<void>,
): Promise<readonly Delivery[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-moving-'));
  const deliveries: Delivery[] = [];
  const stop = new AbortController();
  for (let n = 100; n < 160; n++) await writeFile(join(folder, `${n}.yaml`), object(`n${n}`));
  await writeFile(join(folder, 'a.yaml'), object('moving'));
  const running = new ManifestsSource('static', folder, clock).run(
    (delivery) => void deliveries.push(delivery),
    stop.signal,
  );
  try {
    await course(folder, deliveries);
  } finally {
    stop.abort();
    await running;
    await rm(folder, { recursive: true, force: true });
  }
  return deliveries;
}

test('an object that goes over to another file is never told as gone, whenever somebody looks', async () => {
  const puts = (deliveries: readonly Delivery[]): number =>
    deliveries
      .flatMap(({ changes }) => changes)
      .filter((change) => change.kind === 'put' && change.resource.name === 'moving').length;
  const deliveries = await following(restless, async (folder, told) => {
    for (let round = 1; round <= 30; round++) {
      await vi.waitUntil(() => puts(told) >= round, { timeout: 10_000, interval: round % 7 });
      const [to, from] = round % 2 === 1 ? ['z.yaml', 'a.yaml'] : ['a.yaml', 'z.yaml'];
      writeFileSync(join(folder, to), object('moving'));
      rmSync(join(folder, from));
    }
  });
  expect(deliveries.flatMap(({ changes }) => changes).filter(({ kind }) => kind === 'delete')).toEqual([]);
});

test('files that never rest are not read as one state, and count once they do', async () => {
  const deliveries = await following(restless, async (folder, told) => {
    let isWriting = true;
    let version = 0;
    const write = (): void => {
      writeFileSync(join(folder, 'a.yaml'), `${object('moving')}# ${(version += 1)}\n`);
      if (isWriting) setImmediate(write);
    };
    write();
    await vi.waitUntil(() => told.length > 0, { timeout: 10_000, interval: 1 });
    isWriting = false;
    await vi.waitUntil(() => told.at(-1)?.state.kind === 'complete', { timeout: 10_000, interval: 1 });
  });
  expect(deliveries[0]?.state).toEqual({
    kind: 'loading',
    reason: 'the files of the manifests change faster than they can be read',
  });
  expect(deliveries.at(-1)?.changes.length).toBe(61);
});
