import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { bundle } from '../../scripts/build.ts';
import { ToldPage } from '../kit/told-page.ts';

/** Pages that a reader follows with the hands on the keys. */
const pages = [
  'docs/tutorial/first-border.md',
  'docs/how-to/firewall-machine.md',
  'docs/how-to/nftables.md',
  'docs/how-to/policy-test-in-ci.md',
  'docs/how-to/revoke-and-nat.md',
];
/** The namespace that they work in. */
const TRY = 'sallyport-try';

const build = mkdtempSync(join(tmpdir(), 'sallyport-build-'));
beforeAll(() => bundle(build));
afterAll(() => rmSync(build, { recursive: true, force: true }));
afterEach(() => {
  try {
    execFileSync('ip', ['netns', 'del', TRY], { stdio: 'ignore' });
  } catch {
    // The page did it.
  }
});

test.each(pages)('%s does what it says', async (page) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-page-'));
  try {
    const told = new ToldPage(page, folder, build);
    await told.follow();
    expect(told.complaints.join('\n\n')).toBe('');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
