import { SallyportError } from '../../../base/error.ts';
import type { ForeignRule } from '../../driver.ts';
import type { PanosApi } from '../api/api.ts';
import { OUR_FOLDERS, type OurFolder } from '../entries/entries.ts';
import { holdsOurs } from '../entries/owned.ts';
import type { Folders } from '../entries/read-entries.ts';
import { foreignText } from './ground.ts';
import { type XmlElement, entriesAt, nameOf, textAt } from '../api/xml.ts';

/** What a Panorama has pushed to a firewall hangs here, to be read alone (reference 1.5). */
export const PUSHED = '/config/panorama';

/** Absent: nothing was pushed, or the account may not read it. */
export async function readPushed(api: PanosApi, signal: AbortSignal): Promise<XmlElement | undefined> {
  try {
    return await api.running(PUSHED, signal);
  } catch (thrown) {
    if (thrown instanceof SallyportError && thrown.blame === 'rejected') return undefined;
    throw thrown;
  }
}

/**
 * Rules of a Panorama around those of the firewall itself: pre rules above all of them, post rules below (reference 1.11). The reference does
 * not say what stands between the folder and the rulebases; so they are looked for wherever they are, but for those of another vsys.
 */
export function pushedRules(pushed: XmlElement | undefined, vsys: string): readonly ForeignRule[] {
  if (pushed === undefined) return [];
  if (pushed.name === 'pre-rulebase') return rulesIn(pushed, 'before ours', 'Panorama, pre rules');
  if (pushed.name === 'post-rulebase') return rulesIn(pushed, 'after ours', 'Panorama, post rules');
  const inside = pushed.name === 'vsys' ? pushed.children.filter((one) => nameOf(one) === vsys) : pushed.children;
  return inside.flatMap((one) => pushedRules(one, vsys));
}

function rulesIn(rulebase: XmlElement, effect: ForeignRule['effect'], where: string): readonly ForeignRule[] {
  return entriesAt(rulebase, 'security', 'rules').flatMap((entry) =>
    textAt(entry, 'disabled') === 'yes' ? [] : [{ where, text: foreignText(entry), effect }],
  );
}

/**
 * The folders of what was pushed to one vsys. The reference says no more about their place than that they are below one node, so they are
 * looked for in all of it but other vsys; what is ours is told by its mark. `base`: `pre-rulebase` or `post-rulebase`.
 */
export function pushedFolders(root: XmlElement, vsys: string, base: string): Folders {
  const objects: Record<OurFolder, XmlElement[]> = {
    address: [],
    service: [],
    'service-group': [],
    'address-group': [],
    'external-list': [],
  };
  const security: XmlElement[] = [];
  const nat: XmlElement[] = [];
  const walk = (node: XmlElement): void => {
    for (const part of node.children) {
      const folder = OUR_FOLDERS.find((name) => name === part.name);
      if (folder !== undefined) objects[folder].push(...entriesAt(part));
      else if (part.name === base) {
        security.push(...entriesAt(part, 'security', 'rules'));
        nat.push(...entriesAt(part, 'nat', 'rules'));
      } else if (part.name === 'vsys') part.children.filter((entry) => nameOf(entry) === vsys).forEach(walk);
      else if (!part.name.endsWith('rulebase')) walk(part);
    }
  };
  walk(root);
  return { objects, security, nat, elsewhere: [] };
}

/** Whether a Panorama has pushed anything with our marks to a vsys, before its own rules or after them. */
export function holdsPushed(pushed: XmlElement | undefined, vsys: string, cluster: string): boolean {
  if (pushed === undefined) return false;
  return ['pre-rulebase', 'post-rulebase'].some((base) => holdsOurs(pushedFolders(pushed, vsys, base), cluster));
}

/** Two would each take what the other registered for its own that nothing needs, and take it away: whoever has written nothing yet does not begin. */
export function keptByPanorama(vsys: string, cluster: string): SallyportError {
  return new SallyportError(
    'DEVICE_OWNED',
    `a Panorama has pushed rules or objects of the cluster ${cluster} to ${vsys} of this firewall: another BorderFirewall keeps it by its device group. Nothing is written here: delete one of the two (this one goes on by itself once what was pushed is gone), or take the firewall out of the device group`,
  );
}
