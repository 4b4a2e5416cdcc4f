import { z } from 'zod';
import { list, optional, optionalText } from '../../api/fields.ts';
import type { FieldPath, Scope } from '../../api/scope.ts';
import { isMap } from '../../api/shape.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { scopeOf, type Subject } from '../subject.ts';
import { readValue } from './values.ts';

/** A Service as far as a border has to do with it. Addresses and nets are texts as written: each is judged by itself. */
export interface Service {
  readonly subject: Subject;
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly ports: readonly { readonly protocol: string; readonly port: number }[];
  /** Who may come; empty: not said. */
  readonly sourceRanges: readonly PlacedText[];
  /** They stand in the annotation, which today's controller does not read. */
  readonly isRangedBesides: boolean;
  /** `spec.loadBalancerIP`, then the addresses of the status; empty while they are pending. */
  readonly addresses: readonly PlacedText[];
}

/** A text, and the field that it stands in. */
export interface PlacedText {
  readonly text: string;
  readonly path: FieldPath;
}

/** Source ranges as they were said before Services had a field for them. Kubernetes holds to it still, where the field is empty. */
export const RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges';

const schema = z.object({
  spec: optional(
    z.object({
      type: optionalText,
      loadBalancerIP: optionalText,
      loadBalancerSourceRanges: list(z.string()),
      ports: list(z.object({ protocol: optionalText, port: z.int().min(1).max(65_535) })),
    }),
  ),
  status: optional(z.object({ loadBalancer: optional(z.object({ ingress: list(z.object({ ip: optionalText })) })) })),
});

/** Reads a Service; nothing, with its mistakes noted, if it cannot be read. */
export function readService(
  raw: unknown,
  identity: { readonly namespace: string; readonly name: string },
  subject: Subject,
  diagnostics: Diagnostic[],
): Service | undefined {
  const scope: Scope = scopeOf(subject, diagnostics, 'Nothing is opened for this Service.');
  const read = readValue(schema, raw);
  if (!('value' in read)) {
    for (const { code, message, path } of read.mistakes) scope.mistake(code, message, ...path);
    return undefined;
  }
  const { spec, status } = read.value;
  const ingress = status?.loadBalancer?.ingress ?? [];
  const ranges = (spec?.loadBalancerSourceRanges ?? []).map((text, index) => ({
    text,
    path: ['spec', 'loadBalancerSourceRanges', index],
  }));
  const besides = ranges.length === 0 ? rangesBesides(raw) : [];
  return {
    ...identity,
    subject,
    type: spec?.type ?? 'ClusterIP',
    ports: (spec?.ports ?? []).map(({ protocol, port }) => ({ protocol: protocol ?? 'TCP', port })),
    sourceRanges: [...ranges, ...besides],
    isRangedBesides: besides.length > 0,
    addresses: [
      ...(spec?.loadBalancerIP === undefined ? [] : [{ text: spec.loadBalancerIP, path: ['spec', 'loadBalancerIP'] }]),
      ...ingress.flatMap(({ ip }, index) =>
        ip === undefined ? [] : [{ text: ip, path: ['status', 'loadBalancer', 'ingress', index, 'ip'] }],
      ),
    ],
  };
}

function rangesBesides(raw: unknown): readonly PlacedText[] {
  const metadata = isMap(raw) ? raw['metadata'] : undefined;
  const annotations = isMap(metadata) ? metadata['annotations'] : undefined;
  const written = isMap(annotations) ? annotations[RANGES_ANNOTATION] : undefined;
  if (typeof written !== 'string' || written.trim() === '') return [];
  return written.split(',').map((text) => ({ text, path: ['metadata', 'annotations', RANGES_ANNOTATION] }));
}
