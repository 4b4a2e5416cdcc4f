import { describe, expect, test } from 'vitest';
import { hostEndpoint, networkSet, pod, policy, serviceAccount } from '../../test/kit/objects.ts';
import { A, B, OUT, cluster, everywhere, web } from '../../test/kit/two-pods.ts';
import { loadWorld } from './world.ts';

describe('3.1 and 3.2: all() and global() in every place', () => {
  const set = networkSet('outside', { app: 'web' }, [`${OUT}/32`]);
  const host = hostEndpoint('h', { app: 'web' }, { expectedIPs: ['10.0.9.9'] });
  const subjects = (spec: object): string[] =>
    loadWorld([...cluster, set, host, policy('g', { ...spec, types: ['Ingress'] })])
      .endpoints()
      .filter(({ tiers }) => tiers.length > 0)
      .map(({ id }) => id);

  test.each([
    ['3.1.3 an empty selector selects every endpoint', {}, ['hep:h', 'pod:a/web', 'pod:b/db']],
    ['3.1.3 all() too', { selector: 'all()' }, ['hep:h', 'pod:a/web', 'pod:b/db']],
    [
      '3.1.4 beside a namespaceSelector the own all() means has a namespace',
      { selector: 'all()', namespaceSelector: 'all()' },
      ['pod:a/web', 'pod:b/db'],
    ],
    [
      '3.1.4 an empty selector adds nothing, so a negative namespaceSelector reaches hosts',
      { namespaceSelector: "env != 'test'" },
      ['hep:h', 'pod:a/web'],
    ],
    ['3.1.4 with all() written it does not', { selector: 'all()', namespaceSelector: "env != 'test'" }, ['pod:a/web']],
    [
      '3.1.4 a serviceAccountSelector narrows all() to those with an account',
      { selector: 'all()', serviceAccountSelector: '!has(tier)' },
      [],
    ],
  ])('%s', (_, spec, expected) => {
    expect(subjects(spec)).toEqual(expected);
  });

  const reaches = (owner: string, source: object): string[] => {
    const world = loadWorld([
      ...cluster,
      set,
      host,
      policy(owner, { ...everywhere, types: ['Ingress'], ingress: [{ action: 'Allow', source }] }),
    ]);
    return [A, B, OUT, '10.0.9.9', '203.0.113.1'].filter(
      (src) => world.verdict({ src, dst: A, proto: 'TCP', dport: 80 }).ingress?.allowed,
    );
  };
  test.each([
    [
      '3.2.4 no selector at all: any address, in a NetworkPolicy too',
      'a/n',
      {},
      [A, B, OUT, '10.0.9.9', '203.0.113.1'],
    ],
    ['3.2.1 NetworkPolicy: its own namespace', 'a/n', { selector: 'all()' }, [A]],
    ['3.2.1 NetworkPolicy with all() namespaces: no sets, no hosts', 'a/n', { namespaceSelector: 'all()' }, [A, B]],
    [
      '3.2.1 NetworkPolicy with global(): only what has no namespace',
      'a/n',
      { namespaceSelector: 'global()' },
      [OUT, '10.0.9.9'],
    ],
    ['3.2.6 GlobalNetworkPolicy: everything that is known', 'g', { selector: 'all()' }, [A, B, OUT, '10.0.9.9']],
    ['3.2.1 GlobalNetworkPolicy with all() namespaces', 'g', { namespaceSelector: 'all()' }, [A, B]],
    [
      '3.2.1 GlobalNetworkPolicy with global()',
      'g',
      { namespaceSelector: 'global()', selector: "app == 'web'" },
      [OUT, '10.0.9.9'],
    ],
    [
      '3.2.7 a negative namespaceSelector reaches global sets and hosts',
      'g',
      { namespaceSelector: "env != 'prod'" },
      [B, OUT, '10.0.9.9'],
    ],
    ['3.2.5 only notSelector in a NetworkPolicy stays in its namespace', 'a/n', { notSelector: "app == 'db'" }, [A]],
    [
      '3.3.1 only notSelector in a GlobalNetworkPolicy accepts unknown addresses',
      'g',
      { notSelector: "app == 'web'" },
      [B, '203.0.113.1'],
    ],
    [
      '3.3.4 notSelector is not scoped',
      'g',
      { selector: 'all()', notSelector: "pcns.env == 'prod'" },
      [B, OUT, '10.0.9.9'],
    ],
    [
      '3.2.8 serviceAccounts by name, in any namespace of a global policy',
      'g',
      { serviceAccounts: { names: ['robot'] } },
      [],
    ],
  ])('%s', (_, owner, source, expected) => {
    expect(reaches(owner, source)).toEqual(expected);
  });

  test('3.3.3 of an address that two endpoints share, one that satisfies the whole selector is enough', () => {
    const shared = [pod('b/twin', { labels: { app: 'db', role: 'x' }, ips: [B] })];
    const rule = { action: 'Allow', source: { selector: "app == 'db'", notSelector: 'has(role)' } };
    const world = web(...shared, policy('g', { ...everywhere, types: ['Ingress'], ingress: [rule] }));
    expect(world.verdict({ src: B, dst: A, proto: 'TCP', dport: 80 }).ingress?.allowed).toBe(true);
  });
});

describe('2: labels in effect', () => {
  test('2.4 and 2.5: a pod cannot claim another namespace; 2.1: its own label beats an inherited one', () => {
    const spoof = pod('b/spoof', {
      ips: ['10.0.0.3'],
      account: 'robot',
      labels: {
        'pcns.env': 'prod',
        'pcsa.role': 'admin',
        'projectcalico.org/namespace': 'a',
        'projectcalico.org/serviceaccount': 'admin',
        constructor: 'x',
        __proto__x: 'y',
      },
    });
    const account = serviceAccount('b/robot', { role: 'robot' });
    const applied = (selector: string): boolean =>
      web(spoof, account, policy('g', { selector, types: ['Ingress'] }))
        .endpoints()
        .some(({ id, tiers }) => id === 'pod:b/spoof' && tiers.length > 0);
    expect(applied("pcns.env == 'prod'")).toBe(false);
    expect(applied("pcns.env == 'test'")).toBe(true);
    expect(applied("projectcalico.org/namespace == 'b' && projectcalico.org/serviceaccount == 'robot'")).toBe(true);
    expect(applied("pcsa.role == 'robot' && pcsa.projectcalico.org/name == 'robot'")).toBe(true);
    expect(applied("constructor == 'x'")).toBe(true);
    expect(applied('has(toString) || has(__proto__) || has(hasOwnProperty)')).toBe(false);
  });

  test('2.8 a network set has a namespace label and inherits, but no orchestrator; a written namespace label does not count', () => {
    const sets = [
      networkSet('a/own', { kind: 'set' }, ['198.51.100.0/24']),
      networkSet('claims', { kind: 'set', 'projectcalico.org/namespace': 'a' }, ['203.0.113.0/24']),
    ];
    const from = (source: object): boolean[] =>
      [OUT, '203.0.113.9'].map(
        (src) =>
          web(...sets, policy('a/n', { types: ['Ingress'], ingress: [{ action: 'Allow', source }] })).verdict({
            src,
            dst: A,
            proto: 'TCP',
            dport: 80,
          }).ingress?.allowed ?? false,
      );
    expect(from({ selector: "kind == 'set'" })).toEqual([true, false]);
    expect(from({ selector: "kind == 'set' && pcns.env == 'prod'" })).toEqual([true, false]);
    expect(from({ selector: 'has(projectcalico.org/orchestrator)' })).toEqual([false, false]);
  });
});
