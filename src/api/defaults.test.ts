import { describe, expect, test } from 'vitest';
import { readResource } from './read.ts';
import type { Resource, ResourceType } from './resource.ts';
import { parseAddress } from '../ip/address.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { RawMap } from './shape.ts';

function read<T extends ResourceType>(
  type: T,
  apiVersion: string,
  kind: string,
  rest: RawMap,
): Extract<Resource, { type: T }> {
  const { resource, diagnostics } = readResource(
    { apiVersion, kind, metadata: { name: 'x', namespace: 'shop' }, ...rest },
    {},
  );
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (!isOf(type, resource)) throw new Error(`no ${type}`);
  return resource;
}

function isOf<T extends ResourceType>(
  type: T,
  resource: Resource | undefined,
): resource is Extract<Resource, { type: T }> {
  return resource?.type === type;
}

const ours = 'sallyport.dev/v1alpha1';
const calico = 'projectcalico.org/v3';
const selects = { selector: 'all()', namespaceSelector: 'all()' };

describe('defaults of design section 5', () => {
  const firewall = (spec: RawMap) =>
    read('BorderFirewall', ours, 'BorderFirewall', {
      spec: { driver: 'nftables', address: 'local', workloads: {}, ...spec },
    });

  test('BorderFirewall', () => {
    const { destinations, networks, place: _, labels: _labels, annotations: _annotations, ...rest } = firewall({});
    expect(destinations.equals(PrefixSet.all)).toBe(true);
    expect(networks).toBeUndefined();
    expect(rest).toEqual({
      type: 'BorderFirewall',
      name: 'x',
      namespace: '',
      deleting: false,
      driver: 'nftables',
      address: 'local',
      options: {},
      workloads: {},
      behind: [],
      nodeAddress: 'InternalIP',
      unknown: 'Drop',
      unselected: 'Ignore',
      accepts: [],
      tiers: [],
      blind: 'Refuse',
      established: 'Cut',
      mode: 'Observe',
      approve: 'Rules',
      drift: 'Repair',
      adopt: [],
      approximate: 'Never',
      guard: {
        removals: { percent: 20, atLeast: 10, percentPerHour: 50 },
        gains: { percent: 20, atLeast: 10, percentPerHour: 50 },
        quiet: [],
        after: [],
      },
      readiness: { timeoutMs: 60_000, onTimeout: 'Hold' },
      onDelete: 'Keep',
    });
  });

  test('drift is shown, not repaired, on other devices', () => {
    expect(firewall({ driver: 'fortigate' }).drift).toBe('Show');
    expect(firewall({ driver: 'fortigate', drift: 'Repair' }).drift).toBe('Repair');
  });

  test('a part of a default can be given', () => {
    const { guard, readiness } = firewall({ guard: { gains: { percent: 5 } }, readiness: { onTimeout: 'Release' } });
    expect(guard.gains).toEqual({ percent: 5, atLeast: 10, percentPerHour: 50 });
    expect(guard.removals.percent).toBe(20);
    expect(readiness).toEqual({ timeoutMs: 60_000, onTimeout: 'Release' });
  });

  test.each([
    ['1500ms', 1_500],
    ['90s', 90_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
  ])('a timeout of %s', (timeout, milliseconds) => {
    expect(firewall({ readiness: { timeout } }).readiness.timeoutMs).toBe(milliseconds);
  });

  test('ClusterBorderPolicy and BorderPolicy', () => {
    const { spec } = read('ClusterBorderPolicy', ours, 'ClusterBorderPolicy', { spec: selects });
    expect(spec).toMatchObject({ order: Number.POSITIVE_INFINITY, egress: [], onBlind: 'Refuse' });
    expect(spec.firewalls).toBeUndefined();
    const own = read('BorderPolicy', ours, 'BorderPolicy', { spec: { selector: 'all()' } });
    expect(own.spec.namespaceSelector).toEqual({ ok: true, value: undefined });
  });

  test('AddressGroup', () => {
    expect(read('AddressGroup', ours, 'AddressGroup', { spec: selects })).toMatchObject({
      deviceName: 'x',
      as: 'Auto',
      use: 'Allow',
    });
  });

  test('SourceNAT', () => {
    const nat = read('SourceNAT', ours, 'SourceNAT', {
      spec: { ...selects, destination: {}, translate: { none: true } },
    });
    expect(nat).toMatchObject({
      order: Number.POSITIVE_INFINITY,
      onBlind: 'Refuse',
      otherFamily: 'Keep',
      translate: { ok: true, value: { kind: 'None' } },
    });
    expect(nat.destination.ok && nat.destination.value.nets.equals(PrefixSet.all)).toBe(true);
  });

  test.each([
    [{ address: '192.0.2.1' }, '192.0.2.1/32'],
    [{ range: '192.0.2.1 - 192.0.2.3' }, '192.0.2.1/32, 192.0.2.2/31'],
    [{ addresses: ['192.0.2.0/25', '192.0.2.128/25', '2001:db8::1'] }, '192.0.2.0/24, 2001:db8::1/128'],
  ])('SourceNAT translates to %o', (translate, text) => {
    const nat = read('SourceNAT', ours, 'SourceNAT', { spec: { ...selects, destination: {}, translate } });
    expect(
      nat.translate.ok && nat.translate.value.kind === 'Addresses' && nat.translate.value.addresses.toString(),
    ).toBe(text);
  });
});

describe('defaults of others', () => {
  test('directions of a Kubernetes NetworkPolicy (semantics 8.1.2)', () => {
    const types = (spec: RawMap) =>
      read('KubernetesNetworkPolicy', 'networking.k8s.io/v1', 'NetworkPolicy', { spec }).types;
    expect(types({})).toEqual(['Ingress']);
    expect(types({ ingress: [{}], egress: [] })).toEqual(['Ingress']);
    expect(types({ egress: [{}] })).toEqual(['Ingress', 'Egress']);
    expect(types({ egress: null, policyTypes: null })).toEqual(['Ingress']);
    expect(types({ egress: [{}], policyTypes: ['Ingress'] })).toEqual(['Ingress']);
  });

  test.each([calico, 'crd.projectcalico.org/v1'])('directions of a policy in %s (semantics 6.2.2)', (version) => {
    const rule = { action: 'Allow' };
    const types = (spec: RawMap) => read('NetworkPolicy', version, 'NetworkPolicy', { spec }).spec.types;
    expect(types({})).toEqual(['Ingress']);
    expect(types({ ingress: [rule] })).toEqual(['Ingress']);
    expect(types({ egress: [rule] })).toEqual(['Egress']);
    expect(types({ ingress: [], egress: [rule] })).toEqual(['Egress']);
    expect(types({ ingress: [rule], egress: [rule] })).toEqual(['Ingress', 'Egress']);
    expect(types({ egress: [rule], types: ['Ingress'] })).toEqual(['Ingress']);
  });

  test('Calico policies and tiers', () => {
    const { spec } = read('GlobalNetworkPolicy', calico, 'GlobalNetworkPolicy', {
      spec: { selector: '', order: null },
    });
    expect(spec).toMatchObject({ tier: 'default', order: Number.POSITIVE_INFINITY, applyOnForward: false });
    expect(spec.selector).toEqual({ ok: true, value: undefined });
    expect(spec.namespaceSelector).toEqual({ ok: true, value: undefined });
    expect(read('Tier', calico, 'Tier', {})).toMatchObject({ order: Number.POSITIVE_INFINITY, defaultAction: 'Deny' });
  });

  test('a built-in tier has its order and action, written or not', () => {
    const tier = readResource({ apiVersion: calico, kind: 'Tier', metadata: { name: 'kube-admin' }, spec: {} }, {});
    expect(tier.resource).toMatchObject({ order: 1_000, defaultAction: 'Pass' });
    expect(tier.diagnostics).toEqual([]);
  });

  test('IPPool and FelixConfiguration', () => {
    const pool = read('IPPool', calico, 'IPPool', { spec: { cidr: '10.0.0.0/16' } });
    expect(pool).toMatchObject({ natOutgoing: false, disabled: false, allowedUses: ['Workload', 'Tunnel'] });
    expect(pool.nodeSelector.canonical).toBe('all()');
    expect(read('FelixConfiguration', calico, 'FelixConfiguration', {}).natOutgoingExclusions).toBe('IPPoolsOnly');
  });

  test('a pod that has only just been made', () => {
    expect(read('Pod', 'v1', 'Pod', {})).toMatchObject({
      hostNetwork: false,
      phase: 'Pending',
      podIPs: [],
      ports: [],
      deleting: false,
    });
  });

  test('a pod keeps the annotations that show addresses, while they count', () => {
    const shown = { 'vpc.amazonaws.com/pod-ips': '10.0.0.1' };
    const pod = (rest: RawMap, status: RawMap = {}) => {
      const metadata = { name: 'x', namespace: 'shop', annotations: { note: 'long', ...shown }, ...rest };
      return [...read('Pod', 'v1', 'Pod', { metadata, status }).annotations];
    };
    expect(pod({})).toEqual(Object.entries(shown));
    expect(pod({ annotations: { note: 'long' } })).toEqual([]);
    expect(pod({}, { podIP: '10.0.0.1' })).toEqual([]);
    expect(pod({ deletionTimestamp: '2026-01-01T00:00:00Z' }, { podIP: '10.0.0.1' })).toEqual(Object.entries(shown));
  });

  test('podIPs go before podIP, podCIDRs before podCIDR', () => {
    const pod = (status: RawMap) => read('Pod', 'v1', 'Pod', { status }).podIPs;
    expect(pod({ podIP: '10.0.0.1' })).toEqual([parseAddress('10.0.0.1')]);
    expect(pod({ podIP: '10.0.0.1', podIPs: [] })).toEqual([parseAddress('10.0.0.1')]);
    expect(pod({ podIP: '10.0.0.1', podIPs: [{ ip: 'not judged here' }] })).toEqual(['not judged here']);
    expect(read('Node', 'v1', 'Node', { spec: { podCIDR: 'a', podCIDRs: ['b'] } }).podCIDRs).toEqual(['b']);
  });
});
