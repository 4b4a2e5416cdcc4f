import { parseAddress, parseNetmask, parseRange, type Span } from './addresses.ts';
import type { Knowledge, Membership } from './membership.ts';
import { sourcesOf } from './translation.ts';
import { child, type Element, members, textOf } from './xml.ts';

/** The first packet of a connection. */
export interface Flow {
  readonly source: string;
  readonly destination: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp' | 'icmp6' | number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Zones by which it comes and goes. */
  readonly from: string;
  readonly to: string;
  /** What App-ID would call it; absent: not known, and rules that ask for it may match or not. */
  readonly application?: string;
}

export interface Passage {
  readonly verdict: 'pass' | 'stop' | 'unknown';
  /** Who decides: a rule's name, or `intrazone-default` or `interzone-default`. */
  readonly rule: string;
  readonly action: string;
  /** Rules that may match or not, before the one that decides. */
  readonly doubtful: readonly string[];
  /** What the source becomes; `undefined`: it stays. */
  readonly translation: Translation | undefined;
}

export interface Translation {
  readonly rule: string;
  /** Addresses of which one is taken, or `interface NAME`. */
  readonly sources: readonly string[];
}

/** The rules that a firewall asks, in their order, and who belongs to what. */
export interface Policy {
  readonly security: readonly Element[];
  readonly nat: readonly Element[];
  readonly membership: Membership;
  /** The device's serial, for rules that are meant for some devices only. */
  readonly serial: string;
}

const no = (of: Knowledge): Knowledge => (of === 'yes' ? 'no' : of === 'no' ? 'yes' : 'unknown');

/** All must be so. */
function all(parts: Iterable<Knowledge>): Knowledge {
  let found: Knowledge = 'yes';
  for (const one of parts) {
    if (one === 'no') return 'no';
    if (one === 'unknown') found = 'unknown';
  }
  return found;
}

function any(parts: Iterable<Knowledge>): Knowledge {
  let found: Knowledge = 'no';
  for (const one of parts) {
    if (one === 'yes') return 'yes';
    if (one === 'unknown') found = 'unknown';
  }
  return found;
}

const known = (so: boolean): Knowledge => (so ? 'yes' : 'no');

/** Whether a flow passes, by which rule, and translated to what. Security rules see the addresses before translation. */
export function judge(policy: Policy, flow: Flow): Passage {
  const asked = new Question(policy, flow);
  const doubtful: string[] = [];
  const actions = new Set<boolean>();
  for (const rule of policy.security) {
    const matches = asked.security(rule);
    if (matches === 'no') continue;
    const action = textOf(rule, 'action') ?? 'deny';
    actions.add(action === 'allow');
    if (matches === 'yes') return asked.answer(rule.attributes.get('name') ?? '', action, actions, doubtful);
    doubtful.push(rule.attributes.get('name') ?? '');
  }
  const inside = flow.from === flow.to;
  actions.add(inside);
  return asked.answer(inside ? 'intrazone-default' : 'interzone-default', inside ? 'allow' : 'deny', actions, doubtful);
}

/** Services that every device has. */
const predefined: Readonly<Record<string, string>> = { 'service-http': '80,8080', 'service-https': '443' };

class Question {
  readonly #policy: Policy;
  readonly #flow: Flow;
  readonly #source: Span;
  readonly #destination: Span;

  constructor(policy: Policy, flow: Flow) {
    const source = parseAddress(flow.source);
    const destination = parseAddress(flow.destination);
    if (source === undefined || destination === undefined || source.family !== destination.family)
      throw new Error(`${flow.source} to ${flow.destination} is no flow`);
    this.#policy = policy;
    this.#flow = flow;
    this.#source = source;
    this.#destination = destination;
  }

