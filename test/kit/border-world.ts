import { readResource } from '../../src/api/read.ts';
import { type Resource, resourceKey } from '../../src/api/resource.ts';
import { Border } from '../../src/border/border.ts';
import type { FirewallView } from '../../src/border/firewall-view.ts';
import { type Evaluation, evaluate } from '../../src/border/evaluate.ts';
import type { Ruleset } from '../../src/border/ruleset.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { Flow } from '../../src/engine/flows/flow-set.ts';
import { Inventory } from '../../src/inventory/inventory.ts';
import { type Address, parseAddress } from '../../src/ip/address.ts';

/** An API object as a manifest would have it. */
export type Manifest = Readonly<Record<string, unknown>>;

/** Reads one manifest that must be readable. */
export function resourceOf(manifest: Manifest): Resource {
  const { resource } = readResource(manifest, {});
  if (resource === undefined) throw new Error(`cannot be read: ${JSON.stringify(manifest)}`);
  return resource;
}

/** An inventory, engine and border on manifests, kept in step. */
export class BorderWorld {
  readonly inventory = new Inventory();
  readonly engine = new Engine(this.inventory);
  readonly border = new Border(this.engine, 'test');
  readonly #resources = new Map<string, Resource>();

  constructor(...manifests: readonly Manifest[]) {
    this.put(...manifests);
  }

  /** All resources, in no particular order. */
  get resources(): readonly Resource[] {
    return [...this.#resources.values()];
  }

  /** Puts manifests and settles once. */
  put(...manifests: readonly Manifest[]): this {
    return this.change(manifests.map(resourceOf), []);
  }

  /** Deletes by key and settles. */
  delete(...keys: readonly string[]): this {
    return this.change([], keys);
  }

  change(put: readonly Resource[], deleted: readonly string[]): this {
    for (const resource of put) {
      this.#resources.set(resourceKey(resource), resource);
      this.inventory.apply({ kind: 'put', resource });
    }
    for (const key of deleted) {
      this.#resources.delete(key);
      this.inventory.apply({ kind: 'delete', key });
    }
    this.border.update(this.engine.flush());
    return this;
  }

  /** The same resources in a border that has seen nothing else. */
  fresh(): BorderWorld {
    return new BorderWorld().change(this.resources, []);
  }

  view(name = 'edge'): FirewallView {
    const view = this.border.firewalls().get(name);
    if (view === undefined) throw new Error(`no firewall ${name}`);
    return view;
  }

  ruleset(name = 'edge'): Ruleset {
    const { ruleset, findings } = this.view(name);
    if (ruleset === undefined) throw new Error(`no ruleset: ${findings.map((each) => each.message).join('; ')}`);
    return ruleset;
  }

  /** Every known address at a firewall, sorted. */
  members(name = 'edge'): readonly string[] {
    return [...this.ruleset(name).members.keys()].sort();
  }

  /** `CODE object` of all findings at a firewall. */
  codes(name = 'edge'): readonly string[] {
    return this.view(name).findings.map((each) => `${each.code} ${each.object}`);
  }

  judge(source: string, destination: string, what: Partial<Flow> = {}, name = 'edge'): Evaluation {
    return evaluate(this.ruleset(name), packet(source, destination, what));
  }
}

/** A packet; TCP to port 443 where nothing else is said. */
export function packet(source: string, destination: string, what: Partial<Flow> = {}): Flow {
  const from = address(source);
  return {
    family: from.family,
    source: from,
    destination: address(destination),
    protocol: 6,
    sourcePort: 40_000,
    destinationPort: 443,
    ...what,
  };
}

export function address(text: string): Address {
  const found = parseAddress(text);
  if (found === undefined) throw new Error(`no address: ${text}`);
  return found;
}

export interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly node?: string;
  readonly hostNetwork?: boolean;
  readonly phase?: string;
}

export function pod(key: string, ips: readonly string[], options: PodOptions = {}): Manifest {
  const [namespace = '', name = ''] = key.split('/');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels: options.labels ?? { app: name } },
    spec: { nodeName: options.node ?? 'n1', hostNetwork: options.hostNetwork ?? false, containers: [] },
    status: { phase: options.phase ?? 'Running', podIPs: ips.map((ip) => ({ ip })) },
  };
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

export function node(name: string, ...ips: readonly string[]): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: {},
    status: { addresses: ips.map((ip) => ({ type: 'InternalIP', address: ip })) },
  };
}

export function pool(name: string, cidr: string, spec: Manifest = {}): Manifest {
  return { apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name }, spec: { cidr, ...spec } };
}

export function firewall(name: string, spec: Manifest = {}): Manifest {
  return ours('BorderFirewall', name, { driver: 'nftables', address: `netns:${name}`, workloads: {}, ...spec });
}

export function clusterPolicy(name: string, spec: Manifest = {}): Manifest {
  return ours('ClusterBorderPolicy', name, { namespaceSelector: 'all()', selector: 'all()', ...spec });
}

export function namespacedPolicy(key: string, spec: Manifest = {}): Manifest {
  const [namespace = '', name = ''] = key.split('/');
  return {
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'BorderPolicy',
    metadata: { namespace, name },
    spec: { selector: 'all()', ...spec },
  };
}

export function sourceNat(name: string, spec: Manifest = {}): Manifest {
  return ours('SourceNAT', name, {
    namespaceSelector: 'all()',
    selector: 'all()',
    destination: { nets: ['0.0.0.0/0', '::/0'] },
    ...spec,
  });
}

export function addressGroup(name: string, spec: Manifest = {}): Manifest {
  return ours('AddressGroup', name, { namespaceSelector: 'all()', selector: 'all()', ...spec });
}

export function networkSet(
  name: string,
  nets: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): Manifest {
  return { apiVersion: 'projectcalico.org/v3', kind: 'GlobalNetworkSet', metadata: { name, labels }, spec: { nets } };
}

export function calico(kind: string, key: string, spec: Manifest): Manifest {
  const [first = '', second] = key.split('/');
  const metadata = second === undefined ? { name: first } : { namespace: first, name: second };
  return { apiVersion: 'projectcalico.org/v3', kind, metadata, spec };
}

function ours(kind: string, name: string, spec: Manifest): Manifest {
  return { apiVersion: 'sallyport.dev/v1alpha1', kind, metadata: { name }, spec };
}
