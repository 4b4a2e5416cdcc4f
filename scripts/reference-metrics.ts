import { z } from 'zod';
import { MachineMetrics } from '../src/controller/machine/insight/machine-metrics.ts';
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
  const all = described.array().parse(new Metrics().registry.getMetricsAsArray());
  const ofMachine = described.array().parse(new MachineMetrics().registry.getMetricsAsArray());
  const others = all.filter(({ name }) => !name.startsWith(OURS)).map(({ name }) => name);
  const prefixes = [...new Set(others.map((name) => `${name.split('_')[0] ?? ''}_`))].toSorted();
  return page(
    'Metrics',
    paragraph(
      `${code('sallyport run')} serves them at ${code('/metrics')} of ${code('server.probes')} (see [configuration](configuration.md)), in the ` +
        'text format of Prometheus. Labels are names of firewalls and sources, and fixed words: never a pod, a policy or an address. ' +
        'Times are in seconds.',
    ),
    paragraph('Of a controller of borders:'),
    bullets(ours(all)),
    paragraph(
      `Of a firewall machine, to that machine alone, at ${code('server.probes')} (or ${code('--metrics-addr')}), and at ${code('server.queries')} on a loopback address; ` +
        'labels are names of sources, kinds that are read, codes of [errors](errors.md), and fixed words:',
    ),
    bullets(ours(ofMachine)),
    paragraph(
      'Besides, the default metrics of prom-client about the process and its runtime stand there (names that begin with ' +
        `${prefixes.map(code).join(' or ')}); which ones depends on the system and the version of Node.`,
    ),
  );
}

function ours(all: readonly z.infer<typeof described>[]): readonly string[] {
  return all
    .filter(({ name }) => name.startsWith(OURS))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(line);
}

function line({ name, help, type, labelNames }: z.infer<typeof described>): string {
  const labels = labelNames.filter((label) => label !== 'le' && label !== 'quantile');
  const about = labels.length === 0 ? type : `${type} by ${labels.map(code).join(', ')}`;
  return `${code(name)} (${about}): ${help}.`;
}
