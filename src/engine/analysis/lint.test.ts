import { describe, expect, test } from 'vitest';
import { kubernetesPolicy, namespace, pod, policy, stagedPolicy, tier } from '../../../test/kit/objects.ts';
import { loadWorld } from '../world.ts';
import { lint } from './lint.ts';

const shop = [
  namespace('shop'),
  pod('shop/web', { labels: { app: 'web' }, ips: ['10.0.0.1'], ports: ['http:8080'] }),
  pod('shop/db', { labels: { app: 'db' }, ips: ['10.0.0.2'] }),
];

function findings(...objects: object[]): readonly string[] {
  return lint(loadWorld([...shop, ...objects])).map(({ object, path, code }) => `${object} ${path} ${code}`);
}

/** A policy for web's ingress. */
const web = (name: string, ingress: object[], more: object = {}): object =>
  policy(`shop/${name}`, { selector: "app == 'web'", types: ['Ingress'], ingress, ...more });
const from = (...nets: string[]): object => ({ source: { nets } });
const tcp = (...ports: (number | string)[]): object => ({ protocol: 'TCP', destination: { ports } });

describe('what does nothing', () => {
  test('a clean policy has no findings', () => {
    expect(findings(web('a', [{ action: 'Allow', ...tcp(443), ...from('10.0.0.0/8') }]))).toEqual([]);
  });

  test('a policy that applies to nobody, and one that is only staged', () => {
    const nobody = { selector: "app == 'wbe'", types: ['Ingress'] };
    expect(findings(policy('shop/a', nobody), stagedPolicy('shop/b', nobody))).toEqual([
      'NetworkPolicy/shop/a  LINT_SELECTS_NOBODY',
    ]);
  });

  test('a rule that earlier rules of several policies cover together', () => {
    expect(
      findings(
        web('a', [{ action: 'Allow', ...tcp('1:100') }], { order: 1 }),
        web(
          'b',
          [
            { action: 'Allow', ...tcp('101:200') },
            { action: 'Allow', ...tcp('90:110') },
            { action: 'Allow', ...tcp(300) },
          ],
          {
            order: 2,
          },
        ),
      ),
    ).toEqual(['NetworkPolicy/shop/b spec.ingress[1] LINT_SHADOWED']);
  });

  test('not a rule that decides for one of the endpoints that its policy applies to', () => {
    const all = policy('shop/all', {
      selector: 'all()',
      order: 2,
      types: ['Ingress'],
      ingress: [{ action: 'Allow', ...tcp(80), ...from('10.0.0.0/8') }],
    });
    expect(findings(web('a', [{ action: 'Allow', ...tcp(80) }], { order: 1 }), all)).toEqual([]);
  });

  test('an Allow behind a Deny of the same flows is a conflict', () => {
    const rules = [
      { action: 'Deny', ...tcp('1:1000') },
      { action: 'Allow', ...tcp(443), ...from('10.0.0.0/8') },
    ];
    expect(findings(web('a', rules))).toEqual(['NetworkPolicy/shop/a spec.ingress[1] LINT_CONFLICT']);
  });

  test('a policy that others leave nothing to', () => {
    expect(
      findings(
        web('a', [{ action: 'Allow', ...tcp('1:1000') }], { order: 1 }),
        web(
          'b',
          [
            { action: 'Allow', ...tcp(80) },
            { action: 'Deny', ...tcp(443) },
          ],
          { order: 2 },
        ),
      ),
    ).toEqual(['NetworkPolicy/shop/b  LINT_POLICY_UNREACHED']);
  });

  test('what decides before is named, the end of a tier too', () => {
    const last = tier('last', { order: 2_000_000 });
    const rules = [{ action: 'Allow', ...tcp(80) }];
    const found = lint(
      loadWorld([...shop, last, web('a', [{ action: 'Deny', ...tcp(443) }]), web('last.b', rules, { tier: 'last' })]),
    );
    expect(found.find(({ object }) => object === 'NetworkPolicy/shop/last.b')).toEqual({
      severity: 'warning',
      code: 'LINT_CONFLICT',
      object: 'NetworkPolicy/shop/last.b',
      path: 'spec.ingress[0]',
      direction: 'ingress',
      rule: 0,
      message:
        'this Allow never gets its way, because before it comes the end of tier default; put it first, or remove it',
    });
  });

  test('selectors that select nobody, names that no port has, conditions that exclude each other', () => {
    const found = lint(
      loadWorld([
        ...shop,
        web('a', [
          { action: 'Allow', source: { selector: "app == 'none'" } },
          { action: 'Allow', ...tcp('https') },
          { action: 'Allow', ...tcp('https', 443) },
          { action: 'Allow', ...tcp('http'), ...from('192.0.2.0/24') },
          { action: 'Allow', destination: { nets: ['10.9.0.0/16'] } },
          { action: 'Allow', protocol: 'TCP', source: { nets: ['2001:db8::/32'] } },
        ]),
      ]),
    );
    expect(found.map(({ rule, code, message }) => `${rule} ${code}: ${message}`)).toEqual([
      `0 LINT_MATCHES_NOTHING: its source ${JSON.stringify('(projectcalico.org/namespace == "shop" && app == "none")')} selects no endpoint and no network set; correct the selector, or remove the rule`,
      '1 LINT_MATCHES_NOTHING: no endpoint has a port named "https"; correct the name, or name the port in the pods',
      '2 LINT_PORT_UNDEFINED: no endpoint has a port named "https"; correct the name, or name the port in the pods',
      '4 LINT_MATCHES_NOTHING: no flow of the endpoints that the policy applies to meets all its conditions; correct them, or remove the rule',
    ]);
  });
});

