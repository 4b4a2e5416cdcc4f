import fc from 'fast-check';
import { BucketMap } from '../../src/base/bucket-map.ts';
import type {
  BorderRule,
  Class,
  Family,
  Group,
  Nat,
  NatTarget,
  Outside,
  Part,
  Ruleset,
  Stage,
} from '../../src/border/ruleset.ts';
import { PortSet } from '../../src/ip/port-set.ts';
import { PrefixSet } from '../../src/ip/prefix-set.ts';
import { universe } from './universe.ts';

/** What a draw may hold beyond the plain. */
export interface RulesetOptions {
  /** Rules with `domains`; devices that cannot say them refuse. Default false. */
  readonly domains?: boolean;
  /** Names and origins full of quotes, control characters and device syntax. Default false. */
  readonly hostile?: boolean;
  /** Default true. */
  readonly translations?: boolean;
  /** Default true. */
  readonly addressGroups?: boolean;
  readonly families?: readonly Family[];
  /** Rules name TCP, UDP or SCTP, or no protocol: what devices can say whose other protocols are applications. Default false. */
  readonly portsAlone?: boolean;
  /** Classes decide whatever is governed, and leave nothing to the rules of others. Default false. */
  readonly decided?: boolean;
  /** Families with translations. Default both. */
  readonly translated?: readonly Family[];
}

const HOSTILE = ['"; flush ruleset; #', "x' $(reboot) `id`", 'a\nb\tc\u0000d', '{ } ; \\ "', 'ü/☃/𝕏', '-'.repeat(300)];

function subset<T>(values: readonly T[], minLength = 0): fc.Arbitrary<readonly T[]> {
  return fc.subarray([...values], { minLength });
}

function prefixSet(family: Family): fc.Arbitrary<PrefixSet> {
  return subset<string>(universe.nets[family], 1).map((texts) => PrefixSet.parse(texts));
}

const portSet: fc.Arbitrary<PortSet> = subset(universe.ports).map((ranges) =>
  PortSet.of(...ranges.map((range) => [range[0], range[1] ?? range[0]] as const)),
);

function outside(family: Family, options: RulesetOptions): fc.Arbitrary<Outside> {
  return fc
    .record({
      nets: fc.option(prefixSet(family), { nil: undefined }),
      groups: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: subset(universe.groups[family]) },
      ),
      notGroups: fc.oneof(
        { weight: 4, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: subset(universe.groups[family]) },
      ),
      domains: options.domains === true ? subset(['bank.example', '*.shop.example']) : fc.constant([]),
    })
    .map(({ nets, ...rest }) => ({ ...rest, ...(nets === undefined ? {} : { nets }) }));
}

/** Protocol, ports and ICMP parts that make sense together. */
type Transport = Pick<BorderRule, 'protocol' | 'notProtocol' | 'icmp' | 'notIcmp' | 'ports' | 'sourcePorts'>;

function transport(family: Family, { portsAlone = false }: RulesetOptions): fc.Arbitrary<Transport> {
  const icmpMatch = fc.oneof(
    fc.constant({ type: family === 4 ? 8 : 128 }),
    fc.constant({ type: family === 4 ? 3 : 1, code: 4 }),
  );
  const icmpProtocol = family === 4 ? 1 : 58;
  const ported = [
    fc.constant<Transport>({}),
    fc.record({ protocol: fc.constantFrom(6, 17, 132), ports: portSet }),
    fc.record({ protocol: fc.constantFrom(6, 17), sourcePorts: portSet }),
  ] as const;
  if (portsAlone) return fc.oneof(...ported, fc.record({ protocol: fc.constantFrom(6, 17) }));
  return fc.oneof(
    ...ported,
    fc.record({ protocol: fc.constantFrom(6, 17, 47) }),
    fc.record({ notProtocol: fc.constantFrom(6, 17, icmpProtocol) }),
    icmpMatch.map((icmp): Transport => ({ protocol: icmpProtocol, icmp })),
    icmpMatch.map((notIcmp): Transport => ({ protocol: icmpProtocol, notIcmp })),
  );
}

