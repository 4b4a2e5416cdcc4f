import { describe, expect, test } from 'vitest';
import { rule, rules } from './client.fixture.ts';
import { MS, device, put } from './commit.fixture.ts';

describe('validation', () => {
  test.each([
    [
      'two kinds of address',
      "address/entry[@name='a3']",
      '<ip-netmask>10.0.0.1</ip-netmask><ip-range>10.0.0.1-10.0.0.2</ip-range>',
      ' address -> a3 Node ip-netmask and ip-range are mutually exclusive',
    ],
    [
      'an address without any',
      "address/entry[@name='a3']",
      '<description>x</description>',
      " address -> a3 is missing 'ip-netmask' or 'ip-range' or 'ip-wildcard' or 'fqdn'",
    ],
    [
      'an empty group',
      "address-group/entry[@name='g']",
      '<static/>',
      ' address-group -> g -> static needs at least 1 member',
    ],
    [
      'a group of both kinds',
      "address-group/entry[@name='g']",
      "<static><member>10.0.0.1</member></static><dynamic><filter>'x'</filter></dynamic>",
      'mutually exclusive',
    ],
    [
      'a rule without an action',
      "rulebase/security/rules/entry[@name='r']",
      '<from><member>any</member></from>',
      "rules -> r is missing 'action'",
    ],
    [
      'a translation into two zones',
      "rulebase/nat/rules/entry[@name='n']",
      '<to><member>k8s</member><member>internet</member></to>',
      'to takes at most 1 member',
    ],
    [
      'credentials without TLS',
      "external-list/entry[@name='e']",
      '<type><ip><url>http://127.0.0.1/x</url><auth><username>u</username><password>p</password></auth><recurring><hourly/></recurring></ip></type>',
      'need an https url',
    ],
    [
      'a list that is never fetched',
      "external-list/entry[@name='e']",
      '<type><ip><url>http://127.0.0.1/x</url></ip></type>',
      "is missing 'recurring'",
    ],
    [
      'a group that holds itself',
      "address-group/entry[@name='g']",
      '<static><member>g</member></static>',
      ' address-group -> g contains itself',
    ],
  ])('%s', async (_, place, content, line) => {
    await using firewall = await device({ quirks: { referencesAt: 'commit' } });
    const before = firewall.runs();
    expect(firewall.set(place, content)).toContain('success');
    expect(firewall.commit()).toMatch(/^FIN FAIL 100: Validation Error: \|/);
    expect(firewall.job(1)).toContain(line);
    expect(firewall.runs()).toBe(before);
    expect(firewall.op('<validate><full/></validate>')).toContain('Validate job enqueued with jobid 2');
    firewall.time.advance(MS);
    expect(firewall.job(2)).toContain(line);
  });

  test('names that lead nowhere, where only the commit looks', async () => {
    await using firewall = await device({ quirks: { referencesAt: 'commit' } });
    firewall.set(
      `${rules}/entry[@name='r1']`,
      rule({ source: 'nobody', from: 'nowhere', service: 'nothing', more: '<tag><member>none</member></tag>' }),
    );
    const told = firewall.commit();
    for (const name of ['nobody', 'nowhere', 'nothing', 'none'])
      expect(told).toContain(`'${name}' is not a valid reference`);
  });

  test('a name that an address and a group share', async () => {
    await using firewall = await device();
    firewall.set(...put('x'));
    firewall.set("address-group/entry[@name='x']", '<static><member>10.0.0.1</member></static>');
    expect(firewall.commit()).toContain('address-group -> x is already in use');
  });

  test.each([
    ['max-address', 2, () => [put('a'), put('b'), put('c')]],
    [
      'max-address-group',
      1,
      () =>
        ['g', 'h'].map(
          (name) => [`address-group/entry[@name='${name}']`, '<static><member>10.0.0.1</member></static>'] as const,
        ),
    ],
    [
      'max-address-per-group',
      1,
      () => [
        [
          "address-group/entry[@name='g']",
          '<static><member>10.0.0.1</member><member>10.0.0.2</member></static>',
        ] as const,
      ],
    ],
    [
      'max-service',
      1,
      () =>
        ['s', 't'].map(
          (name) => [`service/entry[@name='${name}']`, '<protocol><tcp><port>1</port></tcp></protocol>'] as const,
        ),
    ],
    [
      'max-policy-rule',
      1,
      () => ['r', 's'].map((name) => [`rulebase/security/rules/entry[@name='${name}']`, rule()] as const),
    ],
    [
      'max-edl-objs',
      0,
      () => [
        [
          "external-list/entry[@name='e']",
          '<type><ip><url>http://127.0.0.1:9/x</url><recurring><hourly/></recurring></ip></type>',
        ] as const,
      ],
    ],
  ] as const)('%s', async (what, limit, objects) => {
    await using firewall = await device({ capacity: { [what]: limit } });
    for (const [place, content] of objects()) expect(firewall.set(place, content)).toContain('success');
    expect(firewall.commit()).toMatch(new RegExp(`FAIL.*exceeds platform limit \\(${limit}\\)`));
    expect(firewall.op('<show><system><state><filter>cfg.general.max*</filter></state></system></show>')).toContain(
      `cfg.general.${what}: 0x${limit}`,
    );
  });
});
