import { setTimeout as pause } from 'node:timers/promises';
import { Border } from '../kit/border.ts';
import type { StreamState } from '../kit/probe.ts';
import { clusterPolicy, firewall, type Manifest, namespace, node, pod, pool, sourceNat } from '../kit/border-world.ts';
import { fromNowOn, type Seen, Sniffer } from './sniffer.ts';
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
  /** Of everything that arrives at the pods. */
  readonly podSniffer: Sniffer;
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
    const podSniffer = await Sniffer.open(border.inside.namespace, 'pod0');
    return {
      border,
      sniffer,
      podSniffer,
      close: async () => {
        sniffer.stop();
        podSniffer.stop();
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
  readonly family: Family;
  readonly transport: 'tcp' | 'udp';
  readonly port: number;
  readonly localPort: number;
  /** The pod only listens; the server goes on sending. */
  readonly silent: boolean;
}

/** Messages of a stream that must come through before another counts as still: each side sends one every 10 ms. */
const YARDSTICK = 15;
const LOOK_MS = 20;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;

/**
 * A flow is known by its local port, so each one has a port that no other has: below those that the kernel gives to sockets by itself.
 * By chance another pod, or the same one by its other family, would come to the same port once in a while.
 */
const FIRST_LOCAL_PORT = 20_000;
const LOCAL_PORTS = 10_000;

let keys = 0;

/** Flows between a pod and the server of a family on which both sides keep sending. */
export class Flows {
  readonly #stage: Stage;
  readonly #open: Flow[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /**
   * `silent`: the pod only listens; `flooded`: it does, and a UDP server sends all it can; `asks`: a UDP server only answers. Rejects if it
   * does not open at once.
   */
  async open(
    transport: 'tcp' | 'udp',
    family: Family,
    from: Pod,
    port: number,
    manner: 'talks' | 'silent' | 'flooded' | 'asks' = 'talks',
  ): Promise<Flow> {
    const { [from]: address, server } = PLACES[family];
    const key = `flow-${keys}`;
    const localPort = FIRST_LOCAL_PORT + (keys++ % LOCAL_PORTS);
    const silent = manner === 'silent' || manner === 'flooded';
    const target = { from: address, to: server, port, localPort, silent, timeoutMs: 5_000 };
    const says = manner === 'asks' ? '?' : manner === 'flooded' ? 'flood' : 'push';
    const { inside } = this.#stage.border;
    const opened = await (transport === 'tcp' ? inside.openTcp(key, target) : inside.openUdp(key, { ...target, says }));
    if (opened.localPort !== localPort)
      throw new Error(`${transport} ${address} -> ${server} ${port} did not open: ${opened.outcome}`);
    const flow = { key, family, transport, port, silent, localPort };
    this.#open.push(flow);
    return flow;
  }

  state(flow: Flow): Promise<StreamState> {
    return this.#stage.border.inside.stream(flow.key);
  }

  /**
   * Which of the flows move from now on, each direction by itself, while `alive` gets at least some messages through. They move if the
   * border lets any packet through, by the time that the kernel gave it behind the border: what lies unread in a socket came before, and
   * what comes counts even where nobody reads it.
   */
  async moving(alive: Flow, flows: readonly Flow[]): Promise<readonly { in: boolean; out: boolean }[]> {
    const since = fromNowOn();
    const passed = (packets: readonly Seen[]): number =>
      packets.filter(({ at, isReset }) => at >= since && isReset !== true).length;
    const start = await this.state(alive);
    for (;;) {
      await pause(LOOK_MS);
      const now = await this.state(alive);
      if (now.state !== 'open') throw new Error(`the flow that should live is ${now.state}`);
      // Messages alone might have lain unread, packets alone might be acknowledgements.
      const pushed = Math.min(now.received - start.received, passed(this.#towards(alive)));
      const said = Math.min(now.sent - start.sent, passed(this.packets(alive)));
      if (pushed >= YARDSTICK && (alive.silent || said >= YARDSTICK)) break;
    }
    const { border, sniffer, podSniffer } = this.#stage;
    await Promise.all([settle(border, sniffer), settle(border, podSniffer, 'inside')]);
    return flows.map((flow) => ({ in: passed(this.#towards(flow)) > 0, out: passed(this.packets(flow)) > 0 }));
  }

  async closeAll(): Promise<void> {
    for (const { key } of this.#open.splice(0)) await this.#stage.border.inside.close(key);
  }

  /** The flow's packets as they arrived outside. A reset may be the border's, in the pod's name, for the server to give up. */
  packets({ transport, port, localPort }: Flow): readonly Seen[] {
    const protocol = PROTOCOLS[transport];
    return this.#stage.sniffer.packets.filter(
      (each) => each.protocol === protocol && each.sourcePort === localPort && each.destinationPort === port,
    );
  }

  /** The flow's packets as they arrived at the pod; here too a reset may be the border's. */
  #towards({ transport, port, localPort }: Flow): readonly Seen[] {
    const protocol = PROTOCOLS[transport];
    return this.#stage.podSniffer.packets.filter(
      (each) => each.protocol === protocol && each.sourcePort === port && each.destinationPort === localPort,
    );
  }
}
