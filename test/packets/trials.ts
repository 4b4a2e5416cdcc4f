import type { Border } from '../kit/border.ts';
import type { Seen, Sniffer } from './sniffer.ts';

/** One thing to send from an address inside to a service outside. */
export interface Trial {
  readonly source: string;
  readonly destination: string;
  readonly transport: 'tcp' | 'udp' | 'icmp';
  /** 0 for ICMP. */
  readonly port: number;
}

/** The answer that came, by the source that the outside saw; or none. */
export type Outcome = { readonly answered: true; readonly seen: string } | { readonly answered: false };

/** What is expected to be answered may take this long on a busy machine; nobody waits for it unless it fails. */
const PATIENCE_MS = 30_000;
/** For what should be dropped. That nothing of it left at all is the sniffer's word, which does not depend on time. */
const SILENCE_MS = 200;
const PATTERN_BYTES = 8;
/** Of ping's data, the first bytes are the time. */
const PATTERN_AT = 16;

export function textOf({ source, destination, transport, port }: Trial): string {
  return `${transport} ${source} -> ${destination}${port === 0 ? '' : ` ${port}`}`;
}

/** A packet at the outside as the trial that it belongs to. */
export function trialOf(packet: Seen): Trial | undefined {
  const { source, destination, protocol, destinationPort: port = 0 } = packet;
  if (protocol === 6 || protocol === 17)
    return { source, destination, port, transport: protocol === 6 ? 'tcp' : 'udp' };
  const isEcho = (protocol === 1 && packet.icmpType === 8) || (protocol === 58 && packet.icmpType === 128);
  return isEcho ? { source, destination, port: 0, transport: 'icmp' } : undefined;
}

/** The two sides of a border, by the address of the next hop there. */
const SIDES = { inside: '192.168.250.2', outside: '192.168.251.2' } as const;

let pings = 0;

/** Sends everything at once. `awaited`: of which an answer is expected, so that it is waited for. */
export async function sendAll(
  border: Border,
  sniffer: Sniffer,
  trials: readonly Trial[],
  awaited: (trial: Trial) => boolean,
): Promise<ReadonlyMap<Trial, Outcome>> {
  const wait = (trial: Trial): number => (awaited(trial) ? PATIENCE_MS : SILENCE_MS);
  const outcomes = new Map<Trial, Outcome>();
  const exchanges = trials.map(async (trial) => {
    if (trial.transport === 'icmp') return;
    const { source: from, destination: to, port } = trial;
    const { source: seen } = await border.inside[trial.transport]({ from, to, port, timeoutMs: wait(trial) });
    outcomes.set(trial, seen === undefined ? { answered: false } : { answered: true, seen: plain(seen) });
  });
  await Promise.all([...exchanges, pingAll(border, sniffer, trials, wait, outcomes)]);
  await settle(border, sniffer);
  return outcomes;
}

/** Resolves when everything that left the border before, towards the side where the sniffer is, has been seen. */
export async function settle(border: Border, sniffer: Sniffer, side: keyof typeof SIDES = 'outside'): Promise<void> {
  const pattern = nextPattern();
  await border.firewall.must('ping', [...pingWords(pattern, PATIENCE_MS), SIDES[side]]);
  await sniffer.until(() => sniffer.packets.some((packet) => patternOf(packet) === pattern));
}

async function pingAll(
  border: Border,
  sniffer: Sniffer,
  trials: readonly Trial[],
  wait: (trial: Trial) => number,
  outcomes: Map<Trial, Outcome>,
): Promise<void> {
  const byPattern = new Map<string, Trial>();
  for (const trial of trials) if (trial.transport === 'icmp') byPattern.set(nextPattern(), trial);
  const lines = [...byPattern].map(([pattern, trial]) => {
    const words = [...pingWords(pattern, wait(trial)), '-I', trial.source, trial.destination];
    return `ping ${words.join(' ')} >/dev/null 2>&1 && echo ${pattern} &`;
  });
  const { stdout } = await border.inside.namespace.run('sh', ['-c', `${lines.join('\n')}\nwait`]);
  await settle(border, sniffer);
  const answered = new Set(stdout.split('\n'));
  for (const [pattern, trial] of byPattern) {
    const packet = sniffer.packets.find((each) => patternOf(each) === pattern);
    if (!answered.has(pattern)) outcomes.set(trial, { answered: false });
    else outcomes.set(trial, { answered: true, seen: packet?.source ?? 'nobody' });
  }
}

function pingWords(pattern: string, timeoutMs: number): readonly string[] {
  return ['-n', '-c', '1', '-W', String(timeoutMs / 1_000), '-s', String(PATTERN_AT + PATTERN_BYTES), '-p', pattern];
}

function nextPattern(): string {
  return (++pings).toString(16).padStart(PATTERN_BYTES * 2, '0');
}

function patternOf({ icmpType, payload }: Seen): string | undefined {
  if (icmpType !== 8 && icmpType !== 128) return undefined;
  return payload.subarray(PATTERN_AT, PATTERN_AT + PATTERN_BYTES).toString('hex');
}

/** As the server's socket names it. */
function plain(source: string): string {
  return source.replace(/^::ffff:/, '');
}
