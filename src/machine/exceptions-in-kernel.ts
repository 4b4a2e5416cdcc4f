import type { TableLines } from './table-text.ts';

/** Exceptions of a rule: more than one are a set to nft, one alone is compared. */
const EXCEPTIONS = /(ip6?) ([sd]addr) != \{ ([^}]*,[^}]*) \}/g;
/** All there is, as a set: one net alone would be compared. */
const ALL: Readonly<Record<string, string>> = { ip: '0.0.0.0/1, 128.0.0.0/1', ip6: '::/1, 8000::/1' };
/** Each takes up to three of the 128 expressions that the kernel allows a rule, and of a rule both sides can have them. */
const MOST_COMPARED = 16;

const known = new WeakMap<TableLines, TableLines>();

/**
 * The lines of a table as the kernel gets them. While a transaction is committed its rules hold before the sets in them are filled
 * (docs/design/nftables.md, "Packets under way"), and everything is `!=` what an empty set holds: what is excepted would be let through, for good,
 * since what is established is let through. So exceptions are compared one by one, without a set. Where they are too many for a rule it asks another
 * set behind them, which holds everything and is filled after theirs: whoever is judged just between the two is let through still.
 */
export function heldMeanwhile(lines: readonly TableLines[]): readonly TableLines[] {
  return lines.map((each) => {
    const held = known.get(each) ?? holding(each);
    known.set(each, held);
    return held;
  });
}

function holding(each: TableLines): TableLines {
  if (!each.lines.some((line) => line.includes(' != { '))) return each;
  const lines = each.lines.map((line) =>
    line.replace(EXCEPTIONS, (exceptions, word: string, side: string, list: string) => {
      const nets = list.split(',').map((net) => net.trim());
      return nets.length > MOST_COMPARED
        ? `${exceptions} ${word} ${side} { ${ALL[word] ?? ''} }`
        : nets.map((net) => `${word} ${side} != ${net}`).join(' ');
    }),
  );
  return lines.some((line, at) => line !== each.lines[at]) ? { ...each, lines } : each;
}
