import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { boundConnections } from './bounded-connections.ts';

let server: Server;
let answers: (() => void)[];
let opened: Socket[];
let closed: Set<Socket>;

beforeEach(async () => {
  [answers, opened, closed] = [[], [], new Set()];
  server = createServer((_, response) => void answers.push(() => response.end('done')));
  boundConnections(server, { ofOne: 3, ofAll: 5 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const socket of opened) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Connects from an address of this machine, and resolves when the server has it. */
async function open(from: string): Promise<Socket> {
  const { port } = server.address() as AddressInfo;
  const taken = new Promise((resolve) => server.once('connection', resolve));
  const own = closed;
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  socket.on('error', () => undefined).on('close', () => own.add(socket));
  opened.push(socket);
  await taken;
  return socket;
}

async function ask(socket: Socket): Promise<void> {
  const before = answers.length;
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await expect.poll(() => answers.length).toBe(before + 1);
}

test('of one address the oldest goes on which nothing is asked; whoever waits for an answer stays', async () => {
  const [first, second] = [await open('127.0.0.2'), await open('127.0.0.2')];
  await ask(first);
  for (let n = 0; n < 3; n++) await open('127.0.0.2');
  await expect.poll(() => [...closed]).toEqual([second]);
  answers[0]?.();
  await expect.poll(() => closed.size).toBe(2);
  expect(closed.has(first)).toBe(false);
  await ask(first);
});

test('of all, the oldest of the address that has most goes: whoever opens many keeps nobody out', async () => {
  const [node, many] = [await open('127.0.0.3'), await open('127.0.0.4')];
  for (const from of ['127.0.0.4', '127.0.0.4', '127.0.0.5', '127.0.0.6', '127.0.0.4']) await open(from);
  await expect.poll(() => closed.size).toBe(2);
  expect(closed.has(many)).toBe(true);
  expect(closed.has(node)).toBe(false);
  await ask(node);
});

test('whoever is gone is not counted', async () => {
  for (let n = 0; n < 4; n++) {
    const socket = await open('127.0.0.2');
    socket.destroy();
    await expect.poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(0);
  }
  const staying = await open('127.0.0.2');
  for (let n = 0; n < 2; n++) await open('127.0.0.2');
  await ask(staying);
});
