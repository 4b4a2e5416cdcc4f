import { expect, test } from 'vitest';
import { FakeApiServerApart } from './apart.ts';
import { ask } from './test-client.ts';

test('runs in a process of its own, which takes orders and ends with us', async () => {
  await using apart = await FakeApiServerApart.start();
  await apart.order({ order: 'fill', options: { pods: 20 } });
  const url = `${apart.url}/api/v1/pods`;
  const { body } = await ask(`${url}?limit=7`);
  expect([body.items?.length, body.metadata?.['remainingItemCount']]).toEqual([7, 13]);
  await apart.order({ order: 'fault', faults: [{ fault: 'status', status: 503 }], which: { verb: 'list' }, times: 1 });
  expect((await ask(url)).status).toBe(503);
  expect(await apart.order({ order: 'requests' })).toMatchObject([{ status: 200 }, { status: 503, verb: 'list' }]);
  await expect(apart.order({ order: 'put', objects: [{ apiVersion: 'v9', kind: 'X', metadata: {} }] })).rejects.toThrow(
    'does not serve X of v9',
  );
});
