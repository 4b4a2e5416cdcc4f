import { closest } from '../base/closest.ts';
import { SallyportError } from '../base/error.ts';
import { evaluate } from '../border/evaluate.ts';
import type { WayExplanation } from '../border/explain.ts';
import type { LiveWorld } from '../controller/world/live-world.ts';
import type { Engine } from '../engine/engine.ts';
import type { Packet } from '../engine/packet.ts';
import type { EndpointId } from '../inventory/model.ts';
import { type Address, formatAddress, parseAddress } from '../ip/address.ts';

/** One side of a flow; `endpoint` where it was given by name. */
export interface Side {
  readonly endpoint?: EndpointId;
  readonly addresses: readonly Address[];
}

/** A pod by name, or any address. */
export function sideOf({ endpoints, inventory }: Engine, text: string): Side {
  const address = parseAddress(text);
  if (address !== undefined) return { addresses: [address] };
  const id = /^(pod|hep|wep):/.test(text) ? text : `pod:${text}`;
  const endpoint = endpoints.get(id);
  if (endpoint === undefined) throw new SallyportError('NOT_FOUND', unknownSide(endpoints.keys(), text));
  if (endpoint.hostNetwork) {
    const node = inventory.nodes.get(endpoint.node);
    return { endpoint: id, addresses: (node?.addresses ?? []).map((own) => own.address) };
  }
  return { endpoint: id, addresses: endpoint.addresses };
}

function unknownSide(ids: Iterable<EndpointId>, text: string): string {
  const names = [...ids].map((id) => id.replace(/^pod:/, ''));
  const meant = closest(text, names) ?? names.find((name) => name.startsWith(`${text}-`) || name.endsWith(`/${text}`));
  const hint = meant === undefined ? '.' : `; did you mean ${meant}?`;
  return `"${text}" is neither an address nor a pod (namespace/name) of this world${hint} A pod counts only while it has an address: not before it has a node, nor once it has finished`;
}

/**
 * What border firewalls do with a packet that arrives from an address which no workload is known to have. By which of them it leaves
 * nobody can tell, so each is asked that would judge it.
 */
export function waysOfStranger(
  world: LiveWorld,
  packet: Packet,
  ruleless: ReadonlySet<string>,
): readonly WayExplanation[] {
  const seenSource = formatAddress(packet.source);
  return [...world.firewalls].flatMap(([firewall, { ruleset }]): readonly WayExplanation[] => {
    if (ruleset === undefined || ruleless.has(firewall)) return [];
    const evaluation = evaluate(ruleset, packet);
    if (evaluation.reason === 'not-governed' || evaluation.reason === 'not-ours') return [];
    const hops = [{ firewall, seenSource, evaluation }];
    if (!evaluation.passes) return [{ exit: firewall, hops, outcome: 'drops' }];
    return [{ exit: firewall, hops, outcome: 'passes', leavesAs: evaluation.leavesAs }];
  });
}
