import { z } from 'zod';
import { list, looseCidr, optionalText } from '../../api/fields.ts';
import { isMap, show } from '../../api/shape.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Prefix } from '../../ip/prefix.ts';
import { scopeOf, type Subject } from '../subject.ts';
import { portOrZero, readEntries } from './values.ts';

/** One rule of a firewall's allocation, as the metal-api and install.yaml have it. */
export interface MetalRule {
  readonly direction: 'ingress' | 'egress';
  readonly protocol: 'tcp' | 'udp';
  readonly ports: readonly number[];
  readonly from: readonly Prefix[];
  readonly to: readonly Prefix[];
  readonly comment: string;
  readonly index: number;
  readonly subject: Subject;
}

const rule = z.object({
  protocol: z
    .string()
    .nullish()
    .transform((text) => (text ?? '').toLowerCase().replace(/^ip_protocol_/, '') || 'tcp')
    .pipe(z.enum(['tcp', 'udp'])),
  ports: list(portOrZero),
  from: list(looseCidr),
  to: list(looseCidr),
  comment: optionalText,
});

/** Where the rules of an allocation stand in it: v1 of the metal-api and install.yaml have one spelling, v2 has the other. */
export function rulesField(allocation: Readonly<Record<string, unknown>>): 'firewall_rules' | 'firewallRules' {
  return allocation['firewall_rules'] === undefined ? 'firewallRules' : 'firewall_rules';
}

/** Reads `firewall_rules`; a rule that cannot be read is left out alone. */
export function readMetalRules(raw: unknown, subject: Subject, diagnostics: Diagnostic[]): readonly MetalRule[] {
  const scope = scopeOf(subject, diagnostics, 'This rule is left out.');
  if (raw === undefined || raw === null) return [];
  if (!isMap(raw)) {
    scope.mistake('FIELD_INVALID', `this is ${show(raw)} and has to be a map`);
    return [];
  }
  return (['egress', 'ingress'] as const).flatMap((direction) =>
    readEntries(rule, raw[direction], scope.at(direction)).map(({ value, index }) => ({
      direction,
      protocol: value.protocol,
      ports: value.ports,
      from: value.from,
      to: value.to,
      comment: value.comment ?? '',
      index,
      subject: { ...subject, base: [...subject.base, direction, index] },
    })),
  );
}
