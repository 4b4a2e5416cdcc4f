import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';

/** Octets of the young generation after much was read that lives, with these calls before. */
function youngAfter(...calls: readonly string[]): number {
  const text = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import * as bounds from ${JSON.stringify(join(import.meta.dirname, 'bound-garbage.ts'))};
    ${calls.map((call) => `bounds.${call}();`).join('')}
    const kept = Array.from({ length: 400_000 }, (_, n) => ({ n }));
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    console.log(kept.length === 0 ? 0 : young.space_available_size + young.space_used_size);`;
  const words = ['--import', 'tsx', '--input-type=module', '-e', text];
  return Number(execFileSync(process.execPath, words, { encoding: 'utf8' }));
}

test('the young generation stays as large as it is when it is bound, and grows again when it is not', () => {
  const [bound, free, untouched] = [youngAfter('boundYoung'), youngAfter('boundYoung', 'letYoungGrow'), youngAfter()];
  expect(bound).toBeLessThan(free / 2);
  expect(free).toBe(untouched);
});
