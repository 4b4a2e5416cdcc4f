import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sealed } from '../../../test/kit/record-on-disk.ts';
import { tries } from '../../../test/kit/runs.ts';
import { atOnce } from '../../base/pieces.ts';
import { SealChain, sealedLength, sealedLines } from './sealed-text.ts';

const lengthOf = (text: string): number | undefined => atOnce(sealedLength(text));
/** Lines as a record has them, the longest characters and halves of them too. */
const line = fc.oneof(
  fc.stringMatching(/^[a-z[\]"]{0,9}$/),
  fc.constantFrom('', 'ä', '漢😀', '\ud800', 'a=', '\r', '\0'),
);
const block = fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => lines.map((one) => `${one}\n`).join(''));
const blocks = fc.array(block, { minLength: 1, maxLength: 4 });

test('what was sealed is read back, line by line', () => {
  fc.assert(
    fc.property(blocks, (parts) => {
      const text = sealed(...parts);
      expect(lengthOf(text)).toBe(text.length);
      expect([...sealedLines(text, text.length)].map((one) => `${one}\n`).join('')).toBe(parts.join(''));
    }),
    tries(100, 20),
  );
});

test('a text that breaks off anywhere ends with its last whole seal, whatever it is cut into', () => {
  fc.assert(
    fc.property(blocks, (parts) => {
      const text = sealed(...parts);
      const ends = parts.map((_, at) => sealed(...parts.slice(0, at + 1)).length);
      for (let length = 0; length <= text.length; length++) {
        const expected = Math.max(0, ...ends.filter((end) => end <= length));
        for (const rest of ['', '\0\0', '[half'])
          expect([length, lengthOf(text.slice(0, length) + rest)]).toEqual([length, expected]);
      }
    }),
    tries(60, 20),
  );
});

test('a block that is left out, changed, doubled or moved is found', () => {
  const [a, b, c] = ['one\n', 'two\n', 'three\n'];
  const text = sealed(a, b, c);
  const [first, second, third] = [0, 1, 2].map((at) => text.match(/[^=]*=.*\n/g)?.[at] ?? '');
  expect(`${first}${second}${third}`).toBe(text);
  const broken = [
    `${second}${third}`,
    `${first}${third}`,
    `${first}${third}${second}`,
    `${first}${first}${second}`,
    `${first}more\n${second}`,
    text.replace('two', 'too'),
    text.replace('two\n', ''),
    text.replace('\n=', '\n=0'),
    `${text}=\n`,
    '=\n',
  ];
  expect(broken.map(lengthOf)).toEqual(broken.map(() => undefined));
});

test('texts are sealed alike in whatever chunks they come', () => {
  const [whole, chunks] = [new SealChain(), new SealChain()];
  whole.add('one\ntwo\nthree\n');
  for (const chunk of ['one\n', 'two\nthree\n']) chunks.add(chunk);
  expect(chunks.end()).toBe(whole.end());
  expect(chunks.end()).toBe(whole.end());
});