function rule(family: Family, layer: Stage['layer'], index: number, options: RulesetOptions): fc.Arbitrary<BorderRule> {
  const actions =
    layer === 'Tier'
      ? (['Allow', 'SkipToOwn', 'Deny', 'Next', 'Log'] as const)
      : (['Allow', 'Deny', 'Next', 'Log'] as const);
  return fc
    .record({
      policy:
        options.hostile === true
          ? fc.constantFrom(...HOSTILE)
          : fc.constantFrom('ClusterBorderPolicy/bank', 'BorderPolicy/shop/web'),
      action: fc.constantFrom<BorderRule['action']>(...actions),
      transport: transport(family, options),
      outside: outside(family, options),
      widen: fc.boolean(),
    })
    .map(({ policy, action, transport: match, outside: to, widen }) => ({
      origin: { policy, rule: index },
      family,
      action,
      ...match,
      outside: to,
      widen,
    }));
}

function stage(family: Family, id: string, layer: Stage['layer'], options: RulesetOptions): fc.Arbitrary<Stage> {
  return fc
    .tuple(
      rule(family, layer, 0, options),
      rule(family, layer, 1, options),
      rule(family, layer, 2, options),
      fc.nat(3),
      fc.boolean(),
    )
    .map(([first, second, third, length, deny]) => ({
      id,
      layer,
      name: layer === 'Tier' ? id : layer,
      rules: [first, second, third].slice(0, length),
      end: deny ? ('Deny' as const) : ('Next' as const),
      endOrigin: { policy: `end/${id}` },
    }));
}

const LAYERS = ['ClusterBorderPolicy', 'Tier', 'Tier', 'BorderPolicy'] as const;
/** What an Allow of a tier lets pass is left to others. */
const OWN_LAYERS = ['ClusterBorderPolicy', 'ClusterBorderPolicy', 'BorderPolicy', 'BorderPolicy'] as const;

/** The stages that classes of one family choose from: two versions of each place in the order. */
function stages(family: Family, options: RulesetOptions): fc.Arbitrary<readonly (readonly Stage[])[]> {
  return fc.tuple(
    ...(options.decided === true ? OWN_LAYERS : LAYERS).map((layer, place) =>
      fc.tuple(
        stage(family, `s${family}-${place}x`, layer, options),
        stage(family, `s${family}-${place}y`, layer, options),
      ),
    ),
  );
}

function part(
  family: Family,
  id: string,
  pool: readonly (readonly Stage[])[],
  { decided = false }: RulesetOptions,
): fc.Arbitrary<Part> {
  const chosen = pool.map((versions) => fc.option(fc.constantFrom(...versions), { nil: undefined, freq: 2 }));
  return fc.tuple(fc.tuple(...chosen), decided ? fc.constant(false) : fc.boolean()).map(([list, allow]) => ({
    id: `p${family}-${id}-${list.map((one) => one?.id ?? '').join('.')}-${allow ? 'a' : 'd'}`,
    stages: list.filter((one) => one !== undefined),
    otherwise: allow ? ('Allow' as const) : ('Deny' as const),
    otherwiseOrigin: { policy: `otherwise/${id}` },
  }));
}

function classes(family: Family, options: RulesetOptions): fc.Arbitrary<readonly Class[]> {
  return stages(family, options).chain((pool) =>
    fc
      .tuple(
        ...universe.classes[family].map((id) =>
          fc.record({
            id: fc.constant(id),
            family: fc.constant(family),
            parts: fc.oneof(
              { weight: options.decided === true ? 0 : 1, arbitrary: fc.constant([]) },
              { weight: 5, arbitrary: fc.tuple(part(family, '0', pool, options)) },
              { weight: 2, arbitrary: fc.tuple(part(family, '0', pool, options), part(family, '1', pool, options)) },
            ),
            widened: fc.oneof(
              { weight: 5, arbitrary: fc.constant([]) },
              { weight: 1, arbitrary: fc.tuple(part(family, 'w', pool, options)) },
            ),
          }),
        ),
      )
      .chain((all) => subset<Class>(all, 1)),
  );
}

function members(all: readonly Class[], family: Family): fc.Arbitrary<readonly (readonly [string, string])[]> {
  return fc
    .tuple(...universe.senders[family].map(() => fc.option(fc.nat(all.length - 1), { nil: undefined, freq: 4 })))
    .map((choices) =>
      universe.senders[family].flatMap((address, at) => {
        const chosen = all[choices[at] ?? -1];
        return chosen === undefined ? [] : [[address, chosen.id] as const];
      }),
    );
}

