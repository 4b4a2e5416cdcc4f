import { describe, expect, test } from 'vitest';
import { loadWorld } from '../../src/engine/index.ts';
import { hostEndpoint, namespace, networkSet, pod, policy, serviceAccount } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

// Texts of effective selectors are those that Calico's own converter gives for the same input.

const NAMESPACE = 'projectcalico.org/namespace';
const ACCOUNT = 'projectcalico.org/serviceaccount';

function scopeOf(name: string, spec: object): string | undefined {
  return [
    ...loadWorld([policy(name, spec)])
      .policySelectors()
      .values(),
  ][0];
}

/** Selectors of the sets that a rule with this source makes. */
function setsOf(owner: string, source: object): readonly string[] {
  const spec = { selector: 'all()', types: ['Ingress'], ingress: [{ action: 'Allow', source }] };
  const objects = [namespace('n'), pod('n/p', { ips: ['10.0.0.1'] }), policy(owner, spec)];
  return loadWorld(objects)
    .ipSets()
    .map(({ selector }) => selector);
}

describe('3.1: what a policy applies to', () => {
  test.each([
    ['3.1.1 the selector and the namespace', 'n/q', { selector: "a == 'b'" }, `(a == "b" && ${NAMESPACE} == "n")`],
    ['3.1.1 the namespace alone', 'n/q', {}, `${NAMESPACE} == "n"`],
    [
      '3.1.1 not flattened',
      'n/q',
      { selector: "a == 'b' || c == 'd'" },
      `((a == "b" || c == "d") && ${NAMESPACE} == "n")`,
    ],
    [
      '3.1.2 service accounts under pcsa.',
      'n/q',
      { selector: "a == 'b'", serviceAccountSelector: "c == 'd'" },
      `((a == "b" && ${NAMESPACE} == "n") && pcsa.c == "d")`,
    ],
    [
      '3.1.2 without a selector',
      'n/q',
      { serviceAccountSelector: "c == 'd' || e == 'f'" },
      `(${NAMESPACE} == "n" && (pcsa.c == "d" || pcsa.e == "f"))`,
    ],
    ['3.1.3 nothing is everything', 'q', {}, 'all()'],
    ['3.1.3 the selector itself', 'q', { selector: "a=='b'" }, 'a == "b"'],
    [
      '3.1.3 namespaces and accounts after it, in that order',
      'q',
      { selector: "a == 'b'", namespaceSelector: "c == 'd'", serviceAccountSelector: "e == 'f'" },
      '((a == "b" && pcns.c == "d") && pcsa.e == "f")',
    ],
    [
      '3.1.4 all() everywhere',
      'q',
      { selector: 'all()', namespaceSelector: 'all()', serviceAccountSelector: 'all()' },
      `((has(${NAMESPACE}) && has(${NAMESPACE})) && has(${ACCOUNT}))`,
    ],
    [
      '3.1.4 beside accounts alone',
      'q',
      { selector: 'all()', serviceAccountSelector: 'all()' },
      `(has(${ACCOUNT}) && has(${ACCOUNT}))`,
    ],
    ['3.1.4 nothing to rewrite', 'q', { namespaceSelector: '!has(x)' }, '!has(pcns.x)'],
  ])('%s', (_, name, spec, expected) => {
    expect(scopeOf(name, spec)).toBe(expected);
  });

  test('3.1.5 a prefixed selector that cannot be read is stopped as a mistake, and closes', () => {
    const world = loadWorld([
      namespace('a'),
      pod('a/p', { ips: ['10.0.0.1'] }),
      policy('q', { selector: 'all()', namespaceSelector: 'a =', ingress: [{ action: 'Allow' }] }),
    ]);
    expect(world.diagnostics).toMatchObject([{ severity: 'error', path: 'spec.namespaceSelector' }]);
    expect(world.verdict({ src: '192.0.2.1', dst: '10.0.0.1', proto: 'TCP' }).allowed).toBe(false);
  });

  test('3.1.6 network sets are never subject to policies', () => {
    const world = loadWorld([
      networkSet('g', { app: 'x' }, ['192.0.2.0/24']),
      policy('q', { selector: "app == 'x'", types: ['Ingress', 'Egress'] }),
    ]);
    expect(world.endpoints()).toEqual([]);
    expect(world.verdict({ src: '192.0.2.1', dst: '192.0.2.2', proto: 'TCP' })).toEqual({ allowed: true });
  });
});

