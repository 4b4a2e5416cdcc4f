import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import { toSallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { ApiClient } from './api-client.ts';
import { resourcePath } from './resource-path.ts';
import type { StatusObject } from './status-part.ts';

/** Something that happened to an object, for `kubectl describe`. */
export interface HappenedEvent {
  readonly object: StatusObject;
  readonly type: 'Normal' | 'Warning';
  /** One word, `CamelCase`. */
  readonly reason: string;
  /** What was done or tried, one word. */
  readonly action: string;
  readonly note: string;
}

export interface EventRecorderOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  /** This copy of Sallyport. */
  readonly instance: string;
  /** One event was `written`, `dropped` for its number, or the code of the error. */
  readonly measure?: (result: string) => void;
}

const EVENTS = { group: 'events.k8s.io', version: 'v1', plural: 'events' } as const;
/** The same again within this time is the same event, counted. */
const SERIES_MS = 600_000;
/** A series is told anew at most so often. */
const TELL_MS = 60_000;
/** All events together, and those of one object. */
const ALL = { burst: 50, perSecond: 2 };
const EACH = { burst: 10, perSecond: 1 / 60 };
const MOST_WAITING = 500;
const MOST_REMEMBERED = 2_000;
const NOTE_LENGTH = 1_024;
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
    const path = resourcePath(EVENTS, { namespace: namespaceOf(object), name });
    this.#remember(key, { path, count: 1, lastAt: now, lastSeen: clock.wall(), toldAt: now, telling: false });
    const body = this.#bodyOf(event, name);
    this.#send(async () => {
      await this.#options.client.call(
        { method: 'POST', path: resourcePath(EVENTS, { namespace: namespaceOf(object) }), body },
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
      const body = { series: { count: series.count, lastObservedTime: microTime(series.lastSeen) } };
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

  #bodyOf({ object, type, reason, action, note }: HappenedEvent, name: string): object {
    const { clock, instance } = this.#options;
    const { group, version, kind, namespace, uid } = object;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name, namespace: namespaceOf(object) },
      eventTime: microTime(clock.wall()),
      reportingController: 'sallyport.dev/controller',
      reportingInstance: instance.slice(0, 128),
      action,
      reason,
      type,
      note: note.length > NOTE_LENGTH ? `${note.slice(0, NOTE_LENGTH - 1)}…` : note,
      regarding: {
        apiVersion: group === '' ? version : `${group}/${version}`,
        kind,
        name: object.name,
        ...(namespace === '' ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
      },
    };
  }
}

/** Events about objects without a namespace live in `default`. */
function namespaceOf({ namespace }: StatusObject): string {
  return namespace === '' ? 'default' : namespace;
}

function microTime(wall: number): string {
  return new Date(wall).toISOString().replace('Z', '000Z');
}

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size <= MOST_REMEMBERED) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
