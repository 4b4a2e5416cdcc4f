import { setTimeout } from 'node:timers/promises';
import { SallyportError } from '../../../base/error.ts';
import type { MayGoOn } from '../../driver.ts';
import { type PanosApi, type Target, command } from './api.ts';
import { type Envelope, linesIn } from './envelope.ts';
import { isNothingToCommit, jobFailure } from './errors.ts';
import { type XmlElement, child, entriesAt, textAt } from './xml.ts';

/** One job of the device as `show jobs` tells it (reference 1.7). */
export interface Job {
  readonly id: number;
  readonly type: string;
  readonly user: string;
  /** Nothing of it is to be done any more, on no device. */
  readonly finished: boolean;
  readonly succeeded: boolean;
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
  readonly devices: readonly DeviceResult[];
}

/** What a push came to at one firewall. */
export interface DeviceResult {
  readonly serial: string;
  readonly name: string;
  readonly result: 'PEND' | 'OK' | 'FAIL';
  /** Why it failed. */
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

/** How often a job is asked for: quickly at first, for small devices commit in seconds. */
const ASK_FIRST_MS = 50;
const ASK_SELDOM_MS = 2_000;

/** The number of the job that an answer has enqueued, by which `mayGoOn` learns it too; `undefined`: there was nothing to do. */
export function jobOf(answer: Envelope, mayGoOn: MayGoOn): number | undefined {
  const text = textAt(answer.result, 'job');
  if (text !== undefined && /^\d+$/.test(text)) {
    mayGoOn.named?.(`job ${text}`);
    return Number(text);
  }
  if (isNothingToCommit(answer.messages)) return undefined;
  throw new SallyportError('DEVICE_UNREADABLE', 'the answer to a commit names no job');
}

/** Every job that the device remembers. */
export async function readJobs(api: PanosApi, signal: AbortSignal, where: Target = {}): Promise<readonly Job[]> {
  const result = await api.op(command(['show', 'jobs', 'all']), signal, where);
  return (result?.children ?? []).filter(({ name }) => name === 'job').map(readJob);
}

/** One job by its number. */
export async function readOneJob(api: PanosApi, id: number, signal: AbortSignal): Promise<Job> {
  const result = await api.op(command(['show', 'jobs', 'id'], `${id}`), signal);
  const job = child(result, 'job');
  if (job === undefined) throw new SallyportError('DEVICE_UNREADABLE', `the answer about job ${id} holds no job`);
  return readJob(job);
}

/** Follows a job to its end, on every device of a push, and tells how it ended. */
export async function endOfJob(api: PanosApi, id: number, signal: AbortSignal): Promise<Job> {
  for (let pauseMs = ASK_FIRST_MS; ; pauseMs = Math.min(pauseMs * 1.5, ASK_SELDOM_MS)) {
    const job = await asked(api, id, signal);
    if (job?.finished === true) return job;
    await setTimeout(pauseMs, undefined, { signal });
  }
}

/** Follows a job to its end. Rejects with what it failed with, in the device's words; its warnings are returned. */
export async function followJob(api: PanosApi, id: number, what: string, signal: AbortSignal): Promise<Job> {
  const job = await endOfJob(api, id, signal);
  const problem = jobProblem(job, what);
  if (problem !== undefined) throw problem;
  return job;
}

/** What a job that is at its end failed with, in the device's words; `undefined`: it did what it was for. */
export function jobProblem(job: Job, what: string): SallyportError | undefined {
  const failed = job.devices.filter(({ result }) => result !== 'OK');
  if (job.succeeded && failed.length === 0) return undefined;
  const lines = failed.map(({ serial, name, lines: said }) => `${name || serial}: ${said.join(' ')}`);
  return jobFailure(`${what} (job ${job.id})`, [...job.lines, ...lines]);
}

/**
 * Waits until no job changes what runs: another one could not begin, and what runs afterwards is not what was read. `true`: there was one.
 */
export async function waitForJobs(api: PanosApi, signal: AbortSignal): Promise<boolean> {
  for (let waited = false; ; waited = true) {
    const busy = (await readJobs(api, signal)).find((job) => !job.finished && changesWhatRuns(job));
    if (busy === undefined) return waited;
    await setTimeout(ASK_FIRST_MS, undefined, { signal });
    await followJob(api, busy.id, busy.type, signal).catch((thrown: unknown) => {
      // Whose ever it was: how it ended is its owner's business.
      if (!(thrown instanceof SallyportError) || thrown.blame !== 'rejected') throw thrown;
    });
  }
}

/** Jobs after which other things may run; others fetch lists and signatures. */
export function changesWhatRuns({ type }: Pick<Job, 'type'>): boolean {
  return /^(Commit|CommitAll|AutoCom|Revert|Load|HA-?Sync|Config)/i.test(type);
}

/** A session that ends while others commit is no answer, and passes (reference 1.2). */
async function asked(api: PanosApi, id: number, signal: AbortSignal): Promise<Job | undefined> {
  try {
    return await readOneJob(api, id, signal);
  } catch (thrown) {
    if (thrown instanceof SallyportError && thrown.code === 'DEVICE_BUSY') return undefined;
    throw thrown;
  }
}

/** Some say FIN, some progress 100, and a push may have ended while its devices have not (reference 1.7). */
function readJob(job: XmlElement): Job {
  const id = textAt(job, 'id') ?? '';
  if (!/^\d+$/.test(id)) throw new SallyportError('DEVICE_UNREADABLE', 'a job has no number');
  const devices = entriesAt(job, 'devices').map(readDevice);
  const ended = textAt(job, 'status') === 'FIN' || textAt(job, 'progress') === '100';
  const result = textAt(job, 'result');
  const warnings = child(job, 'warnings');
  const details = child(job, 'details');
  return {
    id: Number(id),
    type: textAt(job, 'type') ?? '',
    user: textAt(job, 'user') ?? '',
    finished: ended && result !== 'PEND' && devices.every((device) => device.result !== 'PEND'),
    succeeded: result === 'OK',
    lines: details === undefined ? [] : linesIn(details),
    warnings: warnings === undefined ? [] : linesIn(warnings),
    devices,
  };
}

function readDevice(entry: XmlElement): DeviceResult {
  const result = textAt(entry, 'result');
  const details = child(entry, 'details');
  const told = child(details, 'msg');
  const warnings = child(told, 'warnings');
  const errors = child(told, 'errors') ?? (warnings === undefined ? details : undefined);
  return {
    serial: textAt(entry, 'serial-no') ?? '',
    name: textAt(entry, 'devicename') ?? '',
    result: result === 'OK' || result === 'FAIL' ? result : 'PEND',
    lines: errors === undefined ? [] : linesIn(errors),
    warnings: warnings === undefined ? [] : linesIn(warnings),
  };
}
