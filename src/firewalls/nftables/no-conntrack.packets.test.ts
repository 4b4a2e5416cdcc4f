import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Namespace, Namespaces } from '../../../test/kit/netns.ts';

/** In a mount namespace of its own the folder of the administrator's programs holds nft and ip alone. */
const WITHOUT = 'cp -L "$(command -v nft)" "$(command -v ip)" "$0" && mount --bind "$0" /usr/sbin && exec "$@"';

let world: Namespaces;
let router: Namespace;
let folder: string;

beforeAll(async () => {
  world = await Namespaces.open();
  router = await world.add('bare', { forwarding: true });
  folder = mkdtempSync(join(tmpdir(), 'sallyport-bare-'));
  mkdirSync(join(folder, 'programs'));
  cpSync('examples/shop', join(folder, 'shop'), { recursive: true });
  edit('address: local', `address: netns:${router.name}`);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await world.close();
});

function edit(from: string, to: string): void {
  const border = join(folder, 'shop/60-border.yaml');
  const text = readFileSync(border, 'utf8');
  expect(text).toContain(from);
  writeFileSync(border, text.replaceAll(from, to));
}

function apply(): { readonly status: number | null; readonly stderr: string } {
  const command = [process.execPath, '--import', 'tsx', 'src/cli/main.ts', 'apply'];
  const words = [...command, '-f', join(folder, 'shop'), '--cluster', 'shop'];
  const env = { ...process.env, STATE_DIRECTORY: join(folder, 'state') };
  return spawnSync('unshare', ['--mount', 'sh', '-c', WITHOUT, join(folder, 'programs'), ...words], {
    encoding: 'utf8',
    env,
  });
}

test('without conntrack a right is taken away all the same, its senders stay under watch, and it is said', async () => {
  expect(apply()).toMatchObject({ status: 1, stderr: expect.stringContaining('PROGRAM_MISSING') as string });
  expect(await router.must('nft', ['list', 'tables'])).toContain('table inet sallyport');
  // The backup's mirror moves to another port: what is open to the old one must not go on unjudged.
  edit('ports: [80]', 'ports: [81]');
  const { status, stderr } = apply();
  expect(status).toBe(1);
  expect(stderr).toContain('the program "conntrack" is not installed here');
  expect(await router.must('nft', ['list', 'set', 'inet', 'sallyport', 'recheck4'])).toContain('10.60.2.32');
});
