import { SallyportError, assertNever } from '../../base/error.ts';
import type { Family } from '../../border/ruleset.ts';
import type { FlatService } from '../../plan/flat/flat-list.ts';
import { partsOf } from '../rulebase/group-parts.ts';
import type { AddressObject, MemberGroup, SecurityRule, Service, TranslationRule } from '../rulebase/model.ts';
import { isMarked } from '../rulebase/names.ts';
import type { Operation } from '../rulebase/operation.ts';
import { complementRanges, complementSources } from './complement.ts';
import type { InUse } from '../rulebase/in-use.ts';
import { entryOf } from './in-use.ts';
import { complementName } from './marks.ts';
import { NAMING, destinationsOf, nameOfKey } from './naming.ts';
import { type Move, OrderedRows, type OrderedTable, policyName, rowName } from './policy-order.ts';
import { MOST_MEMBERS, NEGATED, PART, inHundreds, serviceGroupName, serviceGroupsOf } from './service-groups.ts';
import { FORMS, type Row, type TableId, changeOf } from './rows.ts';
import { STRANGE, isStrangeField } from './read-groups.ts';
import type { FortigateScope } from './scope.ts';
import { readService, sayService } from './services.ts';
import type { Snapshot } from './snapshot.ts';
import { takenByFetched, takenByOtherForm, takenByOthers } from './taken.ts';
import type { Write } from './transaction.ts';
import { poolRow, translationRows } from './translations.ts';
import {
  ADDRESSES,
  ANY_SERVICE,
  CUSTOM,
  FEED,
  GROUPS,
  POLICY,
  POOLS,
  SERVICE_GROUP,
  TRANSLATION,
  addressRow,
  commentOf,
  namesIn,
  policyRow,
  addressValue,
  textOf,
} from './words.ts';

/** Writes one after the other, each answered with the key of a new entry. */
export type Writes<T = void> = Generator<Write, T, string | undefined>;

/**
 * Operations as writes to the device, which knows what it holds after each: what is there already is not written, what is gone is not
 * deleted, and what does not bear our mark is never touched. Whoever carries them out sends each and answers it.
 */
export class Editor {
  readonly #scope: FortigateScope;
  readonly #adopt: ReadonlySet<string>;
  readonly #inUse: Pick<InUse, 'has'>;
  readonly #snapshot: Snapshot;
  readonly #tables = new Map<TableId, Map<string, Row>>();
  readonly #policies: OrderedRows;
  readonly #translations: OrderedRows;
  /** IPv6 groups whose members changed: what is in none of them does too. */
  readonly #changed6 = new Set<string>();

  constructor(snapshot: Snapshot, scope: FortigateScope, adopt: ReadonlySet<string>, inUse: Pick<InUse, 'has'>) {
    this.#scope = scope;
    this.#adopt = adopt;
    this.#inUse = inUse;
    this.#snapshot = snapshot;
    for (const id of Object.keys(FORMS) as TableId[]) this.#tables.set(id, new Map(snapshot.keyed(id)));
    this.#policies = new OrderedRows(POLICY, this.#table(POLICY), scope);
    this.#translations = new OrderedRows(TRANSLATION, this.#table(TRANSLATION), scope);
  }

  /** Everything that a change takes. `writer`: who signs it; absent: nothing of ours is left afterwards. */
  *change(operations: Iterable<Operation>, writer: string | undefined): Writes {
    if (writer !== undefined) yield* this.#sign(writer);
    for (const operation of operations) yield* this.#perform(operation);
    yield* this.#settle();
    if (writer === undefined) yield* this.#remove(ADDRESSES[4], this.#scope.auxiliaries.writer);
  }

