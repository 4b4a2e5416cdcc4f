import type { BorderFirewall } from '../../api/resource.ts';
import type { Pieces } from '../../base/pieces.ts';
import { isInNetworks } from '../../border/in-networks.ts';
import type { Class, ClassId, Ruleset } from '../../border/ruleset.ts';
import { familyOf } from '../../ip/address.ts';
import type { Behaviour } from '../../plan/behaviour.ts';
import type { Exposure } from '../../plan/step.ts';
import { comparing } from '../../plan/traffic.ts';
import type { LeftOut, ListBehind } from '../driver.ts';
import type { Guard, GuardQuestion } from '../guard/guard.ts';
import { handedOver, withoutAddresses } from '../confirmed/handover.ts';
import { type InterimOptions, type Owners, interimRuleset, needsYes, withLists } from '../guard/interim.ts';
import { namedChanges, withOwnedInGroups } from './named-groups.ts';
import { sendersApart } from './senders-apart.ts';

/** What a BorderFirewall says about when to write. */
export type WorkerSettings = Pick<BorderFirewall, 'mode' | 'approve' | 'drift' | 'guard'>;

/** What is confirmed on the device, and what it meant. */
export interface Confirmed {
  readonly ruleset: Ruleset;
  readonly behaviour: Behaviour;
  readonly owners: Owners | undefined;
  /** Lists that the device fetches, and that it does not show as they are wanted by now. */
  readonly behind?: readonly ListBehind[];
  /** Members of its groups whom the device was not given. */
  readonly leftOut?: readonly LeftOut[];
}

export interface CourseQuestion {
  readonly settings: WorkerSettings;
  readonly desired: Ruleset;
  readonly owners: Owners | undefined;
  /** What was read back as ours last; absent after a start, until the device and the wanted state first agree. */
  readonly confirmed: Confirmed | undefined;
  /** Who had which address when the device was first read, while nothing is confirmed. */
  readonly hadFirst?: Owners | undefined;
  /** Classes that were confirmed before, by id. */
  readonly remembered: ReadonlyMap<ClassId, Class>;
  /** What the device holds now. */
  readonly actual: { readonly empty: boolean; readonly behaviour: Behaviour };
  /** Works out, in pieces, what the next three are about to be asked of a ruleset. */
  readonly foresee: (ruleset: Ruleset) => Pieces;
  /** What a ruleset means on this device. */
  readonly behaviourOf: (ruleset: Ruleset) => Behaviour;
  /** The steps from actual to a ruleset change members alone. */
  readonly changesMembersOnly: (ruleset: Ruleset) => boolean;
  readonly exposures: (ruleset: Ruleset) => readonly Exposure[];
  /** A person said yes to the plan from actual to desired. */
  readonly approved: boolean;
  /** Why rules rest for now whatever the mode: a quiet window, canary firewalls that come first. */
  readonly rests: readonly string[];
}

/** What to go for now, and what waits. */
export interface Course {
  /** `undefined`: nothing may be written but what the driver's steps to `urgent` call urgent. */
  readonly target: Ruleset | undefined;
  /** Addresses that were given up are not in it; absent: nothing at all may be written. */
  readonly urgent?: Ruleset;
  /** Who has addresses in the target; absent: whoever has them by now. */
  readonly of?: Pick<Confirmed, 'owners'>;
  /** Why the target is not what is desired; empty when it is. */
  readonly waits: readonly string[];
  /** To be remembered by the guard once it goes ahead. */
  readonly passes?: GuardQuestion;
}

/** A course with its steps: those that are left, and those of them that may be carried out now. `waits`: why not the rest. */
export interface Going<S> extends Course {
  readonly all: readonly S[];
  readonly todo: readonly S[];
}

/**
 * Decides how much of the way from actual to desired may be gone now (design invariant 4 and `mode`). Writes nothing. Everything that it looks
 * at between two pieces is a version that does not change any more, so that the answer is about these whatever comes meanwhile.
 */
