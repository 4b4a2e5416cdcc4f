import { describe, expect, test } from 'vitest';
import { NO_FACTS } from '../../machine/kinds/facts.ts';
import { machineRuleset } from '../../machine/ruleset.ts';
import { tableText } from '../../machine/table-text.ts';
import { parseConfiguration } from './configuration.ts';
import { assembleInput } from '../machine/input.ts';

const around = { readFile: () => '', environment: {}, hostname: 'fw-1' };

/** What a machine makes of the inside of a `static` source, and what it says to that. */
function machineOf(content: string): { readonly rules: readonly string[]; readonly said: readonly string[] } {
  const { value, diagnostics } = parseConfiguration(
    `sources:\n  static:\n${content}controllers:\n  firewall: { source: static }\n  cwnp: { source: static }\n  service: { source: static }\n`,
    'config.yaml',
    around,
  );
  const told = diagnostics.map((d) => `${d.code} ${d.at?.line} ${d.path}: ${d.message}`);
  if (value?.machine === undefined) return { rules: ['none'], said: told };
  const assembled = assembleInput(value, value.machine, { objects: () => undefined, facts: NO_FACTS });
  const result = machineRuleset(assembled.input);
  const later = [...assembled.diagnostics, ...result.diagnostics].filter(({ code }) => code !== 'MACHINE_FACTS');
  return {
    rules: tableText(result.ruleset)
      .split('\n')
      .filter((line) => line.includes('dport'))
      .map((line) => line.trim().replace(/ counter accept.*/, '')),
    said: [...told, ...later.map((d) => `${d.code} ${d.at?.line} ${d.path}: ${d.message}`)],
  };
}

describe('what is wrong inside a `static` source', () => {
  test('leaves out the entry that it stands in, and no other', () => {
    const { rules, said } = machineOf(`    firewall:
      dnsPort: 70000
      internalPrefixes: nonsense
      rateLimits: [{ networkID: a, rate: 0 }, { networkID: b }]
      egressRules: [{ networkID: a }]
    cwnp:
      ingress:
        - { ports: [{ port: http }], from: [{ cidr: 192.0.2.0/24 }] }
        - { ports: [{ port: 443 }], from: [{}] }
        - 7
        - { ports: [{ port: 80 }], from: [{ cidr: 192.0.2.0/24 }] }
    firewallRules:
      ingress: [{ ports: http, from: [192.0.2.0/24], to: [10.0.0.0/8] }, { ports: [22], from: [192.0.2.0/24], to: [10.0.0.0/8] }]
    service:
      - { metadata: {}, spec: { type: LoadBalancer, loadBalancerIP: 192.0.2.8, ports: [{ port: 8 }] } }
      - { metadata: { name: web }, spec: { type: LoadBalancer, loadBalancerIP: 192.0.2.9, ports: [{ port: 9 }] } }
`);
    expect(rules).toEqual([
      'ip saddr { 192.0.2.0/24 } ip daddr { 10.0.0.0/8 } tcp dport { 22 }',
      'ip saddr { 192.0.2.0/24 } tcp dport { 80 }',
      'ip daddr { 192.0.2.9 } tcp dport { 9 }',
    ]);
    expect(said).toMatchInlineSnapshot(`
      [
        "FIELD_INVALID 6 sources.static.firewall.rateLimits[0].rate: 0 is too small; the smallest is 1. This entry is left out.",
        "FIELD_MISSING 6 sources.static.firewall.rateLimits[1].rate: this field is required. This entry is left out.",
        "FIELD_INVALID 5 sources.static.firewall.internalPrefixes: this is "nonsense" and has to be a list. This entry is left out.",
        "FIELD_MISSING 7 sources.static.firewall.egressRules[0].ips: this field is required. This entry is left out.",
        "FIELD_INVALID 4 sources.static.firewall.dnsPort: 70000 is not a port; use 1 to 65535. Port 53 is used.",
        "FIELD_INVALID 15 sources.static.firewallRules.ingress[0].ports: this is "http" and has to be a list. This rule is left out.",
        "NAME_INVALID 17 sources.static.service[0].metadata.name: the Service has no name; write one. The object is left out.",
        "CWNP_INVALID 10 sources.static.cwnp.ingress[0].ports[0].port: "http" is not a port; use 1 to 65535. This entry is ignored.",
        "CWNP_INVALID 11 sources.static.cwnp.ingress[1].from[0].cidr: this field is required. This entry is ignored.",
        "CWNP_INVALID 12 sources.static.cwnp.ingress[2]: this is 7 and has to be a map. This entry is ignored.",
      ]
    `);
  });

  test('nothing where something could stand is nothing', () => {
    for (const empty of [
      '    firewall:\n',
      '    cwnp:\n',
      '    service:\n',
      '    firewallRules:\n    firewall:\n',
      '    cwnp: { ingress: }\n',
    ])
      expect(machineOf(empty), empty).toEqual({ rules: [], said: [] });
  });

  test.each([
    [
      'a word that nobody knows could have narrowed the entry',
      '    cwnp: { ingress: [{ ports: [{ port: 80 }], form: [{ cidr: 192.0.2.0/24 }] }] }\n',
    ],
    ['or lifted a restriction', '    firewall: { allowedNetwork: { ingress: [192.0.2.0/24] } }\n'],
    ['networks are what everything goes by', '    firewall: { firewallNetworks: [{ networkID: a }] }\n'],
    ['a part that is none', '    cwnp: 7\n'],
    ['a list that is none', '    service: 7\n'],
    ['a Service that is none', '    service: [7]\n'],
  ])('the file is refused: %s', (_, content) => {
    const { rules, said } = machineOf(content);
    expect(rules).toEqual(['none']);
    expect(said).not.toEqual([]);
  });

  test('only what is called static may be nothing at all: else it would be the cluster around the process', () => {
    const said = (name: string): readonly string[] =>
      parseConfiguration(
        `sources: { ${name}: }\ncontrollers: { firewall: { source: ${name} } }\n`,
        'config.yaml',
        around,
      ).diagnostics.map(({ path }) => path);
    expect([said('static'), said('seed')]).toEqual([[], ['sources.seed']]);
  });

  test('a restriction that cannot be read forbids', () => {
    const { rules } = machineOf(
      '    firewall: { allowedNetworks: 7 }\n    cwnp: { ingress: [{ ports: [{ port: 80 }] }] }\n',
    );
    expect(rules).toEqual([]);
  });
});
