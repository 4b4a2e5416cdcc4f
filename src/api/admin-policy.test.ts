import { describe, expect, test } from 'vitest';
import { readResource } from './read.ts';
import type { AdminPolicy } from './resource.ts';
import { type RawMap, isMap } from './shape.ts';
import { validObjects } from './valid.fixture.ts';

const KINDS = ['ClusterNetworkPolicy', 'AdminNetworkPolicy', 'BaselineAdminNetworkPolicy'];
const fixtures = validObjects.filter((raw) => KINDS.includes(String(raw['kind'])));
const HOSTILE = [null, undefined, '', 'x', 0, -1, 1e9, 0.5, true, {}, [], { no: 'value' }, [null], [{}]];

function read(raw: unknown): AdminPolicy | undefined {
  const { resource } = readResource(raw, {});
  if (resource === undefined) return undefined;
  if (!('subject' in resource)) throw new Error('another kind');
  return resource;
}

/** Ways to every member of a value. */
function paths(value: unknown, here: readonly string[] = []): string[][] {
  const entries = isMap(value) ? Object.entries(value) : Array.isArray(value) ? Object.entries(value as unknown[]) : [];
  return entries.flatMap(([name, entry]) => [[...here, name], ...paths(entry, [...here, name])]);
}

function replaced(value: unknown, [step, ...rest]: readonly string[], by: unknown): unknown {
  if (step === undefined) return by;
  if (Array.isArray(value))
    return value.map((entry: unknown, index) => (String(index) === step ? replaced(entry, rest, by) : entry));
  const map: RawMap = isMap(value) ? value : {};
  return { ...map, [step]: replaced(map[step], rest, by) };
}

/** Rules that accept something, by place, and rules that deny something, with what they say. */
function effect({ ingress, egress }: AdminPolicy) {
  const rules = { ingress, egress };
  return (['ingress', 'egress'] as const).flatMap((direction) =>
    rules[direction].map((rule, index) => ({ at: `${direction} ${index}`, rule })),
  );
}

describe.each(fixtures.map((raw) => [String(raw['kind']), raw] as const))('%s with any one value broken', (_, raw) => {
  const whole = read(raw);
  if (whole === undefined) throw new Error('the fixture is not read');
  const spec = { spec: raw['spec'] };
  const inRules = paths(spec).filter((path) => /^spec,(ingress|egress),\d/.test(path.join()));

  test('says so', () => {
    const silent = paths(spec).flatMap((path) => {
      if (path.at(-1) === 'matchLabels') return [];
      const { diagnostics } = readResource(replaced(raw, path, { no: 'value' }), {});
      return diagnostics.length === 0 ? [path.join('.')] : [];
    });
    expect(silent).toEqual([]);
  });

  test('in a rule: that rule accepts no more than written and denies no less, the others stay', () => {
    for (const path of inRules)
      for (const value of HOSTILE) {
        const policy = read(replaced(raw, path, value));
        if (policy === undefined) throw new Error('left out');
        const told = `${path.join('.')} = ${JSON.stringify(value)}`;
        const [, direction = '', index = ''] = path;
        for (const { at, rule } of effect(policy)) {
          const before = effect(whole).find((one) => one.at === at)?.rule;
          if (at !== `${direction} ${index}`) expect(rule, told).toEqual(before);
          // What can still be read is a right rule of its own: `[]` for ports is none, `{}` for a selector everybody.
          else if (!rule.ok && before?.ok === true && before.rule.action !== 'Allow')
            expect(rule.action, told).not.toBe('Allow');
        }
      }
  });

  test('around the rules: nothing more is accepted, and what is denied is denied or the policy is left out', () => {
    for (const path of [['spec', 'priority'], ['spec', 'subject'], ['spec', 'tier'], ...subjectPaths(spec)])
      for (const value of HOSTILE) {
        const { resource, key, diagnostics } = readResource(replaced(raw, path, value), {});
        const told = `${path.join('.')} = ${JSON.stringify(value)}`;
        // It is known to be there, so that nobody takes it for deleted.
        expect(key, told).toBeDefined();
        if (resource === undefined) {
          expect(
            diagnostics.some(({ severity }) => severity === 'error'),
            told,
          ).toBe(true);
          continue;
        }
        if (diagnostics.length === 0) continue;
        const policy = read(replaced(raw, path, value));
        for (const { rule } of policy === undefined ? [] : effect(policy))
          if (rule.ok) expect(rule.rule.action, told).toBe('Deny');
      }
  });
});

function subjectPaths(spec: RawMap): string[][] {
  return paths(spec).filter((path) => path[1] === 'subject' && path.length > 2);
}

test('ranges and numbers end up alike in both versions', () => {
  const ports = (kind: string) => {
    const fixture = fixtures.find((raw) => raw['kind'] === kind);
    const [rule] = (fixture === undefined ? undefined : read(fixture))?.ingress ?? [];
    return rule?.ok === true ? rule.rule.ports : undefined;
  };
  expect(ports('ClusterNetworkPolicy')).toEqual([
    { protocol: 'TCP', port: 443 },
    { protocol: 'UDP', port: 8000, endPort: 8080 },
    { protocol: 'SCTP' },
    { port: 'http' },
  ]);
  expect(ports('AdminNetworkPolicy')).toEqual([
    { protocol: 'UDP', port: 53 },
    { protocol: 'SCTP', port: 80, endPort: 90 },
    { port: 'http' },
  ]);
});

describe('what the definitions of the kinds refuse, and can be read', () => {
  const rule = (words: object): object => ({ action: 'Deny', to: [{ networks: ['10.0.0.0/8'] }], ...words });
  const policy = (version: 'v1alpha1' | 'v1alpha2', words: object): object => ({
    apiVersion: `policy.networking.k8s.io/${version}`,
    kind: version === 'v1alpha2' ? 'ClusterNetworkPolicy' : 'AdminNetworkPolicy',
    metadata: { name: 'p' },
    spec: {
      ...(version === 'v1alpha2' ? { tier: 'Admin' } : {}),
      priority: 1,
      subject: { namespaces: {} },
      egress: [rule(words)],
    },
  });

  test.each([
    ['v1alpha2', { name: 'n'.repeat(101) }, 'spec.egress[0].name'],
    ['v1alpha1', { name: 5 }, 'spec.egress[0].name'],
    ['v1alpha2', { protocols: [{ destinationNamedPort: 'web' }] }, 'spec.egress[0].to'],
    ['v1alpha1', { ports: [{ namedPort: 'web' }] }, 'spec.egress[0].to'],
    [
      'v1alpha1',
      { to: [{ namespaces: {} }, { networks: ['10.0.0.0/8'] }], ports: [{ namedPort: 'web' }] },
      'spec.egress[0].to',
    ],
  ] as const)('%s %j is an error, and counts as written', (version, words, path) => {
    const { resource, diagnostics } = readResource(policy(version, words), {});
    expect(diagnostics).toMatchObject([{ severity: 'error', path }]);
    const written = readResource(policy(version, { ...words, name: 'n' }), {}).resource;
    expect(resource).toMatchObject({ egress: (written as AdminPolicy).egress });
    expect((written as AdminPolicy).egress).toMatchObject([{ ok: true }]);
  });

  test.each([
    ['v1alpha2', { name: 'n'.repeat(100) }],
    ['v1alpha2', { name: null }],
    ['v1alpha1', { to: [{ namespaces: {} }], ports: [{ namedPort: 'web' }] }],
  ] as const)('%s %j is right', (version, words) => {
    expect(readResource(policy(version, words), {}).diagnostics).toEqual([]);
  });
});
