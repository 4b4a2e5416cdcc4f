import { z } from 'zod';
import { compareAddresses, formatAddress, parseAddress } from '../ip/address.ts';
import { parsePrefix } from '../ip/prefix.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { cel, celExactlyOne } from './cel.ts';
import { cidrs, name, names, namespaceSelector, onBlind, ownPorts, protocol, workloadSelector } from './fields.ts';
import { refuse } from './mistake.ts';
import { NO_SPEC, checkEnvelope } from './own.ts';
import type { Meta, SourceNAT, Translate } from './resource.ts';
import { celPorts, checkPorts } from './rule-check.ts';
import type { Scope } from './scope.ts';
import { type RawMap, defined, show } from './shape.ts';

/** What every address looks like, and some other texts. */
const ADDRESS = '[0-9a-fA-F:.]+';

/** An address, a CIDR block or a range `first-last`, as a set. */
const addresses = z
  .string()
  .max(100)
  .transform((text, context) => {
    const dash = text.indexOf('-');
    if (dash === -1) {
      const read = parsePrefix(text, { bareAddress: true });
      return 'problem' in read ? refuse(context, 'PREFIX_INVALID', read.problem) : PrefixSet.of([read.value]);
    }
    const first = parseAddress(text.slice(0, dash).trim());
    const last = parseAddress(text.slice(dash + 1).trim());
    if (first === undefined || last === undefined || first.family !== last.family)
      return refuse(context, 'PREFIX_INVALID', `${show(text)} is no range; write one like "192.0.2.10-192.0.2.20"`);
    if (compareAddresses(first, last) > 0)
      return refuse(
        context,
        'PREFIX_INVALID',
        `${show(text)} ends before it starts; write "${formatAddress(last)}-${formatAddress(first)}"`,
      );
    return PrefixSet.range(first, last);
  })
  .meta({ pattern: `^(${ADDRESS}(/[0-9]{1,3})?|\\s*${ADDRESS}\\s*-\\s*${ADDRESS}\\s*)$` });

const FORMS = ['address', 'addresses', 'range', 'pool', 'none'] as const;

const translate = z
  .strictObject({
    address: addresses.optional().describe('one address'),
    addresses: z
      .array(addresses)
      .min(1)
      .max(256)
      .optional()
      .describe('addresses, networks and ranges, of both families'),
    range: addresses.optional().describe('a range like "192.0.2.10-192.0.2.20"'),
    pool: name.optional().describe('the addresses of this IPPool'),
    none: z.literal(true).optional().describe('true: these flows keep their address'),
  })
  .transform((written, context): Translate => {
    const given = FORMS.filter((form) => written[form] !== undefined);
    if (given.length !== 1)
      return refuse(context, 'FIELD_CONFLICT', `exactly one of ${FORMS.join(', ')} has to be given`);
    if (written.none) return { kind: 'None' };
    if (written.pool !== undefined) return { kind: 'Pool', pool: written.pool };
    const sets = [written.address, written.range, ...(written.addresses ?? [])];
    return {
      kind: 'Addresses',
      addresses: sets.reduce<PrefixSet>((all, set) => (set === undefined ? all : all.union(set)), PrefixSet.empty),
    };
  })
  .meta(cel(celExactlyOne(...FORMS)));

const destination = z
  .strictObject({
    nets: cidrs.optional().describe('networks outside; absent: every address'),
    ports: ownPorts.optional().describe('destination ports and ranges; need protocol TCP, UDP or SCTP'),
    protocol: protocol.optional().describe('TCP, UDP, SCTP, ICMP, ICMPv6, UDPLite or a number from 1 to 255'),
  })
  .meta(cel(celPorts('ports')));

/** `spec` of a SourceNAT (design section 5). */
export const sourceNATSpec = z
  .strictObject({
    selector: workloadSelector,
    namespaceSelector,
    destination: destination.describe('which flows; {} for all'),
    translate: translate.describe('the addresses that these flows have beyond the border'),
    firewalls: names.optional().describe("names of BorderFirewalls; absent: every one on the workloads' way"),
    order: z.number().optional().describe('the lowest that takes a flow wins; absent: last'),
    onBlind: onBlind.describe('what to do where several workloads share the address that the border sees'),
    otherFamily: z.enum(['Keep', 'Drop']).default('Keep').describe('flows of a family that no address here has'),
  })
  .describe('the addresses that flows of workloads have beyond the border');

const UNREADABLE = { ok: false } as const;

/** Reads a SourceNAT. What is broken holds the flows that it would take: they are dropped, never leaked with another source. */
export function readSourceNAT(meta: Meta, raw: RawMap, scope: Scope): SourceNAT {
  const broken = scope.otherwise('The flows that this translation would take are dropped.');
  const soundEnvelope = checkEnvelope(raw, broken);
  const inside = broken.at('spec');
  const map = inside.map(raw['spec'], NO_SPEC);
  const {
    values,
    broken: brokenFields,
    sound,
  } = inside.fields(sourceNATSpec, map ?? {}, ['selector', 'namespaceSelector', 'destination', 'translate']);
  const wide = inside.otherwise('The flows that this translation would take, of every workload, are dropped.');
  const translated = inside.at('translate').value(sourceNATSpec.shape.translate, map?.['translate']);
  return {
    ...meta,
    type: 'SourceNAT',
    selector: wide.at('selector').value(workloadSelector, map?.['selector']),
    namespaceSelector: wide.at('namespaceSelector').value(namespaceSelector, map?.['namespaceSelector']),
    destination: readDestination(
      map?.['destination'],
      inside.at('destination').otherwise('The flows of its workloads to every destination are dropped.'),
    ),
    translate: soundEnvelope && sound && map !== undefined ? translated : UNREADABLE,
    ...defined({ firewalls: values.firewalls }),
    order: brokenFields.has('order') ? Number.NEGATIVE_INFINITY : (values.order ?? Number.POSITIVE_INFINITY),
    onBlind: values.onBlind ?? 'Refuse',
    otherFamily: values.otherFamily ?? 'Keep',
  };
}

function readDestination(raw: unknown, scope: Scope): SourceNAT['destination'] {
  const map = scope.map(raw, 'this field is required: which flows; {} for all');
  if (map === undefined) return UNREADABLE;
  const { values, broken, sound } = scope.fields(destination, map);
  const number = values.protocol?.number;
  const ports = values.ports && { numbers: values.ports, names: [] };
  if (!checkPorts({ ports }, number, broken.has('protocol'), scope) || !sound) return UNREADABLE;
  return {
    ok: true,
    value: {
      nets: values.nets === undefined ? PrefixSet.all : PrefixSet.of(values.nets),
      ...defined({ ports: values.ports, protocol: number }),
    },
  };
}
