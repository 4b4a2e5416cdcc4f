import { SallyportError } from '../../base/error.ts';
import { formatAddress, parseAddress } from '../../ip/address.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { table, printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

interface Holder {
  readonly kind: 'pod' | 'host endpoint' | 'node' | 'translated';
  readonly name: string;
  readonly detail: string;
}

/** `sallyport whois ADDRESS`: who has an address now, in the cluster and beyond each border firewall. */
export async function whois(
  terminal: Terminal,
  options: WorldOptions & OutputOptions,
  text: string,
): Promise<ExitCode> {
  const address = parseAddress(text);
  if (address === undefined) throw new SallyportError('USAGE', `"${text}" is no IPv4 or IPv6 address`);
  const { world } = await readWholeWorld(terminal, options);
  const canonical = formatAddress(address);
  const holders: Holder[] = [];
  for (const endpoint of world.engine.endpoints.values())
    if (endpoint.addresses.some((own) => formatAddress(own) === canonical))
      holders.push({
        kind: endpoint.kind === 'Pod' ? 'pod' : 'host endpoint',
        name: endpoint.namespace === '' ? endpoint.name : `${endpoint.namespace}/${endpoint.name}`,
        detail: `on node ${endpoint.node}`,
      });
  for (const node of world.inventory.nodes.values())
    for (const own of node.addresses)
      if (formatAddress(own.address) === canonical) holders.push({ kind: 'node', name: node.name, detail: own.type });
  for (const [firewall, { ruleset }] of world.firewalls)
    for (const nat of ruleset?.nats ?? [])
      for (const [source, target] of nat.sources.entries())
        if (target.kind === 'Address' && target.address === canonical)
          holders.push({ kind: 'translated', name: source, detail: `by ${nat.origin.policy} at ${firewall}` });
  const rank = (holder: Holder): string => `${holder.kind}\u0000${holder.name}\u0000${holder.detail}`;
  holders.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  printResult(terminal, options.output, 'AddressHolders', { address: canonical, holders }, () =>
    holders.length === 0
      ? `nothing here has ${canonical}`
      : table([['WHAT', 'NAME', 'DETAIL'], ...holders.map((holder) => [holder.kind, holder.name, holder.detail])]),
  );
  return holders.length === 0 ? exit.pending : exit.done;
}
