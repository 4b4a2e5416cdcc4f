import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BorderWorld,
  address,
  clusterPolicy,
  firewall,
  namespace,
  node,
  pod,
  pool,
  sourceNat,
} from '../../test/kit/border-world.ts';
import { DESTINATIONS, worlds } from '../../test/kit/random-border.ts';
import { PATIENCE_MS, tries } from '../../test/kit/runs.ts';
import type { Outgoing } from './explain.ts';

const cluster = [
  node('n1', '172.18.0.1', 'fd18::1'),
  namespace('shop'),
  pool('v4', '10.1.0.0/16'),
  pool('nat', '10.2.0.0/16', { natOutgoing: true }),
];

function to(destination: string): Outgoing {
  return { destination: address(destination), protocol: 6, sourcePort: 40_000, destinationPort: 443 };
}

function ways(world: BorderWorld, pod: string, destination: string): unknown {
  return world.border.explain(`pod:${pod}`, to(destination)).map(({ exit, hops, outcome, leavesAs }) => ({
    exit,
    hops: hops.map((hop) => `${hop.firewall} sees ${hop.seenSource ?? hop.unseen}`),
    outcome,
    ...(leavesAs === undefined ? {} : { leavesAs }),
  }));
}

describe('the way of a flow', () => {
  const world = new BorderWorld(
    ...cluster,
    firewall('inner', { workloads: { selector: "app == 'never'" } }),
    firewall('outer', { behind: ['inner'] }),
    firewall('bank', { destinations: ['203.0.113.0/24'], workloads: { selector: "app == 'pay'" } }),
    firewall('bank-too', { destinations: ['203.0.113.0/24'], workloads: { selector: "app == 'pay'" } }),
    sourceNat('inner', {
      firewalls: ['inner'],
      destination: { nets: ['198.51.100.0/24'] },
      translate: { address: '192.0.2.1' },
    }),
    clusterPolicy('no-mail', { egress: [{ action: 'Deny', nets: ['198.51.100.25/32'] }, { action: 'Allow' }] }),
    pod('shop/web', ['10.1.0.1'], { labels: { app: 'web' } }),
    pod('shop/pay', ['10.1.0.2'], { labels: { app: 'pay' } }),
    pod('shop/batch', ['10.2.0.1'], { labels: { app: 'batch' } }),
  );

  test.each([
    [
      'shop/web',
      '203.0.113.1',
      [
        {
          exit: 'outer',
          hops: ['inner sees 10.1.0.1', 'outer sees 10.1.0.1'],
          outcome: 'passes',
          leavesAs: '10.1.0.1',
        },
      ],
    ],
    [
      'shop/web',
      '198.51.100.1',
      [
        {
          exit: 'outer',
          hops: ['inner sees 10.1.0.1', 'outer sees 192.0.2.1'],
          outcome: 'passes',
          leavesAs: '192.0.2.1',
        },
      ],
    ],
    ['shop/web', '198.51.100.25', [{ exit: 'outer', hops: ['inner sees 10.1.0.1'], outcome: 'drops' }]],
    [
      'shop/batch',
      '198.51.100.1',
      [
        {
          exit: 'outer',
          hops: ['inner sees 172.18.0.1', 'outer sees 192.0.2.1'],
          outcome: 'passes',
          leavesAs: '192.0.2.1',
        },
      ],
    ],
    [
      'shop/pay',
      '203.0.113.1',
      [
        { exit: 'bank', hops: ['bank sees 10.1.0.2'], outcome: 'passes', leavesAs: '10.1.0.2' },
        { exit: 'bank-too', hops: ['bank-too sees 10.1.0.2'], outcome: 'passes', leavesAs: '10.1.0.2' },
      ],
    ],
    ['shop/gone', '203.0.113.1', []],
  ])('of %s to %s', (from, destination, expected) => {
    expect(ways(world, from, destination)).toEqual(expected);
  });

  test('firewalls behind are asked about the source that a device is known to give, whatever ours do', () => {
    const asked = (leaving: Readonly<Record<string, string>>, destination: string): unknown =>
      world.border
        .explain('pod:shop/web', to(destination), ({ firewall: name }) => leaving[name])
        .map(({ hops, leavesAs }) => [...hops.map(({ seenSource }) => seenSource), leavesAs]);
    expect(asked({}, '198.51.100.7')).toEqual([['10.1.0.1', '192.0.2.1', '192.0.2.1']]);
    expect(asked({ inner: '192.0.2.66' }, '198.51.100.7')).toEqual([['10.1.0.1', '192.0.2.66', '192.0.2.66']]);
    expect(asked({ inner: '192.0.2.66' }, '192.0.2.99')).toEqual([['10.1.0.1', '192.0.2.66', '192.0.2.66']]);
    // Somebody exempts it ahead of our translation.
    expect(asked({ inner: '10.1.0.1' }, '198.51.100.7')).toEqual([['10.1.0.1', '10.1.0.1', '10.1.0.1']]);
    expect(asked({ outer: '192.0.2.67' }, '192.0.2.99')).toEqual([['10.1.0.1', '10.1.0.1', '192.0.2.67']]);
  });

  test('a firewall behind knows the translated address, and the others it can see', () => {
    expect(world.members('inner')).toEqual(['10.1.0.1', '10.1.0.2', '172.18.0.1']);
    expect(world.members('outer')).toEqual(['10.1.0.1', '10.1.0.2', '172.18.0.1', '192.0.2.1']);
    expect(world.members('bank')).toEqual(['10.1.0.2']);
  });
});

