import { grown } from './lists.ts';
import { Interner } from './interner.ts';

/** A port of an endpoint that rules can name. */
export interface EndpointPort {
  readonly name: string;
  /** `tcp`, `udp` or `sctp`, in any case. */
  readonly proto: string;
  readonly port: number;
}

/** What turns a selector's set into one of named ports. */
export interface PortOfSet {
  readonly namedPort: string;
  readonly namedPortProtocol: 'tcp' | 'udp' | 'sctp' | 'any';
}

/** A port as it is looked up and written: its protocol in lower case, and `,tcp:80`. */
interface ListedPort extends EndpointPort {
  readonly protocol: string;
  readonly suffix: string;
}

interface PortList {
  readonly ports: readonly ListedPort[];
  /** Two lists with the same text are the same. */
  readonly text: string;
}

const NO_PORTS: PortList = { ports: [], text: '' };

/** Each different port once, in the order given. */
function readPorts(ports: readonly EndpointPort[]): PortList {
  if (ports.length === 0) return NO_PORTS;
  const listed = new Map<string, ListedPort>();
  for (const { name, proto, port } of ports) {
    const protocol = proto.toLowerCase();
    const suffix = `,${protocol}:${port}`;
    // The lengths keep apart what any letters in the parts could blur.
    listed.set(`${name.length}:${name}${protocol.length}:${protocol}${port};`, { name, proto, port, protocol, suffix });
  }
  return { ports: [...listed.values()], text: [...listed.keys()].join('') };
}

/** The port lists of endpoints; most endpoints share theirs with many others. */
export class PortLists {
  readonly #numbers = new Interner();
  readonly #lists: PortList[] = [NO_PORTS];
  #listOf = new Int32Array(64);

  /** Whether it is plain that these are its ports: in the order and the spelling of last time. */
  isSame(endpoint: number, ports: readonly EndpointPort[]): boolean {
    const known = this.#of(endpoint).ports;
    if (known.length !== ports.length) return false;
    return ports.every(({ name, proto, port }, n) => {
      const other = known[n];
      return other?.name === name && other.proto === proto && other.port === port;
    });
  }

  set(endpoint: number, ports: readonly EndpointPort[]): void {
    const list = readPorts(ports);
    const number = list.text === '' ? 0 : this.#numbers.acquire(list.text);
    this.#lists[number] = list;
    if (endpoint >= this.#listOf.length) {
      if (number === 0) return;
      this.#listOf = grown(this.#listOf, endpoint);
    }
    const old = this.#listOf[endpoint] as number;
    this.#listOf[endpoint] = number;
    if (old !== 0) this.#numbers.release(old);
  }

  /** What the endpoint appends to its addresses in a set of this named port, each once: `,tcp:80`. */
  suffixes(endpoint: number, { namedPort, namedPortProtocol }: PortOfSet): readonly string[] {
    const suffixes: string[] = [];
    for (const { name, protocol, suffix } of this.#of(endpoint).ports)
      if (name === namedPort && (namedPortProtocol === 'any' || namedPortProtocol === protocol)) suffixes.push(suffix);
    return suffixes;
  }

  #of(endpoint: number): PortList {
    return this.#lists[this.#listOf[endpoint] ?? 0] ?? NO_PORTS;
  }
}
