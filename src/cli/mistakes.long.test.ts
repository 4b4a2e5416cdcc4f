import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { command, type Ended } from '../../test/kit/commands.ts';

const CLUSTER = `
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: pods}, spec: {cidr: 10.1.0.0/16}}
---
{apiVersion: v1, kind: Pod, metadata: {name: till-1, namespace: shop}, spec: {nodeName: a}, status: {phase: Running, podIP: 10.1.0.1}}
---
{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge-1}, spec: {driver: nftables, address: local, workloads: {}}}
---
`;
const BROKEN = `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge-2}, spec: {driver: nftables, address: "netns:edge-2", workloads: {}, tls: {pin: abc}}}
`;
const BY_NAME = `{apiVersion: sallyport.dev/v1alpha1, kind: ClusterBorderPolicy, metadata: {name: by-name}, spec: {selector: all(), namespaceSelector: all(), egress: [{action: Allow, domains: [api.example.com]}]}}
`;

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'sallyport-cli-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(manifests: string, ...words: readonly string[]): Promise<Ended> {
  const file = join(folder, 'world.yaml');
  writeFileSync(file, manifests);
  return await command(...words, '-f', file);
}

/** `error CODE object path` of each diagnostic in what `validate -o json` prints. */
function found({ out }: Ended): readonly string[] {
  const { diagnostics } = JSON.parse(out) as {
    diagnostics: readonly Readonly<Record<'severity' | 'code' | 'path' | 'object', string | undefined>>[];
  };
  return diagnostics.map(({ severity, code, object, path }) =>
    [severity, code, object, path].filter((word) => word !== undefined && word !== '').join(' '),
  );
}

describe('validate', () => {
  test('tells what a kind of firewall cannot be and cannot say', async () => {
    const ended = await run(`${CLUSTER}${BROKEN}---\n${BY_NAME}`, 'validate', '-o', 'json');
    expect(ended.code).toBe(1);
    expect(found(ended)).toEqual([
      'error DEVICE_SETTING BorderFirewall/edge-2 spec.tls',
      'error DOMAINS_UNSUPPORTED ClusterBorderPolicy/by-name spec.egress[0].domains',
    ]);
    expect(ended.out).toContain('"line": 12');
  });

  test('tells all mistakes of a firewall at once, those of its driver too, each where it stands', async () => {
    const text = `apiVersion: sallyport.dev/v1alpha1
kind: BorderFirewall
metadata:
  name: edge-3
spec:
  driver: panos
  address: edge-3
  mode: Enforce
  credentialsRef: { file: a, env: b }
  workloads:
    selector: app = x
  options:
    postion: First
    peer:
      address: nowhere
`;
    const ended = await run(text, 'validate', '-o', 'json');
    const { diagnostics } = JSON.parse(ended.out) as {
      readonly diagnostics: readonly { readonly path: string; readonly at: { readonly line: number } }[];
    };
    expect(diagnostics.map(({ path, at }) => `${at.line} ${path}`).toSorted()).toEqual([
      '11 spec.workloads.selector',
      '13 spec.options.postion',
      '7 spec.address',
      '9 spec.credentialsRef',
    ]);
  });

  test('answers as data about a configuration file that cannot be used', async () => {
    const file = join(folder, 'sallyport.yaml');
    writeFileSync(file, 'sources: {a: {manifests: .}}\ncontrollers: {border: {source: b}, borde: {}}\n');
    const ended = await command('validate', '-c', file, '-o', 'json');
    expect(ended.code).toBe(1);
    expect(found(ended)).toEqual([
      'error CONFIG_SOURCE controllers.border.source',
      'error CONFIG_UNKNOWN_KEY controllers.borde',
    ]);
  });

  test('tells of a source that nobody uses', async () => {
    writeFileSync(join(folder, 'world.yaml'), CLUSTER);
    const file = join(folder, 'sallyport.conf');
    writeFileSync(
      file,
      'sources:\n  a: { manifests: ./world.yaml }\n  b: { manifests: ./gone }\ncontrollers: { border: { source: a } }\n',
    );
    const ended = await command('validate', '-c', file, '-o', 'json');
    expect(ended.code).toBe(0);
    expect(found(ended)).toEqual(['warning CONFIG_SOURCE_UNUSED sources.b']);
    expect(ended.out).toContain('"line": 3');
  });

  test('answers as data about a configuration file that is not there', async () => {
    const ended = await command('validate', '-c', join(folder, 'none.yaml'), '-o', 'json');
    expect(ended.code).toBe(1);
    expect(found(ended)).toEqual(['error CONFIG_SYNTAX']);
  });
});

