import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { smallMachine } from '../../../test/kit/machine.ts';
import { NO_FACTS } from '../../machine/kinds/facts.ts';
import { machineRuleset } from '../../machine/ruleset.ts';
import { parseConfiguration } from '../configuration/configuration.ts';
import { assembleInput } from './input.ts';

const folder = join(import.meta.dirname, 'proposal');
const around = { readFile: () => '', environment: {}, hostname: 'host-of-the-machine' };
const { networks } = smallMachine('').input;

/** One with something of everything that can stand in the file itself. */
const FULL = `name: fw-1
sources:
  static:
    firewall:
      internalPrefixes: [10.0.0.0/8]
      rateLimits: [{ networkID: internet, rate: 5 }]
      egressRules: [{ networkID: internet, ips: [203.0.113.7] }]
      allowedNetworks: { ingress: [192.0.2.0/24], egress: [198.51.100.0/24] }
      dnsServerAddress: 192.0.2.53
    cwnp:
      ingress:
        - { from: [{ cidr: 192.0.2.0/25, except: [192.0.2.8/29] }], ports: [{ protocol: TCP, port: 80, endPort: 90 }] }
        - { from: [{ cidr: 192.0.2.128/25 }], ports: [{ port: 81 }] }
      egress:
        - { to: [{ cidr: 198.51.100.0/25 }], ports: [{ protocol: UDP, port: 82 }] }
        - { to: [{ cidr: 198.51.100.128/25 }], ports: [{ port: 83 }] }
    service:
      - { metadata: { name: web, namespace: shop }, spec: { type: LoadBalancer, loadBalancerIP: 192.0.2.9, loadBalancerSourceRanges: [192.0.2.64/26], ports: [{ protocol: TCP, port: 84 }] } }
    firewallRules:
      ingress: [{ protocol: tcp, ports: [85], from: [192.0.2.0/24], to: [10.0.0.0/22] }]
controllers:
  firewall: { source: static }
  service: { source: static }
  cwnp: { source: static }
`;
const EXAMPLES = [
  ...readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const),
  ['with everything', FULL] as const,
];

/** What a configuration opens, without comments; `undefined`: it is refused, and the one before stays. Throws what nothing may. */
function opened(text: string): readonly string[] | undefined {
  const { value, diagnostics } = parseConfiguration(text, '/etc/firewall-controller/config.yaml', around);
  const isWrong = diagnostics.some(({ severity }) => severity === 'error');
  if (value === undefined) expect(isWrong, text.slice(0, 2_000)).toBe(true);
  if (value?.machine === undefined) {
    toldOnce(diagnostics, text);
    return undefined;
  }
  const facts = { ...NO_FACTS, networks };
  const assembled = assembleInput(value, value.machine, { objects: () => undefined, facts });
  const { ruleset, diagnostics: found } = machineRuleset(assembled.input);
  toldOnce([...diagnostics, ...assembled.diagnostics, ...found], text);
  return [...ruleset.ingress, ...ruleset.egress].flatMap(({ lines }) =>
    lines.map((line) => line.replace(/ comment ".*"$/, '')),
  );
}

function toldOnce(diagnostics: readonly { readonly path: string; readonly code: string }[], text: string): void {
  const told = diagnostics.map((each) => JSON.stringify(each));
  expect(
    told.filter((each, index) => told.indexOf(each) !== index),
    text.slice(0, 2_000),
  ).toEqual([]);
}

type Path = readonly (string | number)[];

/** Every place in a document but the whole of it. */
function pathsOf(node: unknown, path: Path = []): readonly Path[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => {
    const here = [...path, Array.isArray(node) ? Number(key) : key];
    return [here, ...pathsOf(value, here)];
  });
}

/** The document with a change in what holds a place. */
function changed(document: unknown, path: Path, change: (holder: Record<string | number, unknown>) => void): string {
  const copy: unknown = structuredClone(document);
  let holder = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) holder = holder[key] as Record<string | number, unknown>;
  change(holder);
  return JSON.stringify(copy);
}

/** Of no use anywhere, and none of them is what some field takes for "nothing". */
const NONSENSE = [true, -7, 1e30, [-7], { 'x y': 1 }, 'x '.repeat(2_000)];
const DEEP = `${'['.repeat(60)}${']'.repeat(60)}`;

describe.each(EXAMPLES)('%s', (_, text) => {
  const document: unknown = parseYaml(text);
  const paths = pathsOf(document);
  const before = opened(text) ?? [];

  test('any value of a wrong type opens nothing, and is told once', () => {
    for (const path of paths)
      for (const value of [...NONSENSE, JSON.parse(DEEP) as unknown]) {
        const key = path.at(-1) ?? '';
        const after = opened(changed(document, path, (holder) => void (holder[key] = value)));
        const place = `${path.join('.')} is ${JSON.stringify(value).slice(0, 40)}`;
        expect(
          (after ?? []).filter((line) => !before.includes(line)),
          place,
        ).toEqual([]);
        // Entries of lists count by themselves: another one of the list is in force as it was, or the whole file is refused.
        const [, , part, direction, index] = path;
        if (part !== 'cwnp' || typeof index !== 'number' || after === undefined) continue;
        const beside = { ingress: ['80-90', '81'], egress: ['82', '83'] }[direction as 'ingress' | 'egress'][1 - index];
        expect(after.join('\n'), place).toContain(`dport { ${beside} }`);
      }
  });

  test('nothing ends with a throw: keys that are gone, nothing in their place, doubles, strangers', () => {
    for (const path of paths) {
      const key = path.at(-1) ?? '';
      for (const change of [
        (holder: Record<string | number, unknown>) => {
          if (Array.isArray(holder)) holder.splice(Number(key), 1);
          else delete holder[key];
        },
        (holder: Record<string | number, unknown>) => void (holder[key] = null),
        (holder: Record<string | number, unknown>) => void (holder[key] = []),
        (holder: Record<string | number, unknown>) => void (holder[key] = {}),
        (holder: Record<string | number, unknown>) => {
          if (Array.isArray(holder)) holder.push(holder[Number(key)]);
          else holder[`${key}s`] = holder[key];
        },
        (holder: Record<string | number, unknown>) => {
          if (!Array.isArray(holder))
            Object.defineProperty(holder, '__proto__', { value: holder[key], enumerable: true });
        },
      ])
        opened(changed(document, path, change));
    }
  });

  test('nor do texts that are cut off, or have a line too many, too few or of another depth', () => {
    const lines = text.split('\n');
    for (const [n, line] of lines.entries())
      for (const instead of [
        [],
        [line, line],
        [` ${line}`],
        [`\t${line}`],
        [line.replace(':', '')],
        [`${line} *a`],
        ['- &a [*a, *a]'],
      ])
        opened([...lines.slice(0, n), ...instead, ...lines.slice(n + 1)].join('\n'));
    for (let at = 0; at < text.length; at += 29) opened(text.slice(0, at));
  });
});
