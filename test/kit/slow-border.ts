import ipaddr from 'ipaddr.js';
import type { Manifest } from './border-world.ts';
import type { PlainFlow, PlainObject } from './plain-objects.ts';
import { SlowCluster } from './slow-cluster.ts';
import { holds } from './slow-selector.ts';

// What one border firewall does to one packet, written from the design (sections 2, 5 and 8) on plain API objects: no index, no sets, no
// classes. It knows one firewall that stands behind no other and never widens, and objects without mistakes.

interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

interface OutsideRule {
  readonly action: string;
  readonly ipVersion?: 4 | 6;
  readonly protocol?: string;
  readonly notProtocol?: string;
  readonly icmp?: { readonly type: number };
  readonly nets?: readonly string[];
  readonly notNets?: readonly string[];
  readonly ports?: readonly (number | string)[];
  readonly notPorts?: readonly (number | string)[];
  readonly selector?: string;
}

interface Acceptance {
  readonly namespaces: string;
  readonly destinations?: readonly string[];
  readonly actions?: readonly string[];
}

/** Fields of all kinds together; each kind has its own of them. */
interface Thing {
  readonly kind: string;
  readonly metadata: Meta;
  readonly spec: {
    readonly cidr: string;
    readonly disabled?: boolean;
    readonly natOutgoing?: boolean;
    readonly natOutgoingAddress?: string;
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly workloads: { namespaceSelector?: string; selector?: string; ipPools?: readonly string[] };
    readonly destinations?: readonly string[];
    readonly unknown?: string;
    readonly unselected?: string;
    readonly sees?: string;
    readonly policies?: { readonly tiers?: readonly string[] };
    readonly accepts?: readonly Acceptance[];
    readonly firewalls?: readonly string[];
    readonly namespaceSelector: string;
    readonly selector: string;
    readonly order?: number;
    readonly egress?: readonly OutsideRule[];
    readonly tier?: string;
    readonly nets: readonly string[];
    readonly destination: {
      readonly nets: readonly string[];
      readonly protocol?: string;
      readonly ports?: readonly (number | string)[];
    };
    readonly translate: { readonly address?: string; readonly addresses?: readonly string[]; readonly none?: boolean };
    readonly otherFamily?: string;
  };
  readonly status: {
    readonly phase: string;
    readonly podIPs: readonly { readonly ip: string }[];
    readonly addresses: readonly { readonly address: string }[];
  };
}

/** What rules of the cluster's policies ask about, besides pods. */
const SURROUNDINGS = ['Namespace', 'ServiceAccount', 'Tier', 'GlobalNetworkSet', 'NetworkSet', 'EndpointSlice'];

export type SlowFate =
  | { readonly passes: false; readonly why: string }
  /** `from`: every source it may leave with. */
  | { readonly passes: true; readonly why: string; readonly from: readonly string[] };

type PartVerdict = 'stranger' | 'passes' | 'drops';

const NUMBERS: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132, ICMP: 1, ICMPv6: 58 };

/** What a cluster's policies say, by whoever knows. */
export interface ClusterWord {
  endpoints(): readonly { readonly id: string; readonly tiers: readonly { readonly egress: readonly string[] }[] }[];
  verdict(flow: PlainFlow): { readonly egress?: { readonly allowed: boolean } };
}

export class SlowBorder {
  readonly #things: readonly Thing[];
  readonly #firewall: Thing;
  readonly #ask: (cluster: readonly PlainObject[]) => ClusterWord;
  readonly #words = new Map<Thing, { readonly word: ClusterWord; readonly isSelected: boolean }>();

  /** `ask`: what repeated tiers say, asked of a cluster with nothing in it but them and one pod. Default: the slow evaluator. */
  constructor(
    manifests: readonly Manifest[],
    firewall: string,
    ask: (cluster: readonly PlainObject[]) => ClusterWord = (cluster) => new SlowCluster(cluster),
  ) {
    this.#ask = ask;
    this.#things = manifests as unknown as readonly Thing[];
    const found = this.#of('BorderFirewall').find(({ metadata }) => metadata.name === firewall);
    if (found === undefined) throw new Error(`no firewall ${firewall}`);
    this.#firewall = found;
  }

