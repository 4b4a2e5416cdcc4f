import { describe, expect, test } from 'vitest';
import { readResource } from './read.ts';
import type { BorderPolicyRule, CalicoRule, KubernetesRule, ReadableRule } from './resource.ts';
import type { RawMap } from './shape.ts';

const calico = 'projectcalico.org/v3';

function calicoRule(
  rule: RawMap,
  direction: 'ingress' | 'egress' = 'egress',
  kind = 'NetworkPolicy',
): ReadableRule<CalicoRule> | undefined {
  const raw = { apiVersion: calico, kind, metadata: { name: 'x', namespace: 'shop' }, spec: { [direction]: [rule] } };
  const { resource } = readResource(raw, {});
  if (resource?.type !== 'NetworkPolicy' && resource?.type !== 'GlobalNetworkPolicy') throw new Error('not read');
  return resource.spec[direction][0];
}

function ownRule(rule: unknown, spec: RawMap = {}): ReadableRule<BorderPolicyRule> | undefined {
  const raw = {
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'BorderPolicy',
    metadata: { name: 'x', namespace: 'shop' },
    spec: { selector: 'all()', egress: [rule], ...spec },
  };
  const { resource } = readResource(raw, {});
  if (resource?.type !== 'BorderPolicy') throw new Error('not read');
  return resource.spec.egress[0];
}

function right<R>(read: ReadableRule<R> | undefined): R {
  if (read?.ok !== true) throw new Error('the rule was not read');
  return read.rule;
}

