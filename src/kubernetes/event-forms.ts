import type { Collection } from './resource-path.ts';
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
  /** Who says so, in place of Sallyport's own name. */
  readonly reporter?: string;
}

/** What an event is written with, besides what happened. */
export interface EventFrame {
  readonly name: string;
  readonly namespace: string;
  /** Wall time in milliseconds. */
  readonly wall: number;
  /** This copy of Sallyport. */
  readonly instance: string;
}

/** One of the two ways in which an API server takes events; it shows both in both. */
export interface EventForm {
  readonly collection: Collection;
  first(event: HappenedEvent, frame: EventFrame): object;
  /** A merge patch for the same event once more. `count`: how often in all; `wall`: the last time. */
  again(count: number, wall: number): object;
}

const NOTE_LENGTH = 1_024;
const INSTANCE_LENGTH = 128;
const REPORTER = 'sallyport.dev/controller';

/** `events.k8s.io/v1`. */
export const EVENTS_V1: EventForm = {
  collection: { group: 'events.k8s.io', version: 'v1', plural: 'events' },
  first: (event, { name, namespace, wall, instance }) => ({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: microTime(wall),
    reportingController: event.reporter ?? REPORTER,
    reportingInstance: instance.slice(0, INSTANCE_LENGTH),
    action: event.action,
    reason: event.reason,
    type: event.type,
    note: cut(event.note),
    regarding: referenceTo(event),
  }),
  again: (count, wall) => ({ series: { count, lastObservedTime: microTime(wall) } }),
};

/** Events of the core group: what roles that were made for older controllers let us write. */
export const CORE_V1: EventForm = {
  collection: { group: '', version: 'v1', plural: 'events' },
  first: (event, { name, namespace, wall, instance }) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: referenceTo(event),
    reason: event.reason,
    message: cut(event.note),
    type: event.type,
    source: { component: event.reporter ?? REPORTER, host: instance.slice(0, INSTANCE_LENGTH) },
    firstTimestamp: secondTime(wall),
    lastTimestamp: secondTime(wall),
    count: 1,
  }),
  again: (count, wall) => ({ count, lastTimestamp: secondTime(wall) }),
};

function referenceTo({ object }: HappenedEvent): object {
  const { group, version, kind, namespace, name, uid } = object;
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    name,
    ...(namespace === '' ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
}

function cut(note: string): string {
  return note.length > NOTE_LENGTH ? `${note.slice(0, NOTE_LENGTH - 1)}…` : note;
}

function microTime(wall: number): string {
  return new Date(wall).toISOString().replace('Z', '000Z');
}

function secondTime(wall: number): string {
  return new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');
}
