import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';

test('what came while this process stood still is read before its time is over', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  const order: string[] = [];
  const isRead = once(near, 'data').then(() => order.push('read'));
  const isOver = new Promise<void>((resolve) => {
    systemClock.after(10, () => {
      order.push('over');
      resolve();
    });
  });
  far.write('answer');
  const end = performance.now() + 50;
  while (performance.now() < end);
  await Promise.all([isRead, isOver]);
  expect(order).toEqual(['read', 'over']);
  near.destroy();
  server.close();
});

test('what is cancelled does not happen, neither before its time nor in its last turn', async () => {
  let calls = 0;
  systemClock.after(0, () => calls++)();
  const cancel = systemClock.after(0, () => calls++);
  // A timer that was set later, and is over before either is looked at: the first has had its time, and not its call.
  const later = new Promise<void>((resolve) => setTimeout(resolve, 0));
  const begun = performance.now();
  while (performance.now() < begun + 5);
  await later;
  cancel();
  await new Promise<void>((resolve) => void setTimeout(resolve, 20));
  expect(calls).toBe(0);
});
