import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf, { type Type } from 'protobufjs';
import { type Encoding, type ListMetadata, apiVersionOf, bookmarkObject } from './encoding.ts';
import type { Entry } from './entry.ts';
import type { Kind } from './kinds.ts';
import { type KubeObject, isMap } from './object.ts';
import { PROTOBUF_TYPE } from './reply.ts';
import type { StatusBody } from './status.ts';

const { root } = protobuf.parse(readFileSync(join(import.meta.dirname, 'pod.proto'), 'utf8'), { keepCase: true });
const types = new Map<string, Type>();

function typeOf(name: string): Type {
  let type = types.get(name);
  if (type === undefined) {
    type = root.lookupType(name);
    types.set(name, type);
  }
  return type;
}

/** `k8s` and a zero: what every message of the API begins with. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

/** Fields that JSON writes into the message around them. */
const inline = new Set(['volumeSource', 'handler', 'localObjectReference']);

/** Numbers and flags that Go holds without a pointer: written although they are zero. All strings but a few are. */
const alwaysZero = new Set([
  'generation',
  'observedGeneration',
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'hostPort',
  'containerPort',
  'ready',
  'restartCount',
  'readOnly',
  'code',
  'retryAfterSeconds',
]);
const pointers = new Set(['preemptionPolicy', 'Container.restartPolicy', 'Quantity.string']);

function time(text: string): object {
  const at = Date.parse(text);
  return { seconds: Math.floor(at / 1_000), nanos: 0 };
}

/** A value of JSON as the message wants it. */
function field(value: unknown, type: string, resolved: Type | null): unknown {
  if (type === 'Time') return typeof value === 'string' ? time(value) : {};
  if (type === 'Quantity') return { string: String(value) };
  if (type === 'FieldsV1') return { Raw: Buffer.from(JSON.stringify(value)) };
  if (type === 'IntOrString')
    return typeof value === 'number' ? { type: 0, intVal: value, strVal: '' } : { type: 1, intVal: 0, strVal: value };
  return resolved === null ? value : message(value, resolved);
}

function message(value: unknown, type: Type): Record<string, unknown> {
  const given = isMap(value) ? value : {};
  const result: Record<string, unknown> = {};
  for (const one of type.fieldsArray) {
    const { name } = one;
    one.resolve();
    const resolved = one.resolvedType instanceof protobuf.Type ? one.resolvedType : null;
    const is = given[name];
    if (is === undefined && inline.has(name)) {
      result[name] = field(given, one.type, resolved);
    } else if (is === undefined || is === null) {
      if (one.repeated || one.map) continue;
      if (one.type === 'string' && !pointers.has(name) && !pointers.has(`${type.name}.${name}`)) result[name] = '';
      else if (alwaysZero.has(name)) result[name] = one.type === 'bool' ? false : 0;
      else if (name === 'creationTimestamp') result[name] = {};
    } else if (one.map) {
      result[name] = Object.fromEntries(
        Object.entries(is).map(([key, inner]) => [key, field(inner, one.type, resolved)]),
      );
    } else if (one.repeated) {
      result[name] = (is as readonly unknown[]).map((inner) => field(inner, one.type, resolved));
    } else {
      result[name] = field(is, one.type, resolved);
    }
  }
  return result;
}

function encoded(name: string, value: unknown): Buffer {
  const type = typeOf(name);
  return Buffer.from(type.encode(message(value, type)).finish());
}

/** A pod, without envelope. */
export const podMessage = (object: KubeObject): Buffer => encoded('Pod', object);

/** Magic and `runtime.Unknown` around a message; the two empty strings at the end are always there. */
function enveloped(apiVersion: string, kind: string, ...raw: readonly Buffer[]): Buffer {
  const size = raw.reduce((sum, one) => sum + one.length, 0);
  const head = encodedTypeMeta(apiVersion, kind);
  return Buffer.concat([MAGIC, head, Buffer.from([0x12]), varint(size), ...raw, Buffer.from([0x1a, 0, 0x22, 0])]);
}

const typeMetas = new Map<string, Buffer>();
function encodedTypeMeta(apiVersion: string, kind: string): Buffer {
  const key = `${apiVersion} ${kind}`;
  let found = typeMetas.get(key);
  if (found === undefined) {
    const inner = encoded('TypeMeta', { apiVersion, kind });
    found = Buffer.concat([Buffer.from([0x0a]), varint(inner.length), inner]);
    typeMetas.set(key, found);
  }
  return found;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left > 0x7f) {
    bytes.push((left & 0x7f) | 0x80);
    left >>>= 7;
  }
  bytes.push(left);
  return Buffer.from(bytes);
}

/** A Status with its envelope. */
export const statusMessage = (status: StatusBody): Buffer => enveloped('v1', 'Status', encoded('Status', status));

/** Protobuf, for pods. A watch has frames: four bytes of length (big-endian) before each event. */
export class PodEncoding implements Encoding {
  readonly contentType = PROTOBUF_TYPE;
  readonly watchContentType = `${PROTOBUF_TYPE};stream=watch`;
  readonly #kind: Kind;
  readonly #apiVersion: string;

  constructor(kind: Kind) {
    this.#kind = kind;
    this.#apiVersion = apiVersionOf(kind);
  }

  object(entry: Entry): Buffer {
    return enveloped(this.#apiVersion, this.#kind.kind, this.#message(entry));
  }

  list(entries: readonly Entry[], metadata: ListMetadata): Buffer {
    const meta = encoded('ListMeta', metadata);
    const parts: Buffer[] = [Buffer.from([0x0a]), varint(meta.length), meta];
    for (const entry of entries) {
      const item = this.#message(entry);
      parts.push(Buffer.from([0x12]), varint(item.length), item);
    }
    return enveloped(this.#apiVersion, `${this.#kind.kind}List`, ...parts);
  }

  event(type: string, entry: Entry): Buffer {
    return frame(type, this.object(entry));
  }

  bookmark(version: number, endsInitialEvents: boolean): Buffer {
    const object = bookmarkObject(this.#kind, version, endsInitialEvents);
    return frame('BOOKMARK', enveloped(this.#apiVersion, this.#kind.kind, podMessage(object)));
  }

  error(status: StatusBody): Buffer {
    return frame('ERROR', statusMessage(status));
  }

  #message(entry: Entry): Buffer {
    return entry.protobuf() ?? podMessage(entry.object);
  }
}

const eventTypes = new Map<string, Buffer>();

/** One `WatchEvent` in its frame: the type, and the whole envelope of the object inside a `RawExtension`. */
function frame(type: string, object: Buffer): Buffer {
  let head = eventTypes.get(type);
  if (head === undefined) {
    const text = Buffer.from(type);
    head = Buffer.concat([Buffer.from([0x0a]), varint(text.length), text]);
    eventTypes.set(type, head);
  }
  const inner = varint(object.length);
  const outer = varint(1 + inner.length + object.length);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(head.length + 1 + outer.length + 1 + inner.length + object.length);
  return Buffer.concat([size, head, Buffer.from([0x12]), outer, Buffer.from([0x0a]), inner, object]);
}
