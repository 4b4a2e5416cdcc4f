import { beforeEach, expect, test } from 'vitest';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { SallyportError } from '../../base/error.ts';
import { type Log, silentLog } from '../../base/log.ts';
import { OnThisMachine } from './on-this-machine.ts';

const edge = { name: 'edge', driver: 'nftables', address: 'local' };
const other = { name: 'other', driver: 'nftables', address: 'netns:other' };
const far = { name: 'far', driver: 'nftables', address: 'ssh://far' };

let clock: FakeClock;
let asked: string[];
let changes: number;
let said: unknown[];
/** What this machine answers; absent: nothing, until it is asked no more. */
let answers: Map<string, 'yes' | SallyportError>;
let here: OnThisMachine;

beforeEach(() => {
  clock = new FakeClock();
  asked = [];
  changes = 0;
  said = [];
  answers = new Map();
  const log: Log = { ...silentLog, info: (fields: { readonly code?: unknown }) => void said.push(fields.code) };
  here = new OnThisMachine({
    clock,
    log,
    question: ({ address }) =>
      address.startsWith('ssh:')
        ? undefined
        : (signal) =>
            new Promise((resolve, reject) => {
              asked.push(address);
              const answer = answers.get(address);
              if (answer === 'yes') resolve();
              else if (answer !== undefined) reject(answer);
              signal.addEventListener('abort', () => reject(signal.reason as Error));
            }),
  });
  here.start(() => void changes++);
});

const cannot = (...places: readonly (typeof edge)[]): readonly string[] => [...here.cannot(places)];

test('what is elsewhere can be worked at from everywhere, and nobody is asked', () => {
  expect([cannot(far), asked]).toEqual([[], []]);
});

test('what is on this machine cannot, until the machine says so, once', async () => {
  answers.set('local', 'yes');
  expect(cannot(edge, far, { ...edge, name: 'twin' })).toEqual(['edge', 'twin']);
  await turns();
  expect([changes, cannot(edge, far), asked]).toEqual([1, [], ['local']]);
  // What goes wrong later is for whoever works at it to tell.
  answers.set('local', new SallyportError('DEVICE_RIGHTS', 'gone'));
  await clock.pass(300_000);
  expect([changes, cannot(edge), asked]).toEqual([1, [], ['local']]);
});

test('where it may not, it is asked again, said once for each reason, and taken back when it may', async () => {
  answers.set('local', new SallyportError('DEVICE_RIGHTS', 'not permitted'));
  cannot(edge);
  await clock.pass(100_000);
  expect([cannot(edge), asked.length, said, changes]).toEqual([['edge'], 4, ['DEVICE_RIGHTS'], 0]);
  answers.set('local', new SallyportError('PROGRAM_MISSING', 'no nft'));
  await clock.pass(60_000);
  expect(said).toEqual(['DEVICE_RIGHTS', 'PROGRAM_MISSING']);
  answers.set('local', 'yes');
  await clock.pass(30_000);
  expect([cannot(edge), changes]).toEqual([[], 1]);
});

test('what is wanted no more is asked no more, and anew when it comes back', async () => {
  answers.set('local', new SallyportError('DEVICE_RIGHTS', 'not permitted'));
  cannot(edge, other);
  await turns();
  cannot(far);
  await clock.pass(300_000);
  expect([asked, changes]).toEqual([['local', 'netns:other'], 0]);
  answers.set('local', 'yes');
  expect(cannot(edge)).toEqual(['edge']);
  await turns();
  expect([cannot(edge), asked]).toEqual([[], ['local', 'netns:other', 'local']]);
  here.stop();
  await clock.pass(300_000);
  expect(asked).toHaveLength(3);
});
