import { z } from 'zod';
import { cidrOrAddress, list, looseCidr, optional } from '../../api/fields.ts';
import { type Mistake, refuse } from '../../api/mistake.ts';
import type { FieldPath } from '../../api/scope.ts';
import type { Prefix } from '../../ip/prefix.ts';
import type { Subject } from '../subject.ts';
import { port, readValue } from './values.ts';

/** Ports of one protocol, both ends inclusive. */
export interface PortRange {
  readonly protocol: 'tcp' | 'udp';
  readonly first: number;
  readonly last: number;
}

/** A net with holes. */
export interface Block {
  readonly cidr: Prefix;
  readonly except: readonly Prefix[];
}

/** A domain name, or a pattern of names; as written. */
export interface DomainName {
  readonly kind: 'name' | 'pattern';
  readonly text: string;
}

export interface IngressEntry {
  readonly ports: readonly PortRange[];
  readonly from: readonly Block[];
}

export interface EgressEntry {
  readonly ports: readonly PortRange[];
  readonly to: readonly Block[];
  readonly domains: readonly DomainName[];
}

export interface PolicySpec {
  readonly ingress: readonly IngressEntry[];
  readonly egress: readonly EgressEntry[];
}

/** A ClusterwideNetworkPolicy (metal-stack.io/v1), or an entry of the configuration file in its form. */
export interface Policy {
  readonly subject: Subject;
  /** Empty for what stands in the configuration file. */
  readonly namespace: string;
  readonly name: string;
  /** The key under which its rules are left out, should nft refuse one. */
  readonly owner: string;
  /** Where its entries stand inside the subject, and how many stand before the first of them. */
  readonly fields: { readonly path: FieldPath; readonly offset: number };
  /** One mistake makes the whole policy invalid: half a policy is not what somebody meant. */
  readonly spec: PolicySpec | { readonly mistakes: readonly Mistake[] };
}

const portRange = z
  .object({
    protocol: optional(z.enum(['TCP', 'UDP'])),
    port,
    // 0 is what Go writes for "not given".
    endPort: z.preprocess((written) => (written === 0 ? undefined : written), optional(port)),
  })
  .transform((written, context): PortRange => {
    const last = written.endPort ?? written.port;
    if (last < written.port)
      refuse(context, 'FIELD_CONFLICT', `the range ends at ${last}, before it begins at ${written.port}`);
    return { protocol: written.protocol === 'UDP' ? 'udp' : 'tcp', first: written.port, last };
  });

// Exceptions without a length stand in existing objects, because nothing ever checked them.
const block = z.object({ cidr: looseCidr, except: list(cidrOrAddress) });

// What the definition of the kind takes (reference 2.1), written so that each text can match in one way alone: as it stands there, with a
// repetition inside a repetition, 30 letters and a "!" hold up whoever reads them for a minute, and each letter more twice as long.
const NAME = /^[-a-zA-Z0-9_]+(?:\.[-a-zA-Z0-9_]+)*\.?$/;
const PATTERN = /^[-a-zA-Z0-9_*]+(?:\.[-a-zA-Z0-9_*]+)*\.?$/;

const domain = z
  .object({
    matchName: optional(z.string().regex(NAME, 'use letters, digits, "-", "_" and "."')),
    matchPattern: optional(z.string().regex(PATTERN, 'use letters, digits, "-", "_", "." and "*"')),
  })
  .transform(({ matchName, matchPattern }, context): DomainName => {
    if (matchName !== undefined && matchPattern === undefined) return { kind: 'name', text: matchName };
    if (matchPattern !== undefined && matchName === undefined) return { kind: 'pattern', text: matchPattern };
    return refuse(context, 'FIELD_CONFLICT', 'one of matchName and matchPattern is needed, not both');
  });

export const ingressEntry = z.object({ ports: list(portRange), from: list(block) });

export const egressEntry = z
  .object({ ports: list(portRange), to: list(block), toFQDNs: list(domain) })
  .transform(({ ports, to, toFQDNs }): EgressEntry => ({ ports, to, domains: toFQDNs }));

const policySpec = z.object({ ingress: list(ingressEntry), egress: list(egressEntry) });

/** Reads `spec` of a ClusterwideNetworkPolicy. */
export function readPolicySpec(raw: unknown): Policy['spec'] {
  const read = readValue(policySpec, raw ?? {});
  return 'value' in read ? kept(read.value) : read;
}

const NONE: readonly never[] = [];

/** The same in less memory, as it stays: a machine has tens of thousands of entries, of which those of one policy mostly name the same ports, and hardly any has exceptions. */
function kept({ ingress, egress }: PolicySpec): PolicySpec {
  const lists = new Map<string, readonly PortRange[]>();
  const portsOf = (ports: readonly PortRange[]): readonly PortRange[] => {
    const key = ports.map(({ protocol, first, last }) => `${protocol} ${first} ${last}`).join();
    const known = lists.get(key) ?? filled(ports);
    lists.set(key, known);
    return known;
  };
  const blocksOf = (blocks: readonly Block[]): readonly Block[] =>
    filled(blocks.map(({ cidr, except }) => ({ cidr, except: filled(except) })));
  return {
    ingress: filled(ingress.map(({ ports, from }) => ({ ports: portsOf(ports), from: blocksOf(from) }))),
    egress: filled(
      egress.map(({ ports, to, domains }) => ({ ports: portsOf(ports), to: blocksOf(to), domains: filled(domains) })),
    ),
  };
}

/** A list with room for what is in it and no more; all empty ones are one. */
function filled<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? NONE : list.slice();
}
