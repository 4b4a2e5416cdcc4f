import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { egress, ingress, policyCases } from './policy-cases.ts';
import { type Given, policy, rendered } from './rendered.ts';

/** Section 5: MD5 of name and type, sixteen characters from the first that is no digit. */
function setName(fqdn: string, type: 'ipv4_addr' | 'ipv6_addr'): string {
  const hex = createHash('md5').update(`${fqdn}${type}`).digest('hex');
  const start = hex.search(/\D/);
  return hex.slice(start, start + 16);
}

// The program is loaded by the first call, which takes longer than any case.
beforeAll(async () => {
  await rendered({});
});

describe('policies', () => {
  test.each(policyCases)('$name', async ({ spec, firewall, rules, said }) => {
    const given: Given = { objects: [policy('p', spec)], ...(firewall === undefined ? {} : { firewall }) };
    const result = await rendered(given);
    expect(result.rules).toEqual(rules);
    if (said === undefined) expect(result.said).toEqual([]);
    else expect(result.said.join('\n')).toMatch(said);
  });
});

describe('policies beside each other', () => {
  test('4.3 lists are sorted as text over all policies, ingress before egress', async () => {
    const entry = 'ports: [{ port: 80 }]';
    const { rules } = await rendered({
      objects: [
        policy('b', `ingress: [{ from: [{ cidr: 198.51.100.0/24 }], ${entry} }]`),
        policy('e', `egress: [{ to: [{ cidr: 198.51.100.0/24 }], ${entry} }]`),
        policy('a', `ingress: [{ from: [{ cidr: 192.0.2.0/24, except: [192.0.2.1/32] }], ${entry} }]`),
        policy('c', `ingress: [{ ${entry} }]`),
        policy('d', `egress: [{ to: [{ cidr: 0.0.0.0/0 }], ${entry} }]`),
      ],
    });
    expect(rules).toEqual([
      ingress('ip saddr != { 192.0.2.1/32 } ip saddr { 192.0.2.0/24 }', 'tcp dport { 80 }', 'a'),
      ingress('ip saddr { 198.51.100.0/24 }', 'tcp dport { 80 }', 'b'),
      ingress('', 'tcp dport { 80 }', 'c'),
      egress('ip daddr { 198.51.100.0/24 }', 'tcp dport { 80 }', 'e'),
      egress('', 'tcp dport { 80 }', 'd'),
    ]);
  });

  test('2.1 a policy of another namespace has no rules, and that is told', async () => {
    const { rules, said } = await rendered({
      objects: [policy('p', 'ingress: [{ ports: [{ port: 80 }] }]', 'shop')],
    });
    expect(rules).toEqual([]);
    expect(said.join('\n')).toMatch(/namespace firewall/);
  });

  test('4.12 comments beyond 128 characters are cut, each to its own', async () => {
    const long = (end: string): string => `${'a'.repeat(200)}${end}`;
    const { rules, code } = await rendered({
      objects: ['x', 'y'].map((end) => policy(long(end), 'ingress: [{ ports: [{ port: 80 }] }]')),
    });
    const comments = rules.map((rule) => /comment "(.*)"$/.exec(rule)?.[1] ?? '');
    expect([code, comments.length, new Set(comments).size]).toEqual([0, 2, 2]);
    expect(comments.filter((comment) => comment.length <= 128 && comment.startsWith('accept traffic for k8s'))).toEqual(
      comments,
    );
  });
});

