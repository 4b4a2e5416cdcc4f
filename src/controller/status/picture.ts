import type { BorderFirewall, UnreadFirewall } from '../../api/resource.ts';
import { type Kind, kinds } from '../../api/kinds.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { WorkerStatus } from '../../firewalls/worker/worker-status.ts';
import type { StatusObject } from '../../kubernetes/status-part.ts';
import type { ListsStanding } from '../feeds/lists-standing.ts';
import type { DepartureTold } from '../departure/departure.ts';
import type { LiveWorld } from '../world/live-world.ts';

/** How one firewall stands in this copy. */
export interface Standing {
  /** Of its worker, or why there is none. */
  readonly worker: WorkerStatus | { readonly code: string; readonly message: string };
  /** This copy may write to the device, and so speaks for it. */
  readonly holds: boolean;
  /** The lists that it fetches from this copy. */
  readonly lists?: ListsStanding | undefined;
  /** Its object is deleted and waits until the device was left. */
  readonly departure?: DepartureTold;
}

/** What a controller shows to whoever reports on it. */
export interface Picture {
  readonly world: LiveWorld;
  /** Absent: there is no such firewall. */
  standing(firewall: string): Standing | undefined;
  mistakes(firewall: BorderFirewall | UnreadFirewall): readonly Diagnostic[];
}

const byType = new Map<string, Kind>(kinds.map((kind) => [kind.type, kind]));

/** An object of ours as one whose status can be written. */
export function statusObject({
  type,
  namespace,
  name,
  uid,
}: {
  readonly type: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string | undefined;
}): StatusObject {
  const kind = byType.get(type);
  const { group = '', versions = [], plural = '' } = kind ?? {};
  return { group, version: versions[0] ?? '', plural, kind: type, namespace, name, uid };
}
