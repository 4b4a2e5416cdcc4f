import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command, type Ended, rememberIn } from '../../test/kit/commands.ts';
import { paymentsWorld } from '../../test/kit/payments-world.ts';
import { ACCOUNT } from '../firewalls/panos/lab.fixture.ts';
import { type Border, startBorder } from '../firewalls/panos/panorama-lab.fixture.ts';

let folder: string;
let border: Border;
let forget: () => void;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-panorama-'));
  forget = rememberIn(join(folder, 'state'));
  border = await startBorder();
  const { panorama } = border;
  writeFileSync(join(folder, 'credentials'), `user: ${ACCOUNT.name}\npassword: ${ACCOUNT.password}\n`);
  writeFileSync(
    join(folder, 'border.yaml'),
    `apiVersion: sallyport.dev/v1alpha1
kind: BorderFirewall
metadata: { name: edges }
spec:
  driver: panos
  mode: Enforce
  address: ${panorama.url}
  credentialsRef: { file: ${join(folder, 'credentials')} }
  tls: { pin: "${panorama.fingerprint}" }
  options:
    deviceGroup: edge
    zones: { from: [k8s], to: [internet] }
    position: { before: rest }
    form: Full
    securityProfile: none
    log: All
  workloads: {}
---
apiVersion: sallyport.dev/v1alpha1
kind: AddressGroup
metadata: { name: payments }
spec: { namespaceSelector: all(), selector: app == 'payments' }
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
}, 60_000);
afterAll(async () => {
  forget();
  rmSync(folder, { recursive: true, force: true });
  await border[Symbol.asyncDispose]();
});

const run = (...words: readonly string[]): Promise<Ended> =>
  command(...words, '-f', join(folder, 'border.yaml'), '--cluster', 'shop');

/** What each firewall does with a packet of the pod. */
function passages(destinationPort: number): readonly (readonly [string, readonly string[] | undefined])[] {
  const flow = { source: '10.244.0.5', destination: '203.0.113.7', protocol: 'tcp' } as const;
  return border.firewalls.map((firewall) => {
    const { verdict, translation } = firewall.passes({ ...flow, destinationPort, from: 'k8s', to: 'internet' });
    return [verdict, translation?.sources];
  });
}

// One story: each step needs the one before.
test('plan, apply, plan again, flow, doctor, leave', async () => {
  const { panorama, firewalls } = border;
  const dumps = (): readonly string[] => [panorama, ...firewalls].map((one) => one.dump());
  const bare = dumps();
  const planned = await run('plan');
  expect(planned.code, planned.text).toBe(2);
  expect(planned.text).toContain('note: edges: no documented call of PAN-OS ends single sessions');
  expect(planned.text).toMatch(/before ours: .*first/);
  expect(dumps()).toEqual(bare);

  const applied = await run('apply');
  expect(applied.code, applied.text).toBe(0);
  for (const told of passages(443)) expect(told).toEqual(['pass', ['198.51.100.20']]);
  for (const [verdict] of passages(80)) expect(verdict).not.toBe('pass');
  // Members are registered at each firewall, by its serial.
  for (const firewall of firewalls) expect(firewall.dumpRegistered()).toMatch(/^10\.244\.0\.5 .*\.payments/m);

  const again = await run('plan');
  expect(again.code, again.text).toBe(0);
  const asked = await run('flow', '--from', 'shop/payments-1', '--to', '203.0.113.7', '--port', '443', '--devices');
  expect(asked.text).toContain('to 198.51.100.20, by SourceNAT/bank');
  const examined = await run('doctor');
  expect(examined.text).toMatch(/edges .*panorama/i);
  const rendered = await run('render');
  expect(rendered.text).toContain('<translated-address><member>198.51.100.20</member>');

  const left = await run('uninstall', 'edges', '--yes');
  expect(left.code, left.text).toBe(0);
  expect(panorama.dump()).toBe(bare[0]);
  for (const firewall of firewalls) expect(firewall.dumpRegistered()).not.toMatch(/\.payments/);
  for (const { text } of [planned, applied, again, asked, examined, rendered, left])
    expect(text).not.toContain(`${ACCOUNT.password}"`);
}, 240_000);
