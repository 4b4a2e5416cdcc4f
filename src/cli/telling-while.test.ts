import { expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { tellingWhile } from './telling-while.ts';

test('nothing is said of what is done within a second, and of what takes longer every ten seconds, until it is done', () => {
  const clock = new FakeClock();
  const said: string[] = [];
  const terminal = { err: (line: string) => void said.push(line) };
  {
    using _quick = tellingWhile(terminal, 'edge-1: make our table', clock);
    clock.advance(900);
  }
  clock.advance(60_000);
  expect(said).toEqual([]);
  {
    using _slow = tellingWhile(terminal, 'edge-1: rules change', clock);
    clock.advance(1_000);
    clock.advance(9_000);
    expect(said).toEqual(['edge-1: rules change: under way for 1 s']);
    clock.advance(1_000);
  }
  clock.advance(60_000);
  expect(said).toEqual(['edge-1: rules change: under way for 1 s', 'edge-1: rules change: under way for 11 s']);
});
