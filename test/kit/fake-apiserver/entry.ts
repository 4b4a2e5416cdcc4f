import type { KubeObject } from './object.ts';

/** One stored state of one object. */
export interface Entry {
  readonly namespace: string;
  readonly name: string;
  /** Its `resourceVersion`, as the number behind it. */
  readonly version: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Made on demand where the entry comes from a template. */
  readonly object: KubeObject;
  /** Its text, as stored. */
  json(): Buffer;
  /** The Protobuf message of a pod, without envelope; `undefined`: only as JSON. */
  protobuf(): Buffer | undefined;
}

const none: Readonly<Record<string, string>> = {};

/** An object as a client or a test gave it. */
export class ObjectEntry implements Entry {
  readonly namespace: string;
  readonly name: string;
  readonly version: number;
  readonly object: KubeObject;
  readonly #encode: ((object: KubeObject) => Buffer) | undefined;
  #json: Buffer | undefined;
  #protobuf: Buffer | undefined;

  /** `object` without `resourceVersion` takes the version; `encode`: to Protobuf, where its kind has that. */
  constructor(object: KubeObject, version: number, encode?: (object: KubeObject) => Buffer) {
    this.object = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    this.namespace = object.metadata.namespace ?? '';
    this.name = object.metadata.name ?? '';
    this.version = version;
    this.#encode = encode;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.object.metadata.labels ?? none;
  }

  json(): Buffer {
    this.#json ??= Buffer.from(JSON.stringify(this.object));
    return this.#json;
  }

  protobuf(): Buffer | undefined {
    this.#protobuf ??= this.#encode?.(this.object);
    return this.#protobuf;
  }
}
