import { z } from 'zod';
import { Metrics } from '../src/controller/metrics.ts';
import { bullets, code, page, paragraph } from './reference-markdown.ts';

const OURS = 'sallyport_';

/** prom-client keeps these members on every metric but types none of them. */
const described = z.object({
  name: z.string(),
  help: z.string(),
  type: z.string(),
  labelNames: z.array(z.string()),
});

/** `docs/reference/metrics.md` */
export function metricsPage(): string {
  const { registry } = new Metrics();
  const all = registry
    .getMetricsAsArray()
    .map((metric) => described.parse(metric))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const others = all.filter(({ name }) => !name.startsWith(OURS)).map(({ name }) => name);
  const prefixes = [...new Set(others.map((name) => `${name.split('_')[0] ?? ''}_`))].toSorted();
  return page(
    'Metrics',
    paragraph(
      `${code('sallyport run')} serves them at ${code('/metrics')} of ${code('server.probes')} (see [configuration](configuration.md)), in the ` +
        'text format of Prometheus. Labels are names of firewalls and sources, and fixed words: never a pod, a policy or an address. ' +
        'Times are in seconds.',
    ),
    bullets(all.filter(({ name }) => name.startsWith(OURS)).map(line)),
    paragraph(
      'Besides, the default metrics of prom-client about the process and its runtime stand there (names that begin with ' +
        `${prefixes.map(code).join(' or ')}); which ones depends on the system and the version of Node.`,
    ),
  );
}

function line({ name, help, type, labelNames }: z.infer<typeof described>): string {
  const labels = labelNames.filter((label) => label !== 'le' && label !== 'quantile');
  const about = labels.length === 0 ? type : `${type} by ${labels.map(code).join(', ')}`;
  return `${code(name)} (${about}): ${help}.`;
}