  answer(rule: string, action: string, actions: ReadonlySet<boolean>, doubtful: readonly string[]): Passage {
    const verdict = actions.size > 1 ? 'unknown' : actions.has(true) ? 'pass' : 'stop';
    return { verdict, rule, action, doubtful, translation: verdict === 'stop' ? undefined : this.#translation() };
  }

  security(rule: Element): Knowledge {
    const { from, to } = this.#flow;
    const type = textOf(rule, 'rule-type') ?? 'universal';
    return all([
      this.#common(rule),
      known(type === 'universal' || (type === 'intrazone') === (from === to)),
      this.#zone(rule, 'to', to),
      this.#side(rule, 'source', this.#source),
      this.#side(rule, 'destination', this.#destination),
      this.#services(members(child(rule, 'service'))),
      this.#application(members(child(rule, 'application'))),
      child(rule, 'schedule') === undefined ? 'yes' : 'unknown',
      ...['source-user', 'category', 'source-hip', 'destination-hip'].map((name): Knowledge => {
        const listed = members(child(rule, name));
        return listed.length === 0 || listed.includes('any') ? 'yes' : 'unknown';
      }),
    ]);
  }

  /** What both kinds of rules ask first. */
  #common(rule: Element): Knowledge {
    const target = child(rule, 'target');
    const serials = child(target, 'devices')?.children.map((one) => one.attributes.get('name')) ?? [];
    const meant =
      serials.length === 0 || serials.includes(this.#policy.serial) !== (textOf(target, 'negate') === 'yes');
    return all([
      known(textOf(rule, 'disabled') !== 'yes'),
      known(meant),
      members(child(target, 'tags')).length > 0 ? 'unknown' : 'yes',
      this.#zone(rule, 'from', this.#flow.from),
    ]);
  }

  #zone(rule: Element, side: 'from' | 'to', zone: string): Knowledge {
    const listed = members(child(rule, side));
    return known(listed.includes('any') || listed.includes(zone));
  }

  #side(rule: Element, side: 'source' | 'destination', address: Span): Knowledge {
    const found = any(members(child(rule, side)).map((name) => this.#policy.membership.includes(name, address)));
    return textOf(rule, `negate-${side}`) === 'yes' ? no(found) : found;
  }

  #application(listed: readonly string[]): Knowledge {
    if (listed.includes('any')) return 'yes';
    return this.#flow.application === undefined ? 'unknown' : known(listed.includes(this.#flow.application));
  }

  #services(names: readonly string[], seen: ReadonlySet<string> = new Set()): Knowledge {
    return any(
      names.map((name): Knowledge => {
        if (name === 'any') return 'yes';
        if (name === 'application-default') return 'unknown';
        const found = this.#policy.membership.lookup(name, 'service', 'service-group');
        if (found === undefined) return this.#ports('tcp', predefined[name], undefined);
        if (found.folder === 'service-group') {
          if (seen.has(name)) return 'no';
          return this.#services(members(child(found.entry, 'members')), new Set([...seen, name]));
        }
        const transport = child(found.entry, 'protocol')?.children[0];
        return this.#ports(transport?.name ?? '', textOf(transport, 'port'), textOf(transport, 'source-port'));
      }),
    );
  }

  /** A service has ports: what has none is only ever meant by `any`. */
  #ports(protocol: string, destination: string | undefined, source: string | undefined): Knowledge {
    const { sourcePort, destinationPort } = this.#flow;
    if (this.#flow.protocol !== protocol || destination === undefined) return 'no';
    return all([inPorts(destination, destinationPort), source === undefined ? 'yes' : inPorts(source, sourcePort)]);
  }

  #translation(): Translation | undefined {
    for (const rule of this.#policy.nat) {
      const type = textOf(rule, 'nat-type') ?? 'ipv4';
      const listed = textOf(rule, 'service') ?? 'any';
      const matches = all([
        this.#common(rule),
        known((type === 'ipv4') === (this.#source.family === 4)),
        this.#zone(rule, 'to', this.#flow.to),
        child(rule, 'to-interface') === undefined ? 'yes' : 'unknown',
        this.#side(rule, 'source', this.#source),
        this.#side(rule, 'destination', this.#destination),
        this.#services([listed]),
      ]);
      if (matches === 'no') continue;
      const name = rule.attributes.get('name') ?? '';
      if (matches === 'unknown' || type !== 'ipv4') return { rule: name, sources: ['unknown'] };
      const how = child(rule, 'source-translation');
      if (how === undefined) return undefined;
      return { rule: name, sources: sourcesOf(how, this.#source, (one) => this.#spans(one)) };
    }
    return undefined;
  }

  /** The addresses that a name in a translation means. */
  #spans(name: string): readonly Span[] {
    const found = this.#policy.membership.lookup(name, 'address', 'address-group');
    if (found === undefined) {
      const literal = parseNetmask(name) ?? parseRange(name);
      return literal === undefined ? [] : [literal];
    }
    if (found.folder === 'address-group')
      return members(child(found.entry, 'static')).flatMap((one) => this.#spans(one));
    const text = textOf(found.entry, 'ip-netmask') ?? textOf(found.entry, 'ip-range') ?? '';
    const span = parseNetmask(text) ?? parseRange(text);
    return span === undefined ? [] : [span];
  }
}

function inPorts(listed: string, port: number | undefined): Knowledge {
  if (port === undefined) return 'unknown';
  return known(
    listed.split(',').some((part) => {
      const [low = 0, high = low] = part.split('-').map(Number);
      return low <= port && port <= high;
    }),
  );
}
