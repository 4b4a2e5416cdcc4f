import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FortiGate } from '../../simulators/fortigate/index.ts';
import { command, type Ended, rememberIn } from '../../test/kit/commands.ts';

let folder: string;
let device: FortiGate;
let forget: () => void;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-fortigate-'));
  forget = rememberIn(join(folder, 'state'));
  device = await FortiGate.start({ version: '7.4.8' });
  cpSync('examples/fortigate', join(folder, 'border'), { recursive: true });
  const path = join(folder, 'border/border.yaml');
  const text = readFileSync(path, 'utf8')
    .replace('https://192.0.2.10', device.url)
    .replace(/pin: .*/, `pin: ${device.fingerprint}`)
    .replace('/etc/sallyport/fortigate-1', join(folder, 'token'));
  writeFileSync(path, text);
  writeFileSync(join(folder, 'token'), `token: ${device.token}\n`);
});
afterAll(async () => {
  forget();
  rmSync(folder, { recursive: true, force: true });
  await device[Symbol.asyncDispose]();
});

const run = (...words: readonly string[]): Promise<Ended> =>
  command(...words, '-f', 'examples/shop', '-f', join(folder, 'border'), '--cluster', 'shop');

// One story: each step needs the one before.
test('plan, apply, plan again, leave', async () => {
  const bare = device.dump();
  const planned = await run('plan', '--firewall', 'fortigate-1');
  expect(planned.code, planned.text).toBe(2);
  expect(planned.text).toContain('payments');
  expect(device.dump()).toBe(bare);

  const applied = await run('apply', '--firewall', 'fortigate-1');
  expect(applied.code, applied.text).toBe(0);
  expect(device.dump()).toContain('edit "payments"');

  const again = await run('plan', '--firewall', 'fortigate-1');
  expect(again.code, again.text).toBe(0);

  // The example shop has policies for all firewalls; this one gets groups alone, and says so.
  const rendered = await run('render', '--firewall', 'fortigate-1');
  expect(rendered.code, rendered.text).toBe(1);
  expect(rendered.text).toContain('give options.zones and options.position');
  expect(rendered.text).toContain('"payments"');

  const left = await run('uninstall', 'fortigate-1', '--yes');
  expect(left.code, left.text).toBe(0);
  expect(device.dump()).toBe(bare);
  for (const { text } of [planned, applied, again, rendered, left]) expect(text).not.toContain(device.token);
});
