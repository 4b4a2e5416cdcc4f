import { keptAs } from '../../api/border-firewall.ts';
import { type BorderFirewall, resourceKey, type UnreadFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';

/**
 * The mistake of a firewall that is kept as another cluster: what we wrote would stand beside what is there, whose rights nobody would take away
 * any more.
 */
export function keptAsAnother(firewall: BorderFirewall | UnreadFirewall, cluster: string): readonly Diagnostic[] {
  const name = keptAs(firewall);
  if (name === undefined || name === cluster) return [];
  return [
    {
      severity: 'error',
      code: 'CLUSTER_DIFFERS',
      message:
        `what is on the device was made as cluster "${name}", and this is "${cluster}": all would be made a second time, and nobody would follow the first; ` +
        `say \`--cluster ${name}\`, or \`cluster: ${name}\` in the configuration`,
      path: 'status.cluster',
      object: resourceKey(firewall),
      at: firewall.place,
    },
  ];
}
