import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import type { HeapGrowth } from '../../test/kit/heap-growth.ts';

const PROGRAM = join(import.meta.dirname, '../../test/kit/heap-growth.ts');

test('what is estimated is what the heap grows by, within a factor of two', () => {
  const words = ['--expose-gc', '--import', 'tsx', PROGRAM];
  const growth = JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' })) as HeapGrowth;
  const { inventory, engine, border, source, firewalls } = growth.estimated;
  expect(growth.members).toBe(growth.pods);
  expect((inventory + engine + border) / growth.world).toBeGreaterThan(0.5);
  expect((inventory + engine + border) / growth.world).toBeLessThan(2);
  expect(source / growth.source).toBeGreaterThan(0.5);
  expect(source / growth.source).toBeLessThan(2);
  // Nothing is confirmed where no worker is.
  expect(firewalls).toBe(0);
});
