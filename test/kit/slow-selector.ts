/** What a selector is asked about: label values, and what the two scoping words mean where it stands. */
export interface SelectorContext {
  label(name: string): string | undefined;
  readonly all: boolean;
  readonly global: boolean;
}

/**
 * Calico's selector language, read and evaluated in one pass over the text (policy semantics 1). Written from the reference alone, to
 * check the real one against; it knows correct text only.
 */
export function holds(text: string, context: SelectorContext): boolean {
  if (text.trim() === '') return context.all;
  const tokens = text.match(/"[^"]*"|'[^']*'|&&|\|\||==|!=|[!(){},]|[A-Za-z0-9_./-]+/g) ?? [];
  let at = 0;
  const take = (): string => tokens[at++] ?? '';
  const literal = (): string => take().slice(1, -1);
  const members = (): string[] => {
    const values: string[] = [];
    take();
    while (tokens[at] !== '}')
      if (tokens[at] === ',') at++;
      else values.push(literal());
    take();
    return values;
  };

  function disjunction(): boolean {
    let value = conjunction();
    while (tokens[at] === '||') {
      at++;
      const right = conjunction();
      value = value || right;
    }
    return value;
  }

  function conjunction(): boolean {
    let value = unary();
    while (tokens[at] === '&&') {
      at++;
      const right = unary();
      value = value && right;
    }
    return value;
  }

  function unary(): boolean {
    const token = take();
    if (token === '!') return !unary();
    if (token === '(') {
      const value = disjunction();
      take();
      return value;
    }
    if (['has', 'all', 'global'].includes(token) && tokens[at] === '(') {
      at++;
      const value =
        token === 'has' ? context.label(take()) !== undefined : token === 'all' ? context.all : context.global;
      take();
      return value;
    }
    const value = context.label(token);
    switch (take()) {
      case '==':
        return value === literal();
      case '!=':
        return value !== literal();
      case 'in': {
        const values = members();
        return value !== undefined && values.includes(value);
      }
      case 'not': {
        take();
        const values = members();
        return value === undefined || !values.includes(value);
      }
      case 'contains': {
        const part = literal();
        return value?.includes(part) ?? false;
      }
      case 'starts': {
        take();
        const part = literal();
        return value?.startsWith(part) ?? false;
      }
      case 'ends': {
        take();
        const part = literal();
        return value?.endsWith(part) ?? false;
      }
      default:
        throw new Error(`the slow selector cannot read ${text}`);
    }
  }

  return disjunction();
}
