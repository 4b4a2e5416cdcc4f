import { describe, expect, test } from 'vitest';
import { type World, loadWorld } from '../../src/engine/index.ts';
import { namespace, pod, policy, stagedKubernetesPolicy, stagedPolicy, tier } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

const ME = '10.0.0.1';
const cluster = [namespace('a'), pod('a/me', { ips: [ME] }), tier('first', { order: 1 })];
const all = { selector: 'all()', types: ['Ingress', 'Egress'] };
const worldOf = (...more: PlainObject[]): World => loadWorld([...cluster, ...more]);
const allowed = (world: World): boolean => world.verdict({ src: '192.0.2.1', dst: ME, proto: 'TCP' }).allowed;

describe('12: staged policies', () => {
  test.each([
    ['12 StagedGlobalNetworkPolicy', stagedPolicy('s', { ...all, tier: 'first', ingress: [{ action: 'Deny' }] })],
    ['12 StagedNetworkPolicy', stagedPolicy('a/s', { ...all, ingress: [{ action: 'Deny' }] })],
    ['12 StagedKubernetesNetworkPolicy', stagedKubernetesPolicy('a/s', { podSelector: {} })],
    ['12 stagedAction Delete', stagedPolicy('a/s', { stagedAction: 'Delete' })],
  ])('%s decides nothing, and the end of its tier neither', (_, staged) => {
    const world = worldOf(staged);
    expect(world.verdict({ src: '192.0.2.1', dst: ME, proto: 'TCP' }).ingress).toMatchObject({
      allowed: true,
      reason: 'profile',
    });
    expect(world.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  test('12 it does not open either', () => {
    const closed = policy('q', all);
    expect(
      allowed(worldOf(closed, stagedPolicy('a-first', { ...all, order: -1, ingress: [{ action: 'Allow' }] }))),
    ).toBe(false);
    expect(allowed(worldOf(closed, stagedPolicy('q', { stagedAction: 'Delete' })))).toBe(false);
  });

  test('12 it takes part in ordering and reporting', () => {
    const world = worldOf(policy('q', all), stagedPolicy('a', all), stagedPolicy('z', { ...all, order: 1 }));
    expect(world.endpoints()[0]?.tiers[0]?.ingress).toEqual([
      'StagedGlobalNetworkPolicy/z',
      'StagedGlobalNetworkPolicy/a',
      'GlobalNetworkPolicy/q',
    ]);
    expect(world.policySelectors().get('StagedGlobalNetworkPolicy/a')).toBe('all()');
  });
});
