import type { LiveWorld } from './world/live-world.ts';
import type { Writers } from './devices/writers.ts';

/** Whether the picture is complete, and if not why; `plain` says the same without a name. */
export interface Ready {
  readonly ready: boolean;
  readonly reason: string;
  readonly plain: string;
}

/** What probes are told. A frozen source is no reason to restart: the next process would know less. */
export function readyOf(world: LiveWorld, source: string, writers: Writers | undefined): Ready {
  const { state } = world;
  if (state.kind === 'loading') {
    const plain = 'the source has not delivered a complete picture yet';
    return { ready: false, reason: `source ${source} has not delivered: ${state.reason}`, plain };
  }
  if (state.kind === 'complete') {
    const counts = writers?.counts();
    const shares = counts === undefined ? 'ready' : `writes to ${counts.own} of ${counts.all} firewalls`;
    return { ready: true, reason: writers?.summary() ?? 'ready', plain: shares };
  }
  const names = [...world.firewalls.keys()];
  const kept = names.filter((name) => world.isFrozen(name)).length;
  const some = state.kinds === undefined ? '' : ` for ${kept} of ${names.length} firewalls`;
  const plain = `the source is frozen${some}; ${some === '' ? 'firewalls' : 'they'} keep what they hold`;
  return { ready: true, reason: `source ${source} is frozen${some}: ${state.reason}`, plain };
}
