import { describe, expect, test } from 'vitest';
import {
  BorderWorld,
  type Manifest,
  calico,
  firewall,
  namespace,
  node,
  pod,
  pool,
} from '../../test/kit/border-world.ts';
import { endpointSlice } from '../../test/kit/objects.ts';
import type { Flow } from '../engine/flows/flow-set.ts';

const cluster = [
  node('n1', '172.18.0.1'),
  namespace('shop'),
  pool('v4', '10.1.0.0/16'),
  pod('shop/web', ['10.1.0.1'], { labels: { app: 'web' } }),
];

const world = (egress: readonly unknown[], ...more: readonly Manifest[]): BorderWorld =>
  new BorderWorld(
    ...cluster,
    firewall('edge', { policies: { tiers: ['default'] } }),
    calico('GlobalNetworkPolicy', 'g', { selector: "app == 'web'", types: ['Egress'], egress }),
    ...more,
  );

function verdict(of: BorderWorld): string {
  const { passes, decidedBy } = of.judge('10.1.0.1', '203.0.113.1');
  return `${passes ? 'passes' : 'drops'} by ${decidedBy?.policy}#${decidedBy?.rule}`;
}

/** The rules of the tier, as `action#index networks`. */
function rules(of: BorderWorld): readonly string[] {
  const { class: id } = of.judge('10.1.0.1', '203.0.113.1');
  const parts = of.ruleset().classes.get(id ?? '')?.parts ?? [];
  return parts.flatMap(({ stages }) =>
    stages.flatMap((stage) =>
      stage.rules.map(({ action, origin, outside }) =>
        `${action}#${origin.rule} ${outside.nets?.toString() ?? ''}`.trim(),
      ),
    ),
  );
}

describe('a service brings what is behind it outside, with the ports of its slices (semantics 11)', () => {
  const service = (action: string, more: Manifest = {}): Manifest => ({
    action,
    ...more,
    destination: { services: { namespace: 'shop', name: 'bank' } },
  });
  const slice = (name: string, ips: readonly string[], ports: readonly string[]): Manifest => ({
    ...endpointSlice(`shop/${name}`, 'bank', ips, ports),
  });
  const pods = slice('bank-1', ['10.1.0.2', '10.1.0.3'], ['443']);
  const custom = slice('bank-2', ['10.1.0.4', '203.0.113.1', '203.0.113.2'], ['443', '8443', '53/UDP']);
  const tcp443 = 'Allow#0 203.0.113.1/32, 203.0.113.2/32';

  test.each<[string, readonly Manifest[], Manifest, readonly string[]]>([
    ['nothing where it is not known', [], service('Allow'), []],
    ['nothing where all is inside', [pods], service('Deny'), []],
    ['one rule for each protocol', [pods, custom], service('Allow'), [tcp443, tcp443]],
    ['the protocol of the rule', [custom], service('Allow', { protocol: 'TCP' }), [tcp443]],
    ['not the excluded one', [custom], service('Allow', { notProtocol: 'TCP' }), [tcp443]],
    ['no rule for a protocol without ports', [custom], service('Allow', { protocol: 'ICMP' }), []],
    [
      'a rule for each group of addresses',
      [custom, slice('bank-3', ['203.0.113.9'], ['443'])],
      service('Allow', { protocol: 'TCP' }),
      ['Allow#0 203.0.113.1/32, 203.0.113.2/32, 203.0.113.9/32', tcp443],
    ],
  ])('%s', (_, slices, rule, expected) => {
    expect(rules(world([rule], ...slices))).toEqual(expected);
  });

  test('by address, protocol and port', () => {
    const found = world([service('Allow')], custom);
    const passes = (destination: string, what: Partial<Flow>): boolean =>
      found.judge('10.1.0.1', destination, what).passes;
    expect(passes('203.0.113.1', { destinationPort: 8443 })).toBe(true);
    expect(passes('203.0.113.2', { protocol: 17, destinationPort: 53 })).toBe(true);
    expect(passes('203.0.113.1', { destinationPort: 53 })).toBe(false);
    expect(passes('203.0.113.3', { destinationPort: 443 })).toBe(false);
    expect(found.codes()).toEqual([]);
  });

  test('pods that come and go behind it make nothing anew; what moves outside does', () => {
    const found = world([service('Deny'), { action: 'Allow' }], pods);
    const before = found.ruleset();
    found.put(slice('bank-1', ['10.1.0.3', '10.1.0.5'], ['443', '80']));
    expect(found.ruleset().classes).toBe(before.classes);
    expect(verdict(found)).toBe('passes by GlobalNetworkPolicy/g#1');
    expect(verdict(found.put(custom))).toBe('drops by GlobalNetworkPolicy/g#0');
    expect(verdict(found.put(slice('bank-2', ['203.0.113.2'], ['443'])))).toBe('passes by GlobalNetworkPolicy/g#1');
    expect(verdict(found.put(custom).delete('EndpointSlice/shop/bank-2'))).toBe('passes by GlobalNetworkPolicy/g#1');
  });
});
