import { toSallyportError } from '../../base/error.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { evaluate } from '../../border/evaluate.ts';
import type { Class, ClassId, Family, Group, Origin, Ruleset } from '../../border/ruleset.ts';
import { type Flow, FlowSet } from '../../engine/flows/flow-set.ts';
import { type Address, formatAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { type Atoms, opaqueAtoms, presentAtoms, readAtoms } from './atoms.ts';
import { type FlatEvaluation, evaluateFlat } from './evaluate-flat.ts';
import type { Outcomes } from './first-match.ts';
import type { FlatList, FlatRule } from './flat-list.ts';
import { ListReading, type Sender } from './list-flows.ts';
import { plainVerdict } from './plain-verdict.ts';
import { type Slice, slicesOf } from './service-slices.ts';
import { StagedReading } from './staged-flows.ts';

/** What of a ruleset a proof is about: no members, which change without the rules. */
export type ProvableRuleset = Pick<Ruleset, 'destinations' | 'inside' | 'networks' | 'classes' | 'groups'>;

type Verdict = FlatEvaluation['verdict'];

/** A flow on which ruleset and list differ; both were asked for it by the plain evaluators. */
export interface FlatWitness {
  readonly flow: Flow;
  readonly class?: ClassId;
  /** What would have to be true: the groups and domains that hold the destination. Absent: it differs with the present contents. */
  readonly if?: { readonly groups: readonly string[]; readonly domains: readonly string[]; readonly inside: boolean };
  readonly ruleset: Verdict;
  readonly list: Verdict;
  /** Of the rules or ends that decided. */
  readonly rulesetOrigin?: Origin;
  readonly listOrigins?: readonly Origin[];
}

/** `NotProved`: nobody knows, and that counts as no. */
export type Proof =
  | { readonly kind: 'Equal' }
  | { readonly kind: 'Different'; readonly witness: FlatWitness }
  | { readonly kind: 'NotProved'; readonly reason: string };

const FAMILIES: readonly Family[] = [4, 6];

/**
 * Whether a list does exactly what a ruleset says: for the members of each class and for unknown senders, inside and outside `networks`,
 * to every destination and for every service, whatever the groups hold, and once more with what they hold now. Compared are three
 * outcomes: allowed for good, denied, left to the device's own rules. Where `list.assumes` does not hold nothing is claimed.
 */
export function prove(ruleset: ProvableRuleset, list: FlatList): Proof {
  try {
    for (const family of FAMILIES) {
      const outside = assumedOutside(ruleset, list);
      if (outside === undefined) return { kind: 'NotProved', reason: 'a prefix of the list lies inside the cluster' };
      const opaque = opaqueAtoms(family, ruleset.destinations, outside);
      const witness =
        difference(ruleset, list, family, opaque, 'Opaque') ??
        difference(ruleset, list, family, presentAtoms(family, ruleset), 'Present');
      if (witness !== undefined) return { kind: 'Different', witness };
    }
    return { kind: 'Equal' };
  } catch (error) {
    return { kind: 'NotProved', reason: toSallyportError(error).message };
  }
}

/** The prefixes of which the list assumes that nothing inside lies in them, if that is so at present. */
function assumedOutside(ruleset: ProvableRuleset, list: FlatList): PrefixSet | undefined {
  const { outside } = list.assumes;
  return outside.overlaps(ruleset.inside) ? undefined : outside;
}

function difference(
  ruleset: ProvableRuleset,
  list: FlatList,
  family: Family,
  atoms: Atoms,
  contents: 'Opaque' | 'Present',
): FlatWitness | undefined {
  const staged = new StagedReading(atoms);
  const flat = new ListReading(list, atoms);
  // Of a destination that a domain holds and that is not governed the list claims nothing.
  const { domains } = list.assumes;
  const none = FlowSet.nothing(family);
  const everything = FlowSet.everything(family);
  const claimed = domains.length === 0 ? undefined : everything.subtract(atoms.domains(domains)).union(atoms.governed);
  const places = senderPlaces(ruleset, list, family);
  const numbers = new Map(list.rules.map((rule, place) => [rule, place]));
  const numberOf = (rule: FlatRule): number => numbers.get(rule) ?? -1;
  const classes = [...ruleset.classes.values()].filter((one) => one.family === family);
  for (const one of [...classes, undefined]) {
    // Rules mostly do not tell apart where a sender is: then one place speaks for all.
    const kinds = new Map<string, { readonly sender: Sender; readonly rules: readonly FlatRule[] }>();
    for (const address of places) {
      const sender: Sender = { address, ...(one === undefined ? {} : { class: one.id }) };
      const rules = flat.rulesFor(sender);
      const isTold = one === undefined && ruleset.networks.contains(address);
      const key = JSON.stringify([isTold, ...rules.map((rule) => numberOf(rule))]);
      if (!kinds.has(key)) kinds.set(key, { sender, rules });
    }
    const told = one === undefined ? [] : staged.services(one);
    const asked = [...kinds.values()].flatMap(({ rules }) => rules.map((rule) => flat.services(rule)));
    for (const slice of slicesOf([...told, ...asked], family)) {
      const known = one === undefined ? undefined : staged.class(one, slice);
      for (const { sender, rules } of kinds.values()) {
        const passing = known ?? {
          granted: none,
          left: ruleset.networks.contains(sender.address) ? none : everything,
        };
        const wanted = {
          Allow: list.form === 'Full' ? passing.granted.intersect(atoms.governed) : none,
          Deny: atoms.governed.subtract(passing.left).subtract(passing.granted),
        };
        const destination = differing(wanted, flat.of(rules, family, slice), claimed);
        if (destination !== undefined)
          return witnessOf(ruleset, list, sender, one, { ...destination, ...slice.example }, contents);
      }
    }
  }
  return undefined;
}

/** A destination that the two treat otherwise, if any; the service of the witness says nothing. */
function differing(
  wanted: Outcomes<'Allow' | 'Deny'>,
  actual: Outcomes<'Allow' | 'Deny'>,
  claimed: FlowSet | undefined,
): Destination | undefined {
  for (const verdict of ['Allow', 'Deny'] as const) {
    const [a, b] = [wanted[verdict], actual[verdict]];
    if (a.equals(b)) continue;
    const flows = a.subtract(b).union(b.subtract(a));
    const witness = (claimed === undefined ? flows : flows.intersect(claimed)).witness();
    if (witness === undefined) continue;
    const { family, destination, domains = [] } = witness;
    return { family, destination, atoms: domains };
  }
  return undefined;
}

interface Destination extends Pick<Flow, 'family' | 'destination'> {
  /** The texts of the atoms that hold it. */
  readonly atoms: readonly string[];
}

/** An address for each way to be inside or outside all prefixes that ruleset and list tell senders apart by. */
function senderPlaces(ruleset: ProvableRuleset, list: FlatList, family: Family): readonly Address[] {
  let cells: readonly PrefixSet[] = [PrefixSet.all.family(family)];
  const distinguished = new Map([[ruleset.networks.toString(), ruleset.networks]]);
  for (const { source } of list.rules)
    if (source.kind === 'Networks') distinguished.set(source.prefixes.toString(), source.prefixes);
  for (const prefixes of distinguished.values())
    cells = cells
      .flatMap((cell) => [cell.intersect(prefixes), cell.subtract(prefixes)])
      .filter((cell) => !cell.isEmpty);
  return cells.flatMap((cell) => cell.nth(1n) ?? cell.first(family) ?? []);
}

/** The two plain evaluators on the flow, in a world where the atoms are as the witness says. Throws if they see no difference. */
function witnessOf(
  ruleset: ProvableRuleset,
  list: FlatList,
  sender: Sender,
  one: Class | undefined,
  { atoms: held, ...rest }: Destination & Slice['example'],
  contents: 'Opaque' | 'Present',
): FlatWitness {
  const flow: Flow = { ...rest, source: sender.address };
  const atoms = readAtoms(held);
  const world = {
    ...(contents === 'Opaque' ? supposed(ruleset, flow, atoms.groups, atoms.inside) : ruleset),
    firewall: '',
    cluster: '',
    established: 'Cut' as const,
    nats: [],
    members: BucketMap.from(one === undefined ? [] : [[formatAddress(sender.address), one.id]]),
  };
  const isDomain = (domain: string): boolean => atoms.domains.includes(domain);
  const { decidedBy } = evaluate(world, flow, isDomain);
  const actual = evaluateFlat(list, world, flow, isDomain);
  const verdict = plainVerdict(world, one, flow, list.form, isDomain);
  if (verdict === actual.verdict) throw new RangeError('the sets differ where the evaluators agree');
  return {
    flow,
    ...(one === undefined ? {} : { class: one.id }),
    ...(contents === 'Opaque' || atoms.domains.length > 0 ? { if: atoms } : {}),
    ruleset: verdict,
    list: actual.verdict,
    ...(decidedBy === undefined ? {} : { rulesetOrigin: decidedBy }),
    ...(actual.rule === undefined ? {} : { listOrigins: actual.rule.origins }),
  };
}

/** The ruleset with groups and an inside that hold the flow's destination, or hold it not, as supposed. */
function supposed(ruleset: ProvableRuleset, flow: Flow, groups: readonly string[], inside: boolean): ProvableRuleset {
  const here = PrefixSet.ofAddresses([flow.destination]);
  const named = new Set([...ruleset.groups.keys(), ...groups]);
  const { family } = flow;
  return {
    ...ruleset,
    inside: inside ? here : PrefixSet.empty,
    groups: new Map(
      [...named].map((id): [string, Group] => [
        id,
        { id, kind: 'Outside', family, selector: id, nets: groups.includes(id) ? here : PrefixSet.empty },
      ]),
    ),
  };
}
