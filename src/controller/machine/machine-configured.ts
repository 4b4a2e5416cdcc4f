import type { Configuration } from '../configuration.ts';
import type { MachineConfiguration } from '../machine-configuration.ts';

/** A configuration that has a firewall machine. */
export type MachineConfigured = Configuration & { readonly machine: MachineConfiguration };