describe('render', () => {
  test('prints the sound firewalls, tells of the broken one, and ends with 1', async () => {
    const ended = await run(`${CLUSTER}${BROKEN}`, 'render');
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('DEVICE_SETTING');
    expect(ended.out).toContain('table inet sallyport');
  });

  test('ends with 1 where a rule cannot be said', async () => {
    const ended = await run(`${CLUSTER}${BY_NAME}`, 'render');
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('DOMAINS_UNSUPPORTED');
  });
});

describe('a BorderFirewall that cannot be read', () => {
  const unread = (driver: string): string =>
    `---\n{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge-2}, spec: {driver: ${driver}, address: "netns:edge-2", sees: Podd, workloads: {}}}\n`;

  test('is one that was asked for and left out: the others are done, and the end is not well', async () => {
    const { code, out, err } = await run(`${CLUSTER}${unread('nftables')}`, 'render');
    expect(out).toContain('table inet sallyport');
    expect(err).toContain('edge-2: its mistakes leave nothing to plan');
    expect(code).toBe(1);
  });

  test.each([[], ['--firewall', 'edge-2']])('alone, nobody says that there is none: %j', async (...words) => {
    const { code, err } = await run(`${CLUSTER.replace(/.*edge-1.*\n/, '')}${unread('nftables')}`, 'render', ...words);
    expect(err).toContain('edge-2: its mistakes leave nothing to plan');
    expect(err).not.toContain('NOT_FOUND');
    expect(code).toBe(1);
  });

  test.each(['validate', 'render'])('its unknown driver is told beside its other mistakes: %s', async (command) => {
    const { out, err } = await run(`${CLUSTER}${unread('nftabels')}`, command);
    expect(`${out}${err}`).toMatch(/error FIELD_INVALID .*spec.sees/);
    expect(`${out}${err}`).toMatch(/error DEVICE_DRIVER \S+:11:\d+ .*spec.driver: .*did you mean "nftables"/);
  });

  test('who names it is not told that it is not there', async () => {
    const named = BY_NAME.replace('egress', 'firewalls: [edge-2], egress');
    const { out } = await run(`${CLUSTER}${unread('nftables')}---\n${named}`, 'validate');
    expect(out).toMatch(/BORDER_FIREWALL_UNKNOWN .*"edge-2", or none that can be read/);
  });
});