describe('what could go or goes wrong', () => {
  test('each of two rules that say the same, and a Deny that the tier says anyway', () => {
    expect(
      findings(
        web('a', [
          { action: 'Allow', ...tcp(80) },
          { action: 'Allow', ...tcp('80:90') },
          { action: 'Deny', ...tcp(25) },
        ]),
      ),
    ).toEqual([
      'NetworkPolicy/shop/a spec.ingress[0] LINT_REDUNDANT',
      'NetworkPolicy/shop/a spec.ingress[2] LINT_REDUNDANT',
    ]);
  });

  test('not a Deny of everything that people write at the end', () => {
    expect(findings(web('a', [{ action: 'Allow', ...tcp(80) }, { action: 'Deny' }]))).toEqual([]);
  });

  test('policies of one order that disagree', () => {
    expect(
      findings(
        web('a', [{ action: 'Deny', ...from('10.0.0.0/24') }]),
        web('b', [{ action: 'Allow', ...tcp(80), ...from('10.0.0.0/8') }]),
      ),
    ).toEqual(['NetworkPolicy/shop/b spec.ingress[0] LINT_CONFLICT']);
  });

  test('everything from anywhere, and to anywhere', () => {
    expect(
      findings(
        kubernetesPolicy('shop/open', {
          podSelector: { matchLabels: { app: 'web' } },
          policyTypes: ['Ingress', 'Egress'],
          ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0' } }], ports: [{ protocol: 'TCP' }] }],
          egress: [{}],
        }),
      ),
    ).toEqual([
      'KubernetesNetworkPolicy/shop/open spec.egress[0] LINT_ALLOWS_EVERYTHING',
      'KubernetesNetworkPolicy/shop/open spec.ingress[0] LINT_ALLOWS_EVERYTHING',
    ]);
  });

  test('a rule of Kubernetes is told by its written place, one that becomes several by the part', () => {
    const tcp80 = { port: 80 };
    const dns = { port: 53, protocol: 'UDP' };
    const db = [{ podSelector: { matchLabels: { app: 'db' } } }];
    const written = kubernetesPolicy('shop/k', {
      podSelector: { matchLabels: { app: 'web' } },
      policyTypes: ['Ingress'],
      ingress: [
        { from: db, ports: [tcp80, dns] },
        { from: db, ports: [tcp80] },
        { from: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [dns] },
      ],
    });
    const found = lint(loadWorld([...shop, written]));
    expect(found.map(({ path, code, rule, message }) => `${path} ${code} ${rule} ${message.split(':')[0]}`)).toEqual([
      'spec.ingress[0] LINT_REDUNDANT 0 one of its 2 parts, converted rule 0',
      'spec.ingress[1] LINT_SHADOWED 2 all that it matches is decided before it, by KubernetesNetworkPolicy/shop/k ingress rule 0; remove it',
    ]);
  });

  test('a Pass behind which there is no tier, and a tier that is missing', () => {
    const first = tier('first', { order: 1, defaultAction: 'Deny' });
    const pass = web('first.a', [{ action: 'Pass', ...from('10.0.0.0/8') }], { tier: 'first' });
    expect(findings(first, pass)).toEqual(['NetworkPolicy/shop/first.a spec.ingress[0] LINT_PASS_TO_NOWHERE']);
    expect(findings(first, pass, web('b', [{ action: 'Allow', ...tcp(80) }]))).toEqual([]);
    // A missing tier comes last, behind the end of the default tier.
    expect(findings(pass, web('b', []))).toEqual([
      'NetworkPolicy/shop/first.a spec.ingress[0] LINT_SHADOWED',
      'NetworkPolicy/shop/first.a spec.tier TIER_MISSING',
    ]);
  });
});
