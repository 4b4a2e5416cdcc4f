import type { Family } from '../../border/ruleset.ts';
import { PortSet } from '../../ip/port-set.ts';
import type { FlatService } from '../../plan/flat/flat-list.ts';

/** What a device can say about services, as far as devices differ. */
export interface ServiceAbilities {
  /** Protocols that it can name. TCP, UDP and SCTP with ports, ICMP of the family with types; others by number alone. */
  readonly protocols: 'All' | readonly number[];
  readonly sourcePorts: boolean;
  /** ICMP by type; by type and code. Without, ICMP as a whole. */
  readonly icmp: 'Whole' | 'Types' | 'Codes';
  /** Most parts of all services of one rule together. */
  readonly parts: number;
  /** Most ranges of ports in one part. */
  readonly ranges: number;
}

/** One protocol, and what is asked of it: what mostly is one line or one object on a device. */
export interface ServicePart {
  readonly protocol: number;
  /** Destination ports. */
  readonly ports?: PortSet;
  readonly sourcePorts?: PortSet;
  readonly icmp?: { readonly type: number; readonly code?: number };
}

const ICMP: Readonly<Record<Family, number>> = { 4: 1, 6: 58 };

/** A service in parts, any of which may match; by protocol, type and code. */
export function serviceParts({ protocols, ports, sourcePorts, icmp }: FlatService): readonly ServicePart[] {
  const sets = { ...(ports === undefined ? {} : { ports }), ...(sourcePorts === undefined ? {} : { sourcePorts }) };
  return protocols
    .toSorted((a, b) => a - b)
    .flatMap((protocol): readonly ServicePart[] =>
      icmp === undefined ? [{ protocol, ...sets }] : icmpParts(icmp).map((one) => ({ protocol, icmp: one })),
    );
}

/** Whole types where every code of them is meant. */
function icmpParts(set: PortSet): readonly { readonly type: number; readonly code?: number }[] {
  const parts: { readonly type: number; readonly code?: number }[] = [];
  for (let type = 0; type < 256; type++) {
    const codes = set.intersect(PortSet.of([type * 256, type * 256 + 255]));
    if (codes.isEmpty) continue;
    const [first] = codes.ranges();
    if (first?.[0] === type * 256 && first[1] === type * 256 + 255) parts.push({ type });
    else
      for (const [from, to] of codes.ranges())
        for (let value = from; value <= to; value++) parts.push({ type, code: value - type * 256 });
  }
  return parts;
}

/** Equal texts mean equal services, in whichever order their parts were found. */
export function serviceText(service: FlatService): string {
  return serviceParts(service)
    .map(({ protocol, ports, sourcePorts, icmp }) => {
      const type = icmp === undefined ? '*' : `${icmp.type}/${icmp.code ?? '*'}`;
      return `${protocol} ${portText(ports)} ${portText(sourcePorts)} ${type}`;
    })
    .toSorted()
    .join('; ');
}

/** All ports are the same as no word on ports: devices print one for the other. */
function portText(ports: PortSet | undefined): string {
  return ports === undefined || ports.isAll ? '*' : ports.toString();
}

/** What of some services a device cannot say in one rule, in words; `undefined`: it can say all. */
export function serviceLimit(
  services: readonly FlatService[],
  family: Family,
  { protocols, sourcePorts, icmp, parts: most, ranges }: ServiceAbilities,
): string | undefined {
  const parts = services.flatMap(serviceParts);
  if (parts.length > most) return `more than ${most} services in one rule`;
  for (const part of parts) {
    if (protocols !== 'All' && !protocols.includes(part.protocol))
      return parts.length > 10 ? 'all protocols but some' : `protocol ${part.protocol}`;
    if ([part.ports, part.sourcePorts].some((set) => (set?.ranges().length ?? 0) > ranges))
      return `more than ${ranges} ranges of ports`;
    if (part.sourcePorts !== undefined && !sourcePorts) return 'source ports';
    if (part.icmp === undefined) continue;
    if (part.protocol !== ICMP[family]) return 'ICMP types of the other family';
    if (icmp === 'Whole') return 'ICMP types';
    if (icmp === 'Types' && part.icmp.code !== undefined) return 'ICMP codes';
  }
  return undefined;
}
