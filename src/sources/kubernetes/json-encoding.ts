import { readResource } from '../../api/read.ts';
import type { Resource } from '../../api/resource.ts';
import { type RawMap, isMap } from '../../api/shape.ts';
import type { Place } from '../../base/diagnostic.ts';
import { readStatus } from '../../kubernetes/api-errors.ts';
import { type Encoding, INITIAL_EVENTS_END, type Page, type Read, type Sent, type WatchEvent } from './encoding.ts';
import { Undecodable } from './undecodable.ts';
import { readSoundPod } from './json-pod.ts';
import { type JsonSpan, JsonScan } from './json-scan.ts';
import { Lines, type Records } from './records.ts';
import { usedAnnotations } from './used-annotations.ts';

/** Servers that can leave managedFields out do, which is half of a pod; the others take the second form. */
const ACCEPT = 'application/json;drop=metadata.managedFields,application/json';

/** Makes of an object, as a server sent it, what it is read as. */
export type ReadObject<R> = (object: RawMap, metadata: RawMap) => Read<R>;

/** Any kind, as JSON. */
export class JsonObjects<R> implements Encoding<R> {
  readonly contentType = 'application/json';
  readonly accept: { readonly list: string; readonly watch: string };
  readonly #read: ReadObject<R>;

  constructor(read: ReadObject<R>, accept: Encoding['accept'] = { list: ACCEPT, watch: ACCEPT }) {
    this.#read = read;
    this.accept = accept;
  }

  page(body: Buffer): Page<R> {
    // A whole page in memory as objects is what costs most: items are parsed when their turn comes.
    const scan = new JsonScan(body);
    let metadata: unknown;
    let items: JsonSpan[] | undefined;
    scan.members((key) => {
      if (key === 'metadata') metadata = parse(scan.text(scan.value()));
      else if (key === 'items') items = itemsOf(scan);
      else scan.skip();
    });
    scan.end();
    if (!isMap(metadata) || items === undefined) throw new Undecodable('the answer is no list');
    const { resourceVersion, continue: next = '' } = metadata;
    if (typeof resourceVersion !== 'string' || typeof next !== 'string')
      throw new Undecodable('the list has no resourceVersion');
    return { items: this.#each(scan, items), version: resourceVersion, next };
  }

  *#each(scan: JsonScan, items: readonly JsonSpan[]): Generator<Sent<R>> {
    for (const item of items) yield this.#sent(parse(scan.text(item)));
  }

  records(): Records {
    return new Lines();
  }

  event(record: Buffer): WatchEvent<R> {
    const scan = new JsonScan(record);
    let type: unknown;
    let object: unknown;
    scan.members((key) => {
      if (key === 'type') type = parse(scan.text(scan.value()));
      else if (key === 'object') object = parse(scan.text(scan.object()));
      else scan.skip();
    });
    scan.end();
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

  #sent(item: unknown): Sent<R> {
    if (!isMap(item) || !isMap(item['metadata'])) throw new Undecodable('an object has no metadata');
    const { metadata } = item;
    const { namespace = '', name, uid = '', resourceVersion: version } = metadata as RawMap;
    if (typeof name !== 'string' || name === '' || typeof namespace !== 'string')
      throw new Undecodable('an object has no name');
    if (typeof version !== 'string' || version === '' || typeof uid !== 'string')
      throw new Undecodable('an object has no resourceVersion');
    return { namespace, name, uid, version, read: () => this.#read(item, metadata as RawMap) };
  }
}

/** The kinds that a border reads, as JSON. */
export class JsonEncoding extends JsonObjects<Resource> {
  /** Items of a list do not name their kind; these are its names. `place` stands in diagnostics. */
  constructor(apiVersion: string, kind: string, place: Place, accept?: Encoding['accept']) {
    const isPod = apiVersion === 'v1' && kind === 'Pod';
    super((item, metadata) => {
      const pod = isPod ? readSoundPod(item, metadata, place) : undefined;
      if (pod !== undefined) return pod;
      const whole = { ...item, metadata: usedAnnotations(metadata, item['status']) };
      return readResource({ ...whole, apiVersion, kind }, place);
    }, accept);
  }
}

/** The items of a list; `undefined`: it is none. */
function itemsOf(scan: JsonScan): JsonSpan[] | undefined {
  const spans: JsonSpan[] = [];
  const start = scan.position;
  if (scan.items(() => spans.push(scan.object()))) return spans;
  // A list of nothing is written as null by some servers.
  return scan.bytes.toString('latin1', start, scan.position).trim() === 'null' ? [] : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Undecodable('the answer is no JSON');
  }
}
