import { expect, test } from 'vitest';
import { MachineMetrics, type Observed } from './machine-metrics.ts';
import { RulesRecord } from './rules-record.ts';

const lines = async (metrics: MachineMetrics): Promise<readonly string[]> =>
  (await metrics.text()).split('\n').filter((line) => line.startsWith('sallyport_'));

/** A machine of which everything is known. */
function machine(): Observed {
  const record = new RulesRecord();
  record.take(
    {
      policies: [],
      findings: [
        {
          severity: 'error',
          code: 'CWNP_INVALID',
          object: 'ClusterwideNetworkPolicy/firewall/secret-name',
          path: '',
          message: '192.0.2.1',
        },
      ],
      leftOut: [],
      result: { kind: 'inForce', isChanged: true },
    },
    1_700_000_000_000,
  );
  return {
    state: () => 'inForce',
    record,
    lastRun: () => 1_700_000_001_000,
    sources: () => [
      { source: 'shoot', kind: 'Service', isHeard: true, since: 1_700_000_000_000 },
      { source: 'metal', kind: 'Metal', isHeard: false, since: 1_700_000_002_000 },
    ],
    rules: () => ({ late: 3, repairs: { kernel: 4, file: 5, base: 6 }, ownFlows: { refused: 7, allowedBack: 8 } }),
    flows: () => ({ needed: 9, up: 10 }),
    names: () => ({
      answered: 11,
      held: 12,
      unanswered: 13,
      refused: 14,
      limited: 15,
      upstreamFailures: 16,
      added: 17,
      removed: 18,
    }),
    frr: () => ({ state: 'inForce', since: 1_700_000_003_000, reloads: { done: 19, failed: 20 }, sessions: 2 }),
    drops: () => ({ seen: 36, shipped: 27, overflowed: 3, refused: 2, waiting: 4, arrives: false }),
    duties: () => [
      ['sysctls', { done: 21, failed: 22 }],
      ['addresses of vlan1', { done: 1, failed: 2 }],
      ['addresses of vlan2', { done: 10, failed: 20 }],
    ],
    reports: () => [['FirewallMonitor', { done: 23, failed: 24 }]],
    updates: () => [['nftables-exporter', { done: 25, failed: 26 }]],
  };
}

test('everything that a machine tells of itself, with words and codes alone as labels', async () => {
  const metrics = new MachineMetrics();
  metrics.follow(machine());
  metrics.dnsBatchSeconds.observe(0.004);
  await expect(`${(await lines(metrics)).join('\n')}\n`).toMatchFileSnapshot('golden/metrics.txt');
});

test('what is not known is not told; what is gone neither', async () => {
  const metrics = new MachineMetrics();
  const now = machine();
  const told = async (): Promise<string> => (await lines(metrics)).join('\n');
  metrics.follow(now);
  expect(await told()).toContain('source="metal"');
  metrics.follow({
    ...now,
    record: new RulesRecord(),
    lastRun: () => undefined,
    sources: () => [],
    frr: () => ({ state: undefined, since: undefined, reloads: { done: 0, failed: 0 }, sessions: undefined }),
    drops: () => undefined,
  });
  const after = await told();
  for (const gone of [
    '_timestamp_seconds',
    'sallyport_machine_source',
    'frr_state',
    'bgp',
    'sallyport_machine_drops',
    'sallyport_machine_findings',
  ])
    expect(after).not.toContain(gone);
  expect(after).toContain('sallyport_machine_loads_total{outcome="failed"} 0');
});