function groups(family: Family, options: RulesetOptions): fc.Arbitrary<readonly Group[]> {
  const outsideGroups = universe.groups[family].map((id) =>
    fc
      .oneof(prefixSet(family), fc.constant(PrefixSet.empty))
      .map((nets): Group => ({ id, kind: 'Outside', family, selector: `name == "${id}"`, nets })),
  );
  if (options.addressGroups === false) return fc.tuple(...outsideGroups);
  const addressGroup = fc
    .tuple(subset<string>(universe.senders[family]), fc.constantFrom('Allow' as const, 'Deny' as const))
    .map(
      ([list, use]): Group => ({
        id: `a${family}`,
        kind: 'AddressGroup',
        family,
        deviceName: 'payments',
        resource: 'AddressGroup/payments',
        use,
        members: BucketMap.from(list.map((address) => [address, true as const])),
      }),
    );
  return fc
    .tuple(fc.tuple(...outsideGroups), fc.option(addressGroup, { nil: undefined }))
    .map(([list, extra]) => (extra === undefined ? list : [...list, extra]));
}

function natTarget(family: Family): fc.Arbitrary<NatTarget> {
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .constantFrom(...universe.translated[family])
        .map((address): NatTarget => ({ kind: 'Address', address })),
    },
    { weight: 1, arbitrary: fc.constant<NatTarget>({ kind: 'Exempt' }) },
    { weight: 1, arbitrary: fc.constant<NatTarget>({ kind: 'Hold', reason: 'no address' }) },
  );
}

function nat(family: Family, id: string, known: readonly string[]): fc.Arbitrary<Nat> {
  return fc
    .record({
      destination: prefixSet(family),
      match: fc.oneof(
        fc.constant({}),
        fc.constant({ protocol: 6 }),
        portSet.map((ports) => ({ protocol: 6, ports })),
      ),
      sources: fc.tuple(...known.map(() => fc.option(natTarget(family), { nil: undefined, freq: 4 }))),
    })
    .map(({ destination, match, sources }) => ({
      id,
      family,
      origin: { policy: `SourceNAT/${id}` },
      destination,
      ...match,
      sources: BucketMap.from(
        known.flatMap((address, at) => {
          const target = sources[at];
          return target === undefined ? [] : [[address, target] as const];
        }),
      ),
    }));
}

interface FamilyPart {
  readonly classes: readonly Class[];
  readonly members: readonly (readonly [string, string])[];
  readonly groups: readonly Group[];
  readonly nats: readonly Nat[];
}

const NOTHING: FamilyPart = { classes: [], members: [], groups: [], nats: [] };

function familyPart(family: Family, options: RulesetOptions): fc.Arbitrary<FamilyPart> {
  if (options.families !== undefined && !options.families.includes(family)) return fc.constant(NOTHING);
  return classes(family, options).chain((all) =>
    members(all, family).chain((list) => {
      const known = list.map(([address]) => address);
      const nats =
        options.translations === false || options.translated?.includes(family) === false
          ? fc.constant([])
          : fc
              .tuple(nat(family, `n${family}-a`, known), nat(family, `n${family}-b`, known))
              .chain((both) => subset<Nat>(both));
      return fc.record({
        classes: fc.constant(all),
        members: fc.constant(list),
        groups: groups(family, options),
        nats,
      });
    }),
  );
}

const destinations = fc.oneof(
  { weight: 3, arbitrary: fc.constant(PrefixSet.all) },
  { weight: 1, arbitrary: fc.constant(PrefixSet.parse(['203.0.113.0/24', '2001:db8::/32', '10.0.0.0/8'])) },
);

const inside = fc.constantFrom(
  PrefixSet.parse(['10.0.0.0/8', 'fd00::/16']),
  PrefixSet.parse(['10.0.0.0/24']),
  PrefixSet.empty,
);

/** Around all senders but those of other networks, around some, in one family alone, around everybody, and around nobody (`unknown: Ignore`). */
const networks = fc.oneof(
  { weight: 3, arbitrary: fc.constant(PrefixSet.parse(['10.0.0.0/16', 'fd00::/64'])) },
  { weight: 2, arbitrary: fc.constant(PrefixSet.parse(['10.0.0.0/24'])) },
  { weight: 2, arbitrary: fc.constant(PrefixSet.parse(['10.0.0.0/30', 'fd00::2/127'])) },
  { weight: 1, arbitrary: fc.constant(PrefixSet.parse(['0.0.0.0/0', 'fd00::/64'])) },
  { weight: 2, arbitrary: fc.constant(PrefixSet.empty) },
);

/**
 * Any ruleset of the universe, for a firewall named `edge-1` of a cluster named `lab`. Two of them share ids of classes, stages, groups
 * and translations with different content, as two versions of one firewall's ruleset do; within one, equal ids mean equal rules.
 */
