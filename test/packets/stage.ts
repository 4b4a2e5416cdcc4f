import { setTimeout as pause } from 'node:timers/promises';
import { Border } from '../kit/border.ts';
import type { StreamState } from '../kit/probe.ts';
import { clusterPolicy, firewall, type Manifest, namespace, node, pod, pool, sourceNat } from '../kit/border-world.ts';
import { Sniffer } from './sniffer.ts';
import { settle } from './trials.ts';

export type Family = 4 | 6;
export const FAMILIES = [4, 6] as const;

/** Of each family: pods, a server outside, and what the border may translate to. */
export const PLACES = {
  4: { web: '10.1.0.1', job: '10.1.0.2', late: '10.1.0.3', server: '203.0.113.1', nat: '192.0.2.1', next: '192.0.2.2' },
  6: {
    web: 'fd01::1',
    job: 'fd01::2',
    late: 'fd01::3',
    server: '2001:db8::1',
    nat: '2001:db8:a::1',
    next: '2001:db8:a::2',
  },
} as const;
type Pod = 'web' | 'job' | 'late';

export interface Stage {
  readonly border: Border;
  /** Of everything that arrives outside. */
  readonly sniffer: Sniffer;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const both = Object.values(PLACES);
  const border = await Border.open(
    {
      pods: both.flatMap(({ web, job, late }) => [web, job, late]),
      podNets: ['10.1.0.0/16', 'fd01::/64'],
      outside: both.map(({ server }) => server),
      translated: ['192.0.2.0/24', '2001:db8:a::/64'],
    },
    [80, 443],
  );
  try {
    const sniffer = await Sniffer.open(border.outside.namespace, 'out0');
    return {
      border,
      sniffer,
      close: async () => {
        sniffer.stop();
        await border.close();
      },
    };
  } catch (thrown) {
    await border.close();
    throw thrown;
  }
}

/** What every story's world has besides its pods and policies. */
export function basis(spec: Manifest = {}): readonly Manifest[] {
  return [
    namespace('shop'),
    node('n1', '172.18.0.1', 'fd18::1'),
    pool('four', '10.1.0.0/16'),
    pool('six', 'fd01::/64'),
    firewall('edge', spec),
  ];
}

/** A pod of both families, at the place of that name unless it is said where. */
export function podAt(name: string, app: string, place: Pod): Manifest {
  return pod(`shop/${name}`, [PLACES[4][place], PLACES[6][place]], { labels: { app } });
}

/** Who is selected may use these ports, TCP and UDP, and ping. */
export function allow(name: string, selector: string, ...ports: readonly number[]): Manifest {
  const egress = [
    ...['TCP', 'UDP'].map((protocol) => ({ action: 'Allow', protocol, ports })),
    { action: 'Allow', protocol: 'ICMP', icmp: { type: 8 } },
    { action: 'Allow', protocol: 'ICMPv6', icmp: { type: 128 } },
  ];
  return clusterPolicy(name, { selector, egress });
}

export function translate(name: string, selector: string, to: 'nat' | 'next'): Manifest {
  return sourceNat(name, { selector, translate: { addresses: FAMILIES.map((family) => PLACES[family][to]) } });
}

export interface Flow {
  readonly key: string;
  readonly transport: 'tcp' | 'udp';
  readonly port: number;
  readonly localPort: number;
  /** The pod only listens; the server goes on sending. */
  readonly silent: boolean;
}

/** Messages of a stream that must come through before another counts as still: each side sends one every 10 ms. */
const YARDSTICK = 15;
const LOOK_MS = 20;

let keys = 0;

/** Flows between a pod and the server of a family on which both sides keep sending. */
export class Flows {
  readonly #stage: Stage;
  readonly #open: Flow[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** `silent`: the pod only listens; `asks`: a UDP server only answers. Rejects if it does not open at once. */
  async open(
    transport: 'tcp' | 'udp',
    family: Family,
    from: Pod,
    port: number,
    manner: 'talks' | 'silent' | 'asks' = 'talks',
  ): Promise<Flow> {
    const { [from]: address, server } = PLACES[family];
    const key = `flow-${keys++}`;
    const silent = manner === 'silent';
    const target = { from: address, to: server, port, silent, asks: manner === 'asks', timeoutMs: 5_000 };
    const { inside } = this.#stage.border;
    const opened = await (transport === 'tcp' ? inside.openTcp(key, target) : inside.openUdp(key, target));
    if (opened.localPort === undefined)
      throw new Error(`${transport} ${address} -> ${server} ${port} did not open: ${opened.outcome}`);
    const flow = { key, transport, port, silent, localPort: opened.localPort };
    this.#open.push(flow);
    return flow;
  }

  state(flow: Flow): Promise<StreamState> {
    return this.#stage.border.inside.stream(flow.key);
  }

  /**
   * Which of the flows move, each direction by itself, while `alive` gets at least some messages through. A flow's packets outside are
   * known by its destination port and its local port, which a translation of one sender keeps.
   */
  async moving(alive: Flow, flows: readonly Flow[]): Promise<readonly { in: boolean; out: boolean }[]> {
    await settle(this.#stage.border, this.#stage.sniffer);
    const before = await this.#counts(flows);
    const start = await this.state(alive);
    for (;;) {
      await pause(LOOK_MS);
      const now = await this.state(alive);
      if (now.state !== 'open') throw new Error(`the flow that should live is ${now.state}`);
      const pushed = now.received - start.received;
      const said = now.sent - start.sent;
      if (pushed >= YARDSTICK && (alive.silent || said >= YARDSTICK)) break;
    }
    await settle(this.#stage.border, this.#stage.sniffer);
    const after = await this.#counts(flows);
    return flows.map((_, index) => ({
      in: (after[index]?.received ?? 0) > (before[index]?.received ?? 0),
      out: (after[index]?.left ?? 0) > (before[index]?.left ?? 0),
    }));
  }

  async closeAll(): Promise<void> {
    for (const { key } of this.#open.splice(0)) await this.#stage.border.inside.close(key);
  }

  #counts(flows: readonly Flow[]): Promise<readonly { received: number; left: number }[]> {
    return Promise.all(
      flows.map(async (flow) => ({ received: (await this.state(flow)).received, left: this.#said(flow) })),
    );
  }

  /** Packets of the pod. A reset is not: the border sends it in the pod's name, for the server to give the connection up. */
  #said(flow: Flow): number {
    return this.packets(flow).filter(({ isReset }) => isReset !== true).length;
  }

  /** The flow's packets as they arrived outside. */
  packets({ transport, port, localPort }: Flow): Sniffer['packets'] {
    const protocol = transport === 'tcp' ? 6 : 17;
    return this.#stage.sniffer.packets.filter(
      (each) => each.protocol === protocol && each.sourcePort === localPort && each.destinationPort === port,
    );
  }
}
