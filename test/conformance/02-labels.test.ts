import { describe, expect, test } from 'vitest';
import { loadWorld } from '../../src/engine/index.ts';
import { hostEndpoint, namespace, networkSet, pod, policy, serviceAccount } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

const ADDRESS = '10.0.0.1';

/** Whether a selector selects an endpoint of this world, asked through a policy. */
function selects(objects: readonly PlainObject[], selector: string, id = 'pod:a/p'): boolean {
  const world = loadWorld([...objects, policy('q', { selector, types: ['Ingress'] })]);
  const endpoint = world.endpoints().find((each) => each.id === id);
  expect(endpoint).toBeDefined();
  return (endpoint?.tiers.length ?? 0) > 0;
}

/** Whether a rule's selector selects an address, asked through the set that Calico would make. */
function isMember(objects: readonly PlainObject[], selector: string, member: string): boolean {
  const spec = { selector: 'all()', types: ['Ingress'], ingress: [{ action: 'Allow', source: { selector } }] };
  const [set] = loadWorld([pod('z/asked', { ips: ['10.9.9.9'] }), ...objects, policy('q', spec)]).ipSets();
  return set?.members.includes(member) ?? false;
}

const p = (labels: Record<string, string>, account?: string): PlainObject =>
  pod('a/p', { labels, ips: [ADDRESS], ...(account === undefined ? {} : { account }) });
const a = namespace('a', { env: 'prod', '': 'odd' });
const robot = serviceAccount('a/robot', { tier: 'front' });

describe('2: labels of endpoints', () => {
  test('2.1 the own value beats an inherited one', () => {
    // A pod cannot have such a label itself (2.5); a host endpoint can.
    const host = hostEndpoint('h', { 'pcns.env': 'own' }, { profiles: ['kns.a'] });
    expect(selects([a, host], "pcns.env == 'own'", 'hep:h')).toBe(true);
    expect(selects([a, host], "pcns.env == 'prod'", 'hep:h')).toBe(false);
    expect(selects([a, host], "pcns.projectcalico.org/name == 'a'", 'hep:h')).toBe(true);
  });

  test('2.1 of several profiles the first in the list wins', () => {
    const b = namespace('b', { env: 'test' });
    const host = (...profiles: string[]): PlainObject => hostEndpoint('h', {}, { profiles });
    expect(selects([a, b, host('kns.a', 'kns.b')], "pcns.env == 'prod'", 'hep:h')).toBe(true);
    expect(selects([a, b, host('kns.b', 'kns.a')], "pcns.env == 'test'", 'hep:h')).toBe(true);
  });

  test.each([
    ["pcns.env == 'prod'", true],
    ["pcns.projectcalico.org/name == 'a'", true],
    ['has(env)', false],
  ])('2.2 a namespace gives its labels under pcns., and its name: %s', (selector, expected) => {
    expect(selects([a, p({})], selector)).toBe(expected);
  });

  test.each([
    ["pcsa.tier == 'front'", true],
    ["pcsa.projectcalico.org/name == 'robot'", true],
    ['has(tier)', false],
  ])('2.3 a service account gives its labels under pcsa., and its name: %s', (selector, expected) => {
    expect(selects([a, robot, p({}, 'robot')], selector)).toBe(expected);
    expect(selects([a, robot, p({})], selector)).toBe(false);
  });

  test.each([
    ["projectcalico.org/namespace == 'a'"],
    ["projectcalico.org/orchestrator == 'k8s'"],
    ["projectcalico.org/serviceaccount == 'robot'"],
  ])('2.4 a pod has labels of its place, whatever it says itself: %s', (selector) => {
    const spoof = {
      'projectcalico.org/namespace': 'b',
      'projectcalico.org/orchestrator': 'x',
      'projectcalico.org/serviceaccount': 'root',
    };
    expect(selects([a, p(spoof, 'robot')], selector)).toBe(true);
  });

  test('2.4 the account label is there for names of 63 characters and more', () => {
    const name = 'r'.repeat(70);
    expect(selects([a, p({}, name)], `projectcalico.org/serviceaccount == '${name}'`)).toBe(true);
  });

  test('2.4 without an account there is no such label', () => {
    expect(selects([a, p({})], 'has(projectcalico.org/serviceaccount)')).toBe(false);
  });

  test('2.5 a pod cannot claim a namespace or an account by label', () => {
    const spoof = p({ 'pcns.env': 'test', 'pcns.team': 'x', 'pcsa.tier': 'back' });
    expect(selects([a, spoof], "pcns.env == 'prod'")).toBe(true);
    expect(selects([a, spoof], 'has(pcns.team) || has(pcsa.tier)')).toBe(false);
  });

  test('2.6 profiles of a pod: its namespace, then its account', () => {
    const profiles = (object: PlainObject): readonly string[] => loadWorld([a, object]).endpoints()[0]?.profiles ?? [];
    expect(profiles(p({}, 'robot'))).toEqual(['kns.a', 'ksa.a.robot']);
    expect(profiles(p({}))).toEqual(['kns.a']);
  });

  test('2.7 a host endpoint has its own labels and profiles; that of automatic ones allows everything', () => {
    const host = hostEndpoint(
      'h',
      { role: 'x' },
      { expectedIPs: ['192.0.2.1'], profiles: ['projectcalico-default-allow'] },
    );
    expect(selects([host], "role == 'x' && !has(projectcalico.org/namespace)", 'hep:h')).toBe(true);
    const { allowed, ingress, egress } = loadWorld([host]).verdict({
      src: '192.0.2.1',
      dst: '192.0.2.1',
      proto: 'UDP',
    });
    expect([allowed, ingress?.reason, egress?.policy]).toEqual([
      true,
      'profile',
      'Profile/projectcalico-default-allow',
    ]);
  });

  test('2.8 a network set has the labels of its namespace, as a pod has, and no orchestrator; a global one its own alone', () => {
    const sets = [
      networkSet('a/s', { kind: 'x' }, ['192.0.2.0/24']),
      networkSet('g', { kind: 'x' }, ['198.51.100.0/24']),
    ];
    const objects = [a, ...sets];
    const both = (selector: string): boolean[] =>
      ['192.0.2.0/24', '198.51.100.0/24'].map((net) => isMember(objects, selector, net));
    expect(both("kind == 'x'")).toEqual([true, true]);
    expect(both("pcns.env == 'prod'")).toEqual([true, false]);
    expect(both("projectcalico.org/namespace == 'a'")).toEqual([true, false]);
    expect(both('has(projectcalico.org/orchestrator)')).toEqual([false, false]);
  });

  test('2.9 a missing profile gives no labels', () => {
    expect(selects([p({}, 'robot')], "pcns.projectcalico.org/name == 'a' || has(pcsa.tier)")).toBe(false);
    expect(selects([p({}, 'robot')], "projectcalico.org/namespace == 'a'")).toBe(true);
  });

  test('2.10 a label with an empty value is present', () => {
    expect(selects([a, p({ app: '' })], 'has(app)')).toBe(true);
    expect(selects([a, p({ app: '' })], "app == ''")).toBe(true);
    expect(selects([a, p({})], "app == ''")).toBe(false);
  });
});