export function rulesets(options: RulesetOptions = {}): fc.Arbitrary<Ruleset> {
  return fc
    .record({
      four: familyPart(4, options),
      six: familyPart(6, options),
      destinations,
      inside,
      networks,
      established: fc.constantFrom('Cut' as const, 'Keep' as const),
    })
    .map(({ four, six, ...rest }) => ({
      firewall: 'edge-1',
      cluster: 'lab',
      ...rest,
      classes: new Map([...four.classes, ...six.classes].map((one) => [one.id, one])),
      members: BucketMap.from([...four.members, ...six.members]),
      groups: new Map(likeOneObject([...four.groups, ...six.groups]).map((one) => [one.id, one])),
      nats: [...four.nats, ...six.nats],
    }));
}

/** An AddressGroup has one `use` in both families. */
function likeOneObject(groups: readonly Group[]): readonly Group[] {
  const first = groups.find((one) => one.kind === 'AddressGroup');
  return groups.map((one) => (one.kind === 'AddressGroup' ? { ...one, use: first?.use ?? one.use } : one));
}

/** The same rules with other members: what a day's pods do. Addresses join, leave and change class; no rule changes. */
export function withOtherMembers(ruleset: Ruleset): fc.Arbitrary<Ruleset> {
  const of = (family: Family): fc.Arbitrary<readonly (readonly [string, string])[]> => {
    const all = [...ruleset.classes.values()].filter((one) => one.family === family);
    return all.length === 0 ? fc.constant([]) : members(all, family);
  };
  return fc.tuple(of(4), of(6)).map(([four, six]) => {
    const next = BucketMap.from([...four, ...six]);
    return {
      ...ruleset,
      members: next,
      nats: ruleset.nats.map((one) => ({
        ...one,
        sources: one.sources.with(
          [...one.sources.keys()].filter((key) => !next.has(key)).map((key) => [key, undefined] as const),
        ),
      })),
    };
  });
}

/** Other policies, with the translations of a version before them: to the same addresses, of whoever is known now. */
export function withOtherPolicies(ruleset: Ruleset, options: RulesetOptions = {}): fc.Arbitrary<Ruleset> {
  return rulesets({ ...options, translations: false }).chain((next) =>
    fc.tuple(...ruleset.nats.map((one) => sourcesOf(one, next))).map((sources) => ({
      ...next,
      destinations: ruleset.destinations,
      inside: ruleset.inside,
      nats: ruleset.nats.map((one, at) => ({ ...one, sources: sources[at] ?? one.sources })),
    })),
  );
}

function sourcesOf({ sources, family }: Nat, { members }: Ruleset): fc.Arbitrary<BucketMap<NatTarget>> {
  const targets = [...new Map([...sources.entries()].map(([, one]) => [JSON.stringify(one), one])).values()];
  if (targets.length === 0) return fc.constant(BucketMap.empty());
  return fc
    .tuple(
      ...[...members.keys()]
        .filter((address) => address.includes(':') === (family === 6))
        .map((address) => fc.tuple(fc.constant(address), fc.option(fc.constantFrom(...targets), { freq: 3 }))),
    )
    .map((drawn) =>
      BucketMap.from(drawn.flatMap(([address, target]) => (target === null ? [] : [[address, target] as const]))),
    );
}

/** The same policies at a firewall whose owner edited it, and perhaps other members. */
export function withOtherOptions(ruleset: Ruleset): fc.Arbitrary<Ruleset> {
  const edits = fc.record(
    { networks, destinations, inside, established: fc.constantFrom('Cut' as const, 'Keep' as const) },
    { requiredKeys: [] },
  );
  return fc
    .tuple(edits, fc.oneof(fc.constant(ruleset), withOtherMembers(ruleset)))
    .map(([edited, next]) => ({ ...next, ...edited }));
}

/** Two versions of one firewall's ruleset: unrelated, with other members, options of the firewall or policies alone, or equal. */
export function rulesetPairs(options: RulesetOptions = {}): fc.Arbitrary<readonly [Ruleset, Ruleset]> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(rulesets(options), rulesets(options)) },
    { weight: 3, arbitrary: rulesets(options).chain((one) => fc.tuple(fc.constant(one), withOtherMembers(one))) },
    { weight: 3, arbitrary: rulesets(options).chain((one) => fc.tuple(fc.constant(one), withOtherOptions(one))) },
    {
      weight: 1,
      arbitrary: rulesets(options).chain((one) => fc.tuple(fc.constant(one), withOtherPolicies(one, options))),
    },
    { weight: 1, arbitrary: rulesets(options).map((one) => [one, one] as const) },
  );
}
