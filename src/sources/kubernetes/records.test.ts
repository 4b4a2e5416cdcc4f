import { expect, test } from 'vitest';
import { Undecodable } from './undecodable.ts';
import { Frames, Lines } from './records.ts';

const MIB = 1024 * 1024;

test('an event that never ends does not fill the memory', () => {
  const lines = new Lines();
  const chunk = Buffer.alloc(MIB, 'x');
  let taken = 0;
  expect(() => {
    for (; taken < 64; taken++) for (const line of lines.push(chunk)) expect.fail(String(line.length));
  }).toThrow(Undecodable);
  expect(taken).toBe(32);
});

test('a frame that says to be too long is refused before it comes', () => {
  expect(() => [...new Frames().push(Uint8Array.of(0xff, 0, 0, 0))]).toThrow(Undecodable);
});

test('empty lines are nothing, and several records in one chunk are several', () => {
  const lines = [...new Lines().push(Buffer.from('\na\n\nbc\nd'))];
  expect(lines.map(String)).toEqual(['a', 'bc']);
  expect([...new Frames().push(Uint8Array.of(0, 0, 0, 1, 7, 0, 0, 0, 2, 8, 9))].map((frame) => [...frame])).toEqual([
    [7],
    [8, 9],
  ]);
});
