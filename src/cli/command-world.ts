import type { Diagnostic } from '../base/diagnostic.ts';
import type { SecretReader } from '../controller/device-credentials.ts';
import type { LiveWorld } from '../controller/live-world.ts';
import type { TakeLease } from './writer-lease.ts';

/** A world as a command reads it: once, whole. */
export interface CommandWorld {
  /** For people: which one. */
  readonly title: string;
  readonly world: LiveWorld;
  /** The owner of what is created; absent where neither option nor configuration names one. */
  readonly cluster: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Takes the Lease of a firewall in that cluster; absent: it was no cluster. */
  readonly takeLease?: TakeLease;
  /** Secrets of our namespace in that cluster; absent: it was no cluster. */
  readonly secrets?: SecretReader;
  /** It was chosen by a kubeconfig alone, from any machine: what `local` means in it is not known here. */
  readonly isFromAnywhere?: boolean;
}
