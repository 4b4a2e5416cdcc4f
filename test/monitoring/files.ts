import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const root = join(import.meta.dirname, '../..');

export const ALERTS = join(root, 'deploy/monitoring/alerts.yaml');
export const MACHINE_ALERTS = join(root, 'deploy/monitoring/machine-alerts.yaml');
export const DASHBOARD = join(root, 'deploy/monitoring/dashboard.json');
export const MACHINE_DASHBOARD = join(root, 'deploy/monitoring/machine-dashboard.json');

const alertFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().regex(/^\d+[mh]$/),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning', 'info']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
});
export type AlertFile = z.infer<typeof alertFile>;

export function readAlerts(file = ALERTS): AlertFile {
  return alertFile.parse(parse(readFileSync(file, 'utf8')));
}

/** Every name of a metric in an expression of PromQL. */
export function metricsIn(expression: string): readonly string[] {
  return [...expression.matchAll(/\b((?:sallyport|nodejs|process)_[a-z0-9_]+)/g)].map((match) => match[1] ?? '');
}
