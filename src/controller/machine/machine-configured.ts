import type { Configuration } from '../configuration/configuration.ts';
import type { MachineConfiguration } from '../configuration/machine-configuration.ts';

/** A configuration that has a firewall machine. */
export type MachineConfigured = Configuration & { readonly machine: MachineConfiguration };
