import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { expect, test } from 'vitest';
import { errorLine, lineSchemas } from './output-schemas.ts';

const SHOP = ['-f', 'examples/shop'];
const CHECKOUT = 'payments/checkout-6d4b7c9f5-mfdcs';

/** For each command with `--stdin` a line that has an answer. */
const questions: Readonly<Record<keyof typeof lineSchemas, object>> = {
  eval: { selector: "app == 'web'" },
  flow: { from: CHECKOUT, to: '203.0.113.10', port: 443 },
};

test.each(Object.keys(lineSchemas) as (keyof typeof lineSchemas)[])('%s --stdin answers as published', (command) => {
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'src/cli/main.ts', command, '--stdin', ...SHOP],
    { input: `${JSON.stringify(questions[command])}\nnot json\n`, encoding: 'utf8' },
  );
  const [answer = '', mistake = '', ...rest] = stdout.split('\n');
  expect(lineSchemas[command].safeParse(JSON.parse(answer)).error?.issues).toBeUndefined();
  expect(errorLine.safeParse(JSON.parse(mistake)).error?.issues).toBeUndefined();
  expect(rest).toEqual(['']);
  expect(status).toBe(1);
});
