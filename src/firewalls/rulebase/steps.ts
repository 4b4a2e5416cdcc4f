import { compareUtf8 } from '../../base/compare.ts';
import { SallyportError } from '../../base/error.ts';
import type { Step } from '../../plan/step.ts';
import { type Capacity, type Shortage, idleObjects, shortageText, shortages } from './capacity.ts';
import type { Dialect } from './dialect.ts';
import { type Difference, difference, isNothing } from './difference.ts';
import { Exposures } from './exposures.ts';
import { inPortions } from './member-steps.ts';
import {
  type AddressObject,
  type GroupKey,
  type MemberGroup,
  type ObservedRuleBase,
  type SecurityRule,
  type TranslationRule,
  type WantedRuleBase,
  groupKey,
} from './model.ts';
import { MemberOrder } from './member-order.ts';
import {
  MemberWriter,
  type Moment,
  type Movement,
  changedSources,
  momentOf,
  movementsOf,
  parted,
  untranslated,
  without,
} from './movements.ts';
import type { Operation, RuleBaseStep } from './operation.ts';
import { type Stretch, packed } from './pack.ts';
import type { OrderOperation } from './rule-order.ts';

/**
 * Steps from what was read to what is wanted; none when they agree. Each prefix of their operations keeps every flow at its old or its new
 * verdict, or the step says what it exposes. Throws NAME_TAKEN where nothing is left to do but what somebody else's object stands in the
 * way of, and CAPACITY where what is wanted does not fit: then nothing goes ahead but who leaves.
 */
export function stepsBetween(
  actual: ObservedRuleBase,
  wanted: WantedRuleBase,
  dialect: Dialect,
  capacity: Capacity = {},
): readonly RuleBaseStep[] {
  const found = difference(actual, wanted);
  const short = shortages(actual, wanted, capacity, !Number.isFinite(dialect.transaction));
  // Nearly every second time: what was written has been read back.
  if (short.length === 0 && isNothing(found) && wanted.adopt.size === 0) {
    refuseTaken(actual, wanted);
    return [];
  }
  const way = new Way(actual, wanted, dialect, found);
  if (short.length > 0) return onlyNarrowing(way.narrowing(), short, idleObjects(actual, wanted), dialect);
  const steps = packed(way.stretches(), dialect.transaction);
  if (steps.length === 0) refuseTaken(actual, wanted);
  return steps;
}

/**
 * Never half a set: where something does not fit nothing of it is sent, but who gives up an address leaves all the same, and what then
 * stands for nobody makes room.
 */
function onlyNarrowing(
  narrowing: readonly Stretch[],
  short: readonly Shortage[],
  idle: readonly AddressObject[],
  dialect: Dialect,
): readonly RuleBaseStep[] {
  const operations = idle.map((object): Operation => ({ kind: 'RemoveObject', object }));
  const tidying: Stretch = { kind: 'Clean', title: 'what nothing needs goes', operations };
  const steps = packed(narrowing.length > 0 || idle.length === 0 ? narrowing : [tidying], dialect.transaction);
  const [first] = short;
  if (steps.length > 0 || first === undefined) return steps;
  const { what, needed, room, isVolatile } = first;
  const { otherwise } = dialect.volatile ?? {};
  const choices = isVolatile === true && otherwise !== undefined ? `. ${otherwise}` : '';
  throw new SallyportError('CAPACITY', `${shortageText(short, dialect.device)}${choices}`, { what, needed, room });
}

/** Everything of ours goes, but groups that rules of others name; rules from the bottom up. */
export function stepsToLeave(actual: ObservedRuleBase, dialect: Dialect): readonly RuleBaseStep[] {
  const removed: readonly Operation[] = [
    ...actual.rules.toReversed().map((rule): Operation => ({ kind: 'RemoveRule', rule })),
    ...actual.translations.toReversed().map((rule): Operation => ({ kind: 'RemoveTranslation', rule })),
  ];
  const groups = [...actual.groups.values()].filter((group) => !isUsed(actual, group));
  const kept = new Set(
    [...actual.groups.values()].filter((group) => isUsed(actual, group)).flatMap((group) => [...group.members]),
  );
  const operations: readonly Operation[] = [
    ...removed,
    ...groups.flatMap(removal),
    ...[...actual.services.values()]
      .filter(({ name }) => actual.namedByOthers?.has(`service ${name}`) !== true)
      .map((service): Operation => ({ kind: 'RemoveService', service })),
    ...[...actual.objects.values()]
      .filter(({ name, value }) => !kept.has(value) && actual.namedByOthers?.has(`object ${name}`) !== true)
      .map((object): Operation => ({ kind: 'RemoveObject', object })),
  ];
  return packed([{ kind: 'Remove', title: 'everything of ours goes', operations }], dialect.transaction);
}

