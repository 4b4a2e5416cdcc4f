/** Whether something is so, as far as can be known; with a doubt comes why. */
export type Truth = boolean | Doubt;

/** Why nobody here can tell, each as the rest of a sentence: `it is for users`. Never empty. */
export interface Doubt {
  readonly because: readonly string[];
}

export function doubt(...because: readonly string[]): Doubt {
  return { because };
}

export function isDoubt(truth: Truth): truth is Doubt {
  return typeof truth !== 'boolean';
}

/** All of them; the first that is surely not so spares those behind it. */
export function allOf(parts: Iterable<() => Truth>): Truth {
  return gathered(parts, false);
}

/** One of them at least; the first that is surely so spares those behind it. */
export function anyOf(parts: Iterable<() => Truth>): Truth {
  return gathered(parts, true);
}

function gathered(parts: Iterable<() => Truth>, decides: boolean): Truth {
  const because = new Set<string>();
  for (const part of parts) {
    const truth = part();
    if (truth === decides) return decides;
    if (isDoubt(truth)) for (const why of truth.because) because.add(why);
  }
  return because.size === 0 ? !decides : { because: [...because] };
}

export function not(truth: Truth): Truth {
  return isDoubt(truth) ? truth : !truth;
}
