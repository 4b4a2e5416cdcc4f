import type { Entry } from './entry.ts';
import type { Kind } from './kinds.ts';
import type { KubeObject } from './object.ts';
import type { StatusBody } from './status.ts';

/** How objects, lists and events become bytes. */
export interface Encoding {
  /** Of whole answers. */
  readonly contentType: string;
  readonly watchContentType: string;
  object(entry: Entry): Buffer;
  list(entries: readonly Entry[], metadata: ListMetadata): Buffer;
  /** One event, framed as a watch frames it. */
  event(type: string, entry: Entry): Buffer;
  bookmark(version: number, endsInitialEvents: boolean): Buffer;
  /** An ERROR event with a Status. */
  error(status: StatusBody): Buffer;
}

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

const END = { 'k8s.io/initial-events-end': 'true' };

export const apiVersionOf = ({ group, version }: Kind): string => (group === '' ? version : `${group}/${version}`);

/** What a bookmark holds beside its version: required fields of the kind, empty. */
const emptyFields: Readonly<Record<string, object>> = {
  Pod: { spec: { containers: null }, status: {} },
  Node: { spec: {}, status: { daemonEndpoints: { kubeletEndpoint: { Port: 0 } }, nodeInfo: {} } },
  Namespace: { spec: {}, status: {} },
  NetworkPolicy: { spec: { podSelector: {} } },
};

export function bookmarkObject(kind: Kind, version: number, endsInitialEvents: boolean): KubeObject {
  return {
    kind: kind.kind,
    apiVersion: apiVersionOf(kind),
    metadata: {
      resourceVersion: String(version),
      ...(endsInitialEvents ? { annotations: END } : {}),
    },
    ...(kind.group === '' || kind.kind === 'NetworkPolicy' ? emptyFields[kind.kind] : {}),
  };
}

/** JSON, a line for each event. `show` changes what is sent; entries that it leaves as they are go out as stored. */
export class JsonEncoding implements Encoding {
  readonly contentType = 'application/json';
  readonly watchContentType = 'application/json';
  readonly #kind: Kind;
  readonly #apiVersion: string;
  readonly #show: ((object: KubeObject) => KubeObject) | undefined;

  constructor(kind: Kind, show?: (object: KubeObject) => KubeObject) {
    this.#kind = kind;
    this.#apiVersion = apiVersionOf(kind);
    this.#show = show;
  }

  object(entry: Entry): Buffer {
    const shown = this.#show?.(entry.object);
    return shown === undefined || shown === entry.object ? entry.json() : Buffer.from(JSON.stringify(shown));
  }

  list(entries: readonly Entry[], metadata: ListMetadata): Buffer {
    const { kind } = this.#kind;
    const head = JSON.stringify({ kind: `${kind}List`, apiVersion: this.#apiVersion, metadata });
    const parts: Buffer[] = [Buffer.from(`${head.slice(0, -1)},"items":[`)];
    for (const [index, entry] of entries.entries()) {
      if (index > 0) parts.push(COMMA);
      parts.push(this.object(entry));
    }
    parts.push(LIST_END);
    return Buffer.concat(parts);
  }

  event(type: string, entry: Entry): Buffer {
    return Buffer.concat([eventHead(type), this.object(entry), EVENT_END]);
  }

  bookmark(version: number, endsInitialEvents: boolean): Buffer {
    return line('BOOKMARK', bookmarkObject(this.#kind, version, endsInitialEvents));
  }

  error(status: StatusBody): Buffer {
    return line('ERROR', status);
  }
}

const COMMA = Buffer.from(',');
const LIST_END = Buffer.from(']}\n');
const EVENT_END = Buffer.from('}\n');
const heads = new Map<string, Buffer>();

function eventHead(type: string): Buffer {
  let head = heads.get(type);
  if (head === undefined) {
    head = Buffer.from(`{"type":${JSON.stringify(type)},"object":`);
    heads.set(type, head);
  }
  return head;
}

const line = (type: string, object: object): Buffer => Buffer.from(`${JSON.stringify({ type, object })}\n`);
