import { SallyportError } from '../../../base/error.ts';
import type { ForeignRule } from '../../driver.ts';
import type { PanosApi } from '../api/api.ts';
import { foreignText } from './ground.ts';
import { type XmlElement, entriesAt, nameOf, textAt } from '../api/xml.ts';

/** What a Panorama has pushed to a firewall hangs here, to be read alone (reference 1.5). */
const PUSHED = '/config/panorama';

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
