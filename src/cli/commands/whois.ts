import { SallyportError } from '../../base/error.ts';
import { addressProblem, formatAddress, parseAddress } from '../../ip/address.ts';
import { holdersOf } from '../address-holders.ts';
import { type ExitCode, exit } from '../exit.ts';
import { namesOf } from '../firewalls.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { table, printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

/** `sallyport whois ADDRESS`: who has an address now, in the cluster and beyond each border firewall. */
export async function whois(
  terminal: Terminal,
  options: WorldOptions & OutputOptions,
  text: string,
): Promise<ExitCode> {
  const address = parseAddress(text);
  if (address === undefined) throw new SallyportError('USAGE', addressProblem(text));
  const read = await readWholeWorld(terminal, options);
  const canonical = formatAddress(address);
  const holders = holdersOf(read.world, address, namesOf(read));
  printResult(terminal, options.output, 'AddressHolders', { address: canonical, holders: [...holders] }, () =>
    holders.length === 0
      ? `nothing here has ${canonical}`
      : table([['WHAT', 'NAME', 'DETAIL'], ...holders.map((holder) => [holder.kind, holder.name, holder.detail])]),
  );
  return holders.length === 0 ? exit.pending : exit.done;
}
