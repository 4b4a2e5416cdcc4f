import type { ForeignRule } from '../../driver.ts';
import type { BlockOptions, Dialect } from '../../rulebase/dialect.ts';
import type { ObservedRuleBase, WantedRuleBase } from '../../rulebase/model.ts';
import { Names } from '../../rulebase/names.ts';
import { type Positions, aboveBlock, moves } from './edits.ts';
import { type Style, entriesOf, tagOf, tagPrefix } from '../entries/entries.ts';
import { type PanosOptions, positionsOf } from './options.ts';
import { isCounted, isOurs } from '../entries/owned.ts';
import { type Folders, readRuleBase, withTagged } from '../entries/read-entries.ts';
import { type Registered, type TagChange, heldOf } from '../members/registered.ts';
import { type Scope, scopeWord } from '../api/scope.ts';
import type { Tagged } from '../members/tagged.ts';
import { type XmlElement, element, membersAt, nameOf, textAt, xmlText } from '../api/xml.ts';

/** What stays the same while a firewall, or the firewalls of a device group, are kept: where we write, whose it is, and how it looks. */
export interface Ground {
  readonly scope: Scope;
  readonly cluster: string;
  readonly positions: Positions;
  readonly style: Style;
  readonly dialect: Dialect;
}

export function groundOf(scope: Scope, cluster: string, options: PanosOptions, dialect: Dialect): Ground {
  const { zones, logSetting } = options;
  return {
    scope,
    cluster,
    positions: positionsOf(options),
    style: {
      names: new Names(dialect.text, cluster),
      tags: tagPrefix(cluster),
      from: zones.from,
      to: zones.to,
      logSetting,
    },
    dialect,
  };
}

/** The form of our block, as its owner wants it. `adopt`: names of groups that may be taken over. */
export function blockOf(
  { form, layout, log, securityProfile }: PanosOptions,
  adopt: readonly string[] = [],
): BlockOptions {
  return {
    form,
    layout,
    log: log !== 'None',
    ...(securityProfile === undefined || securityProfile === 'none' ? {} : { profile: securityProfile }),
    adopt,
  };
}

/** What of ours a scope's configuration and registered addresses say together. */
export function observedIn(folders: Folders, tagged: Tagged, ground: Ground): ObservedRuleBase {
  const { cluster, style } = ground;
  const known = readings.get(folders);
  const observed =
    known?.ground === ground
      ? withTagged(known.observed, tagged, style)
      : withStrays(readRuleBase(folders, tagged, cluster, style), folders, ground);
  readings.set(folders, { ground, observed });
  return observed;
}

/** Members come and go far more often than a configuration does: it is read once, and then only who has which tag. */
const readings = new WeakMap<Folders, { readonly ground: Ground; readonly observed: ObservedRuleBase }>();

function withStrays(observed: ObservedRuleBase, folders: Folders, { cluster, positions }: Ground): ObservedRuleBase {
  const strays = (['security', 'nat'] as const).flatMap((rulebase) => {
    const list = folders[rulebase].filter((entry) => isCounted(entry, cluster));
    const ours = list.filter((entry) => isOurs(entry, cluster)).map(nameOf);
    try {
      return moves(list.map(nameOf), ours, positions[rulebase]).map(({ name }) => name);
    } catch {
      // The rule that the position names is gone; what is written says so.
      return [];
    }
  });
  return strays.length === 0 ? observed : { ...observed, strays: new Set(strays) };
}

/** What of registered addresses is ours. */
export function ourTags(registered: Registered, { style: { tags: prefix } }: Ground): readonly TagChange[] {
  return heldOf(registered, prefix);
}

/** Tags of ours whose group is not there. */
export function orphansIn(tagged: Tagged, { groups }: ObservedRuleBase, { style }: Ground): readonly TagChange[] {
  const volatile = [...groups.values()].filter(({ store }) => store === 'Volatile');
  const known = new Set(volatile.map((group) => tagOf(group, style)));
  const orphans = [...tagged].filter(([tag]) => tag.startsWith(style.tags) && !known.has(tag));
  return orphans.flatMap(([tag, members]) => [...members].map((address) => ({ address, tag })));
}

/** Rules of others in the same rulebase, before and after our block, or the place where it will be. */
export function foreignIn({ security }: Folders, { cluster, scope, positions }: Ground): readonly ForeignRule[] {
  const first = security.findIndex((entry) => isOurs(entry, cluster));
  const place = first === -1 ? placeOf(security, positions) : first;
  return security.flatMap((entry, at): readonly ForeignRule[] =>
    isOurs(entry, cluster) || textAt(entry, 'disabled') === 'yes'
      ? []
      : [
          {
            where: scopeWord(scope),
            text: foreignText(entry),
            effect: at < place ? 'before ours' : 'after ours',
          },
        ],
  );
}

function placeOf(security: Folders['security'], positions: Positions): number {
  const names = security.map(nameOf);
  try {
    const above = aboveBlock(names, positions.security);
    return above === undefined ? 0 : names.indexOf(above) + 1;
  } catch {
    return 0;
  }
}

/** A rule of somebody else, for people. */
export function foreignText(entry: XmlElement): string {
  return `${nameOf(entry)}: ${saidText(entry)}`;
}

/** What a rule says, for people: `drop any to not guests, any`. */
export function saidText(entry: XmlElement): string {
  const list = (name: string): string => membersAt(entry, name).join(', ') || 'any';
  const side = (name: string): string => (textAt(entry, `negate-${name}`) === 'yes' ? 'not ' : '') + list(name);
  return `${textAt(entry, 'action') ?? '?'} ${side('source')} to ${side('destination')}, ${list('service')}`;
}

/** Everything that is wanted, as the device would print it, and who is registered. */
export function wantedText(
  wanted: WantedRuleBase,
  { style }: Ground,
  lists: ReadonlyMap<string, XmlElement> = new Map(),
): string {
  const { objects, security, nat } = entriesOf(wanted, style, lists);
  const folders = Object.entries(objects).map(([folder, entries]) => element(folder, [...entries.values()]));
  const rules = [element('security', security), element('nat', nat)];
  const tags = [...wanted.groups.values()]
    .filter(({ store }) => store === 'Volatile')
    .flatMap((group) => [...group.members].toSorted().map((address) => `${address} ${tagOf(group, style)}\n`));
  return [...folders, ...rules].map((one) => `${xmlText(one)}\n`).join('') + tags.join('');
}