export function* choosing(guard: Guard, asked: CourseQuestion): Pieces<Course> {
  const confirmed = asked.confirmed ?? readFromLists(asked);
  const question = { ...asked, confirmed };
  const { settings, desired, actual, approved, rests } = question;
  if (settings.mode === 'Observe') return { target: undefined, waits: ['mode Observe writes nothing'] };
  if (approved) return { target: desired, waits: [] };
  // What was confirmed is repaired without asking; whether drift is repaired at all is decided elsewhere.
  if (confirmed !== undefined && confirmed.ruleset === desired) return { target: desired, waits: [] };
  const asks = settings.mode === 'Approve' ? ['mode Approve waits for a yes'] : [];
  if (actual.empty && confirmed === undefined) {
    const waits = [...asks, ...rests];
    return { target: waits.length === 0 ? desired : undefined, waits };
  }
  if (settings.mode === 'Approve' && settings.approve === 'Everything')
    return {
      target: confirmed?.ruleset,
      // Whoever came after him has nothing there yet, and whatever waits no more is still to take it from the one before.
      ...(confirmed === undefined ? {} : { of: confirmed }),
      waits: ['mode Approve waits for a yes to everything'],
    };
  const waits = [...asks, ...rests];
  const candidate = waits.length === 0 ? desired : withoutRules(question);
  if (candidate === undefined) return { target: undefined, urgent: withOwned(question), waits };
  if (candidate !== desired) yield* question.foresee(candidate);
  const passes = yield* guardQuestion(question, candidate);
  const judgement = yield* guard.judging(passes);
  if (judgement.kind === 'go') return { target: candidate, waits: candidate === desired ? [] : waits, passes };
  const reasons = [...judgement.reasons, ...(candidate === desired ? [] : waits)];
  if (confirmed === undefined) return { target: undefined, urgent: withOwned(question), waits: reasons };
  return { target: interim(question, confirmed, 'stay'), waits: reasons };
}

/** Whether newcomers join classes that are approved without a yes to each. */
export function mayJoin({ mode, approve }: Pick<WorkerSettings, 'mode' | 'approve'>): boolean {
  return mode === 'Enforce' || (mode === 'Approve' && approve !== 'Everything');
}

/**
 * Where nobody knows what was confirmed, lists that rules of others use say it themselves: what is in them was given out. Who had an
 * address then is not known, so that nobody counts as new, and an address of nobody as given up. Only where the device holds nothing else of
 * ours.
 */
function readFromLists({ actual, desired }: CourseQuestion): Confirmed | undefined {
  const { present, lists } = actual.behaviour;
  if (present || lists === undefined || actual.empty) return undefined;
  return { ruleset: withLists(desired, lists), behaviour: actual.behaviour, owners: undefined };
}

/** No rule needs it: of the steps to a ruleset with it only those are carried out that take addresses away. */
const STAYS = { 4: 'stays/4', 6: 'stays/6' } as const;

/**
 * What is desired where nobody knows what was confirmed, as far as its steps that take addresses away go. Addresses that are to leave though
 * somebody still owns them are in it: to lose them all at once may be what the guard stopped, and only addresses that were given up leave whatever
 * waits. Those that went to somebody else altogether since the first reading are not: he would have what the one before had.
 */
function withOwned({ desired, owners, actual, hadFirst }: CourseQuestion): Ruleset {
  if (owners === undefined) return desired;
  const known = owned.get(actual.behaviour);
  if (known?.desired === desired && known.owners === owners && known.hadFirst === hadFirst) return known.ruleset;
  const { senders } = actual.behaviour;
  const handed = hadFirst === undefined ? [] : handedOver(hadFirst, owners);
  const leaving = handed.filter((address) => senders.has(address) && isInNetworks(address, desired));
  const left = leaving.length === 0 ? desired : withoutAddresses(desired, leaving);
  const without = (addresses: readonly string[]): Owners =>
    owners.with(addresses.map((address) => [address, undefined] as const));
  const kept = makeOwned(left, without(leaving), actual.behaviour);
  const ruleset = withOwnedInGroups(kept, without(handed), actual.behaviour);
  owned.set(actual.behaviour, { desired, owners, hadFirst, ruleset });
  return ruleset;
}

/** The same questions give the same object: drivers prepare translations of objects. */
const owned = new WeakMap<
  Behaviour,
  Pick<CourseQuestion, 'desired' | 'owners' | 'hadFirst'> & { readonly ruleset: Ruleset }
>();

