import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Metrics } from '../../src/controller/metrics.ts';
import { alertCases } from './alert-cases.ts';
import { DASHBOARD, metricsIn, readAlerts } from './files.ts';

const rules = readAlerts().groups.flatMap((group) => group.rules);

const dashboard = z
  .object({
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
  })
  .parse(JSON.parse(readFileSync(DASHBOARD, 'utf8')));
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** Names of series that this process exports, parts of histograms included. */
async function exported(): Promise<ReadonlySet<string>> {
  const all = await new Metrics().registry.getMetricsAsJSON();
  return new Set(
    all.flatMap(({ name, type }) =>
      String(type) === 'histogram' ? ['_bucket', '_count', '_sum'].map((part) => `${name}${part}`) : [name],
    ),
  );
}

test('alerts and dashboard ask for series that there are', async () => {
  const known = await exported();
  const asked = [...rules.map(({ expr }) => expr), ...expressions].flatMap(metricsIn);
  expect(asked.length).toBeGreaterThan(15);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
});

test('every alert has a case that fires it, and a paragraph that says what to do', () => {
  const names = rules.map(({ alert }) => alert);
  expect(Object.keys(alertCases).toSorted()).toEqual(names.toSorted());
  const page = readFileSync('docs/how-to/monitoring.md', 'utf8');
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('panels of the dashboard have ids of their own and do not overlap', () => {
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
});