test.each([
  ['eval', 'all()'],
  ['endpoint', 'forger'],
  ['host', 'a\nALLOWED b'],
  ['whois', '10.1.0.2'],
])('no text of a manifest makes a line of its own: %s', async (...words) => {
  const forger = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"forger","namespace":"shop"},"spec":{"nodeName":"a\\nALLOWED b","serviceAccountName":"x\\nALLOWED y"},"status":{"phase":"Running","podIP":"10.1.0.2"}}\n`;
  const { code, out } = await run(`${CLUSTER}${forger}`, ...words);
  expect(out).toContain('forger');
  expect(out).not.toMatch(/^ALLOWED/m);
  expect(code).toBe(0);
});

describe('bad command lines', () => {
  test('the world and the questions do not both come by standard input', async () => {
    const ended = await command('flow', '-f', '-', '--stdin');
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('--stdin reads questions from standard input');
  });

  test.each(['../elsewhere', 'a b', '-x', ''])(
    '--cluster %j is refused: it becomes part of paths and marks',
    async (name) => {
      const ended = await run(CLUSTER, 'render', `--cluster=${name}`);
      expect(ended.code).toBe(1);
      expect(ended.err).toContain('error USAGE: --cluster');
    },
  );
});

test.each([
  [['whois', '1.2.3', '-f', 'examples/shop'], 'error USAGE', 'See `sallyport whois --help`.'],
  [['quit'], "error: unknown command 'quit'", 'See `sallyport --help`.'],
])('%j says where to read on', async (words, what, where) => {
  const { code, err } = await command(...words);
  expect(code).toBe(1);
  expect(err).toContain(what);
  expect(err.trimEnd().endsWith(where)).toBe(true);
});

test('which of two translations takes a flow is told with its place', async () => {
  const nats = ['one', 'two'].map(
    (name, n) =>
      `---\n{apiVersion: sallyport.dev/v1alpha1, kind: SourceNAT, metadata: {name: ${name}}, spec: {namespaceSelector: all(), selector: all(), destination: {}, translate: {address: 192.0.2.${n + 1}}}}\n`,
  );
  const { out } = await run(`${CLUSTER}${nats.join('')}`, 'validate');
  expect(out).toMatch(/^warning BORDER_NAT_OVERLAP \S+world\.yaml:13:1 SourceNAT\/two spec\.destination: /m);
});

describe('policy', () => {
  test('a name without its namespace is corrected before one that is nearly alike', async () => {
    const policies = ['a/np', 'a/anp'].map((name) => {
      const [namespace, own] = name.split('/');
      return `---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: ${own}, namespace: ${namespace} }\nspec: { podSelector: {} }\n`;
    });
    const global =
      '---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: { name: nq }\nspec: { selector: all() }\n';
    const { code, err } = await run(`${CLUSTER}${policies.join('')}${global}`, 'policy', 'np');
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('did you mean "a/np"?') as string });
  });
});

describe('flow', () => {
  const question = (from: string): readonly string[] => [
    'flow',
    '--from',
    from,
    '--to',
    '198.51.100.1',
    '--port',
    '443',
  ];

  test('an address in the pools that no pod has is denied where it is dropped', async () => {
    const stranger = await run(CLUSTER, ...question('10.1.0.9'));
    expect(stranger).toMatchObject({
      code: 2,
      out: expect.stringContaining('dropped: the sender is unknown') as string,
    });
    expect(await run(CLUSTER, ...question('10.1.0.1'))).toMatchObject({ code: 0 });
    expect(await run(CLUSTER, ...question('198.51.100.9'))).toMatchObject({
      code: 0,
      out: expect.stringContaining('no border firewall is on the way') as string,
    });
  });

  test.each(['shop/till', 'till-1', 'shop/til-1'])('a name that is nearly right is corrected: %s', async (name) => {
    const { code, err } = await run(CLUSTER, ...question(name));
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('did you mean shop/till-1?') as string });
  });

  test.each([
    [['--protocol', 'ICMP', '--port', '443'], 'ICMP has no ports'],
    [['--icmp-type', '8'], 'TCP has no ICMP type'],
  ])('what the protocol does not have is refused: %j', async (words, said) => {
    const { code, err } = await run(CLUSTER, 'flow', '--from', 'shop/till-1', '--to', '198.51.100.1', ...words);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(`FLOW_INVALID: ${said}`) as string });
  });

  test('without a port it says that rules with ports do not match', async () => {
    const words = ['flow', '--from', 'shop/till-1', '--to', '198.51.100.1'];
    expect((await run(CLUSTER, ...words)).out).toContain('no port was given');
    expect((await run(CLUSTER, ...words, '--protocol', 'ICMP')).out).not.toContain('no port was given');
  });

  test('an address that nobody can tell is no mistake of the firewall', async () => {
    const { code, out } = await run(CLUSTER.replace(/.*IPPool.*\n---\n/, ''), ...question('shop/till-1'));
    expect(code).toBe(1);
    expect(out).toContain('say `sees: Pod` or `sees: Node`');
    expect(out).not.toContain('mistakes');
  });
});

describe('a world without anything', () => {
  test.each(['validate', 'eval'])('%s says so', async (command) => {
    const words = command === 'eval' ? [command, 'all()'] : [command];
    const { code, out, err } = await run('', ...words);
    expect({ code, said: `${out}${err}` }).toEqual({ code: 0, said: expect.stringContaining('WORLD_EMPTY') as string });
  });
});

test('a word that is no option points to the help', async () => {
  const { code, err } = await command('validate', '--nope');
  expect(code).toBe(1);
  expect(err).toContain('See `sallyport validate --help`.');
});

test('a large text is told before it is read, and how to be faster', async () => {
  const padding = `# ${'x'.repeat(2_000_000)}\n`;
  expect((await run(`${padding}${CLUSTER}`, 'eval', 'all()')).err).toMatch(/reading .*world.yaml: 2 MB of YAML; JSON/);
  expect((await run(CLUSTER, 'eval', 'all()')).err).not.toContain('reading');
});

test('the advice about a configuration file is about what is wrong with it', async () => {
  const { err } = await command('plan', '-c', join(folder, 'none.yaml'));
  expect(err).toContain('check its path and rights');
  expect(err).not.toContain('CONFIG_VALUE');
});
