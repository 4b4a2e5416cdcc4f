import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command } from '../../test/kit/commands.ts';

const WORLD = `
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Pod, metadata: {name: till-1, namespace: shop, labels: {app: till}}, spec: {nodeName: a}, status: {phase: Running, podIP: 10.1.0.1}}
---
{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {name: security}, spec: {order: 5}}
---
{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: tills, namespace: shop}, spec: {order: 10, egress: [{action: Allow}]}}
---
{apiVersion: projectcalico.org/v3, kind: StagedNetworkPolicy, metadata: {name: tills, namespace: shop}, spec: {order: 5, selector: app == 'till', egress: [{action: Deny, destination: {selector: app == 'till'}}]}}
---
{apiVersion: projectcalico.org/v3, kind: StagedGlobalNetworkPolicy, metadata: {name: old}, spec: {tier: security, stagedAction: Delete}}
---
{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: bank}, spec: {tier: Admin, priority: 7, subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [203.0.113.0/24]}]}]}}
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-staged-'));
  writeFileSync(join(folder, 'world.yaml'), WORLD);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...words: readonly string[]): Promise<string> {
  const { code, out } = await command(...words, '-f', join(folder, 'world.yaml'));
  expect(code).toBe(0);
  return `> ${words.join(' ')}\n${out}\n`;
}

test('staged policies are shown where they would stand, with what enforcing them would do', async () => {
  const text = [
    await run('endpoint', 'till'),
    await run('policy', 'shop/tills'),
    await run('policy', 'old'),
    await run('policy', 'bank'),
    await run('policy', 'StagedNetworkPolicy/shop/tills', '-o', 'json'),
  ].join('\n');
  await expect(text).toMatchFileSnapshot('golden/staged.txt');
});
