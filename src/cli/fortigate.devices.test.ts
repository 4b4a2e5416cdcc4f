import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FortiGate } from '../../simulators/fortigate/index.ts';
import { command, type Ended, rememberIn } from '../../test/kit/commands.ts';
import { paymentsWorld } from '../../test/kit/payments-world.ts';
import { PATIENCE_MS } from '../../test/kit/runs.ts';

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

/** A border with rules and a translation between a rule of somebody else that denies and one that allows. */
function rulesBorder(): string {
  const path = join(folder, 'rules.yaml');
  writeFileSync(
    path,
    `apiVersion: sallyport.dev/v1alpha1
kind: BorderFirewall
metadata: { name: edge-9 }
spec:
  driver: fortigate
  mode: Enforce
  address: ${device.url}
  credentialsRef: { file: ${join(folder, 'token')} }
  tls: { pin: "${device.fingerprint}" }
  options:
    zones: { from: [port2], to: [port1] }
    position: { before: rest }
    form: Full
    securityProfile: none
    log: All
  workloads: {}
---
apiVersion: sallyport.dev/v1alpha1
kind: SourceNAT
metadata: { name: bank }
spec:
  namespaceSelector: all()
  selector: app == 'payments'
  destination: { nets: [203.0.113.0/24] }
  translate: { address: 198.51.100.20 }
---
${paymentsWorld}`,
  );
  return path;
}

// One story: each step needs the one before.
test(
  'rules among those of somebody else: plan, apply, plan again, flow, doctor, render, leave',
  async () => {
    const { hand } = device;
    hand.settings('system/settings', { 'central-nat': 'enable' });
    hand.create('firewall/address', { name: 'guests', subnet: '192.0.2.0/24' });
    const between = { srcintf: [{ name: 'port2' }], dstintf: [{ name: 'port1' }], schedule: 'always' };
    const from = (source: string): object => ({
      srcaddr: [{ name: source }],
      dstaddr: [{ name: 'all' }],
      service: [{ name: 'ALL' }],
    });
    hand.create('firewall/policy', { ...between, name: 'first', ...from('guests'), action: 'deny' });
    hand.create('firewall/policy', { ...between, name: 'rest', ...from('all'), action: 'accept' });
    const bare = device.dump();
    const manifests = rulesBorder();
    const said: string[] = [];
    const ask = async (...words: readonly string[]): Promise<Ended> => {
      const ended = await command(...words, '-f', manifests, '--cluster', 'shop');
      said.push(ended.text);
      return ended;
    };
    const bank = ['flow', '--from', 'shop/payments-1', '--to', '203.0.113.7', '--devices', '--port'];

    const planned = await ask('plan');
    expect(planned.code, planned.text).toBe(2);
    expect(planned.text).toMatch(/before ours: .*first/);
    expect(planned.text).toMatch(/after ours: .*rest/);
    expect(device.dump()).toBe(bare);

    expect((await ask('apply')).code, said.at(-1)).toBe(0);
    const flow = { source: '10.244.0.5', destination: '203.0.113.7', protocol: 6, from: 'port2', to: 'port1' };
    const allowed = device.wouldPass({ ...flow, destinationPort: 443 });
    expect(allowed).toMatchObject({ verdict: 'accept', source: { ranges: ['198.51.100.20-198.51.100.20'] } });
    expect(device.wouldPass({ ...flow, destinationPort: 80 }).verdict).toBe('deny');
    expect((await ask('plan')).code, said.at(-1)).toBe(0);

    // All rules together decide, whosever they are; what depends on who sends cannot be known.
    const answers = [await ask(...bank, '443'), await ask(...bank, '80')];
    expect(answers.map(({ code }) => code)).toEqual([0, 2]);
    const staff = hand.create('firewall/policy', {
      ...between,
      name: 'staff',
      ...from('all'),
      action: 'deny',
      groups: [{ name: 'staff' }],
    });
    hand.move('firewall/policy', staff, 'before', hand.keys('firewall/policy')[0] ?? '');
    answers.push(await ask(...bank, '443'), await ask(...bank, '80'));
    hand.set('firewall/policy', staff, { groups: [], dstaddr: [{ name: 'guests' }], 'dstaddr-negate': 'enable' });
    answers.push(await ask(...bank, '443'));
    hand.set('firewall/policy', staff, { action: 'accept', 'utm-status': 'enable', 'av-profile': 'default' });
    answers.push(await ask(...bank, '80'));
    hand.delete('firewall/policy', staff);
    expect(answers.slice(2).map(({ code }) => code)).toEqual([1, 2, 2, 0]);
    await expect(answers.map(({ out }) => out).join('\n')).toMatchFileSnapshot('golden/flow-fortigate.txt');
    const asJson = await ask(...bank, '443', '-o', 'json');
    expect(JSON.parse(asJson.out)).toMatchObject({
      families: [
        { border: [{ outcome: 'passes', hops: [{ device: { outcome: 'passes', deciders: [{ by: 'ours' }] } }] }] },
      ],
    });
    expect((await ask('doctor')).text).toMatch(/edge-9 .*forti/i);
    expect((await ask('render')).text).toContain('198.51.100.20');

    const left = await ask('uninstall', 'edge-9', '--yes');
    expect(left.code, left.text).toBe(0);
    expect(device.dump()).toBe(bare);
    expect(said.join()).not.toContain(device.token);
  },
  PATIENCE_MS,
);
