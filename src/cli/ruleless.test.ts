import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { command, rememberIn } from '../../test/kit/commands.ts';

const CLUSTER = `
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: pods}, spec: {cidr: 10.1.0.0/16}}
---
{apiVersion: v1, kind: Pod, metadata: {name: till-1, namespace: shop}, spec: {nodeName: a}, status: {phase: Running, podIP: 10.1.0.1}}
---
{apiVersion: sallyport.dev/v1alpha1, kind: ClusterBorderPolicy, metadata: {name: closed}, spec: {selector: all(), namespaceSelector: all(), egress: [{action: Deny}]}}
---
{apiVersion: sallyport.dev/v1alpha1, kind: SourceNAT, metadata: {name: out}, spec: {selector: all(), namespaceSelector: all(), destination: {}, translate: {address: 192.0.2.9}}}
---
`;
const firewall = (spec: string): string =>
  `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge}, spec: {workloads: {}, ${spec}}}\n`;
const FEED = firewall('driver: feed, address: feeds');
const fortigate = (options: string): string =>
  firewall(
    `driver: fortigate, address: "https://192.0.2.1", credentialsRef: {env: NONE}, tls: {pin: "${'00'.repeat(32)}"}, options: {${options}}`,
  );
const FORTIGATE = fortigate('');
const WITH_RULES = fortigate('zones: {from: [a], to: [b]}, position: First');
const HALVES = [fortigate('zones: {from: [a], to: [b]}'), fortigate('position: First')] as const;

let folder: string;
let forget: () => void;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-ruleless-'));
  forget = rememberIn(join(folder, 'state'));
});
afterEach(() => {
  forget();
  rmSync(folder, { recursive: true, force: true });
});

function world(border: string): string {
  const file = join(folder, 'world.yaml');
  writeFileSync(file, `${CLUSTER}${border}`);
  return file;
}

const ask = (border: string, from: string, ...more: readonly string[]): ReturnType<typeof command> =>
  command('flow', '-f', world(border), '--from', from, '--to', '203.0.113.1', '--port', '443', ...more);

describe.each([
  ['lists that are fetched', FEED],
  ['a FortiGate of which nobody said where rules would stand', FORTIGATE],
  ['a FortiGate of which one half of that was said', HALVES[0]],
  ['a FortiGate of which the other half was said', HALVES[1]],
])('%s', (_, border) => {
  test('what policies say is not told as what it does', async () => {
    const { code, out } = await ask(border, 'shop/till-1');
    expect(out).toContain('our block  passes: this firewall gets no rules of ours; those of its owner decide');
    expect(out).not.toMatch(/closed|192\.0\.2\.9|would change/);
    expect(code).toBe(0);
  });

  test('nor does it drop unknown senders', async () => {
    expect((await ask(border, '10.1.0.200')).code).toBe(0);
  });

  test('nor does it act differently where they change', async () => {
    const before = join(folder, 'before.yaml');
    writeFileSync(before, `${CLUSTER.replace('Deny', 'Allow')}${border}`);
    const { code, out } = await command('diff', before, world(border));
    expect(out).toBe('The two worlds allow the same.');
    expect(code).toBe(0);
  });

  test('no expectation is met by what it would do', async () => {
    const expectations = join(folder, 'policy.expect');
    const met = async (text: string): Promise<boolean> => {
      writeFileSync(expectations, `${text}\n`);
      return (await command('expect', expectations, '-f', world(border))).code === 0;
    };
    expect(await met('deny shop/till-1 -> 203.0.113.1:443/TCP via edge')).toBe(false);
    expect(await met('deny shop/till-1 -> 203.0.113.1:443/TCP')).toBe(false);
    expect(await met('allow shop/till-1 -> 203.0.113.1:443/TCP via edge')).toBe(false);
  });
});

test('a FortiGate with a place for rules is judged by them', async () => {
  const { code, out } = await ask(WITH_RULES, 'shop/till-1');
  expect(out).toContain('dropped by ClusterBorderPolicy/closed rule 0');
  expect(code).toBe(2);
});

test('what rules of its owner do to whoever is in a list is unknown, and not "none"', async () => {
  const { out, code } = await ask(FEED, 'shop/till-1', '--devices', '--cluster', 'try');
  expect(out).toMatch(/^UNKNOWN /);
  expect(out).toContain('others     unknown: they cannot be read from here');
  expect(code).toBe(1);
});
