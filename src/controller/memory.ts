import type { Source } from '../sources/source.ts';
import type { Worker } from '../firewalls/worker/worker.ts';
import type { LiveWorld } from './world/live-world.ts';

/** Parts of a controller that grow with a cluster. What else there is does not, and stands in the process's own metrics. */
export type MemoryPart = 'source' | 'inventory' | 'engine' | 'border' | 'firewalls';

/**
 * Bytes that one of each takes on the heap and in typed arrays, measured after a collection with worlds of 20,000 and 50,000 pods
 * (`memory.processes.test.ts` compares, within a factor of two; `firewalls` was measured with nftables, and bench `live` prints the sum beside the
 * heap). They are counted and not weighed: to weigh them would stop the main thread for seconds.
 */
const EACH = {
  /** What a source remembers of an object, besides the resource. */
  told: 190,
  /** An endpoint with its resource, names and addresses. */
  endpoint: 780,
  policy: 2_300,
  indexedEndpoint: 350,
  indexedPolicy: 1_000,
  /** An address in what one firewall is wanted to hold: its place in class, groups and translations, and its owner. */
  wanted: 1_400,
  /** The same as read back and confirmed, and as the device's own terms. */
  confirmed: 720,
} as const;

/** Estimated bytes of each part: what it holds, counted, times what one took when it was measured. */
export function memoryParts(
  source: Pick<Source, 'size'>,
  { inventory, engine, firewalls }: Pick<LiveWorld, 'inventory' | 'engine' | 'firewalls'>,
  stations: Iterable<{ readonly worker: Pick<Worker, 'confirmed'> }>,
): Readonly<Record<MemoryPart, number>> {
  let wanted = 0;
  for (const { ruleset } of firewalls.values()) wanted += ruleset?.members.size ?? 0;
  let confirmed = 0;
  for (const { worker } of stations) confirmed += worker.confirmed()?.ruleset.members.size ?? 0;
  return {
    source: (source.size ?? 0) * EACH.told,
    inventory: inventory.endpoints.size * EACH.endpoint + inventory.policies.size * EACH.policy,
    engine: engine.endpoints.size * EACH.indexedEndpoint + engine.policies.size * EACH.indexedPolicy,
    border: wanted * EACH.wanted,
    firewalls: confirmed * EACH.confirmed,
  };
}