  fate(flow: PlainFlow): SlowFate {
    const wall = this.#firewall.spec;
    const untouched = { passes: true, from: [flow.src] } as const;
    const destinations = wall.destinations ?? ['0.0.0.0/0', '::/0'];
    if (!inAny(flow.dst, destinations) || this.#isInside(flow.dst)) return { ...untouched, why: 'not governed' };
    const senders = this.#of('Pod').filter((pod) => this.#faces(pod, flow.src).length > 0);
    if (senders.length === 0) {
      const drops = (wall.unknown ?? 'Drop') === 'Drop' && inAny(flow.src, this.#networks());
      return drops ? { passes: false, why: 'unknown' } : { ...untouched, why: 'not ours' };
    }
    const blind = senders.some((pod) => this.#faces(pod, flow.src).includes('blind'));
    const verdicts = senders.map((pod) => this.#part(pod, flow));
    const strangers = verdicts.includes('stranger');
    if (!(blind && strangers) && verdicts.includes('drops')) return { passes: false, why: verdicts.join() };
    return this.#translate(flow, senders, blind);
  }

  #of(...kinds: readonly string[]): readonly Thing[] {
    return this.#things.filter(({ kind }) => kinds.includes(kind));
  }

  #pools(): readonly Thing[] {
    return this.#of('IPPool').toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  #nodeAddresses(): readonly string[] {
    return this.#of('Node').flatMap(({ status }) => status.addresses.map((each) => each.address));
  }

  #isInside(address: string): boolean {
    const enabled = this.#pools().filter(({ spec }) => spec.disabled !== true);
    return inAny(address, [...enabled.map(({ spec }) => spec.cidr), ...this.#nodeAddresses()]);
  }

  /** Design section 5, `networks`. */
  #networks(): readonly string[] {
    const names = this.#firewall.spec.workloads.ipPools;
    return this.#pools()
      .filter(({ spec }) => spec.disabled !== true)
      .filter(({ metadata }) => names === undefined || names.includes(metadata.name))
      .filter(({ spec }) => spec.natOutgoing !== true || this.#seesPools())
      .map(({ spec }) => spec.cidr);
  }

  /** Whether any address of a disabled pool is judged here. Ranges of these worlds are nested or apart, so their ends tell. */
  #seesPools(family?: 4 | 6): boolean {
    const destinations = this.#firewall.spec.destinations ?? ['0.0.0.0/0', '::/0'];
    return this.#pools().some(({ spec }) => {
      const first = String(spec.cidr).replace(/\/.*/, '');
      if (spec.disabled !== true || (family !== undefined && first.includes(':') !== (family === 6))) return false;
      return inAny(first, destinations);
    });
  }

