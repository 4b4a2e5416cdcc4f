import { describe, expect, test } from 'vitest';
import { kubernetesPolicy, policy, stagedKubernetesPolicy, stagedPolicy, tier } from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { A, OUT, allowAll, ask, everywhere, web } from '../../test/kit/two-pods.ts';
import { endpointsOf, mentionedBy, mentions } from './queries.ts';

const fromOutside = `${OUT} -> ${A}:80/TCP`;
const open = 'yes: - | allow Profile/kns.a#0 profile';
const denies = [{ action: 'Deny' }];

describe('12: staged policies', () => {
  test.each<[string, PlainObject]>([
    ['StagedGlobalNetworkPolicy', stagedPolicy('s', { ...everywhere, ingress: denies })],
    ['StagedNetworkPolicy', stagedPolicy('a/s', { ingress: denies })],
    ['StagedKubernetesNetworkPolicy', stagedKubernetesPolicy('a/s', { podSelector: {} })],
    ['with stagedAction Delete', stagedPolicy('a/s', { stagedAction: 'Delete' })],
    ['with stagedAction Learn', stagedPolicy('s', { stagedAction: 'Learn', ...everywhere, types: ['Ingress'] })],
    ['in a tier that does not exist', stagedPolicy('s', { tier: 'gone', ...everywhere, types: ['Ingress'] })],
    ['with a selector that cannot be read', stagedPolicy('s', { selector: 'a =', ingress: denies })],
    ['with an order that cannot be read', stagedPolicy('s', { ...everywhere, order: 'x', ingress: denies })],
    ['with a rule that cannot be read', stagedPolicy('s', { ...everywhere, ingress: [{ action: 'deny' }] })],
    ['without a spec', { ...stagedPolicy('a/s', {}), spec: undefined as never }],
  ])('%s: it decides nothing, and its tier is as if absent, its end included', (_, staged) => {
    const world = web(staged);
    expect(ask(world, fromOutside)).toBe(open);
    expect(world.engine.tiersOf('pod:a/web')).toEqual([]);
    expect(world.engine.order.tiers).toEqual(web().engine.order.tiers);
    expect(world.engine.policies.size).toBe(0);
    expect(world.endpoints()[0]?.tiers).toHaveLength(1);
  });

  test('a tier with an enforced policy in one direction only is skipped in the other, where a staged one stands', () => {
    const world = web(
      policy('a/e', { types: ['Egress'], egress: allowAll }),
      stagedPolicy('a/i', { types: ['Ingress'], ingress: denies }),
    );
    expect(ask(world, fromOutside)).toBe(open);
    expect(world.endpoints()[0]?.tiers).toEqual([
      {
        name: 'default',
        defaultAction: 'Deny',
        ingress: ['StagedNetworkPolicy/a/i'],
        egress: ['NetworkPolicy/a/e'],
      },
    ]);
  });

  test('6.1.3 they take part in the order, ties by kind; tiers that only they name come last', () => {
    const spec = { ...everywhere, order: 1000, types: ['Ingress'], ingress: denies };
    const world = web(
      tier('first', { order: 1 }),
      stagedPolicy('x', spec),
      policy('x', spec),
      policy('a/x', { order: 1000, types: ['Ingress'] }),
      stagedPolicy('a/x', { order: 1000, types: ['Ingress'] }),
      stagedKubernetesPolicy('a/x', { podSelector: {} }),
      kubernetesPolicy('a/x', { podSelector: {} }),
      stagedPolicy('front', { ...spec, tier: 'first' }),
      stagedPolicy('back', { ...spec, tier: 'gone' }),
    );
    const ingress = [
      'GlobalNetworkPolicy/x',
      'StagedGlobalNetworkPolicy/x',
      'KubernetesNetworkPolicy/a/x',
      'NetworkPolicy/a/x',
      'StagedKubernetesNetworkPolicy/a/x',
      'StagedNetworkPolicy/a/x',
    ];
    expect(world.endpoints()[0]?.tiers.map((list) => [list.name, list.ingress])).toEqual([
      ['first', ['StagedGlobalNetworkPolicy/front']],
      ['default', ingress],
      ['gone', ['StagedGlobalNetworkPolicy/back']],
    ]);
    expect(world.engine.tiersOf('pod:a/web').map(({ tier: { name } }) => name)).toEqual(['default']);
    expect(ask(world, fromOutside)).toBe('no: - | deny default GlobalNetworkPolicy/x#0 rule');
    expect(world.diagnostics).toMatchObject([
      { code: 'TIER_MISSING', object: 'StagedGlobalNetworkPolicy/back', message: /if it were enforced/ },
    ]);
  });

  test('they are shown with what they select, what their rules select, and what enforcing them would do', () => {
    const world = web(
      stagedPolicy('a/web', {
        selector: "app == 'web'",
        egress: [{ action: 'Allow', destination: { selector: "app == 'db'", namespaceSelector: 'all()' } }],
      }),
      stagedPolicy('gone', { stagedAction: 'Delete', tier: 'platform' }),
      stagedKubernetesPolicy('b/k', { podSelector: {} }),
      tier('platform', { order: 5 }),
    );
    const { engine } = world;
    const id = 'StagedNetworkPolicy/a/web';
    expect([...world.policySelectors().keys()]).toEqual([
      'StagedGlobalNetworkPolicy/gone',
      'StagedKubernetesNetworkPolicy/b/k',
      id,
    ]);
    expect(endpointsOf(engine, id)).toEqual(['pod:a/web']);
    expect(mentionedBy(engine, id).map(({ endpoint }) => endpoint)).toEqual(['pod:b/db']);
    expect(mentions(engine, 'pod:b/db').map((mention) => mention.policy)).toEqual([id]);
    expect([...engine.staged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { staged }]) => staged)).toEqual([
      { action: 'Delete', target: 'GlobalNetworkPolicy/gone' },
      { action: 'Set', target: 'KubernetesNetworkPolicy/b/k' },
      { action: 'Set', target: 'NetworkPolicy/a/web' },
    ]);
    // Calico's dataplane counts what they would have done, so it keeps their sets.
    expect(world.ipSets().map(({ members }) => members)).toEqual([['10.0.0.2/32', 'fd00::2/128']]);
  });
});

