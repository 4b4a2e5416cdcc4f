import type { Family } from '../../border/ruleset.ts';
import type { ServiceAbilities } from '../flat/service-parts.ts';

/** The longest names and texts that a device takes, in characters, and what it takes in them. */
export interface TextLimits {
  /** One character that names may hold; `-` and `0-9a-z` are always among them. Others become `_`. */
  readonly alphabet: RegExp;
  readonly object: number;
  readonly group: number;
  readonly volatileGroup: number;
  readonly service: number;
  readonly rule: number;
  readonly translation: number;
  /** Of the comment in which the mark stands. */
  readonly mark: number;
  readonly comment: number;
}

/** The fast way for members, where a device has one. */
export interface VolatileWay {
  /** What an AddressGroup calls it. */
  readonly form: 'Feed' | 'Tag';
  /** Most entries of one call. */
  readonly portion: number;
  /** One group may hold both families. */
  readonly mixed: boolean;
  /** Members can be told before the group exists (tags); else the group is made first (pushed lists). */
  readonly membersFirst: boolean;
  /** Rules of ours do not name such groups: what they would do while one is empty is not known. */
  readonly forOthersAlone?: true;
  /** What the owner of a firewall can choose where its members do not fit, for people. */
  readonly otherwise?: string;
}

/** What a kind of device can say, at its version and in its mode: all that this folder has to know of it. */
export interface Dialect {
  /** For people: model and version. */
  readonly device: string;
  readonly text: TextLimits;
  /** Absent: no fast way, all groups are configured. */
  readonly volatile?: VolatileWay;
  /** A configured group may hold both families. */
  readonly mixedGroups: boolean;
  /** An address object can be a range that is no prefix. */
  readonly ranges: boolean;
  /** Objects for domain names, as they stand, and with `*.` before. */
  readonly domains: 'None' | 'Exact' | 'Wildcards';
  /** Rules that note a flow and go on. */
  readonly logRules: boolean;
  readonly services: ServiceAbilities;
  /** Families in which it translates sources, and the reason why not in others. */
  readonly translates: Readonly<Record<Family, true | string>>;
  /** `Table`: a table of its own. `Rules`: a rule that allows translates what it allows, and nothing else is translated by us. */
  readonly translatesBy: 'Table' | 'Rules';
  /** Where rules translate: what the owner of a firewall can choose so that a table does, for people; it follows "or". */
  readonly tableInstead?: string;
  /** Most operations that take effect together, by one transaction or commit; 1: each by itself. */
  readonly transaction: number;
  /** The longest time that a configured step takes to be in force, ms: how long an exposure can last. */
  readonly slowMs: number;
}

/** What the owner of a firewall wants of the form of our block (design 8.8). */
export interface BlockOptions {
  readonly form: 'Full' | 'Filter';
  readonly layout: 'Class' | 'Group';
  /** Rules note what they decide. */
  readonly log: boolean;
  /** Inspection of what `Full` allows, by the device's name for it. */
  readonly profile?: string;
  /** Names of existing objects that may be taken over. */
  readonly adopt: readonly string[];
}