describe('what a firewall behind a translation must be ready to see', () => {
  const behind = (nat: Record<string, unknown>): readonly string[] =>
    new BorderWorld(
      ...cluster,
      firewall('inner'),
      firewall('outer', { behind: ['inner'] }),
      sourceNat('s', { firewalls: ['inner'], translate: { address: '192.0.2.1' }, ...nat }),
      pod('shop/web', ['10.1.0.1'], { labels: { app: 'web' } }),
      pod('shop/batch', ['10.2.0.1'], { labels: { app: 'batch' } }),
    ).members('outer');

  test.each<[string, Record<string, unknown>, readonly string[]]>([
    ['one that takes all of a workload’s own address', { selector: "app == 'web'" }, ['172.18.0.1', '192.0.2.1']],
    [
      'one for some ports',
      { selector: "app == 'web'", destination: { nets: ['0.0.0.0/0'], protocol: 'TCP', ports: [443] } },
      ['10.1.0.1', '172.18.0.1', '192.0.2.1'],
    ],
    [
      'one that a shared address may be refused',
      { selector: "app == 'batch'" },
      ['10.1.0.1', '172.18.0.1', '192.0.2.1'],
    ],
    ['an exemption', { selector: "app == 'web'", translate: { none: true } }, ['10.1.0.1', '172.18.0.1']],
    ['one that is held', { selector: "app == 'web'", translate: { address: '10.1.0.9' } }, ['172.18.0.1']],
  ])('%s', (_, nat, expected) => {
    expect(behind(nat)).toEqual(expected);
  });
});

test(
  'every address that a firewall is said to see is one that it knows',
  () => {
    let seen = 0;
    let translated = 0;
    const known = fc.property(
      worlds,
      fc.array(fc.constantFrom(...DESTINATIONS[4], ...DESTINATIONS[6]), { minLength: 6 }),
      (manifests, targets) => {
        const world = new BorderWorld(...manifests);
        for (const { id, kind } of world.engine.endpoints.values())
          for (const target of targets)
            for (const { hops } of world.border.explain(id, to(target)))
              for (const { firewall: name, evaluation } of hops) {
                if (evaluation === undefined || evaluation.reason === 'not-governed') continue;
                expect(kind).toBe('Pod');
                expect(evaluation.class, `${id} to ${target} at ${name}`).toBeDefined();
                seen++;
                if (hops.length > 1 && evaluation.seenSource !== hops[0]?.seenSource) translated++;
              }
      },
    );
    // That these worlds hold what the property is about must not be up to chance.
    fc.assert(known, { ...tries(25, 9), seed: 4 });
    expect(seen).toBeGreaterThan(100);
    expect(translated).toBeGreaterThan(0);
    fc.assert(known, tries(25, 9));
  },
  PATIENCE_MS,
);
