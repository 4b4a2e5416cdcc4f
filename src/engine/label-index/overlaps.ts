import { ADDRESS_BITS, type Family } from '../../ip/address.ts';
import { parsePrefix } from '../../ip/prefix.ts';
import { SallyportError } from '../../base/error.ts';
import type { Shown } from './delta.ts';

/** A place in the tree of prefixes: one that is a member, or one where two branches part. */
interface Branch {
  /** The address, all bits of it. */
  readonly bits: bigint;
  readonly length: number;
  /** Text of the member; `undefined` where branches only part. */
  member: string | undefined;
  /** By the next bit. */
  readonly below: [Branch | undefined, Branch | undefined];
}

/**
 * One set of addresses whose members must not overlap, as nftables interval sets demand: a member that another one covers is withheld
 * until its last cover is gone (semantics 4.7). What is shown depends on the members alone, not on the order in which they came.
 */
export class OverlapFilter {
  readonly #roots: Readonly<Record<Family, Branch>> = { 4: branch(0n, 0), 6: branch(0n, 0) };
  #shown = new Map<string, 1 | -1>();

  /** Takes in what came and went, each member at most once in either, and tells what that shows and hides. */
  apply(added: readonly string[], removed: readonly string[]): Shown {
    this.#shown = new Map();
    for (const member of removed) {
      if (isPrefix(member)) this.#remove(member);
      else this.#show(member, -1);
    }
    for (const member of added) {
      if (isPrefix(member)) this.#add(member);
      else this.#show(member, 1);
    }
    const changes = [...this.#shown];
    return {
      added: changes.filter(([, weight]) => weight > 0).map(([member]) => member),
      removed: changes.filter(([, weight]) => weight < 0).map(([member]) => member),
    };
  }

  #add(text: string): void {
    const { family, bits, length } = read(text);
    const width = ADDRESS_BITS[family];
    let at = this.#roots[family];
    let covered = at.member !== undefined;
    while (at.length < length) {
      const side = bitOf(bits, at.length, width);
      const next = at.below[side];
      if (next === undefined) {
        at = at.below[side] = branch(bits, length);
        break;
      }
      const common = commonLength(bits, next.bits, Math.min(length, next.length), width);
      if (common < next.length) {
        const fork = branch(bits, common);
        fork.below[bitOf(next.bits, common, width)] = next;
        at.below[side] = fork;
        at = fork;
      } else {
        at = next;
        if (at.length < length) covered ||= at.member !== undefined;
      }
    }
    at.member = text;
    if (covered) return;
    this.#show(text, 1);
    for (const member of topmost(at)) this.#show(member, -1);
  }

  #remove(text: string): void {
    const { family, bits, length } = read(text);
    const width = ADDRESS_BITS[family];
    const path = [this.#roots[family]];
    let covered = false;
    let at = this.#roots[family];
    while (at.length < length) {
      covered ||= at.member !== undefined;
      const next = at.below[bitOf(bits, at.length, width)];
      if (next === undefined) return;
      at = next;
      path.push(at);
    }
    at.member = undefined;
    if (!covered) {
      this.#show(text, -1);
      for (const member of topmost(at)) this.#show(member, 1);
    }
    prune(path, width);
  }

  /** Shown and hidden in one call is neither. */
  #show(member: string, weight: 1 | -1): void {
    if (this.#shown.has(member)) this.#shown.delete(member);
    else this.#shown.set(member, weight);
  }
}

/** Members with a port are single points and cannot overlap. */
function isPrefix(member: string): boolean {
  return !member.includes(',');
}

function branch(bits: bigint, length: number): Branch {
  return { bits, length, member: undefined, below: [undefined, undefined] };
}

/** The members below a place that no other member below it covers. */
function topmost(top: Branch): readonly string[] {
  const members: string[] = [];
  const pending = [...top.below];
  while (pending.length > 0) {
    const at = pending.pop();
    if (at === undefined) continue;
    if (at.member === undefined) pending.push(...at.below);
    else members.push(at.member);
  }
  return members;
}

/** Takes out the last place of a path if nothing needs it, and its parent if that was a mere fork. */
function prune(path: readonly Branch[], width: number): void {
  for (let index = path.length - 1; index > 0; index--) {
    const at = path[index] as Branch;
    const parent = path[index - 1] as Branch;
    const [zero, one] = at.below;
    if (at.member !== undefined || (zero !== undefined && one !== undefined)) return;
    parent.below[bitOf(at.bits, parent.length, width)] = zero ?? one;
  }
}

function read(text: string): { readonly family: Family; readonly bits: bigint; readonly length: number } {
  const prefix = parsePrefix(text);
  if ('problem' in prefix) throw new SallyportError('INTERNAL', prefix.problem);
  const { family, address, length } = prefix.value;
  return { family, bits: BigInt(address.value), length };
}

function bitOf(bits: bigint, index: number, width: number): 0 | 1 {
  return (bits >> BigInt(width - 1 - index)) & 1n ? 1 : 0;
}

/** How many leading bits two addresses share, at most `limit`. */
function commonLength(a: bigint, b: bigint, limit: number, width: number): number {
  const difference = a ^ b;
  if (difference === 0n) return limit;
  return Math.min(limit, width - difference.toString(2).length);
}
