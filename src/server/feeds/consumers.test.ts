import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { Consumers, type FeedConsumer } from './consumers.ts';

const clock = new FakeClock();
const asks = (authorization?: string): Parameters<Consumers['whoAsks']>[0] =>
  ({ headers: { authorization }, socket: {} }) as never;
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

/** Of one firewall each; `read` is told of each reading of a secret. */
function crowd(count: number, read: (of: string) => void): FeedConsumer[] {
  return Array.from({ length: count }, (_, at): FeedConsumer => {
    const text = (word: string) => () => {
      read(`${word}${at}`);
      return Promise.resolve(`${word}${at}`);
    };
    return {
      name: `consumer ${at}`,
      firewall: `edge-${at}`,
      auth:
        at % 2 === 0
          ? { kind: 'Basic', username: text('name'), password: text('password') }
          : { kind: 'Bearer', token: text('token') },
    };
  });
}

test('whoever asks, and however often, secrets are read once a second', async () => {
  const read: string[] = [];
  const consumers = new Consumers(
    crowd(10, (of) => read.push(of)),
    clock,
  );
  for (const shown of [undefined, basic('a:guess'), 'Bearer guess', 'Digest x', basic('name4:password4')])
    await Promise.all([consumers.whoAsks(asks(shown), true), consumers.whoAsks(asks(shown), true)]);
  expect(read).toHaveLength(15);
  clock.advance(1_000);
  await consumers.whoAsks(asks('Bearer guess'), true);
  expect(read).toHaveLength(30);
});

test('each is known by its own, and by nothing else', async () => {
  const consumers = new Consumers(
    crowd(4, () => undefined),
    clock,
  );
  const who = async (shown: string): Promise<string | undefined> => (await consumers.whoAsks(asks(shown), true))?.name;
  expect(await who(basic('name2:password2'))).toBe('consumer 2');
  expect(await who('bearer   token3')).toBe('consumer 3');
  const wrong = [
    'Bearer token2',
    'Basic token3',
    'token3',
    basic('name2:password0'),
    basic(':'),
    'Bearer ',
    'Bearer',
    '',
  ];
  for (const shown of wrong) expect(await who(shown)).toBeUndefined();
});

test('where the secret of one cannot be read nobody of its scheme is turned away, and all others are as ever', async () => {
  const rest = crowd(2, () => undefined);
  const token = (): Promise<string> => Promise.reject(new Error('it is being replaced'));
  const broken: FeedConsumer = { name: 'broken', firewall: 'edge', auth: { kind: 'Bearer', token } };
  const consumers = new Consumers([broken, ...rest], clock);
  await expect(consumers.whoAsks(asks('Bearer guess'), true)).rejects.toThrow('being replaced');
  expect(await consumers.whoAsks(asks('Bearer token1'), true)).toBe(rest[1]);
  expect(await consumers.whoAsks(asks(basic('name0:guess')), true)).toBeUndefined();
});
