import { SallyportError } from '../../base/error.ts';
import { stateFolder } from '../../controller/state/state-folder.ts';
import { type BookedDrops, bookedDrops } from '../../insight/early-drop-book.ts';
import { addressProblem, formatAddress, parseAddress } from '../../ip/address.ts';
import { holdersOf } from '../address-holders.ts';
import { type ExitCode, exit } from '../exit.ts';
import { namesOf } from '../firewalls.ts';
import { tellUnfollowed } from '../followers.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { table, printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

/**
 * `sallyport whois ADDRESS`: who has an address now, in the cluster and beyond each border firewall; and whose packets from it firewalls dropped
 * before they knew him, as the controller of this machine has kept it.
 */
export async function whois(
  terminal: Terminal,
  options: WorldOptions & OutputOptions,
  text: string,
): Promise<ExitCode> {
  const address = parseAddress(text);
  if (address === undefined) throw new SallyportError('USAGE', addressProblem(text));
  const read = await readWholeWorld(terminal, options);
  await tellUnfollowed(terminal, read);
  const canonical = formatAddress(address);
  const holders = holdersOf(read.world, address, namesOf(read));
  const early = read.cluster === undefined ? [] : bookedDrops(stateFolder(read.cluster), canonical);
  const data = { address: canonical, holders: [...holders], early: early.map(shown) };
  printResult(terminal, options.output, 'AddressHolders', data, () =>
    [
      holders.length === 0
        ? `nothing here has ${canonical}`
        : table([['WHAT', 'NAME', 'DETAIL'], ...holders.map((holder) => [holder.kind, holder.name, holder.detail])]),
      ...early.map((drops) => earlyText(drops)),
    ].join('\n'),
  );
  return holders.length === 0 ? exit.pending : exit.done;
}

function earlyText({ firewall, sender, packets, from, to, before }: BookedDrops): string {
  const words = `${firewall} dropped ${packets} ${packets === 1 ? 'packet' : 'packets'} of ${sender} before it knew the sender, from ${from} to ${to}`;
  return before === undefined ? words : `${words}; some may be of ${before}`;
}

function shown({ firewall, sender, packets, from, to, before }: BookedDrops) {
  return { firewall, sender, packets, from, to, ...(before === undefined ? {} : { before }) };
}
