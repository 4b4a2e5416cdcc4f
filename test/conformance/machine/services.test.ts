import { beforeAll, describe, expect, test } from 'vitest';
import { FACTS, rendered, service } from './rendered.ts';
import { serviceCases } from './service-cases.ts';

// Sections 4.6 to 4.8 of the metal-stack reference, case by case.

// The program is loaded by the first call, which takes longer than any case.
beforeAll(async () => {
  await rendered({});
});

describe('Services', () => {
  test.each(serviceCases)('$name', async ({ spec, addresses, firewall, rules, said }) => {
    const result = await rendered({
      objects: [service('web', spec, addresses)],
      ...(firewall === undefined ? {} : { firewall }),
    });
    expect(result.rules).toEqual(rules);
    if (said === undefined) expect(result.said).toEqual([]);
    else expect(result.said.join('\n')).toMatch(said);
  });
});

test.each([
  ['are who may come', ' 192.0.2.0/24, 2001:db8::/32 ,', '', ['ip saddr { 192.0.2.0/24 } ip daddr { 203.0.113.80 }']],
  ['that cannot be read are nobody', 'nonsense', '', []],
  [
    'count for nothing beside those of the field',
    '192.0.2.0/24',
    '198.51.100.0/25',
    ['ip saddr { 198.51.100.0/25 } ip daddr { 203.0.113.80 }'],
  ],
  ['that are empty are none', ' ', '', ['ip daddr { 203.0.113.80 }']],
])('source ranges of the annotation %s', async (_, annotated, field, matches) => {
  const web = service(
    'web',
    `type: LoadBalancer, loadBalancerSourceRanges: [${field}], ports: [{ port: 443 }]`,
    '{ ip: 203.0.113.80 }',
  );
  const annotations = `annotations: { service.beta.kubernetes.io/load-balancer-source-ranges: ${JSON.stringify(annotated)} }`;
  const { rules, said } = await rendered({
    objects: [web.replace('namespace: shop', `namespace: shop, ${annotations}`)],
  });
  expect(rules).toEqual(
    matches.map((each) => `${each} tcp dport { 443 } counter accept comment "accept traffic for k8s service shop/web"`),
  );
  const isTold = annotated.trim() !== '' && field === '';
  expect(
    said.some((line) => line.startsWith('warning SERVICE_NARROWED') && line.includes('load-balancer-source-ranges')),
  ).toBe(isTold);
});

describe('rate limits', () => {
  const limit = (vrf: number, rate: number): string =>
    `meta iifname "vrf${vrf}" limit rate over ${rate} mbytes/second counter name drop_ratelimit drop`;
  const limits = (text: string): string[] =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.includes('drop_ratelimit drop'));

  test.each([
    ['{ networkID: internet, rate: 100 }', [limit(104009, 100)]],
    ['{ networkID: partner, rate: 5 }, { networkID: internet, rate: 100 }', [limit(104009, 100), limit(104010, 5)]],
    ['{ networkID: internet, rate: 100 }, { networkID: internet, rate: 100 }', [limit(104009, 100)]],
    ['{ networkID: nodes, rate: 7 }, { networkID: storage, rate: 8 }', [limit(42, 7), limit(50, 8)]],
    ['{ networkID: underlay, rate: 7 }, { networkID: elsewhere, rate: 8 }', []],
  ])('4.7 %s', async (given, lines) => {
    expect(limits((await rendered({ firewall: `rateLimits: [${given}]` })).text)).toEqual(lines);
  });

  test('4.2 they stand before everything that accepts', async () => {
    const { text } = await rendered({ firewall: 'rateLimits: [{ networkID: internet, rate: 100 }]' });
    const order = ['count internal traffic outgoing', 'drop_ratelimit drop', 'accept established connections'];
    const places = order.map((part) => text.indexOf(part));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
  });
});

describe('egress addresses', () => {
  const from = 'ip saddr { 10.0.0.0/22 } oifname "vlan104009"';

  test.each([
    [
      '4.8 one address',
      '{ networkID: internet, ips: [203.0.113.7] }',
      [`${from} counter snat 203.0.113.7 random comment "snat for internet"`],
    ],
    [
      '4.8 several, by a hash for TCP, and a rule for the rest',
      '{ networkID: internet, ips: [203.0.113.7, 203.0.113.8, 198.51.100.9] }',
      [
        `${from} counter snat to jhash ip daddr . tcp sport mod 3 map { 0 : 203.0.113.7, 1 : 203.0.113.8, 2 : 198.51.100.9 } random comment "snat for internet"`,
        `${from} meta l4proto != tcp counter snat ip to jhash ip daddr mod 3 map { 0 : 203.0.113.7, 1 : 203.0.113.8, 2 : 198.51.100.9 } random comment "snat for internet"`,
      ],
    ],
    [
      '4.8 several networks, sorted',
      '{ networkID: partner, ips: [192.0.2.7] }, { networkID: internet, ips: [203.0.113.7] }',
      [
        `${from} counter snat 203.0.113.7 random comment "snat for internet"`,
        'ip saddr { 10.0.0.0/22 } oifname "vlan104010" counter snat 192.0.2.7 random comment "snat for partner"',
      ],
    ],
    ['4.8 networks that are not external are skipped', '{ networkID: storage, ips: [10.0.16.7] }', undefined],
    ['4.2 without rules there is no chain', '', undefined],
  ])('%s', async (_, given, translations) => {
    expect((await rendered({ firewall: `egressRules: [${given}]` })).translations).toEqual(translations);
  });

  test('4.8 what has nobody to translate is told: whose prefixes are not known, or of the other family', async () => {
    const given = (facts: string) =>
      rendered({ facts, firewall: 'egressRules: [{ networkID: internet, ips: [203.0.113.7, "2001:db8:100::7"] }]' });
    const dual = FACTS.replace('prefixes: [198.51.100.0/24,', 'prefixes: ["2001:db8:100::/64", 198.51.100.0/24,');
    const told = (family: 4 | 6) =>
      expect.stringContaining(
        `spec.egressRules[0].ips: the private primary network "nodes" has no prefix of IPv${family}, so nothing is translated to addresses of IPv${family}`,
      );
    expect(await given(dual)).toMatchObject({ code: 0, said: [told(6)], translations: [expect.any(String)] });
    const unknown = dual.replace('prefixes: [10.0.0.0/22]', 'prefixes: []');
    expect(await given(unknown)).toMatchObject({ said: [told(4), told(6)], translations: undefined });
  });

  test.each([
    ['of an unknown network', '{ networkID: elsewhere, ips: [203.0.113.8] }', /elsewhere/],
    ['that is none', '{ networkID: partner, ips: [203.0.113] }', /203\.0\.113/],
    ['outside of the prefixes of its network', '{ networkID: partner, ips: [198.18.0.1] }', /198\.18\.0\.1/],
    ['in no number', '{ networkID: partner, ips: [] }', /partner|ips/],
  ])('4.8 an address %s is told, and the other rules hold', async (_, bad, told) => {
    const { translations, said } = await rendered({
      firewall: `egressRules: [${bad}, { networkID: internet, ips: [203.0.113.7] }]`,
    });
    expect(translations).toEqual([`${from} counter snat 203.0.113.7 random comment "snat for internet"`]);
    expect(said.join('\n')).toMatch(told);
  });
});
