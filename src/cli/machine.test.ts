import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command } from '../../test/kit/commands.ts';

const root = resolve(import.meta.dirname, '../..');
const example = join(root, 'examples/machine');
const given = ['--objects', join(example, 'objects'), '--facts', join(example, 'install.yaml')];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-machine-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, out, err } = await command(...words);
  const clean = (text: string): string => text.replaceAll(folder, '').replaceAll(root, '');
  return { code, out: clean(out), err: clean(err) };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const config = join(example, 'config.yaml');

describe('a firewall machine on the command line', () => {
  test('render prints the file, without any source being reachable', async () => {
    const { code, out, err } = await run('render', '-c', config, ...given, '--out', '-');
    expect([code, err]).toEqual([0, '']);
    await expect(`${out}\n`).toMatchFileSnapshot('golden/machine.v4');
  });

  test('render writes the same into a file', async () => {
    const out = join(folder, 'rules.v4');
    expect(await run('render', '-c', config, ...given, '--out', out)).toEqual({ code: 0, out: '', err: '' });
    expect(readFileSync(out, 'utf8')).toBe(readFileSync(join(import.meta.dirname, 'golden/machine.v4'), 'utf8'));
  });

  test('into a folder, render writes the base rules and the configuration of FRR as well', async () => {
    const out = join(folder, 'both');
    mkdirSync(out);
    expect(await run('render', '-c', config, ...given, '--out', out)).toEqual({ code: 0, out: '', err: '' });
    expect(readdirSync(out).toSorted()).toEqual(['firewall-controller.v4', 'frr.conf', 'rules']);
    await expect(readFileSync(join(out, 'rules'), 'utf8')).toMatchFileSnapshot('golden/machine-base.rules');
    await expect(readFileSync(join(out, 'frr.conf'), 'utf8')).toMatchFileSnapshot('golden/machine-frr.conf');
  });

  test('validate tells what keeps FRR from being configured, without any FRR', async () => {
    const facts = file(
      'no-asn.yaml',
      readFileSync(join(example, 'install.yaml'), 'utf8').replaceAll(/^ +asn: .*\n/gm, ''),
    );
    const { code, out } = await run('validate', '-c', config, '--objects', join(example, 'objects'), '--facts', facts);
    expect([code, out.split('\n').at(-1)]).toEqual([0, '0 errors, 1 warning']);
    expect(out).toContain('warning FRR_NETWORKS');
    expect(out).toContain('the underlay has no AS number');
  });

  test('validate finds nothing, with objects and without', async () => {
    expect(await run('validate', '-c', config)).toMatchObject({ code: 0, out: '0 errors, 0 warnings' });
    expect(await run('validate', '-c', config, ...given)).toMatchObject({ code: 0, out: '0 errors, 0 warnings' });
  });

  test('`static: {}` is rules that let nothing in or out', async () => {
    const empty = file('empty.yaml', 'sources: { static: {} }\ncontrollers: { firewall: { source: static } }\n');
    const { code, out, err } = await run('render', '-c', empty, '--facts', join(example, 'install.yaml'));
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('policy drop;');
    expect(out).not.toContain('accept traffic');
  });

  test('a source in the file may hold what a Firewall says, used or not', async () => {
    const filled = file(
      'filled.yaml',
      'sources:\n  static:\n    firewall: { size: s, image: i, partition: p, project: q, networks: [internet], userdata: "{}", rateLimits: [{ networkID: internet, rate: 5 }] }\ncontrollers: { firewall: { source: static } }\n',
    );
    const { code, out, err } = await run('render', '-c', filled, '--facts', join(example, 'install.yaml'));
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('meta iifname "vrf104009" limit rate over 5 mbytes/second');
  });

  test.each([
    {
      lacks: 'its networks',
      words: ['--objects', join(example, 'objects')],
      tells: 'error MACHINE_FACTS: the networks',
    },
    { lacks: 'its sources', words: ['--facts', join(example, 'install.yaml')], tells: 'source seed was not asked' },
    {
      lacks: 'its Firewall',
      words: ['--objects', join(example, 'objects/policies.yaml'), '--facts', join(example, 'install.yaml')],
      tells: 'which may restrict what policies open, it writes none',
    },
  ])('what can be made without $lacks is shown, and render fails', async ({ words, tells }) => {
    const out = join(folder, 'partial.v4');
    const shown = await run('render', '-c', config, ...words);
    expect([shown.code, shown.out.includes('policy drop;')]).toEqual([1, true]);
    expect(shown.err).toContain(tells);
    expect(shown.err).toContain('these are not the rules that the machine would have');
    expect((await run('render', '-c', config, ...words, '--out', out)).code).toBe(1);
    expect(readFileSync(out, 'utf8').trimEnd()).toBe(shown.out);
  });

  test('what `run` would not write for want of a Firewall or of the cluster’s network fails in render and in validate', async () => {
    const facts = readFileSync(join(example, 'install.yaml'), 'utf8');
    const other = file('other.yaml', facts.replace('privateprimaryunshared', 'super'));
    for (const words of [
      ['--objects', join(example, 'objects/policies.yaml'), '--facts', join(example, 'install.yaml')],
      ['--objects', join(example, 'objects'), '--facts', other],
    ]) {
      expect((await run('render', '-c', config, ...words)).code).toBe(1);
      expect((await run('validate', '-c', config, ...words)).code).toBe(1);
    }
  });

  test('one bad object is told and left out; validate fails for it, render does not', async () => {
    const bad = file(
      'bad.yaml',
      `${readFileSync(join(example, 'objects/firewall.yaml'), 'utf8')}
---
apiVersion: metal-stack.io/v1
kind: ClusterwideNetworkPolicy
metadata: { name: slip, namespace: firewall }
spec:
  ingress:
    - from:
        - cidr: 192.0.2.0/33
      ports: [{ port: 443 }]
`,
    );
    const words = ['-c', config, '--objects', bad, '--facts', join(example, 'install.yaml')];
    const { code, out, err } = await run('render', ...words);
    expect([code, out.includes('slip')]).toEqual([0, false]);
    expect(err.split('\n')).toEqual([
      expect.stringMatching(
        /^error CWNP_INVALID \/bad\.yaml:\d+:17 ClusterwideNetworkPolicy\/firewall\/slip spec\.ingress\[0\]\.from\[0\]\.cidr: .* The whole policy is ignored\.$/,
      ),
    ]);
    expect((await run('validate', ...words)).code).toBe(1);
  });

  test('mistakes of the file are told with their place, and nothing is rendered', async () => {
    const wrong = file(
      'wrong.yaml',
      'sources: { static: { firewall: { rateLimit: [] } } }\ncontrollers: { firewall: { source: statik } }\n',
    );
    for (const command of ['render', 'validate']) {
      const { code, out, err } = await run(command, '-c', wrong, ...given);
      expect(code).toBe(1);
      expect(`${out}${err}`).toContain(
        'error CONFIG_UNKNOWN_KEY /wrong.yaml:1:45 sources.static.firewall.rateLimit: "rateLimit" is not a key that this version knows; did you mean "rateLimits"?',
      );
    }
  });

  test('what stands in the configuration file counts entry by entry', async () => {
    const own = file(
      'own.yaml',
      `name: m
sources:
  static:
    firewall:
      firewallNetworks:
        - { networkID: nodes, networkType: privateprimaryunshared, vrf: 42, prefixes: [10.0.0.0/22] }
    cwnp:
      ingress:
        - { from: [{ cidr: nonsense }], ports: [{ port: 1 }] }
        - { from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 2 }] }
    service:
      - metadata: { name: web, namespace: shop }
        spec: { type: LoadBalancer, loadBalancerIP: 198.51.100.80, ports: [{ port: 443 }] }
controllers:
  firewall: { source: static }
  cwnp: { source: static }
  service: { source: static }
`,
    );
    const { code, out, err } = await run('render', '-c', own);
    expect(code).toBe(0);
    expect(out.split('\n').filter((line) => line.includes('accept traffic'))).toEqual([
      '\t\tip saddr { 192.0.2.0/24 } tcp dport { 2 } counter accept comment "accept traffic for k8s network policy static tcp"',
      '\t\tip daddr { 198.51.100.80 } tcp dport { 443 } counter accept comment "accept traffic for k8s service shop/web"',
    ]);
    expect(err).toMatch(/^error CWNP_INVALID \/own\.yaml:9:28 sources\.static\.cwnp\.ingress\[0\]\.from\[0\]\.cidr: /);
  });

  test('facts of newer images, and networks in the configuration file', async () => {
    const own = (networks: string): string =>
      file(
        'own.yaml',
        `name: m\nsources: { static: { firewall: { ${networks} internalPrefixes: [10.0.0.0/8] } } }\ncontrollers: { firewall: { source: static } }\n`,
      );
    const allocation = file(
      'machine-allocation.yaml',
      `hostname: m
project: p
networks:
  - { network: other, networkType: NETWORK_TYPE_CHILD_SHARED, project: q, vrf: "50", prefixes: [10.0.16.0/22] }
  - { network: nodes, network_type: NETWORK_TYPE_CHILD_SHARED, project: p, vrf: "43", prefixes: [10.0.0.0/22] }
  - { network: internet, network_type: NETWORK_TYPE_EXTERNAL, vrf: "7", destination_prefixes: [0.0.0.0/0] }
`,
    );
    const { out } = await run('render', '-c', own(''), '--facts', allocation);
    expect(out).toContain('oifname {"vlan43", "vrf43"} counter name external_in');
    const inPlace = 'networks: [{ networkID: nodes, networkType: privateprimaryunshared, vrf: 44 }],';
    expect((await run('render', '-c', own(inPlace))).out).toContain('oifname {"vlan44", "vrf44"}');
    expect((await run('render', '-c', own('networks: [nodes],'), '--facts', allocation)).out).toContain('"vlan43"');
  });

  test('rules of the metal-api: what it says, else what the installation kept', async () => {
    const metal = file(
      'metal.yaml',
      'name: m\nsources: { metal: { url: "https://api.example.org", hmac: { file: ./none }, projectID: p } }\ncontrollers: { firewall: { source: metal }, cwnp: { source: metal } }\n',
    );
    const rules = (port: number): string =>
      `firewall_rules: { egress: [{ protocol: tcp, ports: [${port}], to: [192.0.2.0/24], comment: out }] }`;
    const networks =
      'networks: [{ networkid: nodes, networktype: privateprimaryunshared, vrf: 42, prefixes: [10.0.0.0/22] }]';
    const facts = file('facts.yaml', `hostname: m\n${networks}\n${rules(1)}\n`);
    const answer = file('answer.yaml', `allocation:\n  hostname: m\n  project: p\n  ${networks}\n  ${rules(2)}\n`);
    const rule = (port: number): string =>
      `\t\tiifname { "vrf42", "vni42", "vlan42" } ip daddr { 192.0.2.0/24 } tcp dport { ${port} } counter accept comment "out"`;
    expect((await run('render', '-c', metal, '--facts', facts)).out).toContain(rule(1));
    const { out } = await run('render', '-c', metal, '--facts', facts, '--objects', answer);
    expect([out.includes(rule(1)), out.includes(rule(2))]).toEqual([false, true]);
  });

  test('options that belong to something else are refused', async () => {
    for (const words of [
      ['render', ...given],
      ['render', '-f', example, ...given],
      ['validate', '-c', join(root, 'examples/configuration.yaml'), ...given],
    ])
      expect(await run(...words)).toMatchObject({ code: 1, out: '' });
  });
});
