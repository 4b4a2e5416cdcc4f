import type { Prefix } from '../ip/prefix.ts';
import type { CelRule } from './cel.ts';
import type { CalicoPorts } from './resource.ts';
import type { Scope } from './scope.ts';

// What the fields of one rule must not say against each other (semantics 13.1 to 13.3), for Calico's rules and ours alike.

const ICMP = 1;
const ICMPV6 = 58;
const WITH_PORTS: readonly number[] = [6, 17, 132];

interface Protocol {
  readonly number: number;
  readonly byName: boolean;
}

/** Numbers of ports need a protocol that has ports; names of ports bring their own. */
export function checkPorts(
  entity: { readonly ports?: CalicoPorts | undefined; readonly notPorts?: CalicoPorts | undefined },
  protocol: number | undefined,
  /** The protocol is there and cannot be read: nothing is said about it twice. */
  unreadable: boolean,
  scope: Scope,
): boolean {
  if (unreadable) return true;
  let right = true;
  for (const field of ['ports', 'notPorts'] as const) {
    const ports = entity[field];
    if (ports === undefined || (protocol === undefined && ports.numbers.isEmpty)) continue;
    if (protocol !== undefined && WITH_PORTS.includes(protocol)) continue;
    const found = protocol === undefined ? 'no protocol is given' : `protocol ${protocol} has no ports`;
    scope.mistake('FIELD_CONFLICT', `ports need a protocol that has them, and ${found}; write TCP, UDP or SCTP`, field);
    right = false;
  }
  return right;
}

/** The same for an API server. */
export function celPorts(field: 'ports' | 'notPorts'): CelRule {
  return {
    rule: `!has(self.${field}) || (has(self.protocol) && (self.protocol in ['TCP', 'UDP', 'SCTP', '6', '17', '132'] || self.protocol in [6, 17, 132]))`,
    message: 'ports need a protocol that has them; write TCP, UDP or SCTP',
  };
}

/** Types and codes of ICMP need its protocol, and a code its type. */
export function checkIcmp(
  entries: readonly {
    readonly field: string;
    readonly icmp: { readonly type?: number | undefined; readonly code?: number | undefined } | undefined;
  }[],
  protocol: number | undefined,
  unreadable: boolean,
  scope: Scope,
): boolean {
  let right = true;
  for (const { field, icmp } of entries) {
    if (icmp === undefined) continue;
    const isIcmp = unreadable || protocol === ICMP || protocol === ICMPV6;
    if (!isIcmp) scope.mistake('FIELD_CONFLICT', `${field} needs protocol ICMP or ICMPv6; write it`, field);
    const isLone = icmp.type === undefined && icmp.code !== undefined;
    if (isLone) scope.mistake('FIELD_CONFLICT', 'a code needs a type; write it', field);
    right = right && isIcmp && !isLone;
  }
  return right;
}

/** The same for an API server. */
export const celIcmp: CelRule = {
  rule: "!has(self.icmp) || (has(self.protocol) && (self.protocol in ['ICMP', 'ICMPv6', '1', '58'] || self.protocol in [1, 58]))",
  message: 'icmp needs protocol ICMP or ICMPv6; write it',
};

/** An exception that holds a whole family leaves nothing of it (semantics 13.4). */
export function checkNotNets(notNets: readonly Prefix[], scope: Scope): boolean {
  const index = notNets.findIndex(({ length }) => length === 0);
  if (index === -1) return true;
  scope.mistake('FIELD_CONFLICT', 'a prefix that holds every address leaves nothing to match; remove it', index);
  return false;
}

/**
 * The one family that a rule is for, from its own word, ICMP by name and, unless `mixed` networks are possible, its networks; `undefined`:
 * both. Networks of the other family than that of ICMP's name leave a rule of Calico's that matches nothing.
 */
export function checkFamilies(
  rule: {
    readonly mixed: boolean;
    readonly ipVersion?: 4 | 6 | undefined;
    readonly protocol?: Protocol | undefined;
    readonly notProtocol?: Protocol | undefined;
    readonly nets: readonly { readonly net: Prefix; readonly path: readonly (string | number)[] }[];
  },
  scope: Scope,
): 4 | 6 | undefined | 'conflict' {
  const { ipVersion, mixed } = rule;
  let family = ipVersion;
  let conflict = false;
  for (const field of ['protocol', 'notProtocol'] as const) {
    const protocol = rule[field];
    const implied = protocol?.byName === true ? familyOfProtocol(protocol.number) : undefined;
    if (implied === undefined) continue;
    if (ipVersion !== undefined && ipVersion !== implied) {
      const name = implied === 4 ? 'ICMP' : 'ICMPv6';
      const message = `${name} is IPv${implied}, and ipVersion is ${ipVersion}; change one of them`;
      scope.mistake('FIELD_CONFLICT', message, field);
      conflict = true;
    } else if (field === 'protocol') family = implied;
  }
  // Calico holds networks against ipVersion and each other (semantics 13.3); of ours, ICMP's name says the family as well.
  let wanted = mixed ? family : ipVersion;
  let from = ipVersion === undefined ? `the protocol is IPv${wanted}` : `ipVersion is ${ipVersion}`;
  for (const { net, path } of rule.nets) {
    if (wanted === undefined) {
      if (mixed) break;
      wanted = net.family;
      from = `the rule's first network is IPv${wanted}`;
    } else if (net.family !== wanted) {
      const message = `this network is IPv${net.family}, and ${from}; make one rule for each family`;
      scope.mistake('FIELD_CONFLICT', message, ...path);
      conflict = true;
    }
  }
  if (conflict) return 'conflict';
  if (family !== undefined && wanted !== undefined && wanted !== family)
    scope.warning(
      'FIELD_CONFLICT',
      `the protocol is IPv${family} and the networks are IPv${wanted}: this rule matches nothing`,
    );
  return family ?? wanted;
}

/** What an API server can say of families: to look into networks would cost more than it takes on. */
export const celFamilies: readonly CelRule[] = [
  ['protocol', 'ICMP', 4] as const,
  ['protocol', 'ICMPv6', 6] as const,
  ['notProtocol', 'ICMP', 4] as const,
  ['notProtocol', 'ICMPv6', 6] as const,
].map(([field, word, family]) => ({
  rule: `!has(self.ipVersion) || !has(self.${field}) || self.${field} != '${word}' || self.ipVersion == ${family}`,
  message: `${field} ${word} is IPv${family}, and ipVersion is ${family === 4 ? 6 : 4}; change one of them`,
}));

function familyOfProtocol(number: number): 4 | 6 | undefined {
  if (number === ICMP) return 4;
  return number === ICMPV6 ? 6 : undefined;
}
