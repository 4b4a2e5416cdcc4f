import type { Family } from '../../border/ruleset.ts';
import type { Names } from '../rulebase/names.ts';

/** What we keep for ourselves on the device, below what a rule base knows: its names and marks. */
export class Auxiliaries {
  readonly #names: Names;
  /** Stands in for the members of an empty group: what an empty one means in a rule is not proven (vendor reference 7.7). */
  readonly nobody: Readonly<Record<Family, string>>;
  readonly nobodyMark: string;
  /** Parts of groups that are too large for one. */
  readonly partMark: string;
  /** What is in none of a group, and the ranges that it is made of. */
  readonly complementMark: string;
  readonly poolMark: string;
  /** Says which process wrote last. */
  readonly writer: string;
  readonly writerMark: string;

  constructor(names: Names) {
    this.#names = names;
    this.nobody = { 4: names.of('object', 'nobody4', 'nobody 4'), 6: names.of('object', 'nobody6', 'nobody 6') };
    this.nobodyMark = names.mark('nobody');
    this.partMark = names.mark('part');
    this.complementMark = names.mark('complement');
    this.poolMark = names.mark('pool');
    this.writer = names.of('object', 'writer', 'writer');
    this.writerMark = names.mark('writer');
  }

  /** Whether a comment says that something is ours and not of the rule base. */
  isAuxiliary(comment: string): boolean {
    const words = comment.split(/\s+/);
    return [this.nobodyMark, this.partMark, this.complementMark, this.poolMark, this.writerMark].some((mark) =>
      words.includes(mark),
    );
  }

  partName(group: string, bucket: string): string {
    return this.#names.of('group', `${group}.${bucket === '' ? '0' : bucket}`, JSON.stringify(['part', group, bucket]));
  }

  rangeName(range: string): string {
    return this.#names.of('object', range, JSON.stringify(['complement', range]));
  }

  poolName(address: string): string {
    return this.#names.of('object', address, JSON.stringify(['pool', address]));
  }
}

/** The group of all that is in none of a rule's sources. */
export function complementName(rule: string): string {
  return `${rule}.not`;
}
