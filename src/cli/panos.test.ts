import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PanOs } from '../../simulators/panos/index.ts';
import { command, type Ended, rememberIn } from '../../test/kit/commands.ts';
import { paymentsWorld } from '../../test/kit/payments-world.ts';
import { ACCOUNT, byHand, commitByHand, furnish, startDevice } from '../firewalls/panos/lab.fixture.ts';

let folder: string;
let device: PanOs;
let forget: () => void;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-panos-'));
  forget = rememberIn(join(folder, 'state'));
  device = await startDevice();
  await furnish(device);
  byHand(device, 'set', "/profile-group/entry[@name='strict']", { element: '<virus><member>default</member></virus>' });
  byHand(device, 'set', "/log-settings/profiles/entry[@name='to-siem']", { element: '<match-list/>' });
  await commitByHand(device);
  writeFileSync(join(folder, 'credentials'), `user: ${ACCOUNT.name}\npassword: ${ACCOUNT.password}\n`);
  writeFileSync(
    join(folder, 'border.yaml'),
    `apiVersion: sallyport.dev/v1alpha1
kind: BorderFirewall
metadata: { name: edge-3 }
spec:
  driver: panos
  mode: Enforce
  address: ${device.url}
  credentialsRef: { file: ${join(folder, 'credentials')} }
  tls: { pin: "${device.fingerprint}" }
  options:
    zones: { from: [k8s], to: [internet] }
    position: { before: rest }
    form: Full
    securityProfile: strict
    log: All
    logSetting: to-siem
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
apiVersion: sallyport.dev/v1alpha1
kind: SourceNAT
metadata: { name: bank-six }
spec:
  namespaceSelector: all()
  selector: app == 'payments'
  destination: { nets: ["2001:db8:9::/48"] }
  translate: { address: "2001:db8:ffff::20" }
---
${paymentsWorld}`,
  );
});
afterAll(async () => {
  forget();
  rmSync(folder, { recursive: true, force: true });
  await device[Symbol.asyncDispose]();
});

const run = (...words: readonly string[]): Promise<Ended> =>
  command(...words, '-f', join(folder, 'border.yaml'), '--cluster', 'shop');

// One story: each step needs the one before.
test('plan, apply, plan again, flow, leave', async () => {
  const bare = device.dump();
  const planned = await run('plan');
  expect(planned.code, planned.text).toBe(2);
  expect(planned.text).toContain('note: edge-3: no documented call of PAN-OS ends single sessions');
  expect(planned.text).toContain('before ours: vsys1: first');
  expect(planned.text).toContain('after ours: vsys1: rest');
  expect(planned.text).toMatch(/SourceNAT\/bank-six: PAN-OS cannot say a source translation for IPv6.*NAT64 and NPTv6/);
  expect(device.dump()).toBe(bare);

  const applied = await run('apply');
  expect(applied.code, applied.text).toBe(0);
  const set = device.dumpSetCommands();
  const rules = [...set.matchAll(/security rules (\S+) action/g)].map(([, name = '']) => name);
  expect([rules[0], rules.at(-1)]).toEqual(['first', 'rest']);
  expect(set).toMatch(/rules sp-payments-to-bank\.0-\S+ profile-setting group strict/);
  expect(set).not.toMatch(/rules sp-unknown-\S+ profile-setting/);
  for (const name of rules.slice(1, -1)) expect(set).toContain(`rules ${name} log-setting to-siem`);
  const flow = { source: '10.244.0.5', protocol: 'tcp', from: 'k8s', to: 'internet' } as const;
  expect(device.passes({ ...flow, destination: '203.0.113.7', destinationPort: 443 })).toMatchObject({
    verdict: 'pass',
    translation: { sources: ['198.51.100.20'] },
  });
  expect(device.passes({ ...flow, destination: '203.0.113.7', destinationPort: 80 }).verdict).not.toBe('pass');
  const six = { source: 'fd00:10::5', destination: '2001:db8:9::1', destinationPort: 443 };
  expect(device.passes({ ...flow, ...six }).verdict).not.toBe('pass');

  const again = await run('plan');
  expect(again.code, again.text).toBe(0);
  const asked = await run('flow', '--from', 'shop/payments-1', '--to', '203.0.113.7', '--port', '443', '--devices');
  expect(asked.text).toContain('note: edge-3: no documented call of PAN-OS ends single sessions');
  expect(asked.text).toContain('to 198.51.100.20, by SourceNAT/bank');
  const rendered = await run('render');
  expect(rendered.text).toContain('<translated-address><member>198.51.100.20</member>');

  const left = await run('uninstall', 'edge-3', '--yes');
  expect(left.code, left.text).toBe(0);
  expect(device.dump()).toBe(bare);
  for (const { text } of [planned, applied, again, asked, rendered, left])
    expect(text).not.toContain(`${ACCOUNT.password}"`);
}, 120_000);
