import { readResource } from '../../api/read.ts';
import type { ReadResource, Resource } from '../../api/resource.ts';
import { type RawMap, isMap } from '../../api/shape.ts';
import type { Place } from '../../base/diagnostic.ts';
import { readStatus } from '../../kubernetes/api-errors.ts';
import { type Encoding, INITIAL_EVENTS_END, type Page, type Read, type Sent, type WatchEvent } from './encoding.ts';
import { Undecodable } from './undecodable.ts';
import { JsonNames } from './json-names.ts';
import { JsonPod } from './json-pod.ts';
import { END, ESCAPED, JsonScan, readObject } from './json-scan.ts';
import { Lines, type Records } from './records.ts';
import { usedAnnotations } from './used-annotations.ts';

/** Servers that can leave managedFields out do, which is half of a pod; the others take the second form. */
const ACCEPT = 'application/json;drop=metadata.managedFields,application/json';

/** Numbered from 0. */
const LIST = new JsonNames('metadata', 'items');
const EVENT = new JsonNames('type', 'object');
/** Events that tell of an object. */
const ABOUT_OBJECTS: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED']);

/** Makes of an object, as a server sent it, what it is read as. */
export type ReadObject<R> = (object: RawMap, metadata: RawMap) => Read<R>;

/** Any kind, as JSON. */
export class JsonObjects<R> implements Encoding<R> {
  readonly contentType = 'application/json';
  readonly accept: { readonly list: string; readonly watch: string };
  readonly #read: ReadObject<R>;
  readonly #atOnce: ((scan: JsonScan) => Sent<R>) | undefined;

  /** `atOnce` reads an object without `JSON.parse`; where it throws `Undecodable`, the object is read like any other. */
  constructor(
    read: ReadObject<R>,
    accept: Encoding['accept'] = { list: ACCEPT, watch: ACCEPT },
    atOnce?: (scan: JsonScan) => Sent<R>,
  ) {
    this.#read = read;
    this.#atOnce = atOnce;
    this.accept = accept;
  }

  page(body: Buffer): Page<R> {
    const scan = new JsonScan(body);
    let metadata: unknown;
    let start: number | undefined;
    let isWhole = true;
    scan.openObject();
    for (let member = scan.next(LIST); member !== END; member = scan.next(LIST)) {
      if (member === 0) metadata = metadata === undefined ? scan.value() : twice();
      else if (member === 1) {
        start = start === undefined ? scan.start : twice();
        // Servers write metadata before the items, so that these can be gone through but once, when their turn comes.
        isWhole = metadata === undefined;
        if (!isWhole) break;
        scan.skip();
      } else scan.skip();
    }
    if (isWhole) scan.end();
    if (!isMap(metadata) || start === undefined) throw new Undecodable('the answer is no list');
    const { resourceVersion, continue: next = '' } = metadata;
    if (typeof resourceVersion !== 'string' || typeof next !== 'string')
      throw new Undecodable('the list has no resourceVersion');
    scan.position = start;
    return { items: this.#each(scan, isWhole), version: resourceVersion, next };
  }

  /** One by one, when their turn comes: a page in memory as objects is what costs most. `isWhole`: what comes behind them has been seen. */
  *#each(scan: JsonScan, isWhole: boolean): Generator<Sent<R>> {
    // A list of nothing is written as null by some servers.
    if (scan.isNull) scan.skip();
    else {
      scan.openList();
      while (scan.nextItem()) yield this.#sent(scan);
    }
    if (isWhole) return;
    for (let member = scan.next(LIST); member !== END; member = scan.next(LIST)) {
      if (member !== ESCAPED) twice();
      scan.skip();
    }
    scan.end();
  }

  records(): Records {
    return new Lines();
  }

  event(record: Buffer): WatchEvent<R> {
    const scan = new JsonScan(record);
    let type: unknown;
    let start: number | undefined;
    let sent: Sent<R> | undefined;
    scan.openObject();
    for (let member = scan.next(EVENT); member !== END; member = scan.next(EVENT)) {
      if (member === 0) type = type === undefined ? scan.value() : twice();
      else if (member === 1) {
        start = start === undefined ? scan.start : twice();
        // Servers write the type first, so that the object can be gone through but once.
        if (ABOUT_OBJECTS.has(type)) sent = this.#sent(scan);
        else scan.skip();
      } else scan.skip();
    }
    scan.end();
    if (start === undefined) throw new Undecodable('an event has no object');
    scan.position = start;
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
        return { kind: 'put', sent: sent ?? this.#sent(scan) };
      case 'DELETED':
        return { kind: 'delete', sent: sent ?? this.#sent(scan) };
      case 'BOOKMARK': {
        const { metadata } = objectOf(scan);
        const { resourceVersion: version, annotations } = isMap(metadata) ? metadata : {};
        if (typeof version !== 'string' || version === '') throw new Undecodable('a bookmark has no resourceVersion');
        return {
          kind: 'bookmark',
          version,
          endsList: isMap(annotations) && annotations[INITIAL_EVENTS_END] === 'true',
        };
      }
      case 'ERROR': {
        const failure = readStatus(objectOf(scan));
        return { kind: 'failure', failure: failure ?? {} };
      }
      default:
        throw new Undecodable('an event is of no known type');
    }
  }

  #sent(scan: JsonScan): Sent<R> {
    const { start } = scan;
    try {
      if (this.#atOnce !== undefined) return this.#atOnce(scan);
    } catch (thrown) {
      if (!(thrown instanceof Undecodable)) throw thrown;
      scan.position = start;
    }
    const item = objectOf(scan);
    const { metadata } = item;
    if (!isMap(metadata)) throw new Undecodable('an object has no metadata');
    const { namespace = '', name, uid = '', resourceVersion: version } = metadata;
    if (typeof name !== 'string' || name === '' || typeof namespace !== 'string')
      throw new Undecodable('an object has no name');
    if (typeof version !== 'string' || version === '' || typeof uid !== 'string')
      throw new Undecodable('an object has no resourceVersion');
    return { namespace, name, uid, version, read: () => this.#read(item, metadata) };
  }
}

/** The kinds that a border reads, as JSON. */
export class JsonEncoding extends JsonObjects<Resource> {
  /** Items of a list do not name their kind; these are its names. `place` stands in diagnostics. */
  constructor(apiVersion: string, kind: string, place: Place, accept?: Encoding['accept']) {
    const read = (item: RawMap, metadata: RawMap): ReadResource => {
      const whole = { ...item, metadata: usedAnnotations(metadata, item['status']) };
      return readResource({ ...whole, apiVersion, kind }, place);
    };
    const isPod = apiVersion === 'v1' && kind === 'Pod';
    super(read, accept, isPod ? (scan) => new JsonPod(scan, place, read) : undefined);
  }
}

function objectOf(scan: JsonScan): RawMap {
  const object = readObject(scan);
  if (!isMap(object)) throw new Undecodable('an object is none');
  return object;
}

function twice(): never {
  throw new Undecodable('a member of the answer is written twice');
}
