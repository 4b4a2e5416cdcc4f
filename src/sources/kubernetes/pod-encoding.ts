import type { Resource } from '../../api/resource.ts';
import type { Place } from '../../base/diagnostic.ts';
import { type Encoding, INITIAL_EVENTS_END, type Page, type Read, type Sent, type WatchEvent } from './encoding.ts';
import { Undecodable } from './undecodable.ts';
import { EncodedPod, field } from './encoded-pod.ts';
import { readPickedPod } from './pod-picker.ts';
import { Frames, type Records } from './records.ts';
import { VARINT, Wire } from './wire.ts';

const MEDIA_TYPE = 'application/vnd.kubernetes.protobuf';

/** `k8s` and a zero stand before every object, which comes wrapped with the name of its kind. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

/**
 * Pods, as protobuf: a tenth of the work of JSON, because fields that are not read are passed over. Field numbers are those of
 * `k8s.io/api` and `k8s.io/apimachinery` (generated.proto), which never change.
 */
export class PodEncoding implements Encoding {
  readonly contentType = MEDIA_TYPE;
  readonly accept = { list: MEDIA_TYPE, watch: `${MEDIA_TYPE};stream=watch` };
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  page(body: Buffer): Page {
    const { kind, raw } = unwrap(body, 0, body.length);
    if (kind !== 'PodList') throw new Undecodable('the answer is no list of pods');
    const wire = new Wire(body);
    wire.position = raw.start;
    const spans: number[] = [];
    let version = '';
    let next = '';
    while (wire.position < raw.end) {
      const tag = wire.tag(raw.end);
      if (tag === field(1)) {
        const end = wire.inner(raw.end);
        while (wire.position < end) {
          const inner = wire.tag(end);
          if (inner === field(2)) version = wire.text(end);
          else if (inner === field(3)) next = wire.text(end);
          else wire.skip(inner, end);
        }
      } else if (tag === field(2)) {
        const end = wire.inner(raw.end);
        spans.push(wire.position, end);
        wire.position = end;
      } else wire.skip(tag, raw.end);
    }
    if (version === '') throw new Undecodable('the list has no resourceVersion');
    return { items: this.#each(wire, spans), version, next };
  }

  /** One by one, when their turn comes: what is made of a pod is forgotten before the next, and not copied by the collector. */
  *#each(wire: Wire, spans: readonly number[]): Generator<Sent> {
    for (let n = 0; n < spans.length; n += 2)
      yield new SentPod(wire, spans[n] as number, spans[n + 1] as number, this.#place);
  }

  records(): Records {
    return new Frames();
  }

  event(frame: Buffer): WatchEvent {
    // A WatchEvent: type 1, object 2 (a RawExtension: raw 1), without the magic of whole objects.
    const wire = new Wire(frame);
    let type = '';
    let object: Span | undefined;
    while (wire.position < frame.length) {
      const tag = wire.tag(frame.length);
      if (tag === field(1)) type = wire.sharedText(frame.length);
      else if (tag === field(2)) {
        const end = wire.inner(frame.length);
        object = only(wire, 1, end);
        wire.position = end;
      } else wire.skip(tag, frame.length);
    }
    if (object === undefined) throw new Undecodable('an event has no object');
    const { kind, raw } = unwrap(frame, object.start, object.end);
    if (type === 'ERROR') return { kind: 'failure', failure: readFailure(frame, raw) };
    if (kind !== 'Pod') throw new Undecodable('an event is about no pod');
    if (type === 'BOOKMARK') {
      const { version, endsList } = readBookmark(frame, raw);
      return { kind: 'bookmark', version, endsList };
    }
    const sent = new SentPod(wire, raw.start, raw.end, this.#place);
    if (type === 'ADDED' || type === 'MODIFIED') return { kind: 'put', sent };
    if (type === 'DELETED') return { kind: 'delete', sent };
    throw new Undecodable('an event is of no known type');
  }
}

/** Where a message stands. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** Takes the wrapping off: `runtime.Unknown` has the type in 1 (its kind in 2) and the object in 2. */
function unwrap(bytes: Buffer, start: number, end: number): { readonly kind: string; readonly raw: Span } {
  if (end - start < MAGIC.length || bytes.compare(MAGIC, 0, MAGIC.length, start, start + MAGIC.length) !== 0)
    throw new Undecodable('this is no object in protobuf');
  const wire = new Wire(bytes);
  wire.position = start + MAGIC.length;
  let kind = '';
  let raw: Span | undefined;
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(1)) {
      const inner = wire.inner(end);
      while (wire.position < inner) {
        const part = wire.tag(inner);
        if (part === field(2)) kind = wire.sharedText(inner);
        else wire.skip(part, inner);
      }
    } else if (tag === field(2)) {
      const inner = wire.inner(end);
      raw = { start: wire.position, end: inner };
      wire.position = inner;
    } else wire.skip(tag, end);
  }
  if (raw === undefined) throw new Undecodable('an object is empty');
  return { kind, raw };
}

/** The last message of this number within a message. */
function only(wire: Wire, number: number, end: number): Span | undefined {
  let span: Span | undefined;
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(number)) {
      const inner = wire.inner(end);
      span = { start: wire.position, end: inner };
      wire.position = inner;
    } else wire.skip(tag, end);
  }
  return span;
}

function metadataOf(bytes: Buffer, start: number, end: number): Span {
  const wire = new Wire(bytes);
  wire.position = start;
  const metadata = only(wire, 1, end);
  if (metadata === undefined) throw new Undecodable('an object has no metadata');
  return metadata;
}

/** A pod as it was sent, in one object: there are as many as pods. */
class SentPod extends EncodedPod implements Sent {
  readonly #place: Place;

  constructor(wire: Wire, start: number, end: number, place: Place) {
    super(wire, start, end);
    this.#place = place;
  }

  read(): Read<Resource> {
    return readPickedPod(this, this.#place);
  }
}

function readBookmark(bytes: Buffer, { start, end }: Span): { readonly version: string; readonly endsList: boolean } {
  const metadata = metadataOf(bytes, start, end);
  const wire = new Wire(bytes);
  wire.position = metadata.start;
  let version = '';
  let endsList = false;
  while (wire.position < metadata.end) {
    const tag = wire.tag(metadata.end);
    if (tag === field(6)) version = wire.text(metadata.end);
    else if (tag === field(12)) {
      const inner = wire.inner(metadata.end);
      let key = '';
      let value = '';
      while (wire.position < inner) {
        const part = wire.tag(inner);
        if (part === field(1)) key = wire.text(inner);
        else if (part === field(2)) value = wire.text(inner);
        else wire.skip(part, inner);
      }
      endsList ||= key === INITIAL_EVENTS_END && value === 'true';
    } else wire.skip(tag, metadata.end);
  }
  if (version === '') throw new Undecodable('a bookmark has no resourceVersion');
  return { version, endsList };
}

/** A `Status`: message 3, reason 4, code 6. */
function readFailure(
  bytes: Buffer,
  { start, end }: Span,
): { readonly message: string; readonly reason: string; readonly code: number | undefined } {
  const wire = new Wire(bytes);
  wire.position = start;
  let message = '';
  let reason = '';
  let code: number | undefined;
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag === field(3)) message = wire.text(end);
    else if (tag === field(4)) reason = wire.text(end);
    else if (tag === field(6, VARINT)) code = wire.varint(end);
    else wire.skip(tag, end);
  }
  return { message, reason, code };
}