class Way {
  readonly #actual: ObservedRuleBase;
  readonly #wanted: WantedRuleBase;
  readonly #dialect: Dialect;
  readonly #difference: Difference;
  readonly #order: MemberOrder;
  readonly #writer: MemberWriter;
  readonly #rules: readonly Operation[];
  readonly #unruled: readonly Operation[];
  readonly #translations: readonly Operation[];
  readonly #untranslated: readonly Operation[];
  readonly #exposures: Exposures;
  /** Groups whose change is one of rules. */
  readonly #contents: readonly GroupKey[];

  constructor(actual: ObservedRuleBase, wanted: WantedRuleBase, dialect: Dialect, found: Difference) {
    this.#actual = actual;
    this.#wanted = wanted;
    this.#dialect = dialect;
    const { rules, translations, members, roles } = found;
    this.#difference = found;
    this.#order = new MemberOrder(actual, wanted, roles);
    this.#writer = new MemberWriter(actual, wanted, this.#order);
    this.#rules = rules.down.map(ruleOperation);
    this.#unruled = rules.up.map(ruleOperation);
    this.#translations = translations.down.map(translationOperation);
    this.#untranslated = translations.up.map(translationOperation);
    this.#exposures = new Exposures(found, this.#order, actual, wanted, dialect);
    this.#contents = [...members.keys()].filter((key) => roles.get(key) === 'rules');
  }

