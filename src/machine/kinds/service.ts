import { z } from 'zod';
import { list, optional, optionalText } from '../../api/fields.ts';
import type { Scope } from '../../api/scope.ts';
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
  readonly sourceRanges: readonly string[];
  /** `spec.loadBalancerIP`, then the addresses of the status; empty while they are pending. */
  readonly addresses: readonly { readonly text: string; readonly path: readonly (string | number)[] }[];
}

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
  return {
    ...identity,
    subject,
    type: spec?.type ?? 'ClusterIP',
    ports: (spec?.ports ?? []).map(({ protocol, port }) => ({ protocol: protocol ?? 'TCP', port })),
    sourceRanges: spec?.loadBalancerSourceRanges ?? [],
    addresses: [
      ...(spec?.loadBalancerIP === undefined ? [] : [{ text: spec.loadBalancerIP, path: ['spec', 'loadBalancerIP'] }]),
      ...ingress.flatMap(({ ip }, index) =>
        ip === undefined ? [] : [{ text: ip, path: ['status', 'loadBalancer', 'ingress', index, 'ip'] }],
      ),
    ],
  };
}
