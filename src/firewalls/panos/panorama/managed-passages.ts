import type { Evaluation } from '../../../border/evaluate.ts';
import { deadline } from '../../../base/deadline.ts';
import { toSallyportError } from '../../../base/error.ts';
import type { Flow } from '../../../engine/flows/flow-set.ts';
import { type Passage, type Passages, passageByOneOf, unknownPassage } from '../../passage/passage.ts';
import type { PanosApi } from '../api/api.ts';
import type { ManagedFirewall } from './managed.ts';
import { normalText } from '../entries/normal.ts';
import { type OurBlock, PanosPassages, placeAmong } from '../flows/passages.ts';
import { type Scope, rulesPath } from '../api/scope.ts';
import type { Layer } from '../flows/whole-firewall.ts';
import { type XmlElement, entriesAt } from '../api/xml.ts';

/** One firewall has answered by then, or counts as not reached: the others are not kept waiting. */
const FIREWALL_MS = 20_000;

/** The firewalls of a device group: a flow goes through one of them, and nobody says which. */
export class ManagedPassages implements Passages {
  readonly #firewalls: readonly { readonly title: string; readonly passages: Passages | string }[];

  private constructor(firewalls: readonly { readonly title: string; readonly passages: Passages | string }[]) {
    this.#firewalls = firewalls;
  }

  /** Reads of each firewall what it runs, through Panorama. */
  static async read(
    api: PanosApi,
    firewalls: readonly ManagedFirewall[],
    scope: Scope,
    block: Omit<OurBlock, 'placeIn'>,
    signal: AbortSignal,
  ): Promise<ManagedPassages> {
    const group = entriesAt(await api.running(rulesPath(scope, 'security'), signal));
    const ours = { ...block, placeIn: placeInGroup(scope, group, block) };
    const read = await Promise.all(
      firewalls.map(async (firewall) => ({
        title: firewall.title,
        passages: await readOne(api, firewall, ours, signal),
      })),
    );
    return new ManagedPassages(read);
  }

  of(flow: Flow, evaluation: Evaluation): Passage {
    return passageByOneOf(
      this.#firewalls.map(({ title, passages }) => [
        `it goes through ${title}`,
        typeof passages === 'string' ? unknownPassage(passages) : passages.of(flow, evaluation),
      ]),
    );
  }
}

async function readOne(
  api: PanosApi,
  { serial, vsys, title, connected }: ManagedFirewall,
  block: OurBlock,
  signal: AbortSignal,
): Promise<PanosPassages | string> {
  if (!connected) return `${title} is not connected to Panorama: what it runs is not known`;
  try {
    using limit = deadline(signal, FIREWALL_MS, 'DEVICE_UNREACHABLE');
    return await PanosPassages.read(api, vsys, { target: serial }, block, limit.signal);
  } catch (thrown) {
    const error = toSallyportError(thrown);
    if (error.code === 'DEVICE_CREDENTIALS' || error.code === 'INTERNAL') throw thrown;
    return `${title} could not be read: ${error.message}`;
  }
}

/** What was pushed does not say from which group it is: it is ours if it holds the very rules that Panorama has in ours, and no other does. */
function placeInGroup(
  scope: Scope,
  group: readonly XmlElement[],
  { options }: Pick<OurBlock, 'options'>,
): OurBlock['placeIn'] {
  const side = scope.kind === 'vsys' ? 'own' : scope.rulebase;
  const textOf = (rules: readonly XmlElement[]): string => rules.map(normalText).join('\n');
  return (layers: readonly Layer[]) => {
    const [one, ...more] = layers.filter(
      (layer) => layer.side === side && group.length > 0 && textOf(layer.security) === textOf(group),
    );
    return one === undefined || more.length > 0 ? undefined : placeAmong(one, options);
  };
}
