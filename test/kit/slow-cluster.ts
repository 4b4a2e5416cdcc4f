import type {
  PlainEntity,
  PlainFlow,
  PlainHop,
  PlainKubernetesRule,
  PlainObject,
  PlainPeer,
  PlainRule,
  PlainSelector,
} from './plain-objects.ts';
import { type Item, type Labels, familyOf, inNet, itemsOf, numberOf, of, plain, sameAddress } from './slow-items.ts';
import { holds } from './slow-selector.ts';

// An evaluator of cluster policy written from the reference alone (policy semantics 2, 3, 5, 6, 8, 10), on plain API objects, one flow at
// a time and without any index: slow and obvious, to check the engine against. Kubernetes policies are judged by their own API's words.

export class SlowCluster {
  readonly #objects: readonly PlainObject[];
  readonly #items: readonly Item[];

  constructor(objects: readonly PlainObject[]) {
    this.#objects = objects;
    this.#items = itemsOf(objects);
  }

  verdict(flow: PlainFlow): { allowed: boolean; egress?: PlainHop; ingress?: PlainHop } {
    const egress = this.#strictest('egress', flow, flow.src);
    const ingress = this.#strictest('ingress', flow, flow.dst);
    return {
      allowed: (egress?.allowed ?? true) && (ingress?.allowed ?? true),
      ...(egress === undefined ? {} : { egress }),
      ...(ingress === undefined ? {} : { ingress }),
    };
  }

  endpoints(): { id: string; ips: string[]; policies: Record<'ingress' | 'egress', string[]> }[] {
    return this.#items
      .filter(({ isEndpoint }) => isEndpoint)
      .map((item) => ({
        id: item.id,
        ips: item.addresses,
        policies: {
          ingress: this.#tiers(item, 'ingress').flatMap(({ policies }) => policies.map((policy) => this.#id(policy))),
          egress: this.#tiers(item, 'egress').flatMap(({ policies }) => policies.map((policy) => this.#id(policy))),
        },
      }));
  }

  #strictest(direction: 'ingress' | 'egress', flow: PlainFlow, address: string): PlainHop | undefined {
    const hops = this.#items
      .filter(({ isEndpoint, addresses }) => isEndpoint && addresses.some((own) => sameAddress(own, address)))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map((item) => this.#hop(direction, item, flow));
    return hops.find(({ allowed }) => !allowed) ?? hops[0];
  }

  /** 6.3 */
  #hop(direction: 'ingress' | 'egress', item: Item, flow: PlainFlow): PlainHop {
    const passes: string[] = [];
    const done = (allowed: boolean, reason: string, more: object): PlainHop => ({
      endpoint: item.id,
      allowed,
      reason,
      ...more,
      ...(passes.length > 0 ? { passes } : {}),
    });
    tiers: for (const { name, action, policies } of this.#tiers(item, direction)) {
      for (const policy of policies) {
        const policyId = this.#id(policy);
        for (const rule of this.#rules(policy, direction)) {
          if (!rule.matches(flow)) continue;
          if (rule.action === 'Log') continue;
          if (rule.action === 'Pass') {
            passes.push(`${name}:${policyId}#${rule.index}`);
            continue tiers;
          }
          return done(rule.action === 'Allow', 'rule', { tier: name, policy: policyId, rule: rule.index });
        }
      }
      if (action !== 'Pass') return done(false, 'tier-default', { tier: name });
      passes.push(`${name}:default`);
    }
    for (const profile of item.profiles) {
      const allows =
        profile === 'projectcalico-default-allow' ||
        of(this.#objects, 'Namespace').some(({ metadata }) => profile === `kns.${metadata.name}`);
      if (allows) return done(true, 'profile', { policy: `Profile/${profile}`, rule: 0 });
    }
    return done(false, 'no-profile-match', {});
  }

