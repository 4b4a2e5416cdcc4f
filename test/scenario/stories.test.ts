import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { describe, test } from 'vitest';
import { STORIES, runScenario } from './run.ts';
import { readScenario } from './text.ts';

describe('stories on a firewall in memory', () => {
  for (const name of readdirSync(STORIES)
    .filter((one) => one.endsWith('.txt'))
    .sort()) {
    const scenario = readScenario(relative(process.cwd(), join(STORIES, name)));
    test(`${name}: ${scenario.title}`, () => runScenario(scenario));
  }
});
