import type { Diagnostic } from '../base/diagnostic.ts';
import type { Configuration } from '../controller/configuration/configuration.ts';
import type { MachineConfiguration } from '../controller/configuration/machine-configuration.ts';
import { readFactsFile, readMachineFolder } from '../controller/machine/files.ts';
import { type AssembledInput, assembleInput, policyNamespace } from '../controller/machine/input.ts';
import { baseRules } from '../machine/base-rules.ts';
import { resolvedFrom } from '../machine/dns/recorded-names.ts';
import { NO_FACTS } from '../machine/kinds/facts.ts';
import { type MachineResult, machineRuleset } from '../machine/ruleset.ts';
import type { OutputOptions, WorldOptions } from './options.ts';
import { parseConfigurationFile } from './world.ts';
import { usage } from './usage.ts';

/** Where a command finds, without asking any source, what the sources of a firewall machine would say. */
export interface MachineOptions extends WorldOptions, OutputOptions {
  /** A folder with the objects of all clusters and of the metal-api. */
  readonly objects?: string;
  /** The machine's install.yaml. */
  readonly facts?: string;
}

/** A firewall machine as a command reads it, and what its rules come to. */
export interface MachineWorld {
  readonly configuration: Configuration;
  readonly machine: MachineConfiguration;
  readonly assembled: AssembledInput;
  readonly result: MachineResult;
  /** Its base rules; `undefined`: they would stay as they are. */
  readonly base: string | undefined;
  /** Everything that is wrong, in the configuration, the objects, the facts and the rules. */
  readonly diagnostics: readonly Diagnostic[];
  /** What rules depend on could not be read at all, or was not given: the controller would make others. */
  readonly incomplete: boolean;
}

/**
 * The firewall machine that `-c` configures. `undefined`: the file configures none, and none was asked for; the mistakes of the file alone:
 * nothing can be made from it. Names come to what the objects have recorded of them.
 */
export async function readMachineWorld(
  options: MachineOptions,
): Promise<MachineWorld | { readonly diagnostics: readonly Diagnostic[] } | undefined> {
  const asked = options.objects !== undefined || options.facts !== undefined;
  if (options.config === undefined) {
    if (asked) throw usage('--objects and --facts are of a firewall machine; name its configuration with -c FILE');
    return undefined;
  }
  if (options.filename !== undefined) {
    if (asked) throw usage('-f names manifests of a border; a firewall machine takes --objects');
    return undefined;
  }
  const given = options.facts === undefined ? undefined : await readFactsFile([options.facts]);
  const parsed = parseConfigurationFile(options.config, given?.facts?.hostname);
  const configuration = parsed.value;
  if (configuration === undefined) return asked ? { diagnostics: parsed.diagnostics } : undefined;
  const { machine } = configuration;
  if (machine === undefined) {
    if (asked) throw usage(`${options.config} configures no firewall machine: it has no controllers.firewall`);
    return undefined;
  }
  const facts = given ?? (await readFactsFile(machine.facts));
  // The default file is on the machine itself; elsewhere, the networks are simply not known.
  const factsMatter = given !== undefined || facts.facts !== undefined;
  const pool = options.objects === undefined ? undefined : await readMachineFolder(options.objects);
  const folders = new Map<string, Awaited<ReturnType<typeof readMachineFolder>>>();
  for (const [name, place] of configuration.sources)
    if (place.type === 'manifests') folders.set(name, await readMachineFolder(place.path));
  const readings = [...folders.values(), ...(pool === undefined ? [] : [pool])];
  const recorded = readings.flatMap((reading) => reading.recorded);
  const assembled = assembleInput(configuration, machine, {
    objects: (source) => folders.get(source)?.objects ?? pool?.objects,
    facts: facts.facts ?? NO_FACTS,
    resolved: resolvedFrom(recorded, policyNamespace(configuration, machine)),
  });
  const result = machineRuleset(assembled.input);
  return {
    configuration,
    machine,
    assembled,
    result,
    base: baseRules({
      networks: assembled.input.networks,
      vpn: facts.facts?.vpn ?? false,
      proxy: result.ruleset.resolver,
      dnsPort: assembled.input.firewall.dnsPort,
    }),
    diagnostics: [
      ...parsed.diagnostics,
      ...(factsMatter ? facts.diagnostics : []),
      ...readings.flatMap(({ diagnostics }) => diagnostics),
      ...assembled.diagnostics,
      ...result.diagnostics,
    ],
    incomplete:
      readings.some(({ objects }) => objects === undefined) ||
      (given !== undefined && given.facts === undefined) ||
      assembled.gaps.length > 0 ||
      !assembled.hasFirewall,
  };
}
