import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command } from '../../test/kit/commands.ts';

async function run(...words: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  const { code, out } = await command(...words);
  return { code, out: `${out}\n` };
}

const SHOP = 'examples/shop';
const MISTAKES = 'src/cli/golden/lint-world.yaml';
const FAILING = 'src/cli/golden/failing.expect';
let changed: string;

/** The shop after a change that looks harmless: mail is no longer stopped, and the sandbox is gone. */
beforeAll(() => {
  changed = mkdtempSync(join(tmpdir(), 'sallyport-diff-'));
  cpSync(SHOP, changed, { recursive: true });
  rmSync(join(changed, '30-pods-sandbox.yaml'));
  const policy = join(changed, '50-cluster-policy.yaml');
  writeFileSync(policy, readFileSync(policy, 'utf8').replace('ports: [25, 465, 587]', 'ports: [25, 465]'));
});
afterAll(() => rmSync(changed, { recursive: true, force: true }));

describe('connections', () => {
  test('are told by workload', async () => {
    const { code, out } = await run('connections', '-f', SHOP);
    expect(code).toBe(0);
    await expect(out).toMatchFileSnapshot('golden/connections.txt');
  });

  test('of one end alone, on request', async () => {
    const { out } = await run('connections', '--from', 'shop/web', '--to', '198.51.100.', '-f', SHOP);
    expect(out).toMatch(
      /^Deployment\/shop\/web\n {2}-> 198\.51\.100\.0\/25: TCP 443 \(IPv4 only\)\n1 group of connections;/,
    );
  });
});

describe('diff', () => {
  test('tells what is gained and lost, in the cluster and at the border', async () => {
    const { code, out } = await run('diff', SHOP, changed);
    expect(code).toBe(2);
    await expect(out).toMatchFileSnapshot('golden/diff.txt');
  });

  test('of a world with itself is nothing', async () => {
    expect(await run('diff', SHOP, SHOP)).toEqual({ code: 0, out: 'The two worlds allow the same.\n' });
  });

  test('there and back change sides', async () => {
    const json = async (...paths: readonly string[]) =>
      JSON.parse((await run('diff', ...paths, '-o', 'json')).out) as Record<
        'gained' | 'lost' | 'come' | 'gone',
        object
      >;
    const there = await json(SHOP, changed);
    const back = await json(changed, SHOP);
    expect([back.gained, back.lost, back.come, back.gone]).toEqual([there.lost, there.gained, there.gone, there.come]);
  });
});

describe('lint', () => {
  test('tells what is probably not meant, with its place', async () => {
    const { code, out } = await run('lint', '-f', MISTAKES);
    expect(code).toBe(2);
    await expect(out).toMatchFileSnapshot('golden/lint.txt');
  });

  test('finds nothing in the shop', async () => {
    expect(await run('lint', '-f', SHOP)).toEqual({ code: 0, out: '0 findings\n' });
  });
});

test('lines of all of them keep to 100 columns', async () => {
  for (const words of [
    ['connections', '-f', SHOP],
    ['diff', SHOP, changed],
    ['lint', '-f', MISTAKES],
    ['expect', FAILING, '-f', SHOP],
    ['eval', 'all()', '-f', SHOP],
    ['endpoint', 'shop', '-f', SHOP],
    ['policy', 'security.no-mail', '-f', SHOP],
    ['host', 'node-b', '-f', SHOP],
  ]) {
    const { out } = await run(...words);
    expect(out).not.toBe('\n');
    // A line of the user's own is told as it is.
    const lines = out.split('\n').filter((line) => !line.startsWith('FAILED '));
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
  }
});

test('YAML of all of them says what JSON says, without anchors', async () => {
  for (const words of [
    ['connections', '-f', SHOP],
    ['diff', SHOP, changed],
    ['expect', FAILING, '-f', SHOP],
    ['endpoint', 'shop', '-f', SHOP],
  ]) {
    const { out } = await run(...words, '-o', 'yaml');
    expect(out).not.toMatch(/[:-] [&*]a\d/);
    expect(parse(out)).toEqual(JSON.parse((await run(...words, '-o', 'json')).out));
  }
});
