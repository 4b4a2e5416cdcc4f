/** A chain of a text of nft. */
export interface TextChain {
  /** `inet metal` */
  readonly table: string;
  readonly name: string;
  /** Absent for chains that others jump to. */
  readonly hook: { readonly type: string; readonly hook: string; readonly policy: string } | undefined;
  readonly rules: readonly string[];
}

const HOOK = /^type (\S+) hook (\S+) priority [^;]+;(?: policy (\w+);)?/;

/** The chains of texts as we write them: one statement a line, blocks of tables and of what they hold. Sets and counters are passed over. */
export function textChains(text: string): readonly TextChain[] {
  const chains: TextChain[] = [];
  let table = '';
  let block: { readonly kind: string; readonly name: string; readonly body: string[] } | undefined;
  for (const line of text.split('\n')) {
    const inside = line.trim();
    if (inside === '' || inside.startsWith('#')) continue;
    const opening = /^(table|chain|set|map|counter|limit) (.+) \{$/.exec(inside);
    if (opening?.[1] === 'table') table = opening[2] ?? '';
    else if (opening !== null) block = { kind: opening[1] ?? '', name: opening[2] ?? '', body: [] };
    else if (inside !== '}') block?.body.push(inside);
    else if (block !== undefined) {
      if (block.kind === 'chain') chains.push(chainOf(table, block.name, block.body));
      block = undefined;
    }
  }
  return chains;
}

function chainOf(table: string, name: string, body: readonly string[]): TextChain {
  const found = HOOK.exec(body[0] ?? '');
  if (found === null) return { table, name, hook: undefined, rules: body };
  const [, type = '', hook = '', policy = 'accept'] = found;
  return { table, name, hook: { type, hook, policy }, rules: body.slice(1) };
}
