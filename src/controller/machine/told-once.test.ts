import { expect, test } from 'vitest';
import { SallyportError } from '../../base/error.ts';
import { ToldOnce } from './told-once.ts';

test('a failure is told when it begins, when it becomes another one, and when it is gone; each work by itself', async () => {
  const told: string[] = [];
  const works = new ToldOnce({
    failed: (work, { code, message }) => told.push(`${work}: ${code} ${message}`),
    mended: (work) => told.push(`${work}: mended`),
  });
  const { signal } = new AbortController();
  const fail = (work: string, message: string): Promise<unknown> =>
    works.try(work, () => Promise.reject(new SallyportError('LOCAL_SYSTEM', message)), signal);
  await fail('keys', 'full');
  await fail('keys', 'full');
  await fail('sysctls', 'full');
  await fail('keys', 'read-only');
  expect(await works.try('keys', () => Promise.resolve(7), signal)).toBe(7);
  await works.try('keys', () => Promise.resolve(7), signal);
  await fail('keys', 'full');
  expect(told).toEqual([
    'keys: LOCAL_SYSTEM full',
    'sysctls: LOCAL_SYSTEM full',
    'keys: LOCAL_SYSTEM read-only',
    'keys: mended',
    'keys: LOCAL_SYSTEM full',
  ]);
  expect([...works.counts]).toEqual([
    ['keys', { done: 2, failed: 4 }],
    ['sysctls', { done: 0, failed: 1 }],
  ]);
});

test('what ends with the process is no failure', async () => {
  const told: string[] = [];
  const works = new ToldOnce({ failed: (work) => told.push(work), mended: () => {} });
  const stop = new AbortController();
  await works.try(
    'keys',
    () => {
      stop.abort();
      return Promise.reject(new Error('ended'));
    },
    stop.signal,
  );
  expect([told, works.counts.size]).toEqual([[], 0]);
});
