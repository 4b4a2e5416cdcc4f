import type { Entry } from './entry.ts';
import type { KubeObject } from './object.ts';
import { podMessage } from './protobuf.ts';
import { type Values, marks, samplePod } from './sample-pod.ts';

const keys = Object.keys(marks) as readonly (keyof Values)[];

interface Gap {
  readonly at: number;
  readonly key: keyof Values;
}

/** Bytes with gaps. */
class Mould {
  readonly #bytes: Buffer;
  readonly #gaps: readonly Gap[];

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#gaps = keys.flatMap((key) => {
      const found: Gap[] = [];
      for (let at = bytes.indexOf(marks[key]); at >= 0; at = bytes.indexOf(marks[key], at + 1)) found.push({ at, key });
      return found;
    });
  }

  cast(values: Values): Buffer {
    const bytes = Buffer.from(this.#bytes);
    for (const { at, key } of this.#gaps) bytes.write(values[key], at, 'latin1');
    return bytes;
  }
}

/** One kind of pod: labels that all its pods share, and both texts of a pod. */
export class PodTemplate {
  readonly labels: Readonly<Record<string, string>>;
  readonly name: string;
  readonly #json: Mould;
  readonly #protobuf: Mould;

  constructor(app: number) {
    const pod = samplePod(app);
    this.labels = pod.metadata.labels ?? {};
    this.name = (pod.metadata.name ?? '').replace(marks.index, '');
    this.#json = new Mould(Buffer.from(JSON.stringify(pod)));
    this.#protobuf = new Mould(podMessage(pod));
  }

  json(values: Values): Buffer {
    return this.#json.cast(values);
  }

  protobuf(values: Values): Buffer {
    return this.#protobuf.cast(values);
  }
}

const digits = (value: number, length: number): string => String(value).padStart(length, '0');

/** A pod that exists as a few numbers until somebody reads it. */
export class TemplateEntry implements Entry {
  readonly namespace: string;
  readonly name: string;
  readonly version: number;
  readonly #template: PodTemplate;
  readonly #index: number;
  readonly #round: number;
  readonly #space: number;

  constructor(template: PodTemplate, index: number, namespace: number, version: number, round: number) {
    this.#template = template;
    this.#index = index;
    this.#round = round;
    this.#space = namespace;
    this.version = version;
    this.namespace = `shop-${digits(namespace, 4)}`;
    this.name = `${template.name}${digits(index, 7)}`;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#template.labels;
  }

  get object(): KubeObject {
    return JSON.parse(this.json().toString()) as KubeObject;
  }

  /** The same pod after one more change. */
  changed(version: number): TemplateEntry {
    return new TemplateEntry(this.#template, this.#index, this.#space, version, this.#round + 1);
  }

  json(): Buffer {
    return this.#template.json(this.#values());
  }

  protobuf(): Buffer {
    return this.#template.protobuf(this.#values());
  }

  #values(): Values {
    const index = this.#index;
    // Each octet of three digits: a million addresses.
    const octet = (power: number): number => 100 + (Math.floor(index / power) % 100);
    return {
      index: digits(index, 7),
      namespace: digits(this.#space, 4),
      uid: `00000000-0000-4000-8000-${digits(index, 12)}`,
      podIp: `10.${octet(10_000)}.${octet(100)}.${octet(1)}`,
      node: digits(index % 1_000, 4),
      version: digits(this.version, 8),
      round: digits(this.#round, 7),
    };
  }
}
