import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BorderWorld } from '../../../test/kit/border-world.ts';
import { flatText } from '../../../test/kit/flat-text.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { BorderRule, Class, Group, Part, Ruleset, Stage } from '../../border/ruleset.ts';
import { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { readText } from '../../sources/manifests/reading.ts';
import { classLayout, groupLayout } from './flatten.ts';
import { prove } from './prove.ts';

function shop(): Ruleset {
  const folder = resolve(import.meta.dirname, '../../../examples/shop');
  const resources = readdirSync(folder)
    .toSorted()
    .flatMap((file) => readText(readFileSync(join(folder, file), 'utf8'), file).resources);
  return new BorderWorld().change(resources, []).ruleset('edge-1');
}

const nets = (...texts: string[]): PrefixSet => PrefixSet.parse(texts);
const nowhere = { groups: [], notGroups: [], domains: [] } as const;

function rule(policy: string, index: number, more: Partial<BorderRule>): BorderRule {
  return { origin: { policy, rule: index }, family: 4, action: 'Allow', outside: nowhere, widen: false, ...more };
}

function stage(layer: Stage['layer'], name: string, end: Stage['end'], rules: readonly BorderRule[]): Stage {
  const endOrigin = { policy: layer === 'Tier' ? `tier/${name}` : `layer/${layer}` };
  return { id: name, layer, name, rules, end, endOrigin };
}

/** Every way in which a Pass can lead on, in two workloads, and in an address that both send from. */
function passes(): Ruleset {
  const security = stage('ClusterBorderPolicy', 'ClusterBorderPolicy', 'Deny', [
    rule('ClusterBorderPolicy/closed', 0, { action: 'Deny', outside: { ...nowhere, groups: ['bad'] } }),
    rule('ClusterBorderPolicy/resolvers', 0, {
      protocol: 17,
      ports: PortSet.of(53),
      outside: { ...nowhere, groups: ['dns'] },
    }),
    rule('ClusterBorderPolicy/web', 0, { action: 'Log', protocol: 6, ports: PortSet.of(80) }),
    rule('ClusterBorderPolicy/web', 1, { action: 'Next', protocol: 6, ports: PortSet.of(80, 443) }),
    rule('ClusterBorderPolicy/web', 2, { action: 'Next', protocol: 17, ports: PortSet.of(443) }),
  ]);
  const platform = stage('Tier', 'platform', 'Next', [
    rule('GlobalNetworkPolicy/no-mirror', 0, {
      action: 'Deny',
      outside: { ...nowhere, nets: nets('198.51.100.30/32') },
    }),
    rule('GlobalNetworkPolicy/partners', 0, { action: 'Next', outside: { ...nowhere, nets: nets('198.51.100.0/25') } }),
    rule('GlobalNetworkPolicy/partners', 1, {
      action: 'SkipToOwn',
      outside: { ...nowhere, groups: ['partners'], notGroups: ['bad'] },
    }),
    rule('GlobalNetworkPolicy/no-udp', 0, { action: 'Deny', protocol: 17 }),
  ]);
  const own = stage('BorderPolicy', 'BorderPolicy', 'Deny', [
    rule('BorderPolicy/shop/web', 0, { action: 'Deny', outside: { ...nowhere, nets: nets('203.0.113.66/32') } }),
    rule('BorderPolicy/shop/web', 1, { outside: { ...nowhere, groups: ['partners'] } }),
    rule('BorderPolicy/shop/web', 2, {
      protocol: 6,
      ports: PortSet.of(443),
      outside: { ...nowhere, nets: nets('203.0.113.0/24', '10.9.0.0/16') },
    }),
  ]);
  const part = (id: string, ...stages: readonly Stage[]): Part => ({
    id,
    stages,
    otherwise: 'Allow',
    otherwiseOrigin: { policy: 'layer/unselected' },
  });
  const web = part('web', security, platform, own);
  const batch = part('batch', platform);
  const classes: readonly Class[] = [
    { id: 'c-batch', family: 4, parts: [batch], widened: [] },
    { id: 'c-both', family: 4, parts: [web, batch], widened: [] },
    { id: 'c-web', family: 4, parts: [web], widened: [] },
  ];
  const group = (id: string): [string, Group] => [
    id,
    { id, kind: 'Outside', family: 4, selector: `name == "${id}"`, nets: nets('203.0.113.0/28') },
  ];
  return {
    firewall: 'edge-1',
    cluster: 'lab',
    destinations: PrefixSet.all,
    inside: nets('10.0.0.0/8'),
    networks: nets('10.0.0.0/16'),
    classes: new Map(classes.map((one) => [one.id, one])),
    members: BucketMap.from([
      ['10.0.0.1', 'c-web'],
      ['10.0.0.2', 'c-batch'],
      ['10.0.0.3', 'c-both'],
    ]),
    groups: new Map([group('bad'), group('dns'), group('partners')]),
    nats: [],
    established: 'Cut',
  };
}

const worlds = { shop: shop(), passes: passes() };
const without = { leave: false, domains: false, log: true };

describe.each(Object.entries(worlds))('%s', (world, ruleset) => {
  test.each([
    ['class', classLayout, { form: 'Full', capabilities: without }],
    ['class-leave', classLayout, { form: 'Full', capabilities: { ...without, leave: true } }],
    ['class-filter', classLayout, { form: 'Filter', capabilities: without }],
    ['group', groupLayout, { form: 'Full', capabilities: without }],
  ] as const)('%s', async (name, layout, options) => {
    const { list, unsayable, tooLarge } = layout(ruleset, options);
    expect(unsayable.size + tooLarge.size).toBe(0);
    expect(prove(ruleset, list)).toEqual({ kind: 'Equal' });
    await expect(flatText(list, ruleset)).toMatchFileSnapshot(`golden/${world}-${name}.txt`);
  });
});
