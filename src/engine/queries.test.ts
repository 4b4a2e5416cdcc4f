import { describe, expect, test } from 'vitest';
import { hostEndpoint, pod, policy, tier } from '../../test/kit/objects.ts';
import { web } from '../../test/kit/two-pods.ts';
import { parseSelector } from '../selector/selector.ts';
import { endpointsMatching, endpointsOf, mentionedBy, mentions, policiesOf } from './queries.ts';

const { engine } = web(
  tier('first', { order: 1, defaultAction: 'Pass' }),
  policy('late', {
    selector: 'all()',
    order: 5,
    egress: [{ action: 'Allow', destination: { selector: "app == 'db'" } }],
  }),
  policy('a/early', {
    tier: 'first',
    types: ['Ingress', 'Egress'],
    ingress: [
      { action: 'Allow', protocol: 'TCP', source: { namespaceSelector: 'all()' }, destination: { ports: ['http'] } },
    ],
  }),
  policy('untracked', { selector: 'all()', doNotTrack: true, applyOnForward: true }),
  pod('a/agent', { labels: { app: 'db' }, ips: ['192.0.2.1'], hostNetwork: true }),
  hostEndpoint('edge', { app: 'db' }, { expectedIPs: ['192.0.2.1'], profiles: ['projectcalico-default-allow'] }),
);

describe('6.5: questions', () => {
  test('policies that apply to an endpoint, by tier and direction, then its profiles', () => {
    expect(policiesOf(engine, 'pod:a/web')).toEqual({
      tiers: [
        { name: 'first', defaultAction: 'Pass', ingress: ['NetworkPolicy/a/early'], egress: ['NetworkPolicy/a/early'] },
        { name: 'default', defaultAction: 'Deny', ingress: [], egress: ['GlobalNetworkPolicy/late'] },
      ],
      profiles: ['kns.a'],
    });
    expect(policiesOf(engine, 'pod:a/agent')).toEqual({ tiers: [], profiles: [] });
    expect(policiesOf(engine, 'pod:no/body')).toEqual({ tiers: [], profiles: [] });
  });

  test('endpoints that a policy applies to', () => {
    expect(endpointsOf(engine, 'GlobalNetworkPolicy/late')).toEqual(['hep:edge', 'pod:a/web', 'pod:b/db']);
    expect(endpointsOf(engine, 'NetworkPolicy/a/early')).toEqual(['pod:a/web']);
    expect(endpointsOf(engine, 'NetworkPolicy/none')).toEqual([]);
  });

  test('rules that mention an endpoint, by selector or by named port', () => {
    const early = { policy: 'NetworkPolicy/a/early', direction: 'ingress', rule: 0 };
    const late = {
      policy: 'GlobalNetworkPolicy/late',
      direction: 'egress',
      rule: 0,
      side: 'destination',
      selector: 'app == "db"',
    };
    expect(mentions(engine, 'pod:b/db')).toEqual([
      { endpoint: 'pod:b/db', ...early, side: 'source', selector: 'has(projectcalico.org/namespace)' },
      { endpoint: 'pod:b/db', ...early, side: 'destination', selector: '' },
      { endpoint: 'pod:b/db', ...late },
    ]);
    expect(mentionedBy(engine, 'GlobalNetworkPolicy/late').map(({ endpoint }) => endpoint)).toEqual([
      'hep:edge',
      'pod:b/db',
    ]);
  });

  test('endpoints that a selector selects; host-network pods and network sets are none', () => {
    const { value } = parseSelector("app == 'db'");
    expect(value && endpointsMatching(engine, value)).toEqual(['hep:edge', 'pod:b/db']);
  });
});
