import { expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { LastLook } from './last-look.ts';

test('what was found right before counts once', async () => {
  const clock = new FakeClock();
  const look = new LastLook<string>(clock);
  expect(look.take()).toBeUndefined();
  expect(await look.look(() => Promise.resolve('as read'))).toBe('as read');
  clock.advance(499);
  expect([look.take(), look.take()]).toEqual(['as read', undefined]);
});

test('what was asked longer ago counts for nothing, however late it was answered', async () => {
  let monotonic = 0;
  const look = new LastLook<string>({ monotonic: () => monotonic, wall: () => 0, after: () => () => undefined });
  await look.look(() => {
    monotonic += 500;
    return Promise.resolve('as read');
  });
  expect(look.take()).toBeUndefined();
});

test.each([
  ['ahead', 60_000],
  ['back', -60_000],
])('nor where the wall clock went %s meanwhile: the machine may have slept', async (_way, ms) => {
  let wall = 1_000_000;
  const look = new LastLook<string>({ monotonic: () => 0, wall: () => wall, after: () => () => undefined });
  await look.look(() => Promise.resolve('as read'));
  wall += ms;
  expect(look.take()).toBeUndefined();
});

test('what was found before is nothing while it is looked at again, and where that fails or finds a difference', async () => {
  const look = new LastLook<string>(new FakeClock());
  await look.look(() => Promise.resolve('as read'));
  expect(await look.look(() => Promise.resolve(undefined))).toBeUndefined();
  expect(look.take()).toBeUndefined();
  await look.look(() => Promise.resolve('as read'));
  await expect(look.look(() => Promise.reject(new Error('cut')))).rejects.toThrow('cut');
  expect(look.take()).toBeUndefined();
});
