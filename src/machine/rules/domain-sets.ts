import { createHash } from 'node:crypto';
import type { DomainName } from '../kinds/policy.ts';

/** The set of a name's addresses of one family. */
export interface DomainSet {
  readonly name: string;
  /** Lower case, with its last dot. */
  readonly domain: string;
  readonly type: 'ipv4_addr' | 'ipv6_addr';
  /** Sorted as texts. */
  readonly addresses: readonly string[];
}

/** Addresses by name (lower case, last dot), as a resolver has seen them; of IPv6 `undefined` while it never saw any. */
export type Resolved = ReadonlyMap<
  string,
  { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] | undefined }
>;

/** A name as sets and resolvers know it: lower case, with its last dot. */
export function canonicalDomain(text: string): string {
  const name = text.trim().toLowerCase();
  return name.endsWith('.') ? name : `${name}.`;
}

/**
 * The set's name as today's controller makes it (reference 5): 16 hex digits of MD5, beginning with a letter. `attempt` counts on where two
 * names of one ruleset fall together.
 */
export function domainSetName(domain: string, type: DomainSet['type'], attempt = 0): string {
  const digest = createHash('md5')
    .update(`${domain}${type}${attempt === 0 ? '' : attempt}`)
    .digest('hex');
  const letter = digest.search(/[a-f]/);
  // None in 32 digits, or too late for sixteen of them: one in three thousand, of which today's controller knows no name.
  if (letter < 0 || letter > 16) return domainSetName(domain, type, attempt + 1);
  return digest.slice(letter, letter + 16);
}

/** What a `*` stands for in a pattern, and what names are made of. */
const ORDINARY = /^[-a-zA-Z0-9_.]*$/;

/**
 * Whether names match a pattern: `*` alone is any name, else it stands for any number of letters, digits, "-", "_" and ".". Takes time
 * that grows with the lengths alone, however many `*` there are.
 */
export function patternMatcher(pattern: string): (domain: string) => boolean {
  const text = pattern.trim();
  if (text === '*') return () => true;
  const [first = '', ...rest] = canonicalDomain(text).split('*');
  const last = rest.pop();
  if (last === undefined) return (domain) => domain === first;
  return (domain) => {
    if (!ORDINARY.test(domain) || !domain.startsWith(first)) return false;
    // Each part as early as it can be: what follows then has the most room.
    let at = first.length;
    for (const part of rest) {
      const found = domain.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at + last.length <= domain.length && domain.endsWith(last);
  };
}

/** The sets that a name or pattern of a policy stands for. A name has its set before anything is known of it; a pattern, the names seen. */
export function setsOf({ kind, text }: DomainName, resolved: Resolved): readonly DomainSet[] {
  const domains =
    kind === 'name' ? [canonicalDomain(text)] : [...resolved.keys()].filter(patternMatcher(text)).toSorted();
  return domains.flatMap((domain) => {
    const seen = resolved.get(domain) ?? { ipv4: [], ipv6: undefined };
    const set = (type: DomainSet['type'], addresses: readonly string[]): DomainSet => ({
      name: domainSetName(domain, type),
      domain,
      type,
      addresses: [...new Set(addresses)].toSorted(),
    });
    return [set('ipv4_addr', seen.ipv4), ...(seen.ipv6 === undefined ? [] : [set('ipv6_addr', seen.ipv6)])];
  });
}

/** Sets of all policies together, each once, by name. Of two names that fall together the later one gets another set name. */
export class DomainSets {
  readonly #byName = new Map<string, DomainSet>();

  /** The set as it will stand in the ruleset. */
  add(set: DomainSet): DomainSet {
    for (let attempt = 0; ; attempt++) {
      const name = attempt === 0 ? set.name : domainSetName(set.domain, set.type, attempt);
      const there = this.#byName.get(name);
      if (there === undefined) {
        const named = { ...set, name };
        this.#byName.set(name, named);
        return named;
      }
      if (there.domain === set.domain && there.type === set.type) return there;
    }
  }

  all(): readonly DomainSet[] {
    return [...this.#byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }
}
