import { resourceKey } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { deviceMistakes } from '../../controller/devices/device-mistakes.ts';
import { type ExitCode, exit } from '../exit.ts';
import { onDevices, translated, UNASKED } from '../firewalls.ts';
import { type MachineOptions, readMachineWorld } from '../machine-world.ts';
import { diagnosticLine, printResult, sortDiagnostics, type Terminal } from '../terminal.ts';
import type { CommandWorld } from '../command-world.ts';
import { parseConfigurationFile, readWorld } from '../world.ts';

/** `sallyport validate`: every mistake, and what keeps a firewall from holding all that was asked for. Asks no device. */
export async function validate(terminal: Terminal, options: MachineOptions): Promise<ExitCode> {
  const found = await diagnosticsOf(terminal, options);
  const all = sortDiagnostics(found);
  const errors = all.filter((diagnostic) => diagnostic.severity === 'error').length;
  const warnings = all.length - errors;
  printResult(terminal, options.output, 'Validation', { errors, warnings, diagnostics: all }, () =>
    [...all.map(diagnosticLine), `${count(errors, 'error')}, ${count(warnings, 'warning')}`].join('\n'),
  );
  return errors === 0 ? exit.done : exit.wrong;
}

async function diagnosticsOf(terminal: Terminal, options: MachineOptions): Promise<readonly Diagnostic[]> {
  const machine = await readMachineWorld(options);
  if (machine !== undefined) return withoutUnreached(machine, options);
  const configuration =
    options.filename === undefined && options.config !== undefined ? parseConfigurationFile(options.config) : undefined;
  // Which manifests it means is not known, then.
  if (configuration !== undefined && configuration.value === undefined) return configuration.diagnostics;
  const read = await readWorld(terminal, options);
  return [
    ...(configuration?.diagnostics ?? []),
    ...read.diagnostics,
    ...read.world.findings(),
    ...(await deviceDiagnostics(terminal, read)),
  ];
}

/**
 * Of a firewall machine, what can be said without its sources: what depends on objects or facts that were not given is left to those who
 * give them.
 */
function withoutUnreached(
  machine: Exclude<Awaited<ReturnType<typeof readMachineWorld>>, undefined>,
  options: MachineOptions,
): readonly Diagnostic[] {
  const left =
    options.facts === undefined ? new Set(['MACHINE_FACTS', 'MACHINE_NETWORK', 'FRR_NETWORKS']) : new Set<string>();
  return machine.diagnostics.filter(({ code }) => !left.has(code));
}

/** What firewalls cannot be, and of rules cannot say, whatever device of their kind it is. */
async function deviceDiagnostics(terminal: Terminal, read: CommandWorld): Promise<readonly Diagnostic[]> {
  const { firewalls, inventory, unread } = read.world;
  const described = [...[...firewalls.values()].map(({ firewall }) => firewall), ...unread.values()];
  const mistakes = described.flatMap((firewall) => deviceMistakes(firewall));
  const broken = new Set(mistakes.flatMap(({ severity, object }) => (severity === 'error' ? [object] : [])));
  const views = [...firewalls.values()].flatMap(({ firewall, ruleset, findings }) =>
    ruleset === undefined || broken.has(resourceKey(firewall)) ? [] : [{ firewall, ruleset, findings }],
  );
  const { results } = await onDevices(terminal, read, { views, leftOut: false }, async ({ name, ruleset, device }) => {
    const { refusals } = await translated(device.driver, ruleset, UNASKED, new AbortController().signal);
    return refusals.map((refusal) => ({ ...refusal, firewall: name }));
  });
  const places = new Map(
    [
      ...inventory.clusterBorderPolicies.values(),
      ...inventory.borderPolicies.values(),
      ...inventory.addressGroups.values(),
      ...inventory.sourceNats.values(),
    ].map((resource) => [resourceKey(resource), resource.place]),
  );
  return [
    ...mistakes,
    ...results.flat().map((refusal) => {
      const at = refusal.object === undefined ? undefined : places.get(refusal.object);
      return at === undefined ? refusal : { ...refusal, at };
    }),
  ];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
