import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Places } from './places.ts';

const MOST = 4;
let server: Server;
let places: Places;

beforeEach(async () => {
  server = createServer();
  places = new Places(server, MOST);
  server.on('connection', (socket) => socket.on('error', () => undefined));
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
});
afterEach(async () => {
  for (const { near } of open.splice(0)) near.destroy();
  server.close();
  await once(server, 'close');
});

interface Open {
  readonly name: string;
  readonly near: Socket;
  readonly far: Socket;
}
const open: Open[] = [];

/** A connection from an address of this machine, and its other end. */
async function come(name: string, localAddress: string): Promise<Open> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, localAddress });
  near.on('error', () => undefined);
  const [far] = await accepted;
  const one = { name, near, far };
  open.push(one);
  return one;
}

const left = (): readonly string[] => open.filter(({ far }) => !far.destroyed).map(({ name }) => name);

async function crowd(prefix: string, count: number, address: string): Promise<void> {
  for (let at = 1; at <= count; at++) await come(`${prefix}${at}`, address);
}

test('where all places are taken the first of the network with most strangers gives way', async () => {
  await come('b1', '127.0.0.2');
  await crowd('a', 3, '127.0.0.3');
  expect(left()).toEqual(['b1', 'a1', 'a2', 'a3']);
  await come('c1', '127.0.0.4');
  expect(left()).toEqual(['b1', 'a2', 'a3', 'c1']);
  await crowd('d', 9, '127.0.0.3');
  expect(left()).toEqual(['b1', 'c1', 'd8', 'd9']);
});

test('whoever has shown who it is does not, and where nobody else is left whoever comes does', async () => {
  for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.3', '127.0.0.3']) {
    const { far } = await come(`of ${address}`, address);
    places.knows(far, `consumer ${open.length}`);
  }
  await come('late', '127.0.0.9');
  expect(left()).not.toContain('late');
  expect(left()).toHaveLength(MOST);
  const [first] = open;
  if (first !== undefined) places.forgets(first.far);
  await come('later', '127.0.0.9');
  expect(left()).toHaveLength(MOST);
});

test('of one who shows who it is a part of all places is safe', async () => {
  await crowd('a', MOST, '127.0.0.3');
  for (const { far } of open) places.knows(far, 'one');
  await come('b', '127.0.0.4');
  expect(left()).toEqual(['a1', 'a3', 'a4', 'b']);
});

test('a place that is given back is there again', async () => {
  await crowd('a', MOST, '127.0.0.3');
  const [first] = open;
  first?.near.destroy();
  await once(first?.far ?? server, 'close');
  await come('b', '127.0.0.4');
  expect(left()).toEqual(['a2', 'a3', 'a4', 'b']);
});
