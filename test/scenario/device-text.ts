import { FlowSet } from '../../src/engine/flows/flow-set.ts';
import { type Address, compareAddresses, formatAddress, parseAddress } from '../../src/ip/address.ts';
import type { Behaviour, TranslationBehaviour } from '../../src/plan/behaviour.ts';
import type { Stage } from './stage.ts';

/** What a firewall's device does now, as read back from it. */
export async function deviceText(stage: Stage, firewall: string): Promise<string> {
  return behaviourText(await stage.devices.behaviour(stage.firewall(firewall)));
}

/** Without comments, and without the space at either end of a line. */
export function comparable(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .join('\n');
}

/** What a device does, in lines that a person can compare: the same text for every kind of device that does the same. */
export function behaviourText(behaviour: Behaviour): string {
  if (!behaviour.present) return 'nothing of ours\n';
  const { destinations, inside, networks, senders } = behaviour;
  const governed = destinations.subtract(inside);
  const lines = [`outside is ${destinations.toString()}, without ${inside.isEmpty ? 'exception' : inside.toString()}`];
  if (!networks.isEmpty) lines.push(`unknown senders in ${networks.toString()} are dropped`);
  const groups = new Map<string, string[]>();
  for (const sender of sorted(senders.keys())) {
    const { family } = sender;
    const address = formatAddress(sender);
    const id = senders.get(address);
    if (id === undefined) continue;
    const toOutside = FlowSet.matching(family, { destination: governed.family(family) });
    const may = (flows: FlowSet): string => flows.intersect(toOutside).describe(20).join('; ');
    const allowed = behaviour.allowed(id, family).intersect(toOutside);
    const leaves = behaviour.translations(address).flatMap(({ flows, to }) => {
      const taken = flows.intersect(toOutside);
      return taken.isEmpty ? [] : [`${targetText(to)} for ${may(taken)}`];
    });
    const passes = allowed.equals(toOutside) ? 'everything' : allowed.isEmpty ? 'nothing' : may(allowed);
    const text = [passes, ...leaves].join(' | ');
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [address]);
    else group.push(address);
  }
  for (const [text, addresses] of groups) lines.push(`${addresses.join(' ')}: ${text}`);
  return lines.map((line) => `${line}\n`).join('');
}

function targetText(to: TranslationBehaviour['to']): string {
  if (to.kind === 'Address') return `as ${to.address}`;
  return to.kind === 'Exempt' ? 'as itself' : 'held';
}

function sorted(texts: Iterable<string>): readonly Address[] {
  return [...texts]
    .map(parseAddress)
    .filter((address) => address !== undefined)
    .toSorted(compareAddresses);
}
