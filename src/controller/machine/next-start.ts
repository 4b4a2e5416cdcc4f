import type { Diagnostic } from '../../base/diagnostic.ts';
import type { MachineConfigured } from './machine-configured.ts';

/** What a running machine does not follow: where it listens, and what it remembers of before. By key of the configuration file. */
const FIXED: Readonly<Record<string, (configuration: MachineConfigured) => unknown>> = {
  'server.probes': ({ probes }) => probes,
  'server.queries': ({ queries }) => queries,
  'machine.base': ({ machine }) => machine.base,
  'machine.memory': ({ machine }) => machine.memory,
  'machine.names': ({ machine }) => machine.names,
};

/** Warnings about keys that differ from those that the process began with and count from its next start on. Everything else counts at once. */
export function awaitingNextStart(began: MachineConfigured, now: MachineConfigured): readonly Diagnostic[] {
  return Object.entries(FIXED).flatMap(([key, valueOf]): readonly Diagnostic[] => {
    if (JSON.stringify(valueOf(began)) === JSON.stringify(valueOf(now))) return [];
    const message = 'is followed from the next start on; until then what it was before counts';
    return [{ severity: 'warning', code: 'CONFIG_NEXT_START', path: key, message }];
  });
}
