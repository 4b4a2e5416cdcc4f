import { isPortProtocol } from '../../api/pod.ts';
import type { ContainerPort } from '../../api/resource.ts';
import { field, oneOf } from './encoded-pod.ts';
import { SharedByBytes } from './shared-by-bytes.ts';
import { VARINT, Wire } from './wire.ts';

/** The ports of one container: as written, and those that take part in policy; `undefined`: one of them is wrong. */
export interface Ports {
  readonly written: readonly WrittenPort[];
  readonly sound: readonly ContainerPort[] | undefined;
}

export interface WrittenPort {
  readonly name: string;
  readonly containerPort: number;
  readonly protocol: string;
}

const NONE_WRITTEN: Ports = { written: [], sound: [] };
/** Containers of one template have the same ports, by the bytes they are written in. */
const PORTS = new SharedByBytes<Ports>(readPorts);
const PORT_FIELD = oneOf(6);

/** A container: ports 6. From the first to the last, and whatever stands between them, their bytes name them all. */
export function pickContainer(wire: Wire, end: number): Ports {
  let from = 0;
  let to = 0;
  for (let tag = wire.next(end, PORT_FIELD); tag !== 0; tag = wire.next(end, PORT_FIELD)) {
    if (tag !== field(6)) {
      wire.skip(tag, end);
      continue;
    }
    // The tag takes one byte.
    if (to === 0) from = wire.position - 1;
    to = wire.inner(end);
    wire.position = to;
  }
  return to === 0 ? NONE_WRITTEN : PORTS.get(wire.bytes, from, to);
}

/** Ports of containers: each has name 1, containerPort 3, protocol 4. */
function readPorts(bytes: Buffer, start: number, end: number): Ports {
  const wire = new Wire(bytes);
  wire.position = start;
  const written: WrittenPort[] = [];
  while (wire.position < end) {
    const tag = wire.tag(end);
    if (tag !== field(6)) {
      wire.skip(tag, end);
      continue;
    }
    const stop = wire.inner(end);
    let name = '';
    let containerPort = 0;
    let protocol = '';
    while (wire.position < stop) {
      const part = wire.tag(stop);
      if (part === field(1)) name = wire.sharedText(stop);
      else if (part === field(3, VARINT)) containerPort = wire.varint(stop);
      else if (part === field(4)) protocol = wire.sharedText(stop);
      else wire.skip(part, stop);
    }
    written.push({ name, containerPort, protocol });
  }
  return { written, sound: soundPorts(written) };
}

function soundPorts(written: readonly WrittenPort[]): readonly ContainerPort[] | undefined {
  const ports: ContainerPort[] = [];
  for (const { name, containerPort: port, protocol: word } of written) {
    if (name === '') continue;
    if (port < 1 || port > 65_535) return undefined;
    const protocol = word === '' ? 'TCP' : word;
    if (isPortProtocol(protocol)) ports.push({ name, port, protocol });
  }
  return ports;
}
