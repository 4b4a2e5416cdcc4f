import type { TableLines } from './table-text.ts';

/** Exceptions of a rule: more than one are a set to nft, one alone is compared. */
const EXCEPTIONS = /(ip6?) ([sd]addr) != \{ [^}]*,[^}]* \}/g;
/** All there is, as a set: one net alone would be compared. */
const ALL: Readonly<Record<string, string>> = { ip: '0.0.0.0/1, 128.0.0.0/1', ip6: '::/1, 8000::/1' };

const known = new WeakMap<TableLines, TableLines>();

/**
 * The lines of a table as the kernel gets them. While a transaction is committed its rules hold before the sets in them are filled
 * (docs/design/nftables.md, "Packets under way"), and everything is `!=` what an empty set holds: what is excepted would be let through, for good,
 * since what is established is let through. So behind its exceptions such a rule asks another set, which is filled after theirs and holds everything.
 */
export function filledInOrder(lines: readonly TableLines[]): readonly TableLines[] {
  return lines.map((each) => {
    const filled = known.get(each) ?? filling(each);
    known.set(each, filled);
    return filled;
  });
}

function filling(each: TableLines): TableLines {
  if (!each.lines.some((line) => line.includes(' != { '))) return each;
  const lines = each.lines.map((line) =>
    line.replace(EXCEPTIONS, (exceptions, word: string, side: string) => {
      return `${exceptions} ${word} ${side} { ${ALL[word] ?? ''} }`;
    }),
  );
  return lines.some((line, at) => line !== each.lines[at]) ? { ...each, lines } : each;
}
