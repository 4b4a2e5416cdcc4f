import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { MachineMetrics } from '../../src/controller/machine/insight/machine-metrics.ts';
import { Metrics } from '../../src/controller/metrics.ts';
import { alertCases, machineAlertCases } from './alert-cases.ts';
import { ALERTS, DASHBOARD, MACHINE_ALERTS, MACHINE_DASHBOARD, metricsIn, readAlerts } from './files.ts';

const dashboardFile = z.object({
  uid: z.string(),
  title: z.string(),
  panels: z.array(
    z.object({
      id: z.int(),
      title: z.string(),
      gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      targets: z.array(z.object({ expr: z.string() })),
    }),
  ),
});

/** Names of series that a process exports, parts of histograms included. */
async function exported({ registry }: Pick<Metrics, 'registry'>): Promise<ReadonlySet<string>> {
  const all = await registry.getMetricsAsJSON();
  return new Set(
    all.flatMap(({ name, type }) =>
      String(type) === 'histogram' ? ['_bucket', '_count', '_sum'].map((part) => `${name}${part}`) : [name],
    ),
  );
}

describe.each([
  ['a controller', new Metrics(), ALERTS, alertCases, DASHBOARD],
  ['firewall machines', new MachineMetrics(), MACHINE_ALERTS, machineAlertCases, MACHINE_DASHBOARD],
])('of %s', (_, metrics, alerts, cases, file) => {
  const rules = readAlerts(alerts).groups.flatMap((group) => group.rules);
  const { panels } = dashboardFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

  test('alerts and dashboard ask for series that there are', async () => {
    const known = await exported(metrics);
    const asked = [...rules.map(({ expr }) => expr), ...expressions].flatMap(metricsIn);
    expect(asked.length).toBeGreaterThan(15);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });

  test('every alert has a case that fires it, and a paragraph that says what to do', () => {
    const names = rules.map(({ alert }) => alert);
    expect(Object.keys(cases).toSorted()).toEqual(names.toSorted());
    const page = readFileSync('docs/how-to/monitoring.md', 'utf8');
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  test('panels of the dashboard have ids of their own and do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });
});
