import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../test/kit/free-port.ts';
import { FollowedListener } from './followed-listener.ts';
import { type ListenAddress, listening } from './listening.ts';

type Wish = ListenAddress & { readonly says: string };

const open = async (wish: Wish): Promise<Server> => {
  const server = createServer((_request, response) => response.end(wish.says));
  await listening(server, wish, 'this');
  return server;
};
let listener = new FollowedListener(open);
const others: Server[] = [];
afterEach(async () => {
  await listener.close();
  for (const other of others.splice(0)) other.close();
  listener = new FollowedListener(open);
});

const host = '127.0.0.1';
const said = async (port: number): Promise<string> => {
  try {
    return await (await fetch(`http://${host}:${port}/`)).text();
  } catch {
    return 'nobody';
  }
};

test('it moves, and ends where it is no longer wished', async () => {
  const [one, two] = [await freePort(), await freePort()];
  await listener.follow({ host, port: one, says: 'one' });
  expect([await said(one), await said(two)]).toEqual(['one', 'nobody']);
  await listener.follow({ host, port: two, says: 'two' });
  expect([await said(one), await said(two)]).toEqual(['nobody', 'two']);
  await listener.follow(undefined);
  expect([await said(one), await said(two)]).toEqual(['nobody', 'nobody']);
});

test('the same port serves otherwise', async () => {
  const port = await freePort();
  await listener.follow({ host, port, says: 'before' });
  await listener.follow({ host, port, says: 'after' });
  expect(await said(port)).toBe('after');
  await listener.follow({ host: '0.0.0.0', port, says: 'wider' });
  expect(await said(port)).toBe('wider');
});

test.each([
  ['an address that this machine does not have', async () => ({ host: '192.0.2.1', port: await freePort() })],
  [
    'a port that somebody else has',
    async () => {
      const other = createServer((_request, response) => response.end('other'));
      others.push(other);
      await listening(other, { host, port: 0 }, 'that');
      return { host, port: (other.address() as AddressInfo).port };
    },
  ],
])('at %s it cannot listen: the old one serves on, until it can', async (_, where) => {
  const [port, next] = [await freePort(), await freePort()];
  await listener.follow({ host, port, says: 'old' });
  const wish = { ...(await where()), says: 'new' };
  for (let n = 0; n < 2; n++) {
    await expect(listener.follow(wish)).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    expect(await said(port)).toBe('old');
  }
  await listener.follow({ host, port: next, says: 'new' });
  expect([await said(port), await said(next)]).toEqual(['nobody', 'new']);
});

test('at its own port and an address that somebody else has it serves where it did', async () => {
  const port = await freePort();
  const other = createServer((_request, response) => response.end('other'));
  others.push(other);
  await listening(other, { host: '127.0.0.2', port }, 'that');
  await listener.follow({ host, port, says: 'old' });
  await expect(listener.follow({ host: '127.0.0.2', port, says: 'new' })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
  });
  expect(await said(port)).toBe('old');
});