describe('rules of Calico', () => {
  test.each([
    [{}, undefined],
    [{ ipVersion: 6 }, 6],
    [{ protocol: 'ICMP' }, 4],
    [{ protocol: 'ICMPv6' }, 6],
    [{ protocol: 1 }, undefined],
    [{ notProtocol: 'ICMP' }, undefined],
    [{ destination: { nets: ['10.0.0.0/8'] } }, 4],
    [{ destination: { notNets: ['10.0.0.0/8'] } }, 4],
    [{ source: { notNets: ['2001:db8::/32'] } }, 6],
  ])('%o is for family %s', (rule, family) => {
    expect(right(calicoRule({ action: 'Allow', ...rule })).ipVersion).toBe(family);
  });

  test.each([
    ['TCP', { number: 6, byName: true }],
    ['UDPLite', { number: 136, byName: true }],
    [47, { number: 47, byName: false }],
    ['47', { number: 47, byName: false }],
  ])('protocol %s', (protocol, read) => {
    expect(right(calicoRule({ action: 'Allow', protocol })).protocol).toEqual(read);
  });

  test('ports are numbers, ranges and names; digits are a number', () => {
    const { destination } = right(
      calicoRule({
        action: 'Allow',
        protocol: 'TCP',
        destination: { ports: [80, '81', '90:99', 'http', 'http', '8.x_-'] },
      }),
    );
    expect(destination.ports?.numbers.toString()).toBe('80-81, 90-99');
    expect(destination.ports?.names).toEqual(['http', '8.x_-']);
  });

  test('names of ports need no protocol', () => {
    expect(calicoRule({ action: 'Allow', destination: { ports: ['http'] } })?.ok).toBe(true);
    expect(calicoRule({ action: 'Allow', destination: { ports: ['http', 80] } })).toEqual({
      ok: false,
      action: 'Allow',
    });
    expect(calicoRule({ action: 'Allow', source: { notPorts: [80] } })).toEqual({ ok: false, action: 'Allow' });
  });

  test('empty texts and lists are absent', () => {
    const { destination } = right(
      calicoRule({ action: 'Allow', destination: { selector: '', namespaceSelector: '', nets: [], ports: null } }),
    );
    expect(destination).toEqual({ nets: [], notNets: [], domains: [] });
  });

  test('an empty text where a list belongs is not absent', () => {
    expect(calicoRule({ action: 'Allow', destination: { nets: '' } })?.ok).toBe(false);
  });

  test("a service's namespace is that of the policy, and has to be given in a global one", () => {
    const rule = { action: 'Allow', destination: { services: { name: 'web' } } };
    expect(right(calicoRule(rule)).destination.services).toEqual({ name: 'web', namespace: 'shop' });
    expect(calicoRule(rule, 'egress', 'GlobalNetworkPolicy')?.ok).toBe(false);
    expect(calicoRule(rule, 'ingress')?.ok).toBe(false);
  });

  test('http is kept as a mark, for whoever cannot enforce it', () => {
    expect(right(calicoRule({ action: 'Allow', http: { methods: ['GET'] } }, 'ingress')).http).toBe(true);
    expect(calicoRule({ action: 'Allow', http: { methods: ['GET'] } })?.ok).toBe(false);
  });

  test('unknown fields are ignored', () => {
    expect(calicoRule({ action: 'Allow', metadata: { annotations: { a: 'b' } }, fieldOfTomorrow: 1 })?.ok).toBe(true);
  });

  test('a policy whose order cannot be read stands first and denies what it denied or passed', () => {
    const raw = {
      apiVersion: calico,
      kind: 'GlobalNetworkPolicy',
      metadata: { name: 'x' },
      spec: { order: '5', egress: [{ action: 'Deny' }, { action: 'Pass' }, { action: 'Allow' }] },
    };
    const { resource } = readResource(raw, {});
    expect(resource).toMatchObject({
      spec: {
        order: Number.NEGATIVE_INFINITY,
        egress: [
          { ok: false, action: 'Deny' },
          { ok: false, action: 'Pass' },
          { ok: false, action: 'Allow' },
        ],
      },
    });
  });

  test.each(['selector', 'namespaceSelector', 'serviceAccountSelector'])(
    'with a %s that cannot be read only Deny stays as written',
    (field) => {
      const raw = {
        apiVersion: calico,
        kind: 'GlobalNetworkPolicy',
        metadata: { name: 'x' },
        spec: {
          [field]: 'a ==',
          egress: [{ action: 'Deny', protocol: 'TCP' }, { action: 'Pass' }, { action: 'Allow' }],
        },
      };
      const { resource } = readResource(raw, {});
      expect(resource).toMatchObject({
        spec: {
          [field]: { ok: false },
          egress: [
            { ok: true, rule: { action: 'Deny', protocol: { number: 6 } } },
            { ok: false, action: 'Pass' },
            { ok: false, action: 'Allow' },
          ],
        },
      });
    },
  );
});