  /** Whether anything outside every pool is judged: always, in these worlds. Design section 2, the table. */
  #faces(pod: Thing, source: string): readonly ('own' | 'blind')[] {
    const { spec, status } = pod;
    if (['Succeeded', 'Failed'].includes(status.phase)) return [];
    const family = source.includes(':') ? 6 : 4;
    const own: string | undefined = this.#believed(pod).find((ip) => ip.includes(':') === (family === 6));
    if (!this.#takes(pod, spec.hostNetwork ? undefined : own)) return [];
    const node: string | undefined = this.#of('Node')
      .filter(({ metadata }) => metadata.name === spec.nodeName)
      .flatMap((each) => each.status.addresses.map((entry) => entry.address))
      .find((ip) => ip.includes(':') === (family === 6));
    const seen = (own1: boolean, blind: string | undefined): ('own' | 'blind')[] => [
      ...(own1 && own === source ? (['own'] as const) : []),
      ...(blind === source ? (['blind'] as const) : []),
    ];
    if (spec.hostNetwork) return seen(false, node);
    if (own === undefined) return [];
    const pool = this.#pools().find((each) => inAny(own, [each.spec.cidr]));
    if (pool === undefined) {
      const { sees } = this.#firewall.spec;
      return sees === undefined ? [] : seen(sees === 'Pod', sees === 'Node' ? node : undefined);
    }
    if (pool.spec.natOutgoing !== true) return seen(true, undefined);
    const fixed: string | undefined = this.#of('FelixConfiguration')[0]?.spec.natOutgoingAddress;
    const nat = fixed !== undefined && fixed.includes(':') === (family === 6) ? fixed : node;
    return seen(this.#seesPools(family), nat);
  }

  /** Design section 2: no address outside the cluster's pools and nodes because of a pod, where there are pools. */
  #believed({ status }: Thing): readonly string[] {
    const pools = this.#pools().map(({ spec }) => spec.cidr);
    return status.podIPs
      .map((each) => each.ip)
      .filter((ip) => pools.length === 0 || inAny(ip, [...pools, ...this.#nodeAddresses()]));
  }

  #takes(pod: Thing, own: string | undefined): boolean {
    const { namespaceSelector = 'all()', selector = 'all()', ipPools } = this.#firewall.spec.workloads;
    if (!this.#selects(pod, namespaceSelector, selector)) return false;
    if (ipPools === undefined) return true;
    const named = this.#pools().filter(({ metadata }) => ipPools.includes(metadata.name));
    return (
      own !== undefined &&
      inAny(
        own,
        named.map(({ spec }) => spec.cidr),
      )
    );
  }

  #selects(pod: Thing, namespaceSelector: string, selector: string): boolean {
    const own = new Map(Object.entries(pod.metadata.labels ?? {}));
    const namespace = this.#namespaceLabels(pod.metadata.namespace ?? '');
    return holds(selector, own) && holds(namespaceSelector, namespace);
  }

  #namespaceLabels(name: string): ReadonlyMap<string, string> {
    const found = this.#of('Namespace').find(({ metadata }) => metadata.name === name);
    if (found === undefined) return new Map();
    return new Map([...Object.entries(found.metadata.labels ?? {}), ['projectcalico.org/name', name]]);
  }

  /** Design 8.1. */
  #part(pod: Thing, flow: PlainFlow): PartVerdict {
    const { unselected = 'Ignore', policies } = this.#firewall.spec;
    const isHere = ({ spec }: Thing): boolean =>
      spec.firewalls === undefined || spec.firewalls.includes(this.#firewall.metadata.name);
    const first = this.#of('ClusterBorderPolicy')
      .filter(isHere)
      .filter(({ spec }) => this.#selects(pod, spec.namespaceSelector, spec.selector));
    const third = this.#of('BorderPolicy')
      .filter(isHere)
      .filter(({ metadata }) => metadata.namespace === pod.metadata.namespace)
      .filter((policy) => this.#isAccepted(policy))
      .filter(({ spec }) => this.#selects(pod, 'all()', spec.selector));
    const tiers = pod.spec.hostNetwork ? [] : (policies?.tiers ?? []);
    const second = this.#tiers(pod, tiers, flow);

    if (first.length === 0 && second === 'no tier' && third.length === 0)
      return unselected === 'Deny' ? 'drops' : 'stranger';
    const one = first.length === 0 ? 'next' : this.#layer(first, flow);
    if (one !== 'next') return one;
    if (second === 'drops') return 'drops';
    if (third.length === 0) return second === 'passes' || unselected === 'Ignore' ? 'passes' : 'drops';
    const three = this.#layer(third, flow);
    if (three !== 'next') return three;
    return unselected === 'Ignore' ? 'passes' : 'drops';
  }

  #layer(policies: readonly Thing[], flow: PlainFlow): 'passes' | 'drops' | 'next' {
    const sorted = policies.toSorted(
      (a, b) =>
        compare(a.spec.order ?? Infinity, b.spec.order ?? Infinity) || compare(a.metadata.name, b.metadata.name),
    );
    for (const { spec, metadata } of sorted)
      for (const rule of spec.egress ?? []) {
        if (rule.action === 'Log' || !this.#matches(rule, flow, metadata.namespace)) continue;
        if (rule.action === 'Pass') return 'next';
        return rule.action === 'Allow' ? 'passes' : 'drops';
      }
    return 'drops';
  }

  #tiers(pod: Thing, names: readonly string[], flow: PlainFlow): 'no tier' | 'passes' | 'drops' {
    const { word, isSelected } = this.#wordOn(pod, names);
    if (!isSelected) return 'no tier';
    const family = flow.dst.includes(':') ? 6 : 4;
    const src = this.#believed(pod).find((ip) => ip.includes(':') === (family === 6));
    return word.verdict({ ...flow, src: src ?? '' }).egress?.allowed === true ? 'passes' : 'drops';
  }

  /** The cluster's own word, with nothing in the cluster but this pod and the repeated tiers. */
  #wordOn(pod: Thing, names: readonly string[]): { readonly word: ClusterWord; readonly isSelected: boolean } {
    const known = this.#words.get(pod);
    if (known !== undefined) return known;
    const kept = this.#things.filter((thing) => {
      const tier = tierOf(thing);
      return tier === undefined ? thing === pod || SURROUNDINGS.includes(thing.kind) : names.includes(tier);
    });
    const word = this.#ask(kept as unknown as PlainObject[]);
    const id = `pod:${pod.metadata.namespace}/${pod.metadata.name}`;
    // Staged policies are listed where they would stand, and decide nothing.
    const decides = (policy: string): boolean => !policy.startsWith('Staged');
    const isSelected = word
      .endpoints()
      .some((endpoint) => endpoint.id === id && endpoint.tiers.some(({ egress }) => egress.some(decides)));
    const asked = { word, isSelected };
    this.#words.set(pod, asked);
    return asked;
  }

