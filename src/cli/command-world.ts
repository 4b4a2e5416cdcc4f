import { keptAs } from '../api/border-firewall.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { SecretReader } from '../controller/devices/device-credentials.ts';
import type { LiveWorld } from '../controller/world/live-world.ts';
import { Engine } from '../engine/engine.ts';
import { Inventory } from '../inventory/inventory.ts';
import type { ResourceChange } from '../sources/source.ts';
import type { TakeLease } from './writer-lease.ts';

/** A world as a command reads it: once, whole. */
export interface CommandWorld {
  /** For people: which one. */
  readonly title: string;
  /** What borders may believe of it, and do. */
  readonly world: LiveWorld;
  /**
   * What the policies of the cluster do in it: as in `loadWorld`, Calico's own rule for the addresses of pods holds, and workload endpoints
   * count without their pods. Made when it is first asked for.
   */
  readonly policies: () => Engine;
  /** The owner of what is created: as option or configuration name it, else as firewalls are kept, else what the cluster calls itself. */
  readonly cluster: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Takes the Lease of a firewall in that cluster; absent: it was no cluster. */
  readonly takeLease?: TakeLease;
  /** Of these firewalls those that nobody follows, each with since when; absent: it was no cluster. */
  readonly unfollowed?: (firewalls: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** Secrets of our namespace in that cluster; absent: it was no cluster. */
  readonly secrets?: SecretReader;
  /** It was chosen by a kubeconfig alone, from any machine: what `local` means in it is not known here. */
  readonly isFromAnywhere?: boolean;
}

/** Stands for the owner where nobody names one; nothing can be written as it. */
export const NO_CLUSTER = 'unnamed';

/** The engine of a cluster that these changes make out of nothing. */
export function clusterPolicies(changes: Iterable<ResourceChange>): () => Engine {
  let engine: Engine | undefined;
  return () => {
    if (engine !== undefined) return engine;
    const inventory = new Inventory('Calico');
    for (const change of changes) inventory.apply(change);
    engine = new Engine(inventory);
    engine.flush();
    return engine;
  };
}

/** As which cluster all firewalls of a world are kept, by their statuses; `undefined`: none says so, or not all say the same. */
export function clusterKept(changes: Iterable<ResourceChange>): string | undefined {
  const names = new Set<string>();
  for (const change of changes) {
    if (change.kind !== 'put' || change.resource.type !== 'BorderFirewall') continue;
    const name = keptAs(change.resource);
    if (name !== undefined) names.add(name);
  }
  const [name] = names;
  return names.size === 1 ? name : undefined;
}
