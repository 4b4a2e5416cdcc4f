import { keptAs } from '../../api/border-firewall.ts';
import type { UnreadFirewall } from '../../api/resource.ts';
import { workloadSelector } from '../../inventory/effective-selector.ts';

/**
 * Whether a firewall of which no copy of this process ever read what it is to hold may drop what a pod sends: something of ours stands there,
 * as its status or a record (`isRecorded`) says, and nothing that can be read says that the pod leaves by another way. `labels`: in effect, those
 * of its namespace included.
 */
export function mayDrop(firewall: UnreadFirewall, labels: ReadonlyMap<string, string>, isRecorded: boolean): boolean {
  const { settings, unreadable, workloads } = firewall;
  if (keptAs(firewall) === undefined && !isRecorded) return false;
  if (settings.mode === 'Observe' && !unreadable.has('mode')) return false;
  return workloads === undefined || workloadSelector('', workloads).matches(labels);
}
