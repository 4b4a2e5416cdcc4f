import type { BorderFirewall } from '../src/api/resource.ts';
import { SallyportError } from '../src/base/error.ts';
import { LiveWorld } from '../src/controller/world/live-world.ts';
import type { OpenDevice } from '../src/controller/devices/open-device.ts';
import { MemoryDevice } from '../src/firewalls/memory/device.ts';
import { MemoryDriver } from '../src/firewalls/memory/memory-driver.ts';
import { soleWriter } from '../src/firewalls/writer-lock.ts';
import { type Address, formatAddress, parseAddress } from '../src/ip/address.ts';
import { PrefixSet } from '../src/ip/prefix-set.ts';
import { combineReadings, readText } from '../src/sources/manifests/reading.ts';
import { MemoryProber } from './memory-prober.ts';
import { Namespaces } from './namespaces.ts';
import { OutsideServer } from './outside-server.ts';
import { PacketProber, type Prober } from './prober.ts';
import type { Story } from './story.ts';
import { addPods, build, type Topology, type TopologyPlan } from './topology.ts';
import type { RawObject, WorldFiles } from './world-files.ts';

/** Where the story is played: namespaces with real packets, or a firewall in memory. */
export interface Stage {
  /** One line for people: what the border is. */
  readonly title: string;
  /** `driver` and `address` of the lab's BorderFirewall. */
  readonly border: { readonly driver: string; readonly address: string };
  readonly prober: Prober;
  open(firewall: BorderFirewall): OpenDevice;
  /** Gives pods that came later their addresses. */
  addPods(pods: readonly RawObject[]): Promise<void>;
  close(): Promise<void>;
}

/** Makes the stage's namespaces and its servers and prober. `agent`: the command line that runs one of the lab's agents. */
export async function packetStage(
  plan: TopologyPlan,
  story: Story,
  agent: readonly string[],
  open: (firewall: BorderFirewall) => OpenDevice,
): Promise<Stage> {
  const namespaces = await Namespaces.open();
  let server: OutsideServer | undefined;
  let prober: PacketProber | undefined;
  const close = async (): Promise<void> => {
    prober?.close();
    server?.close();
    await namespaces.close();
  };
  try {
    const topology: Topology = await build(namespaces, plan);
    const listen = story.outside.flatMap((host) =>
      host.addresses.flatMap((address) => host.serves.map((service) => ({ address, ...service }))),
    );
    const answering = await OutsideServer.start(topology.outside, agent, { listen });
    server = answering;
    prober = new PacketProber(topology.cluster, agent, () => answering.turn());
    return {
      title: 'namespaces for cluster, border and outside world, and real packets',
      border: { driver: 'nftables', address: `netns:${topology.border.name}` },
      prober,
      open,
      addPods: (pods) => addPods(namespaces, topology, podAddresses(pods)),
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** A firewall in memory; nothing is sent, everything else is real. */
export function memoryStage(plan: TopologyPlan): Stage {
  const device = new MemoryDevice();
  const hidden = new Map(plan.hidden.map(({ pod, node }) => [formatAddress(pod), formatAddress(node)]));
  const prober = new MemoryProber(device, (address) => hidden.get(address) ?? address);
  return {
    title: 'a firewall in memory; no packet is sent',
    border: { driver: 'memory', address: 'lab' },
    prober,
    open: () => ({ driver: new MemoryDriver(device), lock: soleWriter, close: () => Promise.resolve() }),
    addPods: () => Promise.resolve(),
    close: () => Promise.resolve(prober.close()),
  };
}

function podAddresses(pods: readonly RawObject[]): readonly Address[] {
  return pods
    .flatMap((pod) => pod.status?.podIPs ?? [])
    .map(({ ip }) => parseAddress(ip))
    .filter((address): address is Address => address !== undefined);
}

/** What the namespaces need to know of a world. */
export function topologyOf(files: WorldFiles, story: Story): TopologyPlan {
  const world = worldOf(files);
  const pools = [...world.inventory.pools.values()];
  const poolPrefixes = pools.reduce<PrefixSet>((all, pool) => all.union(pool.cidr), PrefixSet.empty);
  const nodes = [...world.inventory.nodes.values()].flatMap((node) => node.addresses.map(({ address }) => address));
  const endpoints = [...world.engine.endpoints.values()];
  const nodeAddress = (name: string, family: number): Address | undefined =>
    world.inventory.nodes
      .get(name)
      ?.addresses.find(({ type, address }) => type === 'InternalIP' && address.family === family)?.address;
  const hidden = endpoints.flatMap((endpoint) =>
    endpoint.addresses.flatMap((pod) => {
      const node = nodeAddress(endpoint.node, pod.family);
      const hides = pools.some((pool) => pool.natOutgoing && pool.cidr.contains(pod));
      return hides && node !== undefined ? [{ pod, node }] : [];
    }),
  );
  const outside = story.outside.flatMap((host) => host.addresses.map(parseAddress));
  return {
    cluster: [...endpoints.flatMap((endpoint) => endpoint.addresses), ...nodes],
    clusterRoutes: poolPrefixes.union(PrefixSet.ofAddresses(nodes)),
    hidden,
    poolPrefixes,
    outside: outside.filter((address): address is Address => address !== undefined),
    owned: [...world.inventory.sourceNats.values()].reduce<PrefixSet>(
      (all, { translate }) =>
        translate.ok && translate.value.kind === 'Addresses' ? all.union(translate.value.addresses) : all,
      PrefixSet.empty,
    ),
  };
}

/** Reads the lab's world once, as the controller will. */
function worldOf(files: WorldFiles): LiveWorld {
  const reading = combineReadings(files.all().map((object) => readText(JSON.stringify(object), 'lab')));
  const world = new LiveWorld('lab');
  const changes = [...reading.resources.values()].map((resource) => ({ kind: 'put', resource }) as const);
  world.apply({ changes, state: { kind: 'complete' }, diagnostics: reading.diagnostics });
  return world;
}

/** Points the lab's one border firewall at the stage, and takes others out of the lab's world. Returns its name. */
export async function castFirewall(
  files: WorldFiles,
  border: Stage['border'],
): Promise<{ readonly name: string; readonly left: readonly string[] }> {
  const firewalls = files.list('BorderFirewall').toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const [first, ...others] = firewalls;
  if (first === undefined)
    throw new SallyportError('NOT_FOUND', 'the manifests have no BorderFirewall; the lab needs one');
  const { credentialsRef: _, tls: __, options: ___, ...spec } = first.spec ?? {};
  await files.put({ ...first, spec: { ...spec, ...border, mode: 'Enforce' } });
  for (const other of others) await files.delete(`BorderFirewall/${other.metadata.name}`);
  return { name: first.metadata.name, left: others.map((other) => other.metadata.name) };
}
