import type { Prefix } from '../../ip/prefix.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { Block } from '../kinds/policy.ts';

/** What one rule matches on one side: any of the nets, none of the exceptions. */
export interface Match {
  readonly nets: readonly Prefix[];
  readonly except: readonly Prefix[];
}

/**
 * The blocks of an entry as matches of rules. Today's form is one match, with the exceptions of all blocks cut out of every block; it is
 * kept while that is what was written. Where an exception of one block would cut a hole into another, each block gets a rule of its own
 * (reference 4.4). `strays`: exceptions that lie outside their own block. Nobody can tell which block was meant, so they are cut out of all.
 */
export function matchesOf(blocks: readonly Block[]): {
  readonly matches: readonly Match[];
  readonly strays: readonly Prefix[];
} {
  if (blocks.length === 0) return { matches: [], strays: [] };
  // Nearly always, and at no cost then.
  if (blocks.every(({ except }) => except.length === 0))
    return { matches: [{ nets: blocks.map(({ cidr }) => cidr), except: [] }], strays: [] };
  const nets = blocks.map(({ cidr }) => PrefixSet.of([cidr]));
  const strays: Prefix[] = [];
  let cutsOthers = false;
  for (const [index, { except }] of blocks.entries())
    for (const hole of except) {
      const set = PrefixSet.of([hole]);
      if (!nets[index]?.covers(set)) strays.push(hole);
      cutsOthers ||= nets.some((net, other) => other !== index && net.overlaps(set));
    }
  if (!cutsOthers)
    return {
      matches: [{ nets: blocks.map(({ cidr }) => cidr), except: blocks.flatMap(({ except }) => except) }],
      strays,
    };
  const matches = blocks.map(({ cidr, except }) => ({
    nets: [cidr],
    except: [...except, ...strays.filter((stray) => !except.includes(stray))],
  }));
  return { matches, strays };
}