  /** Who leaves and joins nothing, and who leaves a list by which others allow, though others shall join it. */
  narrowing(): readonly Stretch[] {
    const urgent = this.stretches().filter((one) => one.urgent === true);
    const { members, roles } = this.#difference;
    const writer = new MemberWriter(this.#actual, this.#wanted, this.#order);
    const operations = [...members].flatMap(([key, { group, joins, leaves }]) =>
      roles.get(key) === 'shared' && group.use !== 'Deny' && joins.length > 0 && leaves.length > 0
        ? writer.change(key, [], leaves)
        : [],
    );
    if (operations.length === 0) return urgent;
    return [
      ...urgent,
      { kind: 'Members', title: 'addresses leave', urgent: true, operations: this.#inPortions(operations) },
    ];
  }

  stretches(): readonly Stretch[] {
    const changed = changedSources(this.#difference, this.#actual, this.#wanted);
    const { urgent, leavers, movements } = this.#leaving(movementsOf(this.#difference), changed);
    const steady = movements.filter((one) => !this.#isVolatile(one));
    const translationsOf = (one: Movement): Movement => untranslated(one, this.#difference.roles).translations;
    const together = this.#fits([...steady, ...movements.map(translationsOf)]);
    const moments = new Map<Moment, Movement[]>([
      ['early', []],
      ['late', []],
      ['conflict', []],
      ['beside', []],
    ]);
    const strangers: Movement[] = [];
    for (const one of together ? movements.filter((each) => this.#isVolatile(each)) : movements)
      for (const [moment, part] of this.#parts(one, changed))
        if (moment === 'early' || !this.#exposures.comesAsStranger(part)) moments.get(moment)?.push(part);
        else {
          strangers.push(part);
          moments.get(moment)?.push({ ...part, joins: [...part.joins, ...part.excepted] });
        }
    const make = this.#making(new Set(strangers.map(({ address }) => address)));
    const { early = [], late = [], conflict = [], beside = [] } = Object.fromEntries(moments);
    const apart = urgent.length > this.#dialect.transaction ? leavers : leavers.filter((one) => this.#isVolatile(one));
    const left =
      this.#exposures.of({ conflict: [], strangers: [], apart, together: true }) ?? this.#exposures.outdated(leavers);
    // What leaving shows lasts until the rules are what they shall be.
    const exposes =
      this.#exposures.of({
        conflict,
        strangers,
        apart: [...early, ...late],
        together,
      }) ?? left;
    const kind = this.#kind();
    const stretch = (title: string, operations: readonly Operation[], of: Step['kind'] = kind): Stretch => ({
      kind: of,
      title,
      operations: this.#inPortions(operations),
      ...(exposes === undefined || of === 'Clean' ? {} : { exposes }),
    });
    const title = kind === 'Rules' ? 'rules change' : 'addresses join and leave';
    const early1 = [...this.#writer.ordered(early), ...this.#writer.ordered(conflict, 'leaves')];
    const rules = [
      ...this.#translations,
      ...(together ? this.#writer.together(steady) : []),
      ...this.#writer.ordered([...late, ...beside].map(translationsOf), 'joins'),
      ...this.#rules,
      ...this.#contents.flatMap((key) => this.#writer.finish(key)),
      ...this.#unruled,
      ...(together ? [...this.#writer.ordered(beside, 'leaves'), ...this.#untranslated] : []),
    ];
    const late1 = this.#writer.ordered([...late, ...beside]);
    const finish = [
      ...(together ? [] : this.#untranslated),
      ...this.#writer.ordered(conflict, 'joins'),
      ...this.#shared(),
    ];
    const objects = this.#difference.objects.made.map((object): Operation => ({ kind: 'MakeObject', object }));
    const isEarly = early1.some((one) => one.kind === 'ChangeMembers' && one.group.store === 'Configured');
    const all: readonly Stretch[] = [
      {
        kind: 'Members',
        title: 'addresses leave',
        urgent: true,
        operations: this.#inPortions(urgent),
        ...(left === undefined ? {} : { exposes: left }),
      },
      ...(isEarly ? [stretch('new addresses', objects)] : []),
      stretch('addresses move ahead of rules', early1),
      ...this.#critical(title, isEarly ? make : { ...make, make: [...objects, ...make.make] }, rules, stretch),
      stretch('addresses move after rules', late1),
      stretch(title, finish),
      stretch('groups that nobody wants any more go', this.#unshared(), 'Rules'),
      stretch('what nothing needs goes', this.#cleaning(), 'Clean'),
    ];
    return all.filter(({ operations }) => operations.length > 0);
  }

  #parts(one: Movement, changed: ReadonlySet<GroupKey>): readonly (readonly [Moment, Movement])[] {
    const kept = this.#exposures.kept(one.address);
    const staying = kept.filter((key) => changed.has(key));
    const denials = this.#exposures.denials(one, staying);
    // What of these changes can neither stay nor come: it is told.
    const isTold = [...denials.joins, ...denials.leaves].some((key) => changed.has(key));
    const moment = (of: Movement): Moment =>
      isTold ? 'conflict' : momentOf(of, changed, kept, this.#exposures.strangerWhen(of), this.#order);
    const whole = staying.length === 0 ? moment(one) : 'conflict';
    if (whole !== 'conflict') return parted(one, whole, denials);
    const { rest, translations } = untranslated(one, this.#difference.roles);
    const lists = isTold ? { joins: [], leaves: [] } : denials;
    return [['beside', translations], ...parted(rest, moment(without(rest, lists)), lists)];
  }

  /**
   * Addresses that join nothing leave ahead of everything else, as far as that takes one way: what of the other way is left says nothing by
   * itself. Where rules that name them go too, they only stop to be excepted from the deny: whatever else holds them may be what denies. And
   * where the rule for strangers changes they wait for it, for that is what they will meet. Who stays in a group whose rules change is no leaver.
   */
  #leaving(
    all: readonly Movement[],
    changed: ReadonlySet<GroupKey>,
  ): {
    readonly urgent: readonly Operation[];
    /** Whose addresses they are. */
    readonly leavers: readonly Movement[];
    /** What is left to do. */
    readonly movements: readonly Movement[];
  } {
    const first: Movement[] = [];
    const leavers: Movement[] = [];
    const rest: Movement[] = [];
    for (const one of all) {
      const waits = this.#exposures.waits(one) || this.#exposures.stays(one.address, changed);
      if (one.joins.length > 0 || one.enters || waits) {
        rest.push(one);
        continue;
      }
      const isNow = (key: GroupKey): boolean => {
        if (this.#difference.roles.get(key) === 'except') return true;
        return !one.quits && (this.#storeOf(key) === 'Volatile' || !this.#isVolatile(one));
      };
      const now = one.leaves.filter(isNow);
      const later = one.leaves.filter((key) => !isNow(key));
      if (now.length > 0) {
        first.push({ ...one, leaves: now });
        leavers.push(one);
      }
      if (later.length > 0) rest.push({ ...one, leaves: later });
    }
    const { members, roles } = this.#difference;
    const shared = [...members.values()].flatMap(({ group, joins }) =>
      roles.get(groupKey(group)) === 'shared' && joins.length === 0 && group.use !== 'Deny'
        ? this.#writer.finish(groupKey(group))
        : [],
    );
    return { urgent: [...this.#writer.ordered(first), ...shared], leavers, movements: rest };
  }

  /** What new rules need, before it has any effect; and the part that has to take effect together, where it fits. */
  #critical(
    title: string,
    { ahead, fill, make }: Making,
    rules: readonly Operation[],
    stretch: (title: string, operations: readonly Operation[]) => Stretch,
  ): readonly Stretch[] {
    const { membersFirst } = this.#dialect.volatile ?? { membersFirst: true };
    const filling = stretch('new groups are filled', fill);
    const before = membersFirst ? [filling] : [stretch('new groups', ahead), filling];
    const all = membersFirst ? [...make, ...ahead, ...rules] : [...make, ...rules];
    return all.length <= this.#dialect.transaction
      ? [...before, stretch(title, all)]
      : [...before, stretch('what new rules need', membersFirst ? [...make, ...ahead] : make), stretch(title, rules)];
  }

  /** `strangers`: whom a group of exceptions does not hold yet when it comes. */
  #making(strangers: ReadonlySet<string>): Making {
    const { services, groups, marks, roles } = this.#difference;
    const made = groups.made.map((group) =>
      roles.get(groupKey(group)) === 'except' ? this.#writer.begin(group, strangers) : group,
    );
    const isVolatile = ({ store }: MemberGroup): boolean => store === 'Volatile';
    const adopted = [...this.#wanted.groups].flatMap(([key, group]) => this.#adoption(key, group));
    return {
      ahead: made.filter(isVolatile).map((group): Operation => ({ kind: 'MakeGroup', group })),
      fill: made.filter(isVolatile).flatMap((group) => (group.members.size === 0 ? [] : filled(group))),
      make: [
        ...services.made.map((service): Operation => ({ kind: 'MakeService', service })),
        ...made.filter((group) => !isVolatile(group)).map((group): Operation => ({ kind: 'MakeGroup', group })),
        ...marks.map((group): Operation => ({ kind: 'MarkGroup', group })),
        ...adopted,
      ],
    };
  }

  /** An existing group is taken over as it is, and then gets our members before it loses others: nothing that names it sees a gap. */
  #adoption(key: GroupKey, group: MemberGroup): readonly Operation[] {
    const found = this.#actual.adoptable.get(key);
    if (found === undefined || this.#actual.groups.has(key) || !this.#wanted.adopt.has(group.name)) return [];
    const marked: MemberGroup = { ...group, members: found.members };
    const adopting = { ...this.#actual, groups: new Map([[key, marked]]) };
    const writer = new MemberWriter(adopting, this.#wanted, this.#order);
    return [{ kind: 'MarkGroup', group: marked }, ...writer.finish(key)];
  }

  /** Lists of others' rules: additions first, or removals first where they deny. */
  #shared(): readonly Operation[] {
    const { members, roles } = this.#difference;
    return [...members].flatMap(([key, { group, leaves }]) => {
      if (roles.get(key) !== 'shared') return [];
      return [...(group.use === 'Deny' ? this.#writer.change(key, [], leaves) : []), ...this.#writer.finish(key)];
    });
  }

  #unshared(): readonly Operation[] {
    const { groups } = this.#difference;
    return groups.gone
      .filter(({ shared }) => shared)
      .flatMap((group) => (isUsed(this.#actual, group) ? emptied(group) : removal(group)));
  }

  #cleaning(): readonly Operation[] {
    const { groups, services, objects } = this.#difference;
    const { namedByOthers } = this.#actual;
    const held = new Set<string>();
    for (const key of this.#wanted.held)
      for (const member of this.#actual.groups.get(key)?.members ?? []) held.add(member);
    return [
      ...groups.gone
        .filter(({ shared }) => !shared)
        .flatMap((group) => (isUsed(this.#actual, group) ? emptied(group) : removal(group))),
      ...services.gone
        .filter(({ name }) => namedByOthers?.has(`service ${name}`) !== true)
        .map((service): Operation => ({ kind: 'RemoveService', service })),
      ...objects.gone
        .filter(({ name, value }) => !held.has(value) && namedByOthers?.has(`object ${name}`) !== true)
        .map((object): Operation => ({ kind: 'RemoveObject', object })),
    ];
  }

  /** Whether everything configured that has an effect takes it at once. */
  #fits(steady: readonly Movement[]): boolean {
    const keys = new Set(steady.flatMap(({ joins, leaves }) => [...joins, ...leaves]));
    return this.#ruled() + keys.size + this.#contents.length <= this.#dialect.transaction;
  }

  #ruled(): number {
    return this.#rules.length + this.#unruled.length + this.#translations.length + this.#untranslated.length;
  }

  /** Of steps that change no rule: members flow where rules wait for a yes. */
  #kind(): 'Rules' | 'Members' {
    const { groups, services } = this.#difference;
    return this.#ruled() + groups.made.length + services.made.length > 0 ? 'Rules' : 'Members';
  }

  #isVolatile({ joins, leaves }: Movement): boolean {
    return [...joins, ...leaves].some((key) => this.#storeOf(key) === 'Volatile');
  }

  #storeOf(key: GroupKey): MemberGroup['store'] | undefined {
    return (this.#wanted.groups.get(key) ?? this.#actual.groups.get(key))?.store;
  }

  #inPortions(operations: readonly Operation[]): readonly Operation[] {
    const portion = this.#dialect.volatile?.portion ?? Infinity;
    return operations.flatMap((one) =>
      one.kind === 'ChangeMembers' && one.group.store === 'Volatile' ? inPortions(one, portion) : [one],
    );
  }
}

interface Making {
  /** Volatile groups, still empty, and their members. */
  readonly ahead: readonly Operation[];
  readonly fill: readonly Operation[];
  readonly make: readonly Operation[];
}

type RuleOperation<K extends 'Rule' | 'Translation'> = Extract<Operation, { readonly kind: `${Verb}${K}` }>;
type Verb = 'Insert' | 'Move' | 'Edit' | 'Remove';

function ruleOperation({ verb, rule, after }: OrderOperation<SecurityRule>): RuleOperation<'Rule'> {
  return { kind: `${verb}Rule`, rule, ...(after === undefined ? {} : { after }) };
}

function translationOperation({ verb, rule, after }: OrderOperation<TranslationRule>): RuleOperation<'Translation'> {
  return { kind: `${verb}Translation`, rule, ...(after === undefined ? {} : { after }) };
}

function filled(group: MemberGroup): readonly Operation[] {
  return [{ kind: 'ChangeMembers', group, joins: [...group.members].toSorted(compareUtf8), leaves: [] }];
}

function emptied(group: MemberGroup): readonly Operation[] {
  if (group.members.size === 0) return [];
  const leaves = [...group.members].toSorted(compareUtf8);
  return [{ kind: 'ChangeMembers', group: { ...group, members: new Set() }, joins: [], leaves }];
}

/** Volatile members are told to go first: a device may keep them beyond their group. */
function removal(group: MemberGroup): readonly Operation[] {
  return [...(group.store === 'Volatile' ? emptied(group) : []), { kind: 'RemoveGroup', group }];
}

function isUsed(actual: ObservedRuleBase, group: MemberGroup): boolean {
  return (actual.usedByOthers.get(groupKey(group)) ?? []).length > 0;
}

function refuseTaken(actual: ObservedRuleBase, wanted: WantedRuleBase): void {
  for (const [key, { name, shared, mark }] of wanted.groups) {
    const what = actual.taken.get(`group ${name}`);
    if (what === undefined || actual.groups.has(key) || wanted.adopt.has(name)) continue;
    const advice = shared
      ? `write its name into \`adopt\` to take it over, or give ${mark} another name`
      : 'rename or delete it there, and ours is made';
    throw new SallyportError('NAME_TAKEN', `${what} "${name}" is not ours; ${advice}`, { name });
  }
}