describe('rules of ours', () => {
  test('both families may stand in one rule', () => {
    const rule = right(
      ownRule({ action: 'Allow', nets: ['10.0.0.0/8', '2001:db8::/32'], notNets: ['10.1.0.0/16', '2001:db8:1::/48'] }),
    );
    expect(rule.ipVersion).toBeUndefined();
    expect(rule.nets?.toString()).toBe('10.0.0.0/8, 2001:db8::/32');
  });

  test.each([
    [{ notNets: ['10.0.0.0/8'] }, false],
    [{ notNets: ['10.0.0.0/8'], ipVersion: 4 }, true],
    [{ notNets: ['10.1.0.0/16'], nets: ['10.0.0.0/8'] }, true],
    [{ notNets: ['10.1.0.0/16'], nets: ['10.0.0.0/8', '2001:db8::/32'] }, false],
    [{ notNets: ['10.1.0.0/16', '2001:db8::/32'] }, true],
    [{ notNets: ['10.1.0.0/16'], protocol: 'ICMP' }, true],
  ])('%o leaves no doubt about a family: %s', (rule, readable) => {
    expect(ownRule({ action: 'Deny', ...rule })?.ok).toBe(readable);
  });

  test.each(['nets', 'notNets', 'ports', 'notPorts', 'domains', 'selector', 'protocol', 'icmp', 'ipVersion'])(
    '%s: null is no way to say "everything"',
    (field) => {
      expect(ownRule({ action: 'Allow', [field]: null })).toEqual({ ok: false, action: 'Allow' });
    },
  );

  test.each([
    ['Allow', 'Allow'],
    ['Log', 'Log'],
    ['Deny', 'Deny'],
    ['Pass', 'Pass'],
    ['allow', 'Deny'],
    [undefined, 'Deny'],
    [null, 'Deny'],
    [{}, 'Deny'],
  ])('a broken rule with action %s counts as %s', (action, counts) => {
    expect(ownRule({ action, unknown: 1 })).toEqual({ ok: false, action: counts });
  });

  test.each([
    { unknown: 1 },
    { order: '1' },
    { firewalls: [] },
    { onBlind: 'Open' },
    { ingress: [] },
    { namespaceSelector: 'all()' },
  ])('%o in the spec makes every rule unreadable', (spec) => {
    expect(ownRule({ action: 'Allow' }, spec)).toEqual({ ok: false, action: 'Allow' });
    expect(ownRule({ action: 'Deny', protocol: 'TCP' }, spec)).toEqual({ ok: false, action: 'Deny' });
  });

  test('more rules than a policy takes make every rule unreadable', () => {
    const egress = Array.from({ length: 1_025 }, () => ({ action: 'Allow' }));
    expect(ownRule({}, { egress })).toEqual({ ok: false, action: 'Allow' });
  });
});

describe('rules of Kubernetes', () => {
  function kubernetesRule(rule: unknown): ReadableRule<KubernetesRule> | undefined {
    const spec = { podSelector: {}, egress: [rule] };
    const raw = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'x', namespace: 'shop' },
      spec,
    };
    const { resource } = readResource(raw, {});
    if (resource?.type !== 'KubernetesNetworkPolicy') throw new Error('not read');
    return resource.egress[0];
  }

  test('everything absent is everything; null is absent, as in Kubernetes', () => {
    for (const rule of [{}, { to: null, ports: null }, { to: [], ports: [] }])
      expect(kubernetesRule(rule)).toEqual({ ok: true, rule: { peers: [], ports: [] } });
  });

  test.each(['10.0.0.0', '10.0.0.0/33', '10.0.0/8', '', 'nonsense', '::ffff:10.0.0.0/104', 5, null])(
    'a CIDR %s never becomes everything',
    (cidr) => {
      expect(kubernetesRule({ to: [{ ipBlock: { cidr } }] })).toEqual({ ok: false, action: 'Allow' });
    },
  );

  test('host bits are cleared, as the API server does', () => {
    const rule = right(kubernetesRule({ to: [{ ipBlock: { cidr: '10.1.2.3/8' } }] }));
    expect(rule.peers[0]?.ipBlock?.cidr.length).toBe(8);
  });

  test('one peer that cannot be read takes its rule with it', () => {
    expect(kubernetesRule({ to: [{ podSelector: {} }, {}] })?.ok).toBe(false);
  });

  test('ports', () => {
    const rule = right(
      kubernetesRule({ ports: [{}, { protocol: 'UDP', port: 53 }, { port: 'http' }, { port: 1, endPort: 1 }] }),
    );
    expect(rule.ports).toEqual([
      { protocol: 'TCP' },
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 'http' },
      { protocol: 'TCP', port: 1, endPort: 1 },
    ]);
  });

  test('a pod selector that cannot be read isolates the namespace and allows nothing', () => {
    const spec = { podSelector: { matchLabels: { a: 1 } }, egress: [{}], policyTypes: ['Egress'] };
    const raw = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'x', namespace: 'shop' },
      spec,
    };
    expect(readResource(raw, {}).resource).toMatchObject({
      podSelector: { ok: false },
      types: ['Egress'],
      egress: [{ ok: false, action: 'Allow' }],
    });
  });
});