describe('names', () => {
  const named = (name: string): string =>
    `egress: [{ toFQDNs: [${name}], ports: [{ port: 443 }, { protocol: UDP, port: 443 }] }]`;
  const dns = ['tcp', 'udp'].map(
    (protocol) =>
      `ip saddr == @cluster_prefixes ip daddr { 198.51.100.2 } ${protocol} dport { 53 } counter accept comment "accept intercepted traffic for dns cache ${protocol}"`,
  );
  const rule = (set: string, family: string, protocol: string, of: string): string =>
    `ip saddr == @cluster_prefixes ${family} daddr @${set} ${protocol} dport { 443 } counter accept comment "accept traffic for np p ${protocol}, fqdn: ${of}"`;

  test('5 the name of a set, by the example of the reference', () => {
    expect(setName('example.org.', 'ipv4_addr')).toBe('e91c11d2b23d2393');
  });

  test.each(['example.org', 'Example.ORG', 'example.org.', 'a1.b2.example.net'])('4.5 a name: %s', async (name) => {
    const { rules, text } = await rendered({ objects: [policy('p', named(`{ matchName: ${name} }`))] });
    const set = setName(`${name.toLowerCase().replace(/\.$/, '')}.`, 'ipv4_addr');
    expect(rules).toEqual([rule(set, 'ip', 'tcp', name), rule(set, 'ip', 'udp', name), ...dns]);
    expect(text).toContain(`\tset ${set} {\n\t\ttype ipv4_addr\n`);
  });

  test('4.5 a pattern has no rules before a name was asked for, and questions pass all the same', async () => {
    const { rules } = await rendered({ objects: [policy('p', named('{ matchPattern: "*.example.org" }'))] });
    expect(rules).toEqual(dns);
  });

  /** The ConfigMap of section 5; the second name is one of a pattern, and has a family that no rule asks for. */
  const recorded = (namespace: string): string => `apiVersion: v1
kind: ConfigMap
metadata: { name: fqdnstate, namespace: ${namespace} }
data:
  state: |
    example.org.:
      ipv4: { ips: { 192.0.2.9: 2026-01-01T00:00:00Z, 192.0.2.10: 2099-01-01T00:00:00Z }, setName: e91c11d2b23d2393 }
    a.example.net.:
      ipv4: { ips: { 192.0.2.11: 2099-01-01T00:00:00Z } }
      ipv6: { ips: { "2001:db8::11": 2099-01-01T00:00:00Z } }
`;
  const status = `status:
  fqdn_state:
    example.org: [{ fqdn: example.org., setName: e91c11d2b23d2393, version: ip, ipExpirationTimes: { 192.0.2.9: 2026-01-01T00:00:00Z, 192.0.2.10: 2099-01-01T00:00:00Z } }]
    "*.example.net":
      - { fqdn: a.example.net., version: ip, ips: [192.0.2.11, nonsense], expirationTime: 2099-01-01T00:00:00Z }
      - { fqdn: a.example.net., version: ip6, ips: ["2001:db8::11"] }
      - { fqdn: 7 }
      - nothing
`;
  const asked = policy('p', named('{ matchName: example.org }, { matchPattern: "*.example.net" }'));

  test.each([
    ['the ConfigMap of today', [asked, recorded('firewall')]],
    ['the status of the policy', [`${asked}${status}`]],
  ])('5 what %s has of names is in the sets, and a pattern has the rules of its names', async (_, objects) => {
    const { rules, text, code, said } = await rendered({ objects });
    expect([code, said]).toEqual([0, []]);
    const [net4, net6] = (['ipv4_addr', 'ipv6_addr'] as const).map((type) => setName('a.example.net.', type));
    expect(text).toContain(
      '\tset e91c11d2b23d2393 {\n\t\ttype ipv4_addr\n\t\telements = { 192.0.2.10, 192.0.2.9 }\n\t}\n',
    );
    expect(text).toContain(`\tset ${net4} {\n\t\ttype ipv4_addr\n\t\telements = { 192.0.2.11 }\n\t}\n`);
    expect(text).toContain(`\tset ${net6} {\n\t\ttype ipv6_addr\n\t\telements = { 2001:db8::11 }\n\t}\n`);
    expect(rules.toSorted()).toEqual(
      [
        ...['tcp', 'udp'].flatMap((protocol) => [
          rule('e91c11d2b23d2393', 'ip', protocol, 'example.org'),
          rule(`${net4}`, 'ip', protocol, '*.example.net'),
          rule(`${net6}`, 'ip6', protocol, '*.example.net').replace(
            'ip saddr == @cluster_prefixes',
            'ip6 saddr == @cluster_prefixes_v6',
          ),
        ]),
        ...dns,
      ].toSorted(),
    );
  });

  test('5 what the machine of another namespace has of names is not ours', async () => {
    const { rules, text } = await rendered({ objects: [asked, recorded('other')] });
    expect(text).not.toContain('192.0.2.9');
    expect(rules).toHaveLength(4);
  });

  test('4.5 nets win over names, and no name is needed then', async () => {
    const { rules, said } = await rendered({
      objects: [
        policy(
          'p',
          'egress: [{ to: [{ cidr: 192.0.2.0/24 }], toFQDNs: [{ matchName: example.org }], ports: [{ port: 443 }] }]',
        ),
      ],
    });
    expect(rules[0]).toBe(egress('ip daddr { 192.0.2.0/24 }', 'tcp dport { 443 }'));
    expect(rules.join('\n')).not.toContain('fqdn');
    expect(said.join('\n')).toMatch(/toFQDNs/);
  });

  test('4.2 sets are sorted by their names, and come behind the prefixes', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'].map((label) => `${label}.example.org`);
    const { text } = await rendered({
      objects: [policy('p', named(names.map((name) => `{ matchName: ${name} }`).join(', ')))],
    });
    const sets = [...text.matchAll(/^\tset (\S+) \{/gm)].map(([, set]) => set);
    expect(sets).toEqual([
      'internal_prefixes',
      'cluster_prefixes',
      ...names.map((name) => setName(`${name}.`, 'ipv4_addr')).toSorted(),
    ]);
  });

  test.each([
    ['', undefined],
    ['dnsServerAddress: 192.0.2.53', '192.0.2.53'],
  ])('4.2 the resolver of the Firewall joins the set of the base rules: %s', async (firewall, address) => {
    const { text } = await rendered({ firewall, objects: [policy('p', named('{ matchName: example.org }'))] });
    const tables = [...text.matchAll(/^table (.*) \{$/gm)].map(([, table]) => table);
    expect(tables).toEqual(address === undefined ? ['inet firewall'] : ['inet firewall', 'inet nat']);
    const behind = text.slice(text.indexOf('table inet nat')).replaceAll(/\s+/g, ' ');
    if (address !== undefined)
      expect(behind).toMatch(
        new RegExp(
          `^table inet nat \\{ (# .* )?set proxy_dns_servers \\{ type ipv4_addr flags interval auto-merge elements = \\{ ${address} \\} \\} \\}`,
        ),
      );
  });

  test('4.2 without names there is no resolver', async () => {
    const { text } = await rendered({ firewall: 'dnsServerAddress: 192.0.2.53' });
    expect(text).not.toContain('proxy_dns_servers');
  });

  test('4.8 with names, questions of the private networks escape translation first', async () => {
    const { translations } = await rendered({
      firewall: 'egressRules: [{ networkID: internet, ips: [203.0.113.7] }]',
      objects: [policy('p', named('{ matchName: example.org }'))],
    });
    expect(translations).toEqual([
      'ip saddr { 10.0.0.0/22 } tcp dport { 53 } counter accept comment "escape snat for dns proxy tcp"',
      'ip saddr { 10.0.0.0/22 } udp dport { 53 } counter accept comment "escape snat for dns proxy udp"',
      'ip saddr { 10.0.0.0/22 } oifname "vlan104009" counter snat 203.0.113.7 random comment "snat for internet"',
    ]);
  });
});
