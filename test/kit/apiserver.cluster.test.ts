import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from './apiserver.ts';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(async () => {
  await server.stop();
});

async function namespaces(): Promise<readonly string[]> {
  const list = await server.admin.json<{ items: { metadata: { name: string } }[] }>('GET', '/api/v1/namespaces');
  return list.items.map((item) => item.metadata.name);
}

test('the namespaces of every cluster are there', async () => {
  expect(await namespaces()).toEqual(
    expect.arrayContaining(['default', 'kube-node-lease', 'kube-public', 'kube-system']),
  );
});
