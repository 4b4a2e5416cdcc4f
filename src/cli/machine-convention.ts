import { existsSync } from 'node:fs';
import { SallyportError } from '../base/error.ts';
import type { Configuration } from '../controller/configuration/configuration.ts';
import type { RunOptions } from './options.ts';
import type { Terminal } from './terminal.ts';
import { parseConfigurationText, readConfiguration } from './world.ts';

/** Where things of today's firewall-controller are (metal-stack reference, 1.1, 17.1). */
export const CONVENTION = {
  folder: '/etc/firewall-controller',
  config: '/etc/firewall-controller/config.yaml',
  seed: '/etc/firewall-controller/.seed-kubeconfig',
};

/** A configuration, and the file that it is read again from. */
export interface FoundConfiguration {
  readonly configuration: Configuration;
  readonly config: string;
}

/**
 * The configuration that `run` goes by: the file that is named, else the one by convention, else, on a firewall machine, what today's controller
 * does without any: the Firewall from the seed, all else from the cluster that it names, everything on.
 */
export function findConfiguration(
  terminal: Terminal,
  options: RunOptions,
  environment: Readonly<Record<string, string | undefined>>,
  places = CONVENTION,
): FoundConfiguration {
  const { config, asToday, firewallName, kubeconfig } = options;
  const named = config ?? (existsSync(places.config) ? places.config : undefined);
  if (named !== undefined) return { configuration: readConfiguration(terminal, named, firewallName), config: named };
  const isMachine = asToday === true || firewallName !== undefined || existsSync(places.folder);
  if (!isMachine)
    throw new SallyportError('CONFIG_VALUE', 'nothing says what to run; give the configuration file with -c');
  const given = environment['KUBECONFIG'] ?? '';
  const seed = kubeconfig ?? (existsSync(places.seed) || given === '' ? places.seed : given);
  const { value, diagnostics } = parseConfigurationText(todaysConfiguration(seed), places.config, firewallName);
  if (value === undefined) throw new SallyportError('INTERNAL', JSON.stringify(diagnostics));
  terminal.err(
    `there is no ${places.config}: everything as today's controller does it, with the Firewall from ${seed}`,
  );
  return { configuration: value, config: places.config };
}

function todaysConfiguration(seed: string): string {
  return JSON.stringify({
    sources: { seed: { kubeconfig: seed }, shoot: { shootAccess: 'seed' } },
    controllers: {
      firewall: { source: 'seed', selfUpdate: { enabled: true }, droptailer: { enabled: true } },
      service: { source: 'shoot' },
      cwnp: { source: 'shoot' },
      monitor: { source: 'shoot' },
    },
  });
}
