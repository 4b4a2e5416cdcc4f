import { z } from 'zod';
import { type Address, addressProblem, parseAddress } from '../ip/address.ts';
import { list, optional, optionalText } from './fields.ts';
import { isPortProtocol } from './pod.ts';
import type { EndpointSlice, Meta } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, show } from './shape.ts';

/** The label in which a slice names its service. */
const SERVICE_LABEL = 'kubernetes.io/service-name';

const NONE: ReadonlyMap<string, string> = new Map();
const PROTOCOL_NUMBERS = { TCP: 6, UDP: 17, SCTP: 132 } as const;

const sliceSchema = z.object({
  addressType: optionalText,
  endpoints: list(z.object({ addresses: list(z.string()) })),
  ports: list(z.object({ port: optional(z.int().min(1).max(65_535)), protocol: optionalText })),
});

/**
 * What Calico takes of an EndpointSlice: every address, ready or not, and every port that has a number (semantics 11.2 and 11.3). Other
 * labels and the annotations are dropped: there are many slices, and nobody selects them.
 */
export function readEndpointSlice(meta: Meta, raw: RawMap, scope: Scope): EndpointSlice {
  const inside = scope.otherwise('The service goes on without it.');
  const { values } = inside.fields(sliceSchema, raw);
  const service = meta.labels.get(SERVICE_LABEL);
  return {
    ...meta,
    labels: NONE,
    annotations: NONE,
    type: 'EndpointSlice',
    ...(service === undefined || service === '' ? {} : { service }),
    addresses: values.addressType === 'FQDN' ? [] : readAddresses(values.endpoints ?? [], inside.at('endpoints')),
    ports: readPorts(values.ports ?? [], inside.at('ports')),
  };
}

function readAddresses(endpoints: readonly { readonly addresses: readonly string[] }[], scope: Scope): Address[] {
  const found: Address[] = [];
  for (const [index, { addresses }] of endpoints.entries())
    for (const [at, text] of addresses.entries()) {
      const address = parseAddress(text);
      if (address !== undefined) found.push(address);
      else scope.mistake('ADDRESS_UNREADABLE', addressProblem(text), index, 'addresses', at);
    }
  return found;
}

function readPorts(
  ports: readonly { readonly port?: number | undefined; readonly protocol?: string | undefined }[],
  scope: Scope,
): EndpointSlice['ports'] {
  return ports.flatMap(({ port, protocol = 'TCP' }, index) => {
    if (!isPortProtocol(protocol)) {
      const message = `${show(protocol)} is no protocol with ports; write TCP, UDP or SCTP`;
      scope.mistake('PORT_INVALID', message, index, 'protocol');
      return [];
    }
    return port === undefined ? [] : [{ protocol: PROTOCOL_NUMBERS[protocol], port }];
  });
}
