import { isMap } from '../../../api/shape.ts';
import { SallyportError } from '../../../base/error.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import { formatAddress, parseAddress } from '../../../ip/address.ts';
import type { InterfaceAddresses } from '../../../machine/interface-addresses.ts';

/** What was changed. */
export interface AddressChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Gives an interface the addresses that it is to carry, each by itself (`/32`, `/128`), and takes away those by themselves that it is not.
 * Addresses with a longer reach than their own, and those of the link, are nobody's business here. Rejects with HOST_DUTY_FAILED.
 */
export async function keepAddresses(
  transport: Transport,
  { link, wanted }: InterfaceAddresses,
  signal: AbortSignal,
): Promise<AddressChanges> {
  const ip = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await transport.run('ip', args, signal);
    if (code === 0) return stdout;
    throw new SallyportError('HOST_DUTY_FAILED', `ip ${args.join(' ')}: ${stderr.trim().slice(0, 200)}`);
  };
  const found = addressesIn(await ip('-j', 'addr', 'show', 'dev', link));
  const added = wanted.filter((address) => !found.all.has(address));
  const removed = [...found.single].filter((address) => !wanted.includes(address));
  // First what is missing: at no moment is there less than before and after.
  for (const address of added)
    await ip('addr', 'add', single(address), 'dev', link, ...(address.includes(':') ? ['nodad'] : []));
  for (const address of removed) await ip('addr', 'del', single(address), 'dev', link);
  return { added, removed };
}

function single(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

/** The addresses in what `ip -j addr` prints: all, and those that stand by themselves. */
function addressesIn(text: string): { readonly all: ReadonlySet<string>; readonly single: ReadonlySet<string> } {
  const all = new Set<string>();
  const alone = new Set<string>();
  const links: unknown = JSON.parse(text === '' ? '[]' : text);
  for (const link of Array.isArray(links) ? (links as readonly unknown[]) : []) {
    const infos = isMap(link) ? link['addr_info'] : undefined;
    for (const info of Array.isArray(infos) ? (infos as readonly unknown[]) : []) {
      if (!isMap(info) || info['scope'] !== 'global') continue;
      const address = parseAddress(String(info['local']));
      if (address === undefined) continue;
      all.add(formatAddress(address));
      if (info['prefixlen'] === (address.family === 4 ? 32 : 128)) alone.add(formatAddress(address));
    }
  }
  return { all, single: alone };
}
