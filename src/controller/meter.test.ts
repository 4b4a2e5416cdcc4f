import { expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { systemClock } from '../base/clock.ts';
import type { TableUse } from '../firewalls/driver.ts';
import type { WorkerStatus } from '../firewalls/worker/worker-status.ts';
import { Meter } from './meter.ts';
import { Metrics } from './metrics.ts';

const statusWith = (tables: readonly TableUse[]): WorkerStatus => ({
  firewall: 'edge-1',
  device: 'a device',
  conditions: [],
  counts: { senders: 0, classes: 0, groups: 0, translations: 0 },
  desiredVersion: 1,
  confirmedVersion: 1,
  confirmedAt: undefined,
  waiting: undefined,
  refusals: [],
  drift: [],
  tables,
  writes: 0,
  repairs: 0,
});

test('how full a device is, as numbers, as long as it tells', async () => {
  const metrics = new Metrics();
  const meter = new Meter(metrics, systemClock);
  const lines = async (): Promise<readonly string[]> =>
    (await metrics.text()).split('\n').filter((line) => line.startsWith('sallyport_firewall_table'));
  const [rules, groups] = [
    { table: 'rules', used: 90, most: 100 },
    { table: 'groups', used: 1, most: 100 },
  ];
  meter.status('edge-1', statusWith([rules, groups]));
  expect(await lines()).toEqual([
    'sallyport_firewall_table_entries{firewall="edge-1",table="rules"} 90',
    'sallyport_firewall_table_entries{firewall="edge-1",table="groups"} 1',
    'sallyport_firewall_table_limit{firewall="edge-1",table="rules"} 100',
    'sallyport_firewall_table_limit{firewall="edge-1",table="groups"} 100',
  ]);
  meter.status('edge-1', statusWith([rules]));
  expect((await lines()).filter((line) => line.includes('groups'))).toEqual([]);
  meter.forget('edge-1');
  expect(await lines()).toEqual([]);
});

test.each([5 * 3_600_000, -5 * 3_600_000])(
  'for how long a source is frozen, though the wall clock was set by %i ms',
  async (ms) => {
    const clock = new FakeClock();
    const metrics = new Metrics();
    const meter = new Meter(metrics, clock);
    const seconds = async (): Promise<string | undefined> =>
      (await metrics.text()).split('\n').find((line) => line.startsWith('sallyport_source_frozen_seconds{'));
    const frozen = { kind: 'frozen', reason: 'lost', sinceMs: clock.wall() } as const;
    clock.advance(60_000);
    meter.took('prod', frozen, 1, 0, 1);
    expect(await seconds()).toMatch(/ 60$/);
    clock.setWall(ms);
    clock.advance(30_000);
    meter.took('prod', frozen, 2, 0, 1);
    expect(await seconds()).toMatch(/ 90$/);
    meter.took('prod', { kind: 'complete' }, 3, 0, 1);
    expect(await seconds()).toMatch(/ 0$/);
  },
);
