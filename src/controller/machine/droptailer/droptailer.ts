import { stat } from 'node:fs/promises';
import { systemClock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import { dropPrefixes, readDropLine } from '../../../machine/drops/drop-line.ts';
import { PolicyNames } from '../../../machine/drops/policy-of.ts';
import { readIfThere } from '../rule-files.ts';
import { type DropCounts, DropCountsFile } from './drop-counts.ts';
import { DropShipper, type ShipperCounts } from './drop-shipper.ts';
import { followKernel, type KernelLine } from './journal.ts';
import { PushClient } from './push-client.ts';

/** How many drops wait for a server at most: a quarter of an hour at the rate that rules log with. */
const BUFFER = 10_000;
/** How often it is told what did not arrive. */
const TELL_MS = 60_000;

export interface DroptailerOptions {
  /** As today's unit gives it (reference 7.2). */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file of our rules, which names policies. */
  readonly rules: string;
  readonly journal: string;
  /** Where it is told how drops fare. */
  readonly counts: string;
  readonly log: Log;
}

/** Ships what the kernel logs to the droptailer's server, until the signal aborts. Gives the counts at its end. */
export async function shipDrops(
  { environment, rules, journal, counts, log }: DroptailerOptions,
  signal: AbortSignal,
): Promise<ShipperCounts> {
  const path = (name: string, file: string): string => environment[name] || `/etc/droptailer-client/${file}`;
  const clock = systemClock;
  const client = new PushClient({
    server: environment['DROPTAILER_SERVER_ADDRESS'] || 'localhost:50051',
    authority: path('DROPTAILER_CA_CERTIFICATE', 'ca.crt'),
    certificate: path('DROPTAILER_CLIENT_CERTIFICATE', 'tls.crt'),
    key: path('DROPTAILER_CLIENT_KEY', 'tls.key'),
    clock,
  });
  const shipper = new DropShipper({ push: (drop, stop) => client.push(drop, stop), limit: BUFFER, clock, log });
  const prefixes = dropPrefixes(environment);
  const all = [...prefixes.drops, ...prefixes.accepts];
  const names = new NamesOfFile(rules);
  let last: Promise<void> = Promise.resolve();
  const take = (line: KernelLine): void => {
    const drop = readDropLine(line.text, line.at, prefixes);
    if (drop === undefined) return;
    const prefix = all.find((each) => line.text.startsWith(each)) ?? '';
    // In their order, though the file may have to be read first.
    last = last.then(async () => {
      const policy = (await names.now()).nameOf(prefix, drop.fields);
      shipper.add(policy === undefined ? drop : { ...drop, fields: { ...drop.fields, POLICY: policy } });
    });
  };
  let told = 0;
  const tell = (): void => {
    const now = shipper.counts();
    const lost = now.overflowed + now.refused;
    if (lost !== told) log.warn(now, 'drops were not shipped; the counter drop_total has them all');
    told = lost;
    cancel = clock.after(TELL_MS, tell);
  };
  let cancel = clock.after(TELL_MS, tell);
  try {
    const fares = (): DropCounts => ({ ...shipper.counts(), arrives: shipper.arrives });
    await Promise.all([
      shipper.run(signal),
      followKernel({ program: journal, clock, log }, take, signal),
      new DropCountsFile({ path: counts, clock, log }, fares).run(signal),
    ]);
  } finally {
    cancel();
    client.close();
  }
  return shipper.counts();
}

/** The names in a file that is read again when it changes. Without one, nothing has a name. */
class NamesOfFile {
  readonly #path: string;
  #signature = '';
  #names = new PolicyNames('');

  constructor(path: string) {
    this.#path = path;
  }

  async now(): Promise<PolicyNames> {
    try {
      const { mtimeMs, ino, size } = await stat(this.#path);
      const signature = `${mtimeMs} ${ino} ${size}`;
      if (signature !== this.#signature) {
        this.#names = new PolicyNames((await readIfThere(this.#path)) ?? '');
        this.#signature = signature;
      }
    } catch {
      // The names of before are better than none.
    }
    return this.#names;
  }
}
