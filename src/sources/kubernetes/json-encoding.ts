import { readResource } from '../../api/read.ts';
import { type RawMap, isMap } from '../../api/shape.ts';
import type { Place } from '../../base/diagnostic.ts';
import { readStatus } from '../../kubernetes/api-errors.ts';
import { type Encoding, INITIAL_EVENTS_END, type Page, type Sent, Undecodable, type WatchEvent } from './encoding.ts';
import { Lines, type Records } from './records.ts';
import { usedAnnotations } from './used-annotations.ts';

/** Servers that can leave managedFields out do, which is half of a pod; the others take the second form. */
const ACCEPT = 'application/json;drop=metadata.managedFields,application/json';

/** Any kind, as JSON. */
export class JsonEncoding implements Encoding {
  readonly contentType = 'application/json';
  readonly accept: { readonly list: string; readonly watch: string };
  readonly #apiVersion: string;
  readonly #kind: string;
  readonly #place: Place;

  /** Items of a list do not name their kind; these are its names. `place` stands in diagnostics. */
  constructor(apiVersion: string, kind: string, place: Place, accept = ACCEPT) {
    this.accept = { list: accept, watch: accept };
    this.#apiVersion = apiVersion;
    this.#kind = kind;
    this.#place = place;
  }

  page(body: Buffer): Page {
    const list = parse(body);
    const metadata = list['metadata'];
    // A list of nothing is written as null by some servers; a body without the member is no list.
    const items = list['items'] === null ? [] : list['items'];
    if (!isMap(metadata) || !Array.isArray(items)) throw new Undecodable('the answer is no list');
    const { resourceVersion, continue: next = '' } = metadata;
    if (typeof resourceVersion !== 'string' || typeof next !== 'string')
      throw new Undecodable('the list has no resourceVersion');
    return { items: items.map((item: unknown) => this.#sent(item)), version: resourceVersion, next };
  }

  records(): Records {
    return new Lines();
  }

  event(record: Buffer): WatchEvent {
    const { type, object } = parse(record);
    if (!isMap(object)) throw new Undecodable('an event has no object');
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
        return { kind: 'put', sent: this.#sent(object) };
      case 'DELETED':
        return { kind: 'delete', sent: this.#sent(object) };
      case 'BOOKMARK': {
        const metadata = isMap(object['metadata']) ? object['metadata'] : {};
        const { resourceVersion: version, annotations } = metadata;
        if (typeof version !== 'string' || version === '') throw new Undecodable('a bookmark has no resourceVersion');
        return {
          kind: 'bookmark',
          version,
          endsList: isMap(annotations) && annotations[INITIAL_EVENTS_END] === 'true',
        };
      }
      case 'ERROR': {
        const failure = readStatus(object);
        return { kind: 'failure', failure: failure ?? {} };
      }
      default:
        throw new Undecodable('an event is of no known type');
    }
  }

  #sent(item: unknown): Sent {
    if (!isMap(item) || !isMap(item['metadata'])) throw new Undecodable('an object has no metadata');
    const { metadata } = item;
    const { namespace = '', name, uid = '', resourceVersion: version } = metadata as RawMap;
    if (typeof name !== 'string' || name === '' || typeof namespace !== 'string')
      throw new Undecodable('an object has no name');
    if (typeof version !== 'string' || version === '' || typeof uid !== 'string')
      throw new Undecodable('an object has no resourceVersion');
    const read = (): ReturnType<typeof readResource> => {
      const whole = { ...item, metadata: usedAnnotations(metadata as RawMap, item['status']) };
      return readResource({ ...whole, apiVersion: this.#apiVersion, kind: this.#kind }, this.#place);
    };
    return { namespace, name, uid, version, read };
  }
}

function parse(bytes: Buffer): RawMap {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Undecodable('the answer is no JSON');
  }
  if (!isMap(value)) throw new Undecodable('the answer is no object');
  return value;
}