describe('6.1.4: the form that older Calico prints of converted policies', () => {
  const podSelector = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] };
  const kubernetes = kubernetesPolicy('a/web', { podSelector, ingress: [{ ports: [{ port: 80 }] }] });
  const printed = {
    order: 1000,
    selector: "projectcalico.org/orchestrator == 'k8s' && app == 'web' && ! has(x)",
    types: ['Ingress'],
    ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [80] } }],
  };
  const listed = (...objects: PlainObject[]) => {
    const world = web(...objects);
    return [world.endpoints()[0]?.tiers[0]?.ingress, world.diagnostics.map(({ code }) => code)];
  };

  test('it counts once beside the original, whichever was read first', () => {
    const once = [['KubernetesNetworkPolicy/a/web'], ['POLICY_CONVERTED']];
    expect(listed(kubernetes, policy('a/knp.default.web', printed))).toEqual(once);
    expect(listed(policy('a/knp.default.web', printed), kubernetes)).toEqual(once);
  });

  test('it counts where the original is not read', () => {
    expect(listed(policy('a/knp.default.web', printed))).toEqual([['NetworkPolicy/a/knp.default.web'], []]);
    expect(listed(kubernetesPolicy('b/web', { podSelector }), policy('a/knp.default.web', printed))).toEqual([
      ['NetworkPolicy/a/knp.default.web'],
      [],
    ]);
  });

  test.each([
    ['selects others', { selector: 'all()' }],
    ['stands elsewhere', { order: 5 }],
    ['denies', { ingress: [{ action: 'Deny' }] }],
    ['isolates in another direction', { types: ['Ingress', 'Egress'] }],
  ])('what has the name and %s counts as well', (_, other) => {
    expect(listed(kubernetes, policy('a/knp.default.web', { ...printed, ...other }))[1]).toEqual(['POLICY_CONVERTED']);
    expect(listed(kubernetes, policy('a/knp.default.web', { ...printed, ...other }))[0]).toHaveLength(2);
  });

  test('the forms of AdminNetworkPolicy and BaselineAdminNetworkPolicy', () => {
    const subject = { namespaces: { matchLabels: { env: 'prod' } } };
    const rule = { action: 'Deny', from: [{ namespaces: {} }] };
    const version = 'policy.networking.k8s.io/v1alpha1';
    const form = { namespaceSelector: "env == 'prod'", selector: "projectcalico.org/orchestrator == 'k8s'" };
    const spec = { ...form, types: ['Ingress'], ingress: [{ action: 'Deny', source: { namespaceSelector: 'all()' } }] };
    const admin = {
      apiVersion: version,
      kind: 'AdminNetworkPolicy',
      metadata: { name: 'x' },
      spec: { priority: 7, subject, ingress: [rule] },
    };
    const tierOf = { tier: 'adminnetworkpolicy', order: 7 };
    expect(listed(admin, policy('kanp.adminnetworkpolicy.x', { ...spec, ...tierOf }))).toEqual([
      ['AdminNetworkPolicy/x'],
      ['POLICY_CONVERTED'],
    ]);
    expect(listed(admin, policy('kanp.adminnetworkpolicy.y', { ...spec, ...tierOf }))[0]).toHaveLength(2);
  });
});
