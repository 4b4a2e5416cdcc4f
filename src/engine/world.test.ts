import { describe, expect, test } from 'vitest';
import { kubernetesPolicy, pod, policy } from '../../test/kit/objects.ts';
import { A, B, OUT, allowAll, ask, cluster, everywhere, web } from '../../test/kit/two-pods.ts';
import { loadWorld } from './world.ts';

describe('broken parts fail closed (design invariant 5)', () => {
  const broken = "app = 'web'";
  test.each([
    [
      'an Allow rule is absent',
      { ...everywhere, ingress: [{ action: 'Allow', protocol: 'TPC' }] },
      'no: - | deny default tier-default',
    ],
    [
      'a Deny rule denies everything',
      { ...everywhere, ingress: [{ action: 'Deny', source: { nets: ['10.0.0.1/8'] } }, ...allowAll] },
      'no: - | deny default GlobalNetworkPolicy/g#0 rule',
    ],
    [
      'a Pass rule denies everything',
      { ...everywhere, ingress: [{ action: 'Pass', source: { selector: broken } }, ...allowAll] },
      'no: - | deny default GlobalNetworkPolicy/g#0 rule',
    ],
    [
      'a policy whose selector cannot be read holds for everybody, without what it allows',
      { selector: broken, ingress: allowAll },
      'no: - | deny default tier-default',
    ],
    [
      'and its Deny stays as written',
      { selector: broken, ingress: [{ action: 'Deny', protocol: 'TCP' }] },
      'no: - | deny default GlobalNetworkPolicy/g#0 rule',
    ],
    [
      'and its Pass denies everything',
      { selector: broken, ingress: [{ action: 'Pass' }] },
      'no: - | deny default GlobalNetworkPolicy/g#0 rule',
    ],
  ])('%s', (_, spec, expected) => {
    const world = web(policy('g', spec));
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe(expected);
    expect(
      world.diagnostics.some(({ severity, object }) => severity === 'error' && object === 'GlobalNetworkPolicy/g'),
    ).toBe(true);
  });

  test('a podSelector that cannot be read isolates its namespace only', () => {
    const world = web(kubernetesPolicy('a/k', { podSelector: { matchLabels: { app: '-' } }, ingress: [{}] }));
    expect(world.verdict({ src: OUT, dst: A, proto: 'TCP' }).allowed).toBe(false);
    expect(world.verdict({ src: OUT, dst: B, proto: 'TCP' }).allowed).toBe(true);
  });
});

describe('the world as a library', () => {
  test('objects may come in any order, as lists, and twice', () => {
    const given = [...cluster, policy('g', { ...everywhere, ingress: [] })];
    const world = loadWorld([{ apiVersion: 'v1', kind: 'List', items: given.toReversed() }, cluster[0]]);
    expect(world.endpoints()).toEqual(loadWorld(given).endpoints());
    expect(world.diagnostics).toMatchObject([{ code: 'MANIFEST_DUPLICATE', object: 'Namespace/a' }]);
  });

  test('an address with two owners passes only what both allow', () => {
    const world = web(
      pod('b/late', { labels: { app: 'late' }, ips: [A] }),
      policy('g', { selector: "app == 'late'", types: ['Ingress'] }),
    );
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe('no: - | deny default tier-default');
    expect(world.verdict({ src: OUT, dst: A, proto: 'TCP' }).ingress?.endpoint).toBe('pod:b/late');
  });

  test.each([
    [{ src: '10.0.0.300', dst: A, proto: 'TCP' }, /src/],
    [{ src: A, dst: 'fd00::1', proto: 'TCP' }, /families/],
    [{ src: A, dst: B, proto: 'TPC' }, /protocol/],
    [{ src: A, dst: B, proto: 256 }, /protocol/],
    [{ src: A, dst: B, proto: 'TCP', dport: 70_000 }, /dport/],
  ])('a question that cannot be read is refused with the correction: %j', (flow, message) => {
    expect(() => web().verdict(flow)).toThrow(message);
  });
});
