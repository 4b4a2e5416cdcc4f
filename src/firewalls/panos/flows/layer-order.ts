import type { AskedRule } from '../../passage/passage.ts';
import type { Layer } from './whole-firewall.ts';

/** The rules of a layer, asked about one flow. */
export interface AskedLayer<R extends Pick<AskedRule, 'matches'> = AskedRule> {
  readonly layer: Layer;
  /** Rules of ours are in it, or will be. */
  readonly isOurs: boolean;
  readonly rules: readonly R[];
}

interface LayerOrder<L> {
  /** As the rest of a sentence; empty where there is but one. */
  readonly because: string;
  readonly list: readonly L[];
}

/** More orders are not worth telling. */
const MOST_ORDERS = 24;

/**
 * All orders in which the layers may be asked: pre rules before those of the firewall, post rules behind; among the device groups of one side
 * the reference says nothing for sure (1.11), so that any may come first. Layers of which no rule may match do not count. A text: why
 * there are too many.
 */
export function ordersOf<L extends AskedLayer<Pick<AskedRule, 'matches'>>>(
  all: readonly L[],
): readonly LayerOrder<L>[] | string {
  const counted = all.filter(({ isOurs, rules }) => isOurs || rules.some(({ matches }) => matches !== false));
  const of = (side: Layer['side']): readonly L[] => counted.filter(({ layer }) => layer.side === side);
  const several = [of('pre'), of('post')].filter(({ length }) => length > 1);
  if (several.reduce((product, { length }) => product * factorial(length), 1) > MOST_ORDERS)
    return 'rules of many device groups may be for it, and in which order these are asked is not known';
  return permutations(of('pre')).flatMap((pre) =>
    permutations(of('post')).map((post) => ({
      because: [pre, post]
        .filter(({ length }) => length > 1)
        .map((list) => `${list.map(({ layer }) => layer.where).join(' come before ')}, which nobody says`)
        .join('; '),
      list: [...pre, ...of('own'), ...post],
    })),
  );
}

function factorial(of: number): number {
  return of < 2 ? 1 : of * factorial(of - 1);
}

function permutations<T>(of: readonly T[]): readonly (readonly T[])[] {
  if (of.length < 2) return [of];
  return of.flatMap((first, at) => permutations(of.toSpliced(at, 1)).map((rest) => [first, ...rest]));
}
