import { describe, expect, test } from 'vitest';
import { adminPolicy, kubernetesPolicy, policy, stagedPolicy, tier } from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { readResource } from '../api/read.ts';
import { resourceKey } from '../api/resource.ts';
import { Inventory } from './inventory.ts';

function resourceOf(object: PlainObject) {
  const { resource } = readResource(object, {});
  if (resource === undefined) throw new Error('not read');
  return resource;
}

const original = kubernetesPolicy('a/web', { podSelector: {}, ingress: [{}] });
const printed = policy('a/knp.default.web', {
  order: 1000,
  selector: "projectcalico.org/orchestrator == 'k8s'",
  types: ['Ingress'],
  ingress: [{ action: 'Allow' }],
});
const staged = stagedPolicy('g', { selector: 'all()', ingress: [{ action: 'Deny' }] });
const ids = { original: 'KubernetesNetworkPolicy/a/web', printed: 'NetworkPolicy/a/knp.default.web' };

class Walk {
  readonly inventory = new Inventory();

  put(object: PlainObject): this {
    this.inventory.apply({ kind: 'put', resource: resourceOf(object) });
    return this;
  }

  delete(object: PlainObject): this {
    this.inventory.apply({ kind: 'delete', key: resourceKey(resourceOf(object)) });
    return this;
  }

  get policies(): readonly string[] {
    return [...this.inventory.policies.keys()].sort();
  }

  get codes(): readonly string[] {
    return this.inventory.diagnostics().map(({ code }) => code);
  }
}

describe('the printed form of a converted policy (semantics 6.1.4)', () => {
  test('comes back when the original goes, and goes when it comes', () => {
    const walk = new Walk().put(printed);
    expect([walk.policies, walk.codes]).toEqual([[ids.printed], []]);
    walk.inventory.flush();
    walk.put(original);
    expect([walk.policies, walk.codes]).toEqual([[ids.original], ['POLICY_CONVERTED']]);
    expect(walk.inventory.flush().policies).toMatchObject({
      added: [ids.original],
      changed: [],
      removed: [ids.printed],
    });
    walk.delete(original);
    expect([walk.policies, walk.codes]).toEqual([[ids.printed], []]);
    walk.put(original).delete(printed);
    expect([walk.policies, walk.codes]).toEqual([[ids.original], []]);
  });

  test('counts beside an original that changes into something else, and no longer when it changes back', () => {
    const walk = new Walk().put(printed).put(original);
    walk.put(kubernetesPolicy('a/web', { podSelector: { matchLabels: { app: 'web' } } }));
    expect([walk.policies, walk.codes]).toEqual([[ids.original, ids.printed], ['POLICY_CONVERTED']]);
    expect(walk.put(original).policies).toEqual([ids.original]);
  });
});

describe('staged policies (semantics 12)', () => {
  test('are told of apart from the enforced ones', () => {
    const walk = new Walk();
    walk.inventory.flush();
    const { policies, staged: changes, other } = walk.put(staged).inventory.flush();
    expect(policies).toMatchObject({ added: [], changed: [], removed: [] });
    expect(changes.added).toEqual(['StagedGlobalNetworkPolicy/g']);
    expect([...other]).toEqual(['staged']);
  });
});

describe('the tiers of AdminNetworkPolicy (semantics 6.1.6)', () => {
  const subject = { namespaces: {} };
  const first = adminPolicy('AdminNetworkPolicy', 'x', { priority: 1, subject });
  const second = adminPolicy('AdminNetworkPolicy', 'y', { priority: 1, subject });
  const has = ({ inventory }: Walk): boolean => inventory.tiers.has('adminnetworkpolicy');

  test('are there while one of these policies is, or their Tier', () => {
    const walk = new Walk();
    expect(has(walk)).toBe(false);
    expect(has(walk.put(first).put(second).put(first).delete(first))).toBe(true);
    expect(has(walk.put(tier('adminnetworkpolicy')).delete(second))).toBe(true);
    expect(has(walk.delete(tier('adminnetworkpolicy')))).toBe(false);
    expect(has(walk.delete(second))).toBe(false);
  });
});