  #isAccepted({ spec, metadata }: Thing): boolean {
    const labels = this.#namespaceLabels(metadata.namespace ?? '');
    const entries = (this.#firewall.spec.accepts ?? []).filter((entry) => holds(entry.namespaces, labels));
    return (
      entries.length > 0 &&
      (spec.egress ?? []).every((rule) => entries.some((entry) => this.#isWithin(rule, entry, metadata.namespace)))
    );
  }

  #isWithin(rule: OutsideRule, entry: Acceptance, namespace: string | undefined): boolean {
    if (entry.actions !== undefined && !entry.actions.includes(rule.action)) return false;
    const { destinations } = entry;
    if (destinations === undefined) return true;
    const nets =
      rule.nets ??
      (rule.selector === undefined
        ? undefined
        : this.#setsOf(rule.selector, namespace).flatMap(({ spec }) => spec.nets));
    return nets?.every((net) => destinations.some((wide) => within(net, wide))) ?? false;
  }

  /** Decision 8: the cluster's network sets, and for a BorderPolicy those of its own namespace. */
  #setsOf(selector: string, namespace: string | undefined): readonly Thing[] {
    const own = this.#of('NetworkSet').filter(({ metadata }) => metadata.namespace === namespace);
    return [...this.#of('GlobalNetworkSet'), ...own].filter(({ metadata }) => {
      const labels = new Map(Object.entries(metadata.labels ?? {}));
      return holds(selector, labels);
    });
  }

