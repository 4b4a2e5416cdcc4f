import fc from 'fast-check';
import { SallyportError } from '../../src/base/error.ts';
import {
  type Delta,
  type EndpointPort,
  type IndexedEndpoint,
  type LabelIndex,
  type PortOfSet,
} from '../../src/engine/label-index/label-index.ts';
import { PrefixSet } from '../../src/ip/prefix-set.ts';
import type { Labels } from '../../src/selector/selector.ts';

/** The label index by brute force, random operations on both, and a reader of deltas. */

type Effective = ReadonlyMap<string, string>;

/** Selectors with their truth written by hand. */
const SELECTORS = new Map<string, (labels: Effective) => boolean>([
  ["app == 'a'", (labels) => labels.get('app') === 'a'],
  [
    "app in {'a', 'b'} && tier == 'x'",
    (labels) => ['a', 'b'].includes(labels.get('app') ?? '-') && labels.get('tier') === 'x',
  ],
  ["ns == 'n1' && app == 'b'", (labels) => labels.get('ns') === 'n1' && labels.get('app') === 'b'],
  ["ns == 'n1'", (labels) => labels.get('ns') === 'n1'],
  ['has(env)', (labels) => labels.has('env')],
  ['has(env) && has(tier)', (labels) => labels.has('env') && labels.has('tier')],
  ['!has(tier)', (labels) => !labels.has('tier')],
  ["tier != 'x'", (labels) => labels.get('tier') !== 'x'],
  [
    "env not in {'p', 'q'} || app == 'a'",
    (labels) => !['p', 'q'].includes(labels.get('env') ?? '-') || labels.get('app') === 'a',
  ],
  [
    "app starts with 'a' || env contains 'p' || tier ends with 'y'",
    (labels) =>
      labels.get('app')?.[0] === 'a' || (labels.get('env') ?? '').includes('p') || labels.get('tier')?.at(-1) === 'y',
  ],
  [
    "app == 'a' || app == 'b' && !(tier == 'x')",
    (labels) => labels.get('app') === 'a' || (labels.get('app') === 'b' && labels.get('tier') !== 'x'),
  ],
  ["__proto__ == ''", (labels) => labels.get('__proto__') === ''],
  ["app == 'a' && app == 'b'", () => false],
  ['all()', () => true],
  ['', () => true],
]);

interface ModelEndpoint extends IndexedEndpoint {
  readonly nets: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
}

/** What was set, and everything that follows from it, computed from scratch each time. */
export class SlowLabelIndex {
  readonly endpoints = new Map<string, ModelEndpoint>();
  readonly parents = new Map<string, ReadonlyMap<string, string>>();
  readonly selectors = new Map<string, { readonly text: string; readonly port: PortOfSet | undefined }>();

  matching(id: string): string[] {
    const endpoint = this.endpoints.get(id);
    if (endpoint === undefined) return [];
    const labels = new Map(endpoint.labels);
    for (const parent of endpoint.parents)
      for (const [name, value] of this.parents.get(parent) ?? []) if (!labels.has(name)) labels.set(name, value);
    return [...this.selectors]
      .filter(([, { text }]) => SELECTORS.get(text)?.(labels))
      .map(([name]) => name)
      .sort();
  }

  members(set: string): string[] {
    const port = this.selectors.get(set)?.port;
    const members = new Set<string>();
    for (const [id, { nets, ports }] of this.endpoints) {
      if (!this.matching(id).includes(set)) continue;
      for (const net of nets.flatMap((text) => CANONICAL[text] ?? [])) {
        if (port === undefined) members.add(net);
        for (const { name, proto, port: number } of ports) {
          const protocol = proto.toLowerCase();
          if (name !== port?.namedPort || !(port.namedPortProtocol === 'any' || port.namedPortProtocol === protocol))
            continue;
          members.add(`${net.slice(0, net.indexOf('/'))},${protocol}:${number}`);
        }
      }
    }
    return [...members].sort();
  }

