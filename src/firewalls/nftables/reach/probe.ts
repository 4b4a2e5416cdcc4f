import { SallyportError } from '../../../base/error.ts';
import { parseAddress } from '../../../ip/address.ts';
import { type Prefix, parsePrefix } from '../../../ip/prefix.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import type { Capabilities } from '../../driver.ts';
import { isRecord } from './json.ts';
import { TABLE } from '../table/model.ts';
import type { Nft } from './nft.ts';
import type { Transport } from './transport.ts';

/** The oldest nft whose listings and grammar this driver was written for. */
const OLDEST = [1, 0, 6] as const;
/** Foreign plain interval sets of this size cost every change of ours a millisecond or more (nftables reference, section 7). */
const LARGE_INTERVAL_SET = 500;
/** Bytes of netlink text that one element takes, about: 10,000 elements fit 212,992 bytes five times over, 20,000 do not. */
const BYTES_PER_ELEMENT = 106;
const DEFAULT_SOCKET_BUFFER = 212_992;
/** Never a source that others see. */
const NOT_SEEN_OUTSIDE = PrefixSet.parse(['127.0.0.0/8', '::1/128', 'fe80::/10', 'ff00::/8']);

/** What the device says about itself. Rejects with a code for each thing that keeps the driver from working there. */
export async function probe(nft: Nft, signal: AbortSignal): Promise<Capabilities> {
  const { transport } = nft;
  const version = await nftVersion(transport, signal);
  const kernel = (await transport.run('uname', ['-r'], signal)).stdout.trim();
  const notes: string[] = [];

  // Also the question whether we may read at all: it fails with DEVICE_RIGHTS.
  const sets = (await nft.list(['-t', 'list', 'sets'], signal)) ?? [];
  notes.push(...(await largeIntervalSets(nft, sets, signal)));
  for (const [program, loss] of [
    [
      'conntrack',
      'connections that lose their right end when they next send, and no change of rights is complete (Debian package conntrack)',
    ],
    ['tcpdump', 'denied packets are counted but not told one by one (Debian package tcpdump)'],
  ] as const)
    if (!(await isInstalled(transport, program, signal))) notes.push(`${program} is missing: ${loss}`);
  const transactionLimit = await socketLimit(transport, signal);
  if (transactionLimit !== undefined)
    notes.push(`a user namespace: the kernel takes about ${transactionLimit} elements in one transaction`);
  return {
    device: `nftables ${version}, kernel ${kernel}`,
    families: [4, 6],
    owns: await ownAddresses(transport, signal),
    transactionLimit,
    notes,
  };
}

async function nftVersion(transport: Transport, signal: AbortSignal): Promise<string> {
  const { stdout } = await transport.run('nft', ['--version'], signal);
  const version = /v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(stdout);
  if (version === null)
    throw new SallyportError('PROGRAM_TOO_OLD', `nft does not tell its version: ${stdout.trim().slice(0, 100)}`);
  const parts = version.slice(1).map((part: string | undefined) => Number(part ?? 0));
  const text = parts.join('.');
  const difference = OLDEST.map((least, index) => (parts[index] ?? 0) - least).find((part) => part !== 0) ?? 0;
  if (difference < 0)
    throw new SallyportError('PROGRAM_TOO_OLD', `nft ${text} is too old; ${OLDEST.join('.')} or later is needed`);
  return text;
}

async function isInstalled(transport: Transport, program: string, signal: AbortSignal): Promise<boolean> {
  try {
    await transport.run(program, ['--version'], signal);
    return true;
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'PROGRAM_MISSING') return false;
    throw error;
  }
}

/**
 * In a user namespace nft may not enlarge its socket buffer beyond the default, which limits one transaction; counted in elements.
 * Real root has no such limit.
 */
async function socketLimit(transport: Transport, signal: AbortSignal): Promise<number | undefined> {
  const map = await transport.run('cat', ['/proc/self/uid_map'], signal);
  if (/^\s*0\s+0\s+4294967295\s*$/.test(map.stdout)) return undefined;
  const setting = await transport.run('cat', ['/proc/sys/net/core/wmem_default'], signal);
  const bytes = setting.code === 0 ? Number(setting.stdout.trim()) : DEFAULT_SOCKET_BUFFER;
  return Math.floor((Number.isInteger(bytes) && bytes > 0 ? bytes : DEFAULT_SOCKET_BUFFER) / BYTES_PER_ELEMENT);
}

/** nft reads all elements of every plain interval set on the device before each change, whoever's it is. */
async function largeIntervalSets(nft: Nft, sets: readonly unknown[], signal: AbortSignal): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const object of sets) {
    const set = isRecord(object) ? object['set'] : undefined;
    if (!isRecord(set) || (set['family'] === 'inet' && set['table'] === TABLE)) continue;
    const { family, table, name, flags, type } = set;
    if (!Array.isArray(flags) || !flags.includes('interval') || typeof type !== 'string') continue;
    if (typeof family !== 'string' || typeof table !== 'string' || typeof name !== 'string') continue;
    const elements = await countElements(nft, [family, table, name], signal);
    if (elements >= LARGE_INTERVAL_SET)
      notes.push(`set ${family} ${table} ${name} of somebody else has ${elements} intervals: it slows every change`);
  }
  return notes.sort();
}

async function countElements(nft: Nft, set: readonly string[], signal: AbortSignal): Promise<number> {
  const listed = await nft.list(['list', 'set', ...set], signal);
  let count = 0;
  for (const object of listed ?? []) {
    const fields = isRecord(object) ? object['set'] : undefined;
    if (isRecord(fields) && Array.isArray(fields['elem'])) count += fields['elem'].length;
  }
  return count;
}

/** Addresses on interfaces, and prefixes that are routed here to be kept: what we may translate to. */
async function ownAddresses(transport: Transport, signal: AbortSignal): Promise<PrefixSet> {
  const prefixes: Prefix[] = [];
  const take = (text: unknown): void => {
    if (typeof text !== 'string') return;
    const parsed = parsePrefix(text, { bareAddress: true, hostBits: 'mask' });
    if ('value' in parsed) prefixes.push(parsed.value);
  };
  for (const link of await ipJson(transport, ['addr', 'show'], signal)) {
    const list: unknown = isRecord(link) ? link['addr_info'] : undefined;
    for (const info of Array.isArray(list) ? list : [])
      if (isRecord(info) && typeof info['local'] === 'string' && parseAddress(info['local']) !== undefined)
        take(info['local']);
  }
  for (const type of ['blackhole', 'local'])
    for (const route of await ipJson(transport, ['route', 'show', 'table', 'all', 'type', type], signal))
      if (isRecord(route) && route['type'] === type) take(route['dst']);
  return PrefixSet.of(prefixes).subtract(NOT_SEEN_OUTSIDE);
}

async function ipJson(transport: Transport, args: readonly string[], signal: AbortSignal): Promise<readonly unknown[]> {
  const { code, stdout, stderr } = await transport.run('ip', ['-j', ...args], signal);
  if (code !== 0) throw new SallyportError('DEVICE_UNREADABLE', `ip ${args.join(' ')}: ${stderr.trim()}`);
  if (stdout.trim() === '') return [];
  try {
    const parsed: unknown = JSON.parse(stdout);
    if (Array.isArray(parsed)) return parsed;
  } catch {
    // Told below, as every other answer that is no list.
  }
  throw new SallyportError('DEVICE_UNREADABLE', `ip ${args.join(' ')} did not print a JSON list`);
}
