import { isMap, type RawMap } from '../../../api/shape.ts';
import { type Address, compareAddresses, parseAddress } from '../../../ip/address.ts';

interface Candidate {
  readonly address: Address;
  readonly isReady: boolean;
  readonly created: string;
}

/**
 * Where the droptailer's server is, by its pods: one that is ready before one that runs, the one that is known already before others, then the
 * newest. `undefined`: none runs.
 */
export function droptailerAddress(pods: readonly unknown[], known: Address | undefined): Address | undefined {
  const candidates = pods.flatMap((pod) => candidateOf(pod));
  const best = candidates.filter(({ isReady }) => isReady);
  const among = best.length > 0 ? best : candidates;
  const same = known && among.find(({ address }) => compareAddresses(address, known) === 0);
  if (same !== undefined) return same.address;
  return among.toSorted((a, b) => (a.created > b.created ? -1 : a.created < b.created ? 1 : 0))[0]?.address;
}

function candidateOf(pod: unknown): readonly Candidate[] {
  if (!isMap(pod)) return [];
  const metadata = mapOf(pod['metadata']);
  const status = mapOf(pod['status']);
  const address = typeof status['podIP'] === 'string' ? parseAddress(status['podIP']) : undefined;
  if (address === undefined || status['phase'] !== 'Running' || metadata['deletionTimestamp'] !== undefined) return [];
  const conditions = Array.isArray(status['conditions']) ? (status['conditions'] as readonly unknown[]) : [];
  const isReady = conditions.some((each) => isMap(each) && each['type'] === 'Ready' && each['status'] === 'True');
  const created = metadata['creationTimestamp'];
  return [{ address, isReady, created: typeof created === 'string' ? created : '' }];
}

function mapOf(value: unknown): RawMap {
  return isMap(value) ? value : {};
}

/** The first address that a hosts file gives for a name. */
export function hostAddress(text: string, name: string): Address | undefined {
  for (const line of text.split('\n')) {
    const { address, names } = hostLine(line);
    if (names.includes(name)) return parseAddress(address);
  }
  return undefined;
}

/** A hosts file in which the name has this address and no other; every other line, and every other name, stays as it is. */
export function withHost(text: string, name: string, address: string): string {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  let isThere = false;
  const kept = lines.flatMap((line) => {
    const found = hostLine(line);
    if (!found.names.includes(name)) return [line];
    const others = found.names.filter((each) => each !== name);
    if (found.address === address && !isThere) {
      isThere = true;
      return [line];
    }
    const rest = others.length === 0 ? [] : [`${found.address} ${others.join(' ')}${found.comment}`];
    if (isThere) return rest;
    isThere = true;
    return [...rest, `${address} ${name}`];
  });
  return `${[...kept, ...(isThere ? [] : [`${address} ${name}`])].join('\n')}\n`;
}

function hostLine(line: string): {
  readonly address: string;
  readonly names: readonly string[];
  readonly comment: string;
} {
  const [said = ''] = line.split('#', 1);
  const [address = '', ...names] = said.trim().split(/\s+/);
  const comment = line.length > said.length ? ` ${line.slice(said.length)}` : '';
  return { address, names, comment };
}
