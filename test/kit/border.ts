import { Namespaces, type Namespace } from './netns.ts';
import { Peer } from './probe.ts';

/** Addresses of the three places; without prefix length. */
export interface BorderAddresses {
  /** Of workloads, all in one namespace. */
  readonly pods: readonly string[];
  /** Routes to the pods' side, with prefix length; hold all of `pods`. */
  readonly podNets: readonly string[];
  /** Of servers outside. */
  readonly outside: readonly string[];
  /** Prefixes that the firewall may translate to. */
  readonly translated: readonly string[];
}

/** Workloads, a firewall between, and the world outside: three namespaces with real forwarding, and a peer at either end. */
export class Border {
  readonly firewall: Namespace;
  readonly inside: Peer;
  readonly outside: Peer;
  readonly #world: Namespaces;

  private constructor(world: Namespaces, firewall: Namespace, inside: Peer, outside: Peer) {
    this.#world = world;
    this.firewall = firewall;
    this.inside = inside;
    this.outside = outside;
  }

  /** Servers outside listen on the given ports, TCP and UDP, IPv4 and IPv6. */
  static async open(addresses: BorderAddresses, ports: readonly number[]): Promise<Border> {
    const world = await Namespaces.open();
    try {
      const firewall = await world.add('fw', { forwarding: true });
      const pods = await world.add('pods');
      const out = await world.add('out');
      await world.link(
        { namespace: pods, device: 'pod0', addresses: ['192.168.250.2/30', 'fdee:0:0:1::2/126'] },
        { namespace: firewall, device: 'pin', addresses: ['192.168.250.1/30', 'fdee:0:0:1::1/126'] },
      );
      await world.link(
        { namespace: firewall, device: 'pout', addresses: ['192.168.251.1/30', 'fdee:0:0:2::1/126'] },
        { namespace: out, device: 'out0', addresses: ['192.168.251.2/30', 'fdee:0:0:2::2/126'] },
      );
      await world.address({ namespace: pods, device: 'pod0', addresses: addresses.pods.map(alone) });
      await world.address({ namespace: out, device: 'out0', addresses: addresses.outside.map(alone) });
      await pods.ip('route add default via 192.168.250.1', 'route add default via fdee:0:0:1::1');
      await out.ip('route add default via 192.168.251.1', 'route add default via fdee:0:0:2::1');
      await firewall.ip(
        ...addresses.podNets.map(
          (net) => `route add ${net} via ${net.includes(':') ? 'fdee:0:0:1::2' : '192.168.250.2'}`,
        ),
        ...addresses.outside.map(
          (one) => `route add ${alone(one)} via ${one.includes(':') ? 'fdee:0:0:2::2' : '192.168.251.2'}`,
        ),
        ...addresses.translated.map((net) => `route add blackhole ${net}`),
      );
      const border = new Border(world, firewall, new Peer(pods), new Peer(out));
      for (const port of ports) for (const any of ['0.0.0.0', '::']) await border.outside.listenTcp(any, port);
      // A UDP server on all addresses would answer from one that it was not asked at.
      for (const port of ports) for (const address of addresses.outside) await border.outside.listenUdp(address, port);
      return border;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  /**
   * Takes every rule and every tracked connection away. Servers push no longer: what they sent would open their flows again from outside,
   * and whoever uses such a port next would be the one who answers.
   */
  async reset(): Promise<void> {
    await this.outside.hush();
    await this.firewall.must('nft', ['flush', 'ruleset']);
    await this.firewall.run('conntrack', ['-F']);
  }

  async close(): Promise<void> {
    this.inside.stop();
    this.outside.stop();
    await this.#world.close();
  }
}

function alone(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}
