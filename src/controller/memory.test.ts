import { expect, test } from 'vitest';
import { LiveWorld } from './world/live-world.ts';
import { memoryParts } from './memory.ts';
import { Metrics } from './metrics.ts';

test('each part is a series, and there are no others', async () => {
  const metrics = new Metrics();
  expect(await metrics.text()).not.toMatch(/^sallyport_memory_bytes\{/m);
  const world = new LiveWorld('test');
  metrics.memory.parts = () => memoryParts({}, world, []);
  const series = (await metrics.text()).match(/^sallyport_memory_bytes\{.*/gm);
  expect(series).toEqual(
    ['source', 'inventory', 'engine', 'border', 'firewalls'].map((part) => `sallyport_memory_bytes{part="${part}"} 0`),
  );
});
