/** The filter of a dynamic address group: a tag, or several that are all of them wanted, or one of them (reference 1.6). */
export type TagFilter =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly TagFilter[] };

const WORD = /\s*(?:'([^']+)'|([()])|(and|or)\b)\s*/iy;

/**
 * `'web' and ('prod' or 'test')`; `undefined`: something else than quoted tags, `and`, `or` and parentheses, or both words side by side, of which
 * the reference does not say which one binds closer.
 */
export function readFilter(text: string): TagFilter | undefined {
  const words: { readonly tag?: string | undefined; readonly sign?: string | undefined }[] = [];
  WORD.lastIndex = 0;
  for (let at = 0; at < text.length; at = WORD.lastIndex) {
    const found = WORD.exec(text);
    if (found === null) return undefined;
    words.push({ tag: found[1], sign: found[2] ?? found[3]?.toLowerCase() });
  }
  let at = 0;
  const one = (): TagFilter | undefined => {
    const word = words[at++];
    if (word?.tag !== undefined) return { kind: 'tag', tag: word.tag };
    if (word?.sign !== '(') return undefined;
    const inside = several();
    return words[at++]?.sign === ')' ? inside : undefined;
  };
  const several = (): TagFilter | undefined => {
    const first = one();
    const kind = words[at]?.sign;
    if (first === undefined || (kind !== 'and' && kind !== 'or')) return first;
    const parts = [first];
    while (words[at]?.sign === kind) {
      at++;
      const next = one();
      if (next === undefined) return undefined;
      parts.push(next);
    }
    return { kind, parts };
  };
  const whole = several();
  return at === words.length ? whole : undefined;
}

export function satisfies(filter: TagFilter, has: (tag: string) => boolean): boolean {
  if (filter.kind === 'tag') return has(filter.tag);
  return filter.kind === 'and'
    ? filter.parts.every((part) => satisfies(part, has))
    : filter.parts.some((part) => satisfies(part, has));
}
