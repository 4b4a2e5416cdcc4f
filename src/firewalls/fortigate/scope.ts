import type { Family } from '../../border/ruleset.ts';
import { Names, isMarked } from '../rulebase/names.ts';
import type { AddressObject } from '../rulebase/model.ts';
import type { TextLimits } from '../rulebase/dialect.ts';
import { Auxiliaries } from './marks.ts';
import type { Position } from './settings.ts';
import type { Interfaces } from './words.ts';

/** Names are hashes; those in use are made once. */
const MOST_NAMES = 200_000;

/** Whose objects are meant, and where our rules stand among those of others. */
export class FortigateScope {
  readonly cluster: string;
  readonly interfaces: Interfaces;
  readonly position: Position;
  /** Whether somebody said where our rules stand. */
  readonly isPlaced: boolean;
  readonly names: Names;
  readonly auxiliaries: Auxiliaries;
  readonly #objectNames = new Map<string, string>();

  constructor(cluster: string, text: TextLimits, interfaces: Interfaces, position: Position | undefined) {
    this.cluster = cluster;
    this.interfaces = interfaces;
    this.position = position ?? 'First';
    this.isPlaced = position !== undefined;
    this.names = new Names(text, cluster);
    this.auxiliaries = new Auxiliaries(this.names);
  }

  /** The name that an object of ours with this value has: that of the rule base's tables (`ObjectTable`). */
  objectName({ kind, value }: Pick<AddressObject, 'kind' | 'value'>, family: Family): string {
    const key = `${kind} ${family} ${value}`;
    const identity = kind === 'Domain' ? `domain ${family} ${value}` : value;
    const known = this.#objectNames.get(key) ?? this.names.of('object', value, identity);
    if (this.#objectNames.size > MOST_NAMES) this.#objectNames.clear();
    this.#objectNames.set(key, known);
    return known;
  }

  /** Our mark in a comment, whatever somebody wrote around it; empty: there is none. */
  markIn(comment: string): string {
    return comment.split(/\s+/).find((word) => isMarked(word, this.cluster)) ?? '';
  }

  /** What follows our mark in a comment: one word. */
  afterMark(comment: string): string {
    const words = comment.split(/\s+/);
    return words[words.findIndex((word) => isMarked(word, this.cluster)) + 1] ?? '';
  }
}
