import { Namespaces, type Namespace } from './netns.ts';
import { Peer } from './probe.ts';

/**
 * A firewall machine, its cluster and the internet in namespaces: `vlan42` towards the cluster, `vlan104009` towards the internet, as the
 * facts of test/kit/machine.ts say.
 */
export class FirewallMachine {
  readonly namespaces: Namespaces;
  readonly machine: Namespace;
  /** A node: 10.0.0.10, and 2001:db8:42::10. */
  readonly cluster: Peer;
  /** Somebody outside: 198.51.100.9, 198.51.100.10, and 2001:db8:100::9. Announced addresses are routed back to the machine. */
  readonly internet: Peer;

  static async open(): Promise<FirewallMachine> {
    const namespaces = await Namespaces.open();
    const cluster = await namespaces.add('cluster');
    const machine = await namespaces.add('machine', { forwarding: true });
    const internet = await namespaces.add('internet');
    await namespaces.link(
      { namespace: cluster, device: 'node', addresses: ['10.0.0.10/22', '10.0.0.80/32', '2001:db8:42::10/64'] },
      { namespace: machine, device: 'vlan42', addresses: ['10.0.0.1/22', '2001:db8:42::1/64'] },
    );
    await namespaces.link(
      { namespace: machine, device: 'vlan104009', addresses: ['198.51.100.2/24', '2001:db8:100::2/64'] },
      {
        namespace: internet,
        device: 'world',
        addresses: ['198.51.100.9/24', '198.51.100.10/24', '2001:db8:100::9/64'],
      },
    );
    await cluster.ip('route add default via 10.0.0.1', 'route add ::/0 via 2001:db8:42::1');
    await internet.ip(
      'route add 203.0.113.0/24 via 198.51.100.2',
      'route add 10.0.0.0/22 via 198.51.100.2',
      'route add 2001:db8:42::/64 via 2001:db8:100::2',
    );
    return new FirewallMachine(namespaces, machine, new Peer(cluster), new Peer(internet));
  }

  private constructor(namespaces: Namespaces, machine: Namespace, cluster: Peer, internet: Peer) {
    this.namespaces = namespaces;
    this.machine = machine;
    this.cluster = cluster;
    this.internet = internet;
  }

  /** Loads a ruleset in place of whatever is there, as a start of the machine does. */
  async load(text: string): Promise<void> {
    await this.machine.must('nft', ['-f', '-'], `flush ruleset\n${text}`);
  }

  /** Packets of the rules with a comment, or of a named counter, all added up. */
  async packets(name: string): Promise<number> {
    const listing: unknown = JSON.parse(await this.machine.must('nft', ['-j', 'list', 'ruleset']));
    let sum = 0;
    const visit = (node: unknown, inside: boolean): void => {
      if (Array.isArray(node)) for (const entry of node) visit(entry, inside);
      else if (typeof node === 'object' && node !== null) {
        const { comment, name: called, packets } = node as Record<string, unknown>;
        const matches = inside || comment === name || called === name;
        if (matches && typeof packets === 'number') sum += packets;
        for (const value of Object.values(node)) visit(value, matches);
      }
    };
    visit(listing, false);
    return sum;
  }

  async close(): Promise<void> {
    this.cluster.stop();
    this.internet.stop();
    await this.namespaces.close();
  }
}
