import type { Clock } from '../../src/base/clock.ts';
import { type Answer, refuse, result } from './answer.ts';
import { element, type Element } from './xml.ts';

export type JobResult = 'OK' | 'FAIL';

/** What became of one managed firewall of a push. */
export interface PushedTo {
  readonly serial: string;
  readonly name: string;
  result: 'PEND' | JobResult;
  errors: readonly string[];
  warnings: readonly string[];
  /** Wall times; `undefined`: not yet. */
  started: number | undefined;
  finished: number | undefined;
}

export interface Outcome {
  readonly result: JobResult;
  readonly details: readonly string[];
  readonly warnings?: readonly string[];
}

export interface Work {
  readonly type: 'Commit' | 'CommitAll' | 'Validate' | 'EDLRefresh' | 'HA-Sync';
  readonly user: string;
  readonly ms: number;
  /** Called when its turn has come: the state of that moment is what counts. The returned function is called at the end. */
  begin(): () => Outcome;
  readonly devices?: readonly PushedTo[];
}

interface Job {
  readonly id: number;
  readonly work: Work;
  readonly enqueued: number;
  started: number | undefined;
  finished: number | undefined;
  outcome: Outcome | undefined;
}

/** So many are remembered. The reference does not say how many devices remember; without an end each look at them would take longer than the last. */
const REMEMBERED = 50;

const exclusive = ({ work }: Job): boolean => work.type !== 'EDLRefresh';

/** Commits and validations, one at a time, and refreshes beside them, on the device's clock (reference 1.7). */
export class Jobs {
  readonly #clock: Clock;
  readonly #all: Job[] = [];
  readonly #cancels = new Set<() => void>();
  readonly #finalProgress: () => '100' | 'time';
  #last = 0;

  /** `finalProgress`: what stands for 100 at the end. */
  constructor(clock: Clock, finalProgress: () => '100' | 'time') {
    this.#clock = clock;
    this.#finalProgress = finalProgress;
  }

  /** Whether something runs or waits beside which no other commit can. */
  get active(): boolean {
    return this.#all.some((job) => job.finished === undefined && exclusive(job));
  }

  enqueue(work: Work): number {
    this.#last += 1;
    const job: Job = {
      id: this.#last,
      work,
      enqueued: this.#clock.wall(),
      started: undefined,
      finished: undefined,
      outcome: undefined,
    };
    this.#all.push(job);
    if (this.#all.length > REMEMBERED && this.#all[0]?.finished !== undefined) this.#all.shift();
    if (exclusive(job)) this.#next();
    else this.#run(job);
    return this.#last;
  }

  #next(): void {
    if (this.#all.some((job) => job.started !== undefined && job.finished === undefined && exclusive(job))) return;
    const job = this.#all.find((one) => one.finished === undefined && exclusive(one));
    if (job !== undefined) this.#run(job);
  }

  #run(job: Job): void {
    job.started = this.#clock.wall();
    const finish = job.work.begin();
    const cancel = this.#clock.after(job.work.ms, () => {
      this.#cancels.delete(cancel);
      job.outcome = finish();
      job.finished = this.#clock.wall();
      this.#next();
    });
    this.#cancels.add(cancel);
  }

  /** A reboot: what runs ends without an effect, and nobody remembers any job. */
  forget(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    this.#all.length = 0;
  }

  show(id: string): Answer {
    const job = this.#all.find((one) => String(one.id) === id);
    // Ids above the signed range come back as -1 (reference 1.7).
    if (job === undefined) throw refuse(undefined, `job ${Number(id) > 2147483647 ? -1 : id} not found`);
    return result([this.#row(job)]);
  }

  list(): Answer {
    return result(this.#all.toReversed().map((job) => this.#row(job)));
  }

  #row(job: Job): Element {
    const { id, work, started, finished, outcome } = job;
    const state = finished !== undefined ? 'FIN' : started !== undefined ? 'ACT' : 'PEND';
    const passed = started === undefined ? 0 : this.#clock.wall() - started;
    const progress =
      state === 'FIN' ? 100 : state === 'ACT' ? Math.min(99, Math.floor((passed / Math.max(1, work.ms)) * 100)) : 0;
    const rows = (all: readonly string[]): Element[] => all.map((one) => element('line', one));
    const waiting = this.#all.filter((one) => one.started === undefined && one.id <= id).length;
    return element('job', [
      element('tenq', stamp(job.enqueued)),
      element('tdeq', started === undefined ? '' : stamp(started).slice(-8)),
      element('id', String(id)),
      element('user', work.user),
      element('type', work.type),
      element('status', state),
      element('queued', state === 'PEND' ? 'YES' : 'NO'),
      element('stoppable', state === 'FIN' ? 'no' : 'yes'),
      element('result', outcome?.result ?? 'PEND'),
      element('tfin', finished === undefined ? 'Still Active' : stamp(finished)),
      element('positionInQ', String(waiting)),
      element(
        'progress',
        finished !== undefined && this.#finalProgress() === 'time' ? stamp(finished) : String(progress),
      ),
      element('warnings', rows(outcome?.warnings ?? [])),
      element('details', rows(outcome?.details ?? [])),
      ...(work.devices === undefined ? [] : [element('devices', work.devices.map(pushedRow))]),
    ]);
  }
}

function pushedRow({ serial, name, result: how, errors, warnings, started, finished }: PushedTo): Element {
  const rows = (all: readonly string[]): Element[] => all.map((one) => element('line', one));
  return element('entry', [
    element('serial-no', serial),
    element('devicename', name),
    element('result', how),
    element('tstart', started === undefined ? '' : stamp(started)),
    element('tfin', finished === undefined ? '' : stamp(finished)),
    element('details', [element('msg', [element('errors', rows(errors)), element('warnings', rows(warnings))])]),
  ]);
}

/** As devices print times; always UTC here. */
export const stamp = (wall: number): string =>
  new Date(wall).toISOString().slice(0, 19).replace('T', ' ').replaceAll('-', '/');
