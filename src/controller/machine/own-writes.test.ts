import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { type Commit, CommitReader } from '../../firewalls/nftables/reading/monitor-lines.ts';
import type { Outcome, Transport } from '../../firewalls/nftables/reach/transport.ts';
import { OwnWrites } from './own-writes.ts';

const signal = new AbortController().signal;
const commit = (...lines: readonly string[]): Commit => {
  const reader = new CommitReader(['firewall', 'nat']);
  for (const line of lines) reader.read(line);
  const done = reader.read('# new generation 7 by process 42 (nft)');
  if (done === undefined) throw new Error('no commit');
  return done;
};
const rule = commit('add rule inet firewall forward accept');
const element = (address: string): Commit =>
  commit('add set inet firewall s { type ipv4_addr; } ', `add element inet firewall s { ${address} }`);
const add = (address: string) => [{ change: 'add', set: 's', element: address }] as const;
const done = (): Promise<void> => Promise.resolve();
const ending = (code: number): Transport => ({
  name: 'fake',
  run: () => Promise.reject(new Error('not here')),
  start: () => {
    throw new Error('not here');
  },
  runWithFile: (): Promise<Outcome> => Promise.resolve({ code, stdout: '', stderr: '' }),
});

test('of others is what was not ours, by its elements', async () => {
  const own = new OwnWrites(new FakeClock());
  expect(own.takes(element('192.0.2.1'))).toBe(false);
  await own.changing(add('192.0.2.1'), done);
  await own.changing(add('192.0.2.2'), done);
  expect(own.takes(element('192.0.2.9'))).toBe(false);
  expect(own.takes(rule)).toBe(false);
  expect(own.takes(commit('delete element inet firewall s { 192.0.2.1 }'))).toBe(false);
  expect([own.takes(element('192.0.2.1')), own.takes(element('192.0.2.1'))]).toEqual([true, false]);
  expect(own.takes(element('192.0.2.2'))).toBe(true);
});

test('several elements are ours in whatever order they are told', async () => {
  const own = new OwnWrites(new FakeClock());
  await own.changing([...add('192.0.2.2'), ...add('192.0.2.1')], done);
  expect(own.takes(element('192.0.2.1, 192.0.2.2'))).toBe(true);
});

test('a file is one transaction, whatever it does; one that nft refused or only checked is none', async () => {
  const own = new OwnWrites(new FakeClock());
  await own.around(ending(0)).runWithFile('nft', ['-f'], '', signal);
  expect([own.takes(rule), own.takes(rule)]).toEqual([true, false]);
  await own.around(ending(1)).runWithFile('nft', ['-f'], '', signal);
  await own.around(ending(0)).runWithFile('nft', ['-c', '-f'], '', signal);
  expect(own.takes(rule)).toBe(false);
  const gone = { ...ending(0), runWithFile: () => Promise.reject(new Error('gone')) };
  await expect(own.around(gone).runWithFile('nft', ['-f'], '', signal)).rejects.toThrow('gone');
  expect(own.takes(rule)).toBe(false);
  await own.changing(add('192.0.2.1'), () => Promise.reject(new Error('refused'))).catch(() => {});
  expect(own.takes(element('192.0.2.1'))).toBe(false);
});

test('what is told of before it is known to be done is ours, and what nobody tells of is forgotten', async () => {
  const clock = new FakeClock();
  const own = new OwnWrites(clock);
  let end = (): void => {};
  const running = own.changing(add('192.0.2.1'), () => new Promise((resolve) => (end = resolve)));
  expect(own.takes(element('192.0.2.1'))).toBe(true);
  end();
  await running;
  expect(own.takes(element('192.0.2.1'))).toBe(false);
  await own.changing(add('192.0.2.2'), done);
  clock.advance(5_001);
  expect(own.takes(element('192.0.2.2'))).toBe(false);
  await own.changing(add('192.0.2.3'), done);
  own.forget();
  expect(own.takes(element('192.0.2.3'))).toBe(false);
});

test('who listens does not while something large is written, whatever becomes of it', async () => {
  const own = new OwnWrites(new FakeClock());
  const told: string[] = [];
  const work = (word: string) => () => Promise.resolve(void told.push(word));
  await own.flooding(true, work('nobody listens'));
  own.listener = { pause: () => Promise.resolve(void told.push('pause')), resume: () => void told.push('resume') };
  await own.flooding(false, work('small'));
  await own.flooding(true, work('large'));
  await expect(own.flooding(true, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  expect(told).toEqual(['nobody listens', 'small', 'pause', 'large', 'resume', 'pause', 'resume']);
});