  /** Members that no other one of their set covers. */
  shown(set: string): string[] {
    const members = this.members(set);
    const covers = (a: string, b: string): boolean =>
      a !== b && !a.includes(',') && !b.includes(',') && PrefixSet.parse([a]).covers(PrefixSet.parse([b]));
    return members.filter((member) => !members.some((other) => covers(other, member)));
  }
}

export const CANONICAL: Readonly<Record<string, readonly string[]>> = {
  '10.0.0.1': ['10.0.0.1/32'],
  '10.0.0.1/32': ['10.0.0.1/32'],
  '10.0.0.2': ['10.0.0.2/32'],
  '10.0.0.2/31': ['10.0.0.2/31'],
  '10.0.0.7/24': ['10.0.0.0/24'],
  '10.0.0.0/31': ['10.0.0.0/31'],
  '10.0.0.0/8': ['10.0.0.0/8'],
  '0.0.0.0/0': ['0.0.0.0/1', '128.0.0.0/1'],
  '::/0': ['::/1', '8000::/1'],
  'FD00::0001': ['fd00::1/128'],
  'fd00::1': ['fd00::1/128'],
  '0000:0000:0000:0000:0000:0000:0000:0000': ['::/128'],
  '2001:DB8:0:0:1:0:0:1': ['2001:db8::1:0:0:1/128'],
  'fd00::ffff/64': ['fd00::/64'],
  'fd00::/64': ['fd00::/64'],
  'fd00::/32': ['fd00::/32'],
};

/** Nets, and a text that makes the whole call fail. */
const BROKEN_NETS = ['10.0.0', '10.0.0.1/33', '010.0.0.1', 'fd00::1/129', '::ffff:10.0.0.1', ''];
const BROKEN_SELECTORS = ["app = 'a'", 'has(app', "app == 'a' &&", "app == 'a'\n"];

export type Operation =
  | { readonly kind: 'refusedEndpoint'; readonly id: string; readonly endpoint: ModelEndpoint; readonly broken: string }
  | {
      readonly kind: 'refusedSelector';
      readonly id: string;
      readonly text: string;
      readonly port: PortOfSet | undefined;
    }
  | { readonly kind: 'setEndpoint'; readonly id: string; readonly endpoint: ModelEndpoint }
  | { readonly kind: 'setParent'; readonly id: string; readonly labels: ReadonlyMap<string, string> }
  | { readonly kind: 'setSelector'; readonly id: string; readonly text: string; readonly port: PortOfSet | undefined }
  | { readonly kind: 'deleteEndpoint' | 'deleteParent' | 'deleteSelector'; readonly id: string };

const labels = fc
  .array(
    fc.oneof(
      fc.tuple(fc.constant('app'), fc.constantFrom('a', 'b', 'ab')),
      fc.tuple(fc.constant('tier'), fc.constantFrom('x', 'y', '')),
      fc.tuple(fc.constant('env'), fc.constantFrom('p', 'q')),
      fc.tuple(fc.constant('ns'), fc.constantFrom('n1', 'n2')),
      fc.tuple(fc.constantFrom('__proto__', 'unmentioned'), fc.constantFrom('', 'z')),
    ),
    { maxLength: 4 },
  )
  .map((pairs) => new Map(pairs));