  *#perform(operation: Operation): Writes {
    switch (operation.kind) {
      case 'MakeObject':
        return yield* this.#putObject(operation.object);
      case 'RemoveObject':
        return yield* this.#remove(ADDRESSES[operation.object.family], operation.object.name);
      case 'MakeService':
        return yield* this.#putService(operation.service);
      case 'RemoveService':
        return yield* this.#removeService(operation.service);
      case 'MakeGroup':
      case 'ChangeMembers':
        return yield* this.#putGroup(operation.group);
      case 'MarkGroup':
        return yield* this.#putGroup(operation.group);
      case 'RemoveGroup':
        return yield* this.#removeGroup(operation.group);
      case 'InsertRule':
      case 'MoveRule':
      case 'EditRule':
        return yield* this.#putRows(POLICY, operation, yield* this.#policyRows(operation.rule));
      case 'RemoveRule':
        return yield* this.#removeRows(POLICY, operation.rule.name);
      case 'InsertTranslation':
      case 'MoveTranslation':
      case 'EditTranslation': {
        const rows = yield* this.#translationRows(operation.rule);
        return yield* this.#putRows(TRANSLATION, operation, rows);
      }
      case 'RemoveTranslation':
        return yield* this.#removeRows(TRANSLATION, operation.rule.name);
      default:
        return assertNever(operation);
    }
  }

  /** Says who writes. Only where somebody else did last. */
  *#sign(writer: string): Writes {
    const { auxiliaries } = this.#scope;
    const object = { name: auxiliaries.writer, family: 4, kind: 'Range', value: '0.0.0.0' } as const;
    yield* this.#put(ADDRESSES[4], addressRow(object, `${auxiliaries.writerMark} ${writer}`));
  }

  /** Brings what no rule base knows of after what was performed: complements of groups that changed, and what stands for nothing any more. */
  *#settle(): Writes {
    // Both are edited on the way.
    const groups = Array.from(this.#table(GROUPS[6]).values());
    for (const row of groups) {
      const sources = complementSources(row, this.#scope);
      if (sources?.some((source) => this.#changed6.has(source)) === true)
        yield* this.#putComplement(textOf(row, 'name').slice(0, -complementName('').length), sources);
    }
    for (const table of [GROUPS[4], GROUPS[6], ADDRESSES[4], ADDRESSES[6], POOLS[4], POOLS[6]] as const)
      for (const [key, row] of Array.from(this.#table(table))) {
        const comment = commentOf(table, row);
        if (!isMarked(comment, this.#scope.cluster) || !this.#scope.auxiliaries.isAuxiliary(comment)) continue;
        if (key !== this.#scope.auxiliaries.writer && !this.#isNamed(key)) yield* this.#remove(table, key);
      }
  }

  #table(id: TableId): Map<string, Row> {
    const table = this.#tables.get(id);
    if (table === undefined) throw new SallyportError('INTERNAL', `the table ${id} is not known`);
    return table;
  }

  *#putObject(object: AddressObject): Writes {
    yield* this.#put(ADDRESSES[object.family], addressRow(object, object.mark));
  }

  *#putService({ name, match, mark }: Service): Writes {
    const said = sayService(match);
    if (typeof said === 'string')
      throw new SallyportError('INTERNAL', `the service ${name} was to be written: ${said}`);
    const comment = said.isNegated ? `${mark} ${NEGATED}` : mark;
    const [only] = said.rows;
    if (said.rows.length === 1 && only !== undefined) return yield* this.#put(CUSTOM, { ...only, name, comment });
    const member: string[] = [];
    for (const [at, row] of said.rows.entries()) {
      const part = `${name}.${at + 1}`;
      yield* this.#put(CUSTOM, { ...row, name: part, comment: `${mark} ${PART}` });
      member.push(part);
    }
    for (const [at, some] of inHundreds(member).entries())
      yield* this.#put(SERVICE_GROUP, {
        name: serviceGroupName(name, at),
        member: some.toSorted(),
        comment: at === 0 ? comment : `${mark} ${PART}`,
      });
  }

  *#removeService({ name }: Service): Writes {
    const parts = this.#serviceGroups(name).flatMap((group) =>
      namesIn(this.#table(SERVICE_GROUP).get(group) ?? {}, 'member'),
    );
    for (const group of this.#serviceGroups(name)) yield* this.#remove(SERVICE_GROUP, group);
    for (const part of parts.length === 0 ? [name] : parts) yield* this.#remove(CUSTOM, part);
  }

  /** Groups that a service takes; none: it is one custom service. */
  #serviceGroups(name: string): readonly string[] {
    return serviceGroupsOf(name, (group) => this.#table(SERVICE_GROUP).has(group));
  }

  *#putGroup(group: MemberGroup): Writes {
    const { name, store, family, members, mark } = group;
    yield* this.#removeOtherForm(group);
    if (store === 'Volatile') {
      this.#expectPushed(name);
      return yield* this.#put(FEED, {
        name,
        type: 'address',
        'update-method': 'push',
        status: 'enable',
        comments: mark,
      });
    }
    if (family === 'Both') throw new SallyportError('INTERNAL', `the group ${name} has two families`);
    // Those of a group that is taken over are objects of its owner, until ours have joined.
    const named = [...members].filter((member) => !isStrangeField(member));
    const names = named.map((member) =>
      member.startsWith(STRANGE)
        ? member.slice(STRANGE.length)
        : this.#scope.objectName({ kind: 'Range', value: member }, family),
    );
    const before = this.#table(GROUPS[family]).get(name);
    yield* this.#putMembers(family, name, names, mark);
    for (const part of before === undefined ? [] : namesIn(before, 'member'))
      if (this.#isAuxiliary(GROUPS[family], part) && !this.#isNamed(part)) yield* this.#remove(GROUPS[family], part);
    if (family === 6) this.#changed6.add(name);
  }

  /** A list that the device fetches would be empty until it is filled: it is not taken over. */
  #expectPushed(name: string): void {
    const row = this.#table(FEED).get(name);
    if (row === undefined || isMarked(commentOf(FEED, row), this.#scope.cluster)) return;
    if (textOf(row, 'update-method') === 'push' && textOf(row, 'type') === 'address') return;
    throw takenByFetched(name);
  }

  /** Feeds and groups share their names: what was ours in the other form goes first, unless rules of others name it. */
  *#removeOtherForm({ name, store }: MemberGroup): Writes {
    const others: readonly TableId[] = store === 'Volatile' ? [GROUPS[4], GROUPS[6]] : [FEED];
    for (const id of others) {
      const row = this.#table(id).get(name);
      if (row === undefined || !isMarked(commentOf(id, row), this.#scope.cluster)) continue;
      if (this.#isNamed(name)) throw takenByOtherForm(id, name);
      yield* this.#remove(id, name);
    }
  }

  /** A group of names, in parts where it is too large, and with nobody where it is empty. */
  *#putMembers(family: Family, name: string, names: readonly string[], mark: string): Writes {
    const { auxiliaries } = this.#scope;
    const table = GROUPS[family];
    if (names.length === 0) {
      const value = family === 4 ? '0.0.0.0' : '::';
      const object = { name: auxiliaries.nobody[family], family, kind: 'Range', value } as const;
      yield* this.#put(ADDRESSES[family], addressRow(object, auxiliaries.nobodyMark));
      return yield* this.#put(table, { name, member: [auxiliaries.nobody[family]], comment: mark });
    }
    const parts = partsOf(names, MOST_MEMBERS);
    if (parts.size === 1) return yield* this.#put(table, { name, member: names.toSorted(), comment: mark });
    const member: string[] = [];
    for (const [bucket, some] of parts) {
      const part = auxiliaries.partName(name, bucket);
      yield* this.#put(table, { name: part, member: some.toSorted(), comment: auxiliaries.partMark });
      member.push(part);
    }
    yield* this.#put(table, { name, member: member.toSorted(), comment: mark });
  }

  /** The group of all that is in none of a rule's sources, by what the device holds by now. */
  *#putComplement(rule: string, sources: readonly string[]): Writes {
    const { auxiliaries } = this.#scope;
    const ranges = complementRanges(this.#values(sources));
    if (ranges === undefined) throw new SallyportError('INTERNAL', `sources of the rule ${rule} are no addresses`);
    const names: string[] = [];
    for (const value of ranges) {
      const object = { name: auxiliaries.rangeName(value), family: 6, kind: 'Range', value } as const;
      yield* this.#put(ADDRESSES[6], addressRow(object, auxiliaries.complementMark));
      names.push(object.name);
    }
    yield* this.#putMembers(
      6,
      complementName(rule),
      names,
      [auxiliaries.complementMark, ...sources.toSorted()].join(' '),
    );
  }

  *#removeGroup({ name, store, family }: MemberGroup): Writes {
    if (store === 'Volatile') return yield* this.#remove(FEED, name);
    if (family === 'Both') return;
    const parts = this.#table(GROUPS[family]).get(name);
    yield* this.#remove(GROUPS[family], name);
    for (const part of parts === undefined ? [] : namesIn(parts, 'member'))
      if (this.#isAuxiliary(GROUPS[family], part) && !this.#isNamed(part)) yield* this.#remove(GROUPS[family], part);
  }

  /** The entries of one rule, one below the other, at its place. */
  *#putRows(table: OrderedTable, operation: PutRule, rows: readonly Row[]): Writes {
    const { rule, kind } = operation;
    const order = this.#ordered(table);
    const isEdit = kind === 'EditRule' || kind === 'EditTranslation';
    let above: string | undefined;
    for (const row of rows) {
      const name = rowName(table, row, this.#scope);
      let key = order.keyOf(name);
      const isNew = key === undefined;
      if (key === undefined) {
        key = yield { kind: 'create', table, row };
        if (key === undefined)
          throw new SallyportError('DEVICE_UNREADABLE', `${table}: ${name} was made and has no number`);
        order.append(key, { ...row, policyid: key });
      } else yield* this.#put(table, row, key);
      let move: Move | undefined;
      if (above !== undefined) move = order.placeBelow(key, above);
      else if (!isEdit) move = order.place(key, operation.after);
      else if (isNew) move = order.place(key, undefined);
      if (move !== undefined) yield { kind: 'move', table, ...move };
      above = key;
    }
    const names = new Set(rows.map((row) => rowName(table, row, this.#scope)));
    for (const key of order.keysOf(rule.name))
      if (!names.has(rowName(table, this.#table(table).get(key) ?? {}, this.#scope)))
        yield* this.#removeRow(table, key);
  }

  *#removeRows(table: OrderedTable, rule: string): Writes {
    for (const key of this.#ordered(table).keysOf(rule)) yield* this.#removeRow(table, key);
  }

  *#removeRow(table: OrderedTable, key: string): Writes {
    yield* this.#remove(table, key);
    this.#ordered(table).remove(key);
  }

  #ordered(table: OrderedTable): OrderedRows {
    return table === POLICY ? this.#policies : this.#translations;
  }

  *#translationRows(rule: TranslationRule): Writes<readonly Row[]> {
    const service = rule.service === undefined ? undefined : this.#serviceMatch(rule.service);
    const pool = rule.to.kind === 'Address' ? yield* this.#putPool(rule.family, rule.to.address) : undefined;
    return translationRows(
      rule,
      { sources: rule.source.groups.map(nameOfKey), destinations: destinationsOf(rule), service, pool },
      this.#scope.interfaces,
    );
  }

  *#putPool(family: Family, address: string): Writes<string> {
    const { auxiliaries } = this.#scope;
    const name = auxiliaries.poolName(address);
    yield* this.#put(POOLS[family], poolRow(family, name, address, auxiliaries.poolMark));
    return name;
  }

  /** A service of ours by what the device holds of it by now. */
  #serviceMatch(name: string): FlatService {
    const groups = this.#serviceGroups(name);
    const names = groups.flatMap((group) => namesIn(this.#table(SERVICE_GROUP).get(group) ?? {}, 'member'));
    const custom = this.#table(CUSTOM);
    const rows = (names.length === 0 ? [name] : names).map((one) => custom.get(one)).filter((row) => row !== undefined);
    const match = readService({ rows, isNegated: this.#isNegatedService(name) });
    if (match === undefined) throw new SallyportError('DEVICE_CHANGED', `the service ${name} is not what it was`);
    return match;
  }

  /** Services that are written as all but others stand alone in a policy. */
  *#policyRows(rule: SecurityRule): Writes<readonly Row[]> {
    const { family, source, services, translatedTo } = rule;
    const sources = source.groups.map(nameOfKey);
    const isComplement = source.negate && family === 6;
    if (isComplement) yield* this.#putComplement(rule.name, sources);
    const names = {
      sources: isComplement ? [complementName(rule.name)] : sources,
      destinations: destinationsOf(rule),
      isNegated: source.negate && family === 4,
      pool: translatedTo === undefined ? undefined : yield* this.#putPool(family, translatedTo),
    };
    const negated = services.filter((name) => this.#isNegatedService(name));
    const plain = services.filter((name) => !this.#isNegatedService(name));
    const sets = [
      ...(services.length === 0 ? [[ANY_SERVICE]] : plain.length === 0 ? [] : [plain]),
      ...negated.toSorted().map((name) => [name]),
    ].map((set) => set.flatMap((name) => [name, ...this.#serviceGroups(name).slice(1)]));
    return sets.map((set, at) =>
      policyRow(
        { ...rule, name: policyName(rule.name, at) },
        { ...names, services: set, isServiceNegated: negated.includes(set[0] ?? '') },
        this.#scope.interfaces,
      ),
    );
  }

  #isNegatedService(name: string): boolean {
    const row = this.#table(SERVICE_GROUP).get(name) ?? this.#table(CUSTOM).get(name);
    return row !== undefined && this.#scope.afterMark(textOf(row, 'comment')) === NEGATED;
  }

  #values(groups: readonly string[]): ReadonlySet<string> {
    const values = new Set<string>();
    const gather = (group: string): void => {
      for (const member of namesIn(this.#table(GROUPS[6]).get(group) ?? {}, 'member')) {
        if (member === this.#scope.auxiliaries.nobody[6]) continue;
        const address = this.#table(ADDRESSES[6]).get(member);
        if (address === undefined) gather(member);
        else values.add(addressValue(6, address)?.value ?? '');
      }
    };
    for (const group of groups) gather(group);
    return values;
  }

  /** Makes an entry, or changes one of ours to this. A comment that still holds our mark is left as somebody wrote it. */
  *#put(id: TableId, row: Row, given?: string): Writes {
    const table = this.#table(id);
    const key = given ?? textOf(row, 'name');
    const actual = table.get(key);
    if (actual === undefined) {
      yield { kind: 'create', table: id, row };
      table.set(key, row);
      return;
    }
    const [comment, wanted] = [commentOf(id, actual), commentOf(id, row)];
    if (!isMarked(comment, this.#scope.cluster) && !this.#adopt.has(key)) throw takenByOthers(id, key);
    const kept = ` ${comment} `.includes(` ${wanted} `) ? { ...row, [FORMS[id].mark]: comment } : row;
    const change = changeOf(id, actual, kept, this.#snapshot.fresh(id));
    if (change === undefined) return;
    yield { kind: 'change', table: id, key, row: change };
    table.set(key, { ...actual, ...change });
  }

  *#remove(id: TableId, key: string): Writes {
    const table = this.#table(id);
    const row = table.get(key);
    if (row === undefined || !isMarked(commentOf(id, row), this.#scope.cluster) || this.#inUse.has(entryOf(id, key)))
      return;
    yield { kind: 'delete', table: id, key };
    table.delete(key);
  }

  #isAuxiliary(id: TableId, key: string): boolean {
    const row = this.#table(id).get(key);
    return row !== undefined && this.#scope.auxiliaries.isAuxiliary(commentOf(id, row));
  }

  /** Whether any entry names this one. */
  #isNamed(name: string): boolean {
    return NAMING.some(([id, fields]) =>
      [...this.#table(id).values()].some((row) => fields.some((field) => namesIn(row, field).includes(name))),
    );
  }
}

/** An operation that leaves a rule at a place. */
type PutRule = Extract<
  Operation,
  { kind: 'InsertRule' | 'MoveRule' | 'EditRule' | 'InsertTranslation' | 'MoveTranslation' | 'EditTranslation' }
>;
