import type { Resource, ResourceKey, UnreadFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Status } from '../../kubernetes/api-errors.ts';
import type { Records } from './records.ts';

/** What an object is read as; for the kinds of a border, a `Resource`. */
export interface Readable {
  readonly uid?: string | undefined;
}

/** What reading one object gave. No resource: nothing could be kept of it. */
export interface Read<R> {
  readonly resource?: R;
  /** What can be read of a BorderFirewall that could not be kept. */
  readonly unread?: UnreadFirewall;
  /** Which object it is to everybody else, if that is not how the server calls it. */
  readonly key?: ResourceKey;
  readonly diagnostics: readonly Diagnostic[];
}

/** One object as a server sent it. */
export interface Sent<R = Resource> {
  /** `''`: cluster scope. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Its resourceVersion: compared for equality alone. */
  readonly version: string;
  /** Makes the resource of it. This costs, so only what differs from what is known is read. */
  read(): Read<R>;
}

/** A page of a list. */
export interface Page<R = Resource> {
  /** To be gone through once, and each read while its turn is: later pages may come into the same memory. Throws `Undecodable`. */
  readonly items: Iterable<Sent<R>>;
  /** The list's resourceVersion. */
  readonly version: string;
  /** Asks for the next page; `''`: this is the last. */
  readonly next: string;
}

export type WatchEvent<R = Resource> =
  | { readonly kind: 'put' | 'delete'; readonly sent: Sent<R> }
  /** Everything up to this version has been sent. `endsList`: the first state is whole. */
  | { readonly kind: 'bookmark'; readonly version: string; readonly endsList: boolean }
  /** The server cannot go on. */
  | { readonly kind: 'failure'; readonly failure: Status };

/** How objects of one kind come over the wire. All methods throw `Undecodable`. */
export interface Encoding<R = Resource> {
  /** Media type, without parameters. */
  readonly contentType: string;
  /** What to ask for: a list, a watch. */
  readonly accept: { readonly list: string; readonly watch: string };
  /** Reads from the bytes as long as the page's items are gone through. */
  page(body: Buffer): Page<R>;
  records(): Records;
  event(record: Buffer): WatchEvent<R>;
}

/** Marks the bookmark after which a streamed list is whole. */
export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
