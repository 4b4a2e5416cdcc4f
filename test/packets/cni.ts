import ipaddr from 'ipaddr.js';
import type { Manifest } from '../kit/border-world.ts';
import type { Namespace } from '../kit/netns.ts';

interface Written {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly cidr: string;
    readonly natOutgoing?: boolean;
    readonly natOutgoingAddress?: string;
    readonly nodeName: string;
  };
  readonly status: {
    readonly phase: string;
    readonly podIPs: readonly { readonly ip: string }[];
    readonly addresses: readonly { readonly address: string }[];
  };
}

/** What the cluster's own network does to packets that leave it: `natOutgoing`, as Calico does it on every node. */
export class Cni {
  readonly #hidden = new Map<string, string>();
  readonly #pools: readonly string[];

  constructor(manifests: readonly Manifest[], sources: readonly string[]) {
    const all = manifests as unknown as readonly Written[];
    const of = (kind: string): readonly Written[] => all.filter((each) => each.kind === kind);
    this.#pools = of('IPPool').map(({ spec }) => spec.cidr);
    const fixed = of('FelixConfiguration')[0]?.spec.natOutgoingAddress;
    for (const source of sources) {
      const pool = of('IPPool')
        .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
        .find(({ spec }) => inNet(source, spec.cidr));
      if (pool?.spec.natOutgoing !== true) continue;
      const owner = of('Pod').findLast(
        ({ status }) => status.phase === 'Running' && status.podIPs.some(({ ip }) => ip === source),
      );
      const node = of('Node').find(({ metadata }) => metadata.name === (owner?.spec.nodeName ?? 'n1'));
      const addresses = [
        ...(fixed === undefined ? [] : [fixed]),
        ...(node?.status.addresses ?? []).map((each) => each.address),
      ];
      const nat = addresses.find((each) => each.includes(':') === source.includes(':'));
      if (nat !== undefined) this.#hidden.set(source, nat);
    }
  }

  /** The source that the border sees. */
  seen(source: string, destination: string): string {
    if (this.#pools.some((cidr) => inNet(destination, cidr))) return source;
    return this.#hidden.get(source) ?? source;
  }

  /** Puts it in force for every workload of a namespace, in one step. */
  async install(namespace: Namespace): Promise<void> {
    const text = ([4, 6] as const).flatMap((family) => {
      const word = family === 4 ? 'ip' : 'ip6';
      const isOwn = (one: string): boolean => one.includes(':') === (family === 6);
      const pairs = [...this.#hidden].filter(([source]) => isOwn(source)).map((pair) => pair.join(' : '));
      const chain = [`table ${word} cni {`, 'chain out {', 'type nat hook postrouting priority srcnat;'];
      for (const pool of this.#pools.filter(isOwn)) chain.push(`${word} daddr ${pool} accept`);
      if (pairs.length > 0) chain.push(`oifname "pod0" snat to ${word} saddr map { ${pairs.join(', ')} }`);
      return [`add table ${word} cni`, `delete table ${word} cni`, ...chain, '}', '}'];
    });
    await namespace.must('nft', ['-f', '-'], `${text.join('\n')}\n`);
    // A new flow that happens to use the ports of an old one would be hidden as that was.
    await namespace.must('conntrack', ['-F']);
  }
}

function inNet(address: string, net: string): boolean {
  const parsed = ipaddr.parse(address);
  const [base, length] = ipaddr.parseCIDR(net);
  return parsed.kind() === base.kind() && parsed.match(base, length);
}