  #matches(rule: OutsideRule, flow: PlainFlow, namespace: string | undefined): boolean {
    const family = flow.dst.includes(':') ? 6 : 4;
    const number = NUMBERS[String(flow.proto)] ?? Number(flow.proto);
    if (rule.ipVersion !== undefined && rule.ipVersion !== family) return false;
    if (rule.protocol === 'ICMP' && family === 6) return false;
    if (rule.protocol === 'ICMPv6' && family === 4) return false;
    if (rule.protocol !== undefined && NUMBERS[rule.protocol] !== number) return false;
    if (rule.notProtocol !== undefined && NUMBERS[rule.notProtocol] === number) return false;
    if (rule.icmp !== undefined && rule.icmp.type !== flow.icmpType) return false;
    if (rule.ports !== undefined && !rule.ports.some((each) => hasPort(each, flow.dport))) return false;
    if (rule.notPorts?.some((each) => hasPort(each, flow.dport))) return false;
    if (rule.nets !== undefined && !inAny(flow.dst, rule.nets)) return false;
    if (rule.notNets !== undefined && inAny(flow.dst, rule.notNets)) return false;
    return (
      rule.selector === undefined ||
      this.#setsOf(rule.selector, namespace).some(({ spec }) => inAny(flow.dst, spec.nets))
    );
  }

  /** Design 8.9. */
  #translate(flow: PlainFlow, senders: readonly Thing[], blind: boolean): SlowFate {
    const sorted = this.#of('SourceNAT')
      .filter(({ spec }) => spec.firewalls === undefined || spec.firewalls.includes(this.#firewall.metadata.name))
      .toSorted(
        (a, b) =>
          compare(a.spec.order ?? Infinity, b.spec.order ?? Infinity) || compare(a.metadata.name, b.metadata.name),
      );
    for (const { spec, metadata } of sorted) {
      const selected = senders.filter((pod) => this.#selects(pod, spec.namespaceSelector, spec.selector));
      if (selected.length === 0) continue;
      if (blind && selected.length < senders.length) continue;
      const { nets, protocol, ports } = spec.destination;
      if (!inAny(flow.dst, nets)) continue;
      if (protocol !== undefined && NUMBERS[protocol] !== (NUMBERS[String(flow.proto)] ?? Number(flow.proto))) continue;
      if (ports !== undefined && !ports.some((each) => hasPort(each, flow.dport))) continue;
      const usable = this.#usable(spec, flow.src.includes(':') ? 6 : 4);
      if (usable === 'other family') {
        if (spec.otherFamily !== 'Drop') continue;
        return { passes: false, why: `${metadata.name} drops the other family` };
      }
      if (!blind && selected.length < senders.length) return { passes: false, why: `${metadata.name}: two owners` };
      if (usable === 'none') return { passes: true, why: metadata.name, from: [flow.src] };
      if (usable.length === 0) return { passes: false, why: `${metadata.name} has no address` };
      return { passes: true, why: metadata.name, from: usable };
    }
    return { passes: true, why: 'not translated', from: [flow.src] };
  }

  #usable(spec: Thing['spec'], family: 4 | 6): readonly string[] | 'none' | 'other family' {
    const { address, addresses, none } = spec.translate;
    if (none === true) return 'none';
    const all = (addresses ?? (address === undefined ? [] : [address])).filter(
      (ip) => ip.includes(':') === (family === 6),
    );
    if (all.length === 0) return 'other family';
    const pods = this.#of('Pod')
      .filter(({ spec: own, status }) => !own.hostNetwork && !['Succeeded', 'Failed'].includes(status.phase))
      .flatMap((pod) => this.#believed(pod));
    return all.filter((ip) => !this.#isInside(ip) && !pods.includes(ip));
  }
}

/** Semantics 9; `undefined` for what is no policy of the cluster that is enforced. */
function tierOf({ kind, spec }: Thing): string | undefined {
  switch (kind) {
    case 'GlobalNetworkPolicy':
    case 'NetworkPolicy':
      return spec.tier ?? 'default';
    case 'ClusterNetworkPolicy':
      return spec.tier === 'Admin' ? 'kube-admin' : 'kube-baseline';
    case 'AdminNetworkPolicy':
    case 'BaselineAdminNetworkPolicy':
      return kind.toLowerCase();
    default:
      return undefined;
  }
}

function compare<T extends string | number>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function cidrOf(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  return ipaddr.parseCIDR(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
}

function inAny(address: string, nets: readonly string[]): boolean {
  const parsed = ipaddr.parse(address);
  return nets.some((net) => {
    const [base, length] = cidrOf(net);
    return parsed.kind() === base.kind() && parsed.match(base, length);
  });
}

function within(net: string, wide: string): boolean {
  const [base, length] = cidrOf(net);
  return cidrOf(wide)[1] <= length && inAny(base.toString(), [wide]);
}

function hasPort(written: number | string, port: number | undefined): boolean {
  if (port === undefined) return false;
  const [low = 0, high = low] = String(written).split(':').map(Number);
  return port >= low && port <= high;
}
