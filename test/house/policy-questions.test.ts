import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { expect, test } from 'vitest';
import * as engine from '../../src/engine/index.ts';
import { splitMarkdown } from '../kit/markdown.ts';

const page = 'docs/how-to/ask-about-policies.md';

test(`${page}: every answer is what the library says`, () => {
  const { fences } = splitMarkdown(readFileSync(join(import.meta.dirname, '../..', page), 'utf8'));
  const code = fences
    .filter(({ language }) => language === 'ts')
    .map(({ text }) => text.replaceAll(/^import .*$/gm, ''));
  const context = createContext({ ...engine });
  const told: string[] = [];
  const found: string[] = [];
  let pending = '';
  for (const line of code.join('\n').split('\n')) {
    const [, question, answer] = /^(\S.*); \/\/ (.*)$/.exec(line) ?? [];
    if (question === undefined || answer === undefined) {
      pending += `${line}\n`;
      continue;
    }
    runInContext(pending, context);
    pending = '';
    told.push(`${question} ${answer}`);
    found.push(`${question} ${JSON.stringify(runInContext(question, context))}`);
  }
  expect(found).toEqual(told);
  expect(told.length).toBeGreaterThan(5);
});
