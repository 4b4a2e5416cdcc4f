import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import { toSallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { ApiClient } from './api-client.ts';
import { type EventForm, EVENTS_V1, type HappenedEvent } from './event-forms.ts';
import { resourcePath } from './resource-path.ts';
import type { StatusObject } from './status-part.ts';

export interface EventRecorderOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  /** This copy of Sallyport. */
  readonly instance: string;
  /** How they are written; absent: `events.k8s.io/v1`. */
  readonly form?: EventForm;
  /** One event was `written`, `dropped` for its number, or the code of the error. */
  readonly measure?: (result: string) => void;
}

/** The same again within this time is the same event, counted. */
const SERIES_MS = 600_000;
/** A series is told anew at most so often. */
const TELL_MS = 60_000;
/** All events together, and those of one object. */
const ALL = { burst: 50, perSecond: 2 };
const EACH = { burst: 10, perSecond: 1 / 60 };
const MOST_WAITING = 500;
const MOST_REMEMBERED = 2_000;
const NAME_LENGTH = 200;

interface Series {
  readonly path: string;
  count: number;
  lastAt: number;
  /** Wall time, for people. */
  lastSeen: number;
  toldAt: number;
  telling: boolean;
}

/**
 * Writes events about objects. What repeats is a series; what comes too often, or cannot be written, is dropped and counted:
 * an event is a courtesy, the status is the truth.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #form: EventForm;
  readonly #all: TokenBucket;
  readonly #each = new Map<string, TokenBucket>();
  readonly #series = new Map<string, Series>();
  readonly #waiting: (() => Promise<void>)[] = [];
  /** What ends the timers that are set. */
  readonly #timers = new Set<() => void>();
  readonly #stop = new AbortController();
  readonly #said = new Set<string>();
  #running: Promise<void> | undefined;
  #number = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#form = options.form ?? EVENTS_V1;
    this.#all = new TokenBucket(options.clock, ALL.burst, ALL.perSecond);
  }

  /** Takes an event to be written; returns at once. */
  record(event: HappenedEvent): void {
    const { clock, measure } = this.#options;
    const { object, reason, note, type } = event;
    const key = JSON.stringify([object.kind, object.namespace, object.name, object.uid, type, reason, note]);
    const now = clock.monotonic();
    const series = this.#series.get(key);
    if (series !== undefined && now - series.lastAt < SERIES_MS) {
      series.count += 1;
      series.lastAt = now;
      series.lastSeen = clock.wall();
      if (!series.telling) this.#tellSoon(series);
      return;
    }
    if (!this.#mayWrite(object)) {
      measure?.('dropped');
      return;
    }
    const name = this.#nameOf(object);
    const namespace = namespaceOf(object);
    const { collection } = this.#form;
    const path = resourcePath(collection, { namespace, name });
    this.#remember(key, { path, count: 1, lastAt: now, lastSeen: clock.wall(), toldAt: now, telling: false });
    const body = this.#form.first(event, { name, namespace, wall: clock.wall(), instance: this.#options.instance });
    this.#send(async () => {
      await this.#options.client.call(
        { method: 'POST', path: resourcePath(collection, { namespace }), body },
        this.#stop.signal,
      );
    });
  }

  /** Resolves when no request is under way or waits. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** What is not written yet is not written any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const cancel of this.#timers) cancel();
    this.#waiting.splice(0);
    await this.settled();
  }

  #mayWrite({ kind, namespace, name }: StatusObject): boolean {
    const key = `${kind}/${namespace}/${name}`;
    let bucket = this.#each.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#options.clock, EACH.burst, EACH.perSecond);
      this.#each.set(key, bucket);
      forgetOldest(this.#each);
    }
    return bucket.take() === 0 && this.#all.take() === 0;
  }

  #remember(key: string, series: Series): void {
    this.#series.delete(key);
    this.#series.set(key, series);
    forgetOldest(this.#series);
  }

  #tellSoon(series: Series): void {
    const { clock } = this.#options;
    series.telling = true;
    const cancel = clock.after(Math.max(0, series.toldAt + TELL_MS - clock.monotonic()), () => {
      this.#timers.delete(cancel);
      series.telling = false;
      series.toldAt = clock.monotonic();
      const body = this.#form.again(series.count, series.lastSeen);
      this.#send(async () => {
        await this.#options.client.call(
          { method: 'PATCH', path: series.path, contentType: 'application/merge-patch+json', body },
          this.#stop.signal,
        );
      });
    });
    this.#timers.add(cancel);
  }

  #send(request: () => Promise<void>): void {
    const { measure, log } = this.#options;
    if (this.#stop.signal.aborted || this.#waiting.length >= MOST_WAITING) {
      measure?.('dropped');
      return;
    }
    this.#waiting.push(request);
    if (this.#running !== undefined) return;
    this.#running = this.#work().finally(() => {
      this.#running = undefined;
    });
    background('writing events', this.#running, log);
  }

  async #work(): Promise<void> {
    const { measure, log } = this.#options;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      try {
        await next();
        this.#said.clear();
        measure?.('written');
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        const { code, message } = toSallyportError(thrown);
        measure?.(code);
        if (this.#said.has(code)) continue;
        this.#said.add(code);
        log.warn({ code, error: message }, 'an event could not be written; it is left out');
      }
  }

  /** One that no other copy, and no other run of this one, has. */
  #nameOf({ name }: StatusObject): string {
    this.#number += 1;
    const { clock } = this.#options;
    return `${name.slice(0, NAME_LENGTH).replace(/[.-]+$/, '')}.${Math.floor(clock.wall()).toString(16)}${this.#number.toString(16).padStart(6, '0')}`;
  }
}

/** Events about objects without a namespace live in `default`. */
function namespaceOf({ namespace }: StatusObject): string {
  return namespace === '' ? 'default' : namespace;
}

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size <= MOST_REMEMBERED) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