function makeOwned(desired: Ruleset, owners: Owners, behaviour: Behaviour): Ruleset {
  const staying: [string, ClassId][] = [];
  for (const address of behaviour.senders.keys())
    if (!desired.members.has(address) && owners.has(address)) staying.push([address, STAYS[familyOf(address)]]);
  if (staying.length === 0) return desired;
  const classes = new Map(desired.classes);
  for (const family of [4, 6] as const)
    classes.set(STAYS[family], { id: STAYS[family], family, parts: [], widened: [] });
  return { ...desired, classes, members: desired.members.with(staying) };
}

/** As much of the desired state as changes no rule; `undefined` where nobody knows what was approved. */
function withoutRules(question: CourseQuestion): Ruleset | undefined {
  const { desired, confirmed, remembered } = question;
  if (confirmed === undefined) return question.changesMembersOnly(desired) ? desired : undefined;
  const owners = ownersOf(question, confirmed);
  return needsYes(confirmed.ruleset, desired, remembered, owners) ? interim(question, confirmed, 'flow') : desired;
}

function interim(question: CourseQuestion, confirmed: Confirmed, moves: 'flow' | 'stay'): Ruleset {
  const owners = ownersOf(question, confirmed);
  const { remembered } = question;
  return interimRuleset(confirmed.ruleset, question.desired, {
    moves,
    remembered,
    ...(owners === undefined ? {} : { owners }),
  });
}

function ownersOf(question: CourseQuestion, confirmed: Confirmed): InterimOptions['owners'] {
  return question.owners && { before: confirmed.owners, now: question.owners };
}

function* guardQuestion(question: CourseQuestion, candidate: Ruleset): Pieces<GuardQuestion> {
  const { confirmed, actual, owners, settings } = question;
  const before = withLeftLists(confirmed?.behaviour ?? actual.behaviour, actual.behaviour);
  const only = confirmed === undefined ? undefined : yield* sendersApart(confirmed.ruleset, candidate);
  const ownerOf = (address: string): string | undefined => owners?.get(address) ?? confirmed?.owners?.get(address);
  const traffic = yield* comparing(before, question.behaviourOf(candidate), only === undefined ? {} : { only });
  const lists = namedChanges(confirmed?.ruleset, candidate, actual.behaviour);
  return {
    traffic: lists === undefined ? traffic : { ...traffic, lists },
    exposures: question.exposures(candidate),
    limits: settings.guard,
    ownerOf,
    isGone: (address) => owners !== undefined && isGivenUp(address, owners, confirmed?.owners),
    isNew: (address) => isNewcomer(address, confirmed, owners),
    wasMember: (address) => wasMember(address, confirmed, owners),
    existing: () => {
      const known = new Set([...before.senders.keys(), ...(confirmed?.ruleset.members.keys() ?? [])]);
      return new Set([...known].map((address) => ownerOf(address) ?? address)).size;
    },
  };
}

/** Addresses that nobody ever owned, as those that a nearer firewall translates to, are not given up. */
function isGivenUp(address: string, now: Owners, before: Owners | undefined): boolean {
  return before === undefined ? !now.has(address) : before.get(address) !== now.get(address);
}

/** Where owners are not known, an address that was not known before is somebody new's. */
function isNewcomer(address: string, confirmed: Confirmed | undefined, now: Owners | undefined): boolean {
  if (confirmed === undefined) return false;
  if (confirmed.owners === undefined || now === undefined) return !confirmed.ruleset.members.has(address);
  return confirmed.owners.get(address) !== now.get(address);
}

/** The same owner had the address under what is confirmed. */
function wasMember(address: string, confirmed: Confirmed | undefined, now: Owners | undefined): boolean {
  if (confirmed?.owners === undefined || now === undefined) return false;
  return confirmed.ruleset.members.has(address) && confirmed.owners.get(address) === now.get(address);
}

/** With the lists that stay on the device though nobody asks for them, and those about which nothing is said. */
function withLeftLists(behaviour: Behaviour, actual: Behaviour): Behaviour {
  if (actual.lists === undefined || behaviour === actual) return behaviour;
  const said = [...(behaviour.lists ?? [])].filter(([, list]) => list !== 'stays');
  return { ...behaviour, lists: new Map([...actual.lists, ...said]) };
}
