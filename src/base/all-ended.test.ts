import { expect, test } from 'vitest';
import { allEnded } from './all-ended.ts';

test('a failure is told when the others have ended too', async () => {
  let end = (): void => undefined;
  const slow = new Promise<void>((resolve) => (end = resolve));
  let told = false;
  const all = allEnded([Promise.reject(new Error('first')), slow, Promise.reject(new Error('second'))]).catch(
    (thrown: unknown) => {
      told = true;
      return thrown;
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toBe(false);
  end();
  expect(await all).toEqual(new Error('first'));
});

test('what they give comes in their order', async () => {
  expect(await allEnded([Promise.resolve(1), 'two', undefined])).toEqual([1, 'two', undefined]);
});
