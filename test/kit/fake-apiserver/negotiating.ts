import { apiVersionOf, type Encoding, JsonEncoding } from './encoding.ts';
import type { Kind } from './kinds.ts';
import type { KubeObject } from './object.ts';
import { PodEncoding } from './protobuf.ts';
import { JSON_TYPE, PROTOBUF_TYPE } from './reply.ts';
import { notAcceptable } from './status.ts';

interface Range {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** An `Accept` header, best first. */
function ranges(accept: string): readonly Range[] {
  return accept
    .split(',')
    .map((one) => {
      const [type = '', ...rest] = one.split(';').map((part) => part.trim());
      const parameters = new Map(
        rest.map((part) => {
          const [key = '', ...value] = part.split('=');
          return [key, value.join('=')] as const;
        }),
      );
      return { type: type.toLowerCase(), parameters, quality: Number(parameters.get('q') ?? 1) };
    })
    .toSorted((a, b) => b.quality - a.quality);
}

const jsonRanges = new Set([JSON_TYPE, 'application/*', '*/*', '']);

const isPod = (kind: Kind): boolean => kind.group === '' && kind.kind === 'Pod';

/** Whether a client would rather have Protobuf, where there is any. */
export function prefersProtobuf(accept: string | undefined): boolean {
  return ranges(accept ?? '')[0]?.type === PROTOBUF_TYPE;
}

/** How a kind's answers are written for a client; 406 where nothing fits. Tables are not offered. */
export function negotiate(accept: string | undefined, kind: Kind, dropsManagedFields: boolean): Encoding {
  for (const { type, parameters } of ranges(accept ?? '')) {
    if (parameters.has('as')) continue;
    if (type === PROTOBUF_TYPE && isPod(kind)) return new PodEncoding(kind);
    if (!jsonRanges.has(type)) continue;
    const drops = dropsManagedFields && parameters.get('drop') === 'metadata.managedFields';
    return new JsonEncoding(kind, shower(kind, drops));
  }
  throw notAcceptable(kind.custom !== undefined);
}

/** What is shown differs from what is stored by the version asked for, and by what the client drops. */
function shower(kind: Kind, drops: boolean): ((object: KubeObject) => KubeObject) | undefined {
  if (kind.custom === undefined && !drops) return undefined;
  const apiVersion = apiVersionOf(kind);
  return (object) => {
    const { managedFields, ...metadata } = object.metadata;
    const dropped = drops && managedFields !== undefined ? { ...object, metadata } : object;
    return dropped.apiVersion === apiVersion ? dropped : { ...dropped, apiVersion };
  };
}