describe('3.2: what a side of a rule selects', () => {
  const own = `${NAMESPACE} == "n"`;
  test.each<[string, string, object, readonly string[]]>([
    ['3.2.1 the own namespace', 'n/q', { selector: "a == 'b'" }, [`(${own} && a == "b")`]],
    [
      '3.2.1 namespaces by label, all() and global() rewritten',
      'n/q',
      { namespaceSelector: "all() && x != 'y'" },
      [`(has(${NAMESPACE}) && pcns.x != "y")`],
    ],
    [
      '3.2.1 global() in a global policy',
      'q',
      { selector: "a == 'b'", namespaceSelector: 'global()' },
      [`(!has(${NAMESPACE}) && a == "b")`],
    ],
    [
      '3.2.1 what is rewritten is read again: a run of negations collapses',
      'q',
      { namespaceSelector: '!(!has(x))' },
      ['has(pcns.x)'],
    ],
    [
      '3.2.2 and 3.2.3 accounts by label, then by name, before the selector',
      'n/q',
      {
        selector: "a == 'b'",
        namespaceSelector: "c == 'd'",
        serviceAccounts: { names: ['s2', 's1'], selector: "t == 'u'" },
      },
      [`(pcns.c == "d" && ((pcsa.t == "u" && ${ACCOUNT} in {"s1", "s2"}) && a == "b"))`],
    ],
    ['3.2.2 accounts that say nothing are none', 'n/q', { serviceAccounts: {} }, []],
    ['3.2.2 all() of accounts is not rewritten', 'q', { serviceAccounts: { selector: 'all()' } }, ['all()']],
    ['3.2.4 nothing selects nothing', 'n/q', { nets: ['192.0.2.0/24'] }, []],
    ['3.2.4 notSelector brings the namespace', 'n/q', { notSelector: "a == 'b'" }, [`(${own} && !a == "b")`]],
    ['3.3.2 a negation in notSelector is negated', 'n/q', { notSelector: '!has(a)' }, [`(${own} && !!has(a))`]],
    ['3.3.2 alone it is a set of its own', 'q', { notSelector: "a == 'b'" }, ['a == "b"']],
    [
      '3.3.4 notSelector keeps its words',
      'q',
      { namespaceSelector: 'all()', notSelector: "all() && a == 'b'" },
      [`(has(${NAMESPACE}) && !(all() && a == "b"))`],
    ],
  ])('%s', (_, owner, source, expected) => {
    expect(setsOf(owner, source)).toEqual(expected);
  });

  test('3.2.2 and 3.2.8 an account is meant by name in the namespaces that the rule means', () => {
    const accounts = [serviceAccount('n/robot', {}), serviceAccount('m/robot', {})];
    const pods = ['n', 'm'].map((where, at) => pod(`${where}/p`, { ips: [`10.0.0.${at + 1}`], account: 'robot' }));
    const members = (owner: string): readonly string[] => {
      const ingress = [{ action: 'Allow', source: { serviceAccounts: { names: ['robot'] } } }];
      const world = loadWorld([namespace('n'), namespace('m'), ...accounts, ...pods, policy(owner, { ingress })]);
      return world.ipSets()[0]?.members ?? [];
    };
    expect(members('n/q')).toEqual(['10.0.0.1/32']);
    expect(members('q')).toEqual(['10.0.0.1/32', '10.0.0.2/32']);
  });

  test.each([
    ["env != 'test'", ['10.0.0.1', '192.0.2.1', '198.51.100.1']],
    ['!has(env)', ['192.0.2.1', '198.51.100.1']],
    ["env not in {'test'}", ['10.0.0.1', '192.0.2.1', '198.51.100.1']],
    ["has(env) && env != 'test'", ['10.0.0.1']],
    ['all()', ['10.0.0.1', '10.0.0.2']],
    ['global()', ['192.0.2.1', '198.51.100.1']],
  ])('3.2.7 negative namespace selectors reach host endpoints and global sets: %s', (namespaceSelector, expected) => {
    const objects: PlainObject[] = [
      namespace('a', { env: 'prod' }),
      namespace('b', { env: 'test' }),
      pod('a/p', { ips: ['10.0.0.1'] }),
      pod('b/p', { ips: ['10.0.0.2'] }),
      hostEndpoint('h', {}, { expectedIPs: ['192.0.2.1'] }),
      networkSet('g', {}, ['198.51.100.1/32']),
    ];
    for (const owner of ['q', 'a/q']) {
      const ingress = [{ action: 'Allow', source: { namespaceSelector } }];
      const world = loadWorld([...objects, policy(owner, { selector: 'all()', types: ['Ingress'], ingress })]);
      const reached = ['10.0.0.1', '10.0.0.2', '192.0.2.1', '198.51.100.1', '203.0.113.1'].filter(
        (src) => world.verdict({ src, dst: '10.0.0.1', proto: 'TCP' }).ingress?.allowed,
      );
      expect(reached).toEqual(expected);
    }
  });
});