  /** 6.1 and 6.2 */
  #tiers(item: Item, direction: 'ingress' | 'egress'): { name: string; action: string; policies: PlainObject[] }[] {
    const policies = of(this.#objects, 'NetworkPolicy', 'GlobalNetworkPolicy').filter(
      (policy) =>
        this.#applies(policy, item) && this.#types(policy).includes(direction) && policy.spec?.['doNotTrack'] !== true,
    );
    const written = of(this.#objects, 'Tier').map(({ metadata, spec }) => ({
      name: metadata.name,
      order: (spec?.['order'] as number | undefined) ?? Infinity,
      action: spec?.['defaultAction'] === 'Pass' ? 'Pass' : 'Deny',
      exists: 0,
    }));
    const known = [
      { name: 'kube-admin', order: 1000, action: 'Pass', exists: 0 },
      { name: 'default', order: 1_000_000, action: 'Deny', exists: 0 },
      { name: 'kube-baseline', order: 10_000_000, action: 'Pass', exists: 0 },
      ...written,
    ];
    const missing = [...new Set(policies.map((policy) => tierOf(policy)))]
      .filter((name) => known.every((tier) => tier.name !== name))
      .map((name) => ({ name, order: Infinity, action: 'Deny', exists: 1 }));
    return [...known, ...missing]
      .sort((a, b) => a.exists - b.exists || order(a.order, b.order) || bytes(a.name, b.name))
      .map(({ name, action }) => ({
        name,
        action,
        policies: policies
          .filter((policy) => tierOf(policy) === name)
          .sort(
            (a, b) =>
              order(orderOf(a), orderOf(b)) ||
              bytes(
                `${a.metadata.name}/${a.metadata.namespace ?? ''}/${kindOf(a)}`,
                `${b.metadata.name}/${b.metadata.namespace ?? ''}/${kindOf(b)}`,
              ),
          ),
      }))
      .filter((tier) => tier.policies.length > 0);
  }

  #types(policy: PlainObject): string[] {
    const { spec = {} } = policy;
    const egress = ((spec['egress'] ?? []) as unknown[]).length > 0;
    const ingress = ((spec['ingress'] ?? []) as unknown[]).length > 0;
    const types = (isKubernetes(policy) ? spec['policyTypes'] : spec['types']) as string[] | undefined;
    if (types !== undefined && types.length > 0) return types.map((type) => type.toLowerCase());
    if (isKubernetes(policy)) return egress ? ['ingress', 'egress'] : ['ingress'];
    if (!egress) return ['ingress'];
    return ingress ? ['ingress', 'egress'] : ['egress'];
  }

  /** 3.1, and 8.1 for Kubernetes' own */
  #applies(policy: PlainObject, item: Item): boolean {
    const { spec = {} } = policy;
    const { namespace } = policy.metadata;
    if (isKubernetes(policy))
      return (
        item.labels.get('projectcalico.org/orchestrator') === 'k8s' &&
        item.labels.get('projectcalico.org/namespace') === namespace &&
        selects((spec['podSelector'] ?? {}) as PlainSelector, '', item.labels)
      );
    const hasNamespace = item.labels.has('projectcalico.org/namespace');
    const hasAccount = item.labels.has('projectcalico.org/serviceaccount');
    const own = (spec['selector'] ?? '') as string;
    const namespaces = (spec['namespaceSelector'] ?? '') as string;
    const accounts = (spec['serviceAccountSelector'] ?? '') as string;
    const at = (prefix: string, all: boolean) => ({
      label: (name: string) => item.labels.get(prefix + name),
      all,
      global: true,
    });
    if (namespace !== undefined)
      return (
        item.labels.get('projectcalico.org/namespace') === namespace &&
        holds(own, at('', true)) &&
        (accounts === '' || holds(accounts, at('pcsa.', true)))
      );
    const ownAll = namespaces !== '' ? hasNamespace : accounts !== '' ? hasAccount : true;
    return (
      (own === '' || holds(own, at('', ownAll))) &&
      (namespaces === '' || holds(namespaces, at('pcns.', hasNamespace))) &&
      (accounts === '' || holds(accounts, at('pcsa.', hasAccount)))
    );
  }

  #rules(
    policy: PlainObject,
    direction: 'ingress' | 'egress',
  ): { action: string; index: number; matches(flow: PlainFlow): boolean }[] {
    const namespace = policy.metadata.namespace ?? '';
    const written = (policy.spec?.[direction] ?? []) as unknown[];
    if (!isKubernetes(policy))
      return (written as PlainRule[]).map((rule, index) => ({
        action: rule.action,
        index,
        matches: (flow) => this.#matches(rule, namespace, flow),
      }));
    let index = 0;
    return (written as PlainKubernetesRule[]).flatMap((rule) => {
      const peers = (direction === 'ingress' ? rule.from : rule.to) ?? [];
      const ports = rule.ports ?? [];
      const protocols: (string | undefined)[] =
        ports.length === 0 ? [undefined] : [...new Set(ports.map(({ protocol = 'TCP' }) => protocol))].sort();
      return protocols.flatMap((protocol) =>
        (peers.length === 0 ? [undefined] : peers).map((peer) => ({
          action: 'Allow',
          index: index++,
          matches: (flow: PlainFlow) =>
            (protocol === undefined ||
              (numberOf(protocol) === numberOf(flow.proto) &&
                ports.some((port) => (port.protocol ?? 'TCP') === protocol && this.#kubernetesPort(port, flow)))) &&
            (peer === undefined ||
              this.#kubernetesPeer(peer, namespace, direction === 'ingress' ? flow.src : flow.dst)),
        })),
      );
    });
  }

  #kubernetesPort(port: NonNullable<PlainKubernetesRule['ports']>[number], flow: PlainFlow): boolean {
    const number = flow.dport ?? 0;
    if (port.port === undefined) return true;
    if (typeof port.port === 'number') return number >= port.port && number <= (port.endPort ?? port.port);
    return this.#at(flow.dst).some((item) =>
      item.ports.some(
        (named) => named.name === port.port && named.protocol === numberOf(flow.proto) && named.port === number,
      ),
    );
  }

  #kubernetesPeer(peer: PlainPeer, namespace: string, address: string): boolean {
    if (peer.ipBlock !== undefined)
      return inNet(address, peer.ipBlock.cidr) && !(peer.ipBlock.except ?? []).some((except) => inNet(address, except));
    return this.#at(address).some(
      ({ labels }) =>
        labels.get('projectcalico.org/orchestrator') === 'k8s' &&
        selects(peer.podSelector ?? {}, '', labels) &&
        (peer.namespaceSelector === undefined
          ? labels.get('projectcalico.org/namespace') === namespace
          : selects(peer.namespaceSelector, 'pcns.', labels)),
    );
  }

  #at(address: string): Item[] {
    return this.#items.filter(
      ({ addresses, nets }) =>
        addresses.some((own) => sameAddress(own, address)) || nets.some((net) => inNet(address, net)),
    );
  }

  /** 5 */
  #matches(rule: PlainRule, namespace: string, flow: PlainFlow): boolean {
    const family = familyOf(flow.src);
    const protocol = numberOf(flow.proto);
    const implied = { icmp: 4, icmpv6: 6 }[String(rule.protocol).toLowerCase()];
    if ((rule.ipVersion ?? implied ?? family) !== family) return false;
    if (rule.protocol !== undefined && numberOf(rule.protocol) !== protocol) return false;
    if (rule.notProtocol !== undefined && numberOf(rule.notProtocol) === protocol) return false;
    const isIcmp = protocol === (family === 4 ? 1 : 58);
    const icmp = (match: { type: number; code?: number }): boolean =>
      isIcmp && flow.icmpType === match.type && (match.code === undefined || match.code === flow.icmpCode);
    if (rule.icmp !== undefined && !icmp(rule.icmp)) return false;
    if (rule.notICMP !== undefined && icmp(rule.notICMP)) return false;
    return (
      this.#side(rule.source ?? {}, namespace, flow, flow.src, flow.sport ?? 0) &&
      this.#side(rule.destination ?? {}, namespace, flow, flow.dst, flow.dport ?? 0)
    );
  }

  /** 3.2, 3.3, 4.6, 5.1 to 5.4 */
  #side(side: PlainEntity, namespace: string, flow: PlainFlow, address: string, port: number): boolean {
    const ofFamily = (nets: string[]): string[] => nets.filter((net) => familyOf(net) === familyOf(address));
    for (const list of [side.nets, side.notNets])
      if (list !== undefined && list.length > 0 && ofFamily(list).length === 0) return false;
    if (side.nets !== undefined && side.nets.length > 0 && !side.nets.some((net) => inNet(address, net))) return false;
    if ((side.notNets ?? []).some((net) => inNet(address, net))) return false;

    const word = { all: true, global: true };
    const not = (item: Item): boolean =>
      holds(side.notSelector ?? '', { label: (name) => item.labels.get(name), ...word });
    const accounts = side.serviceAccounts;
    const namesAccounts =
      accounts !== undefined && ((accounts.names ?? []).length > 0 || accounts.selector !== undefined);
    const some =
      side.selector !== undefined ||
      namesAccounts ||
      side.notSelector !== undefined ||
      side.namespaceSelector !== undefined;
    const positive =
      side.selector !== undefined ||
      namesAccounts ||
      side.namespaceSelector !== undefined ||
      (some && namespace !== '');
    const inside = (item: Item): boolean => {
      const hasNamespace = item.labels.has('projectcalico.org/namespace');
      if (side.namespaceSelector !== undefined) {
        const context = {
          label: (name: string) => item.labels.get(`pcns.${name}`),
          all: hasNamespace,
          global: !hasNamespace,
        };
        if (!holds(side.namespaceSelector, context)) return false;
      } else if (namespace !== '' && item.labels.get('projectcalico.org/namespace') !== namespace) return false;
      if (
        accounts?.selector !== undefined &&
        !holds(accounts.selector, { label: (name) => item.labels.get(`pcsa.${name}`), ...word })
      )
        return false;
      const name = item.labels.get('projectcalico.org/serviceaccount');
      if ((accounts?.names ?? []).length > 0 && (name === undefined || !accounts?.names?.includes(name))) return false;
      if (side.selector !== undefined && !holds(side.selector, { label: (key) => item.labels.get(key), ...word }))
        return false;
      return side.notSelector === undefined || !not(item);
    };
    const here = this.#at(address);
    if (positive && !here.some(inside)) return false;
    if (!positive && side.notSelector !== undefined && here.some(not)) return false;

    const listed = (list: (number | string)[]): boolean =>
      list.some((entry) => {
        if (typeof entry === 'number') return entry === port;
        const range = /^(\d+):(\d+)$/.exec(entry);
        if (range !== null) return port >= Number(range[1]) && port <= Number(range[2]);
        return here.some(
          (item) =>
            (!positive || inside(item)) &&
            item.ports.some(
              (named) => named.name === entry && named.port === port && named.protocol === numberOf(flow.proto),
            ),
        );
      });
    const hasPorts = [6, 17, 132].includes(numberOf(flow.proto));
    if (side.ports !== undefined && side.ports.length > 0 && !(hasPorts && listed(side.ports))) return false;
    return !(hasPorts && side.notPorts !== undefined && listed(side.notPorts));
  }

  #id(policy: PlainObject): string {
    const { namespace, name } = policy.metadata;
    return namespace === undefined ? `${kindOf(policy)}/${name}` : `${kindOf(policy)}/${namespace}/${name}`;
  }
}

function isKubernetes(policy: PlainObject): boolean {
  return policy.apiVersion === 'networking.k8s.io/v1';
}

function kindOf(policy: PlainObject): string {
  return isKubernetes(policy) ? 'KubernetesNetworkPolicy' : policy.kind;
}

function tierOf(policy: PlainObject): string {
  return isKubernetes(policy) ? 'default' : ((policy.spec?.['tier'] as string | undefined) ?? 'default');
}

function orderOf(policy: PlainObject): number {
  return isKubernetes(policy) ? 1000 : ((policy.spec?.['order'] as number | undefined) ?? Infinity);
}

function order(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function bytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** 8.1.6 */
function selects(selector: PlainSelector, prefix: string, labels: Labels): boolean {
  if (prefix !== '' && plain(selector.matchLabels).length + (selector.matchExpressions ?? []).length === 0)
    return labels.has('projectcalico.org/namespace');
  return (
    plain(selector.matchLabels).every(([key, value]) => labels.get(prefix + key) === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels.get(prefix + key);
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const found = value !== undefined && values.includes(value);
      return operator === 'In' ? found : !found;
    })
  );
}
