import { Nft } from './nft.ts';
import { connect } from './connect.ts';
import { parseDeviceAddress } from './transport.ts';

/**
 * Whether nft can be used where this process runs, of a firewall whose address means this machine: it is asked for the least that it tells,
 * which takes the same right as every change. Rejects with why not. `directory`: private (mode 0700).
 */
export async function askHere(address: string, directory: string, signal: AbortSignal): Promise<void> {
  await new Nft(connect(parseDeviceAddress(address), { directory })).list(['list', 'tables'], signal);
}

/** Whether an address means the machine that this process runs on. One that cannot be read means none. */
export function isHere(address: string): boolean {
  return address === 'local' || address.startsWith('netns:');
}
