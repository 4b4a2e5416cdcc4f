/** The match of a dynamic address group: quoted tags with `and`, `or` and parentheses (reference 1.6). */
export type Filter =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'and' | 'or'; readonly left: Filter; readonly right: Filter };

/** `and` binds closer than `or`. Not quoted words are taken as tags only as far as they have no space; anything else is no filter. */
export function parseFilter(text: string): Filter | undefined {
  const words = [...text.matchAll(/\s*(?:'([^']*)'|"([^"]*)"|([()])|([^\s()'"]+))\s*/gy)];
  if (words.reduce((length, word) => length + word[0].length, 0) !== text.length) return undefined;
  let at = 0;
  const isWord = (word: string): boolean => (words[at]?.[3] ?? words[at]?.[4]?.toLowerCase()) === word;
  const joined = (kind: 'and' | 'or', part: () => Filter | undefined): Filter | undefined => {
    let left = part();
    while (left !== undefined && isWord(kind)) {
      at += 1;
      const right = part();
      left = right === undefined ? undefined : { kind, left, right };
    }
    return left;
  };
  const tag = (): Filter | undefined => {
    if (isWord('(')) {
      at += 1;
      const inner = joined('or', () => joined('and', tag));
      if (!isWord(')')) return undefined;
      at += 1;
      return inner;
    }
    const word = words[at];
    if (word === undefined || isWord(')') || isWord('and') || isWord('or')) return undefined;
    at += 1;
    const name = word[1] ?? word[2] ?? word[4] ?? '';
    return name === '' ? undefined : { kind: 'tag', tag: name };
  };
  const all = joined('or', () => joined('and', tag));
  return at === words.length ? all : undefined;
}

export function satisfies(filter: Filter, has: (tag: string) => boolean): boolean {
  switch (filter.kind) {
    case 'tag':
      return has(filter.tag);
    case 'and':
      return satisfies(filter.left, has) && satisfies(filter.right, has);
    case 'or':
      return satisfies(filter.left, has) || satisfies(filter.right, has);
  }
}