const port = fc.record<EndpointPort>({
  name: fc.constantFrom('http', 'dns'),
  proto: fc.constantFrom('tcp', 'TCP', 'Tcp', 'udp', 'SCTP'),
  port: fc.constantFrom(80, 81, 53),
});
const endpoint = fc.record<ModelEndpoint>({
  labels,
  nets: fc.oneof(
    fc.array(fc.constantFrom(...Object.keys(CANONICAL)), { maxLength: 4 }),
    // Few, so that endpoints share them, and repeat them in other spellings.
    fc.array(fc.constantFrom('10.0.0.1', '10.0.0.1/32', '10.0.0.2'), { maxLength: 3 }),
  ),
  ports: fc.array(port, { maxLength: 3 }),
  parents: fc.array(fc.constantFrom('p1', 'p2', 'p3'), { maxLength: 3 }),
});
const portOfSet = fc.option(
  fc.record<PortOfSet>({
    namedPort: fc.constantFrom('http', 'dns'),
    namedPortProtocol: fc.constantFrom('tcp', 'udp', 'sctp', 'any'),
  }),
  { nil: undefined, freq: 2 },
);
const endpointId = fc.constantFrom('e1', 'e2', 'e3', 'e4', 'e5');
const parentId = fc.constantFrom('p1', 'p2', 'p3');
const selectorId = fc.constantFrom('s1', 's2', 's3', 's4');
const text = fc.oneof(
  fc.constantFrom(...SELECTORS.keys()),
  // Few that match often, so that what else changes at the same time is met.
  fc.constantFrom("app == 'a'", 'has(env)', 'has(env) && has(tier)', '!has(tier)'),
);
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('setEndpoint'), id: endpointId, endpoint }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('setParent'), id: parentId, labels }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('setSelector'), id: selectorId, text, port: portOfSet }) },
  fc.record({
    kind: fc.constant('refusedEndpoint'),
    id: endpointId,
    endpoint,
    broken: fc.constantFrom(...BROKEN_NETS),
  }),
  fc.record({
    kind: fc.constant('refusedSelector'),
    id: selectorId,
    text: fc.constantFrom(...BROKEN_SELECTORS),
    port: portOfSet,
  }),
  fc.record({ kind: fc.constant('deleteEndpoint'), id: endpointId }),
  fc.record({ kind: fc.constant('deleteParent'), id: parentId }),
  fc.record({ kind: fc.constant('deleteSelector'), id: selectorId }),
);

/** Does the operation to both; what is refused is done to neither. */
export function perform(index: LabelIndex, model: SlowLabelIndex, next: Operation): Delta {
  switch (next.kind) {
    case 'refusedEndpoint': {
      const { endpoint, broken } = next;
      return refused(() => index.setEndpoint(next.id, { ...endpoint, nets: [...endpoint.nets, broken] }));
    }
    case 'refusedSelector':
      return refused(() => index.setSelector(next.id, next.text, next.port));
    case 'setEndpoint':
      model.endpoints.set(next.id, next.endpoint);
      return index.setEndpoint(next.id, { ...next.endpoint, labels: inEitherForm(next.endpoint.labels) });
    case 'setParent':
      model.parents.set(next.id, next.labels);
      return index.setParent(next.id, inEitherForm(next.labels));
    case 'setSelector':
      model.selectors.set(next.id, { text: next.text, port: next.port });
      return index.setSelector(next.id, next.text, next.port);
    case 'deleteEndpoint':
      model.endpoints.delete(next.id);
      return index.deleteEndpoint(next.id);
    case 'deleteParent':
      model.parents.delete(next.id);
      return index.deleteParent(next.id);
    default:
      model.selectors.delete(next.id);
      return index.deleteSelector(next.id);
  }
}

function refused(call: () => Delta): Delta {
  try {
    call();
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'LABEL_INDEX_INPUT')
      return { added: [], removed: [], changed: [] };
    throw error;
  }
  throw new Error('was not refused');
}

/** Labels of an even number as a plain object. */
function inEitherForm(map: ReadonlyMap<string, string>): Labels {
  return map.size % 2 === 0 ? (Object.fromEntries(map) as Labels) : map;
}

/** The members that a reader of the deltas holds. Refuses a delta that is not a net change. */
export class DeltaReader {
  readonly sets = new Map<string, Set<string>>();

  apply(delta: Delta, deleted: string | undefined): void {
    for (const { set, member } of delta.removed) {
      if (set === deleted || this.sets.get(set)?.delete(member) !== true)
        throw new Error(`removed ${member} from ${set}`);
    }
    for (const { set, member } of delta.added) {
      const members = this.sets.get(set) ?? new Set();
      this.sets.set(set, members);
      if (set === deleted || members.has(member)) throw new Error(`added ${member} to ${set} again`);
      if (delta.removed.some((other) => other.set === set && other.member === member)) throw new Error('not net');
      members.add(member);
    }
    if (deleted !== undefined) this.sets.delete(deleted);
  }

  list(set: string): string[] {
    return [...(this.sets.get(set) ?? [])].sort();
  }
}
