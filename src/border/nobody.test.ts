import { expect, test } from 'vitest';
import {
  addressGroup,
  clusterPolicy,
  firewall,
  type Manifest,
  namespace,
  namespacedPolicy,
  networkSet,
  node,
  pod,
  pool,
  resourceOf,
  sourceNat,
} from '../../test/kit/border-world.ts';
import { Engine } from '../engine/engine.ts';
import { Inventory } from '../inventory/inventory.ts';
import { writtenForNobody } from './nobody.ts';

const cluster = [
  node('n1', '172.18.0.1'),
  namespace('shop', { team: 'store' }),
  namespace('empty', { team: 'none' }),
  pool('v4', '10.1.0.0/16'),
  pod('shop/web', ['10.1.0.1'], { labels: { app: 'web' } }),
  networkSet('bad', ['203.0.113.0/24'], { risk: 'high' }),
  networkSet('empty', [], { risk: 'none' }),
];

function findings(...manifests: readonly Manifest[]): readonly string[] {
  const inventory = new Inventory('Calico');
  for (const manifest of [...cluster, ...manifests]) inventory.apply({ kind: 'put', resource: resourceOf(manifest) });
  const engine = new Engine(inventory);
  engine.flush();
  return writtenForNobody(engine).map(({ code, object, path }) => `${code} ${object} ${path}`);
}

const web = { selector: "app == 'web'" };
const slip = { namespaceSelector: "team == 'stroe'" };

test('what is written for somebody is no finding', () => {
  expect(
    findings(
      firewall('edge', { workloads: { namespaceSelector: "team == 'store'" } }),
      clusterPolicy('bad', { ...web, egress: [{ action: 'Deny', selector: "risk == 'high'" }, { action: 'Allow' }] }),
      namespacedPolicy('shop/own', web),
      addressGroup('web', web),
      sourceNat('web', { ...web, translate: { none: true } }),
    ),
  ).toEqual([]);
});

test('a slip in a selector is found in each kind, whether or not there is a firewall', () => {
  expect(
    findings(
      clusterPolicy('bank', { ...web, ...slip }),
      namespacedPolicy('shop/own', { selector: "app == 'wbe'" }),
      namespacedPolicy('empty/own', web),
      addressGroup('web', { selector: "app == 'wbe'" }),
      sourceNat('web', { ...slip, translate: { none: true } }),
    ),
  ).toEqual([
    'LINT_SELECTS_NOBODY ClusterBorderPolicy/bank spec',
    'LINT_SELECTS_NOBODY BorderPolicy/shop/own spec',
    'LINT_SELECTS_NOBODY BorderPolicy/empty/own spec',
    'LINT_SELECTS_NOBODY AddressGroup/web spec',
    'LINT_SELECTS_NOBODY SourceNAT/web spec',
  ]);
  expect(findings(firewall('edge', { workloads: slip }))).toEqual([
    'LINT_SELECTS_NOBODY BorderFirewall/edge spec.workloads',
  ]);
});

test('a rule for network sets that hold nothing is found by its place; one for a namespace finds no sets of others', () => {
  const egress = [
    { action: 'Allow', nets: ['198.51.100.0/24'] },
    { action: 'Deny', selector: "risk == 'hihg'" },
    { action: 'Deny', selector: "risk == 'none'" },
  ];
  expect(findings(clusterPolicy('bad', { ...web, egress }))).toEqual([
    'LINT_MATCHES_NOTHING ClusterBorderPolicy/bad spec.egress[1].selector',
    'LINT_MATCHES_NOTHING ClusterBorderPolicy/bad spec.egress[2].selector',
  ]);
  const ofOthers: Manifest = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'NetworkSet',
    metadata: { name: 'theirs', namespace: 'empty', labels: { partner: 'bank' } },
    spec: { nets: ['203.0.113.0/24'] },
  };
  const rule = { egress: [{ action: 'Allow', selector: "partner == 'bank'" }] };
  expect(findings(ofOthers, clusterPolicy('all', rule), namespacedPolicy('shop/own', rule))).toEqual([
    'LINT_MATCHES_NOTHING ClusterBorderPolicy/all spec.egress[0].selector',
    'LINT_MATCHES_NOTHING BorderPolicy/shop/own spec.egress[0].selector',
  ]);
});
