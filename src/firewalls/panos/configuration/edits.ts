import { compareUtf8 } from '../../../base/compare.ts';
import { SallyportError } from '../../../base/error.ts';
import type { Edit } from '../api/api.ts';
import { type Entries, OUR_FOLDERS, isPart } from '../entries/entries.ts';
import type { Left } from './in-use.ts';
import { listEdits } from '../lists/lists.ts';
import { normalText } from '../entries/normal.ts';
import { isCounted, isOurs, ownedIn } from '../entries/owned.ts';
import type { Folders } from '../entries/read-entries.ts';
import { type Rulebase, type Scope, memberPath, objectPath, rulePath } from '../api/scope.ts';
import { type XmlElement, child, membersAt, nameOf } from '../api/xml.ts';

/** Where our block of rules stands among the rules of others: the owner of the firewall chose it. */
export type Position = { readonly at: 'top' | 'bottom' } | { readonly at: 'before' | 'after'; readonly rule: string };

export type Positions = Readonly<Record<Rulebase, Position>>;

/** Changes of a list are sent member by member up to so many; then the list is shorter as a whole. */
const MOST_MEMBERS = 100;

interface Surroundings {
  readonly scope: Scope;
  readonly cluster: string;
  readonly positions: Positions;
  /** Entries that are not to be deleted now, as the device has just refused it; absent: there are none. */
  readonly left?: Pick<Left, 'has'>;
}

/**
 * Edits that make what is ours in a candidate what it shall be, each on its finest path: what is made before what names it, what goes after
 * what named it, and the rules of others neither touched nor moved. `before`: the candidate as it is read.
 */
export function editsBetween(before: Folders, target: Entries, around: Surroundings): readonly Edit[] {
  const { scope } = around;
  const makes: Edit[] = [];
  const removes: Edit[] = [];
  const owned = ownedIn(before, around.cluster);
  for (const folder of OUR_FOLDERS) {
    const present = new Map(before.objects[folder].map((entry) => [nameOf(entry), entry]));
    for (const [name, wanted] of partsFirst(target.objects[folder]))
      makes.push(
        ...(folder === 'external-list' ? listEdits : change)(
          objectPath(scope, folder, name),
          present.get(name),
          wanted,
        ),
      );
    const gone = partsFirst(owned.objects[folder])
      .toReversed()
      .flatMap(([name]) => (target.objects[folder].has(name) || around.left?.has(folder, name) === true ? [] : [name]));
    // In the other order: what is named goes after what names it.
    removes.unshift(...gone.map((name): Edit => ({ action: 'delete', xpath: objectPath(scope, folder, name) })));
  }
  const rules = (['security', 'nat'] as const).map((rulebase) =>
    ruleEdits(rulebase, before[rulebase], target[rulebase], around),
  );
  return [
    ...makes,
    ...rules.flatMap(({ removed }) => removed),
    ...rules.flatMap(({ made }) => made),
    ...rules.flatMap(({ moved }) => moved),
    ...removes,
  ];
}

function change(xpath: string, present: XmlElement | undefined, wanted: XmlElement): readonly Edit[] {
  if (present === undefined) return [{ action: 'set', xpath, element: wanted.children }];
  if (normalText(present) === normalText(wanted)) return [];
  return memberEdits(xpath, present, wanted) ?? [{ action: 'edit', xpath, element: [wanted] }];
}

/** Of a group of which only members differ, and few: the group stays whose it is, and its other members do not travel. */
function memberEdits(xpath: string, present: XmlElement, wanted: XmlElement): readonly Edit[] | undefined {
  if (child(present, 'static') === undefined || child(wanted, 'static') === undefined) return undefined;
  const rest = (entry: XmlElement): string =>
    normalText({ ...entry, children: entry.children.filter(({ name }) => name !== 'static') });
  if (rest(present) !== rest(wanted)) return undefined;
  const [had, has] = [new Set(membersAt(present, 'static')), new Set(membersAt(wanted, 'static'))];
  const joins = [...has].filter((name) => !had.has(name));
  const leaves = [...had].filter((name) => !has.has(name)).toSorted(compareUtf8);
  if (joins.length + leaves.length > MOST_MEMBERS) return undefined;
  const list = `${xpath}/static`;
  const element = child(wanted, 'static')?.children.filter(({ text }) => joins.includes(text.trim())) ?? [];
  return [
    ...(joins.length === 0 ? [] : [{ action: 'set', xpath: list, element } as const]),
    ...leaves.map((name) => ({ action: 'delete', xpath: memberPath(list, name) }) as const),
  ];
}

/** By name, and parts of groups before the groups that name them. */
function partsFirst(map: ReadonlyMap<string, XmlElement>): readonly (readonly [string, XmlElement])[] {
  const rank = (entry: XmlElement): number => (isPart(entry) ? 0 : 1);
  return [...map].toSorted(([a, one], [b, other]) => rank(one) - rank(other) || compareUtf8(a, b));
}

interface RuleEdits {
  readonly removed: readonly Edit[];
  readonly made: readonly Edit[];
  readonly moved: readonly Edit[];
}

function ruleEdits(
  rulebase: Rulebase,
  present: readonly XmlElement[],
  target: readonly XmlElement[],
  { scope, cluster, positions }: Surroundings,
): RuleEdits {
  const path = (name: string): string => rulePath(scope, rulebase, name);
  const wanted = new Set(target.map(nameOf));
  const gone = present.filter((entry) => isOurs(entry, cluster) && !wanted.has(nameOf(entry))).map(nameOf);
  const known = new Map(present.map((entry) => [nameOf(entry), entry]));
  const made = target.flatMap((entry) => change(path(nameOf(entry)), known.get(nameOf(entry)), entry));
  const order = [
    ...present
      .filter((entry) => isCounted(entry, cluster))
      .map(nameOf)
      .filter((name) => !gone.includes(name)),
    ...target.map(nameOf).filter((name) => !known.has(name)),
  ];
  return {
    removed: gone.map((name) => ({ action: 'delete', xpath: path(name) })),
    made,
    moved: moves(order, target.map(nameOf), positions[rulebase]).map(({ name, after }) =>
      after === undefined
        ? { action: 'move', xpath: path(name), where: 'top' }
        : { action: 'move', xpath: path(name), where: 'after', dst: after },
    ),
  };
}

/** Moves that bring our rules, in their order, to their place as one block. `after` absent: to the top. */
export function moves(
  present: readonly string[],
  ours: readonly string[],
  position: Position,
): readonly { readonly name: string; readonly after: string | undefined }[] {
  const order = [...present];
  const own = new Set(ours);
  const foreign = order.filter((name) => !own.has(name));
  let previous = aboveBlock(foreign, position);
  const found: { readonly name: string; readonly after: string | undefined }[] = [];
  for (const name of ours) {
    const at = order.indexOf(name);
    if (order[at - 1] !== previous) {
      found.push({ name, after: previous });
      order.splice(at, 1);
      order.splice(previous === undefined ? 0 : order.indexOf(previous) + 1, 0, name);
    }
    previous = name;
  }
  return found;
}

/** The rule of others right above our block; `undefined`: it is the first. Throws where the rule that the position names is gone. */
export function aboveBlock(foreign: readonly string[], position: Position): string | undefined {
  if (!('rule' in position)) return position.at === 'top' ? undefined : foreign.at(-1);
  const at = foreign.indexOf(position.rule);
  if (at === -1)
    throw new SallyportError(
      'DEVICE_SETTING',
      `spec.options.position: there is no rule "${position.rule}" beside ours`,
    );
  return position.at === 'after' ? foreign[at] : foreign[at - 1];
}
