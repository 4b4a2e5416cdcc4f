import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ServedLists, TEXT } from './served-lists.fixture.ts';

/** As many connections as a server of lists has places. */
const PLACES = 2_000;
const auth = { kind: 'Bearer', token: { text: 'token' } } as const;
const BEARER = { authorization: 'Bearer token' };
const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** Connections that say nothing; resolves once they stand. */
async function flood(port: number, count: number, localAddress: string): Promise<void> {
  for (let left = count; left > 0; left -= 100) {
    const some = Array.from({ length: Math.min(left, 100) }, () => connect({ port, host: '127.0.0.1', localAddress }));
    for (const socket of some) socket.on('error', () => undefined);
    open.push(...some);
    await Promise.all(some.map((socket) => once(socket, 'connect')));
  }
}

test('whoever takes all places keeps nobody out who shows who it is', async () => {
  await using lists = await new ServedLists().listen([auth]);
  const standing = lists.agent();
  expect(await lists.get(standing, BEARER)).toBe(`200 ${TEXT}`);
  await flood(lists.port, PLACES, '127.0.0.9');
  expect(await lists.get(lists.agent(), BEARER)).toBe(`200 ${TEXT}`);
  // Whoever has shown it keeps its connection.
  expect(await lists.get(standing, BEARER)).toBe(`200 ${TEXT}`);
});
