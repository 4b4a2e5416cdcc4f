import { visibleLine } from './visible.ts';

/** Longer messages of servers are cut: some answer with pages. In characters. */
const LONGEST_MESSAGE = 1_000;

/** Text without any of the secrets, which stand as `[secret]`. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, '[secret]');
  return clean;
}

/** A server's text for people: on one line, visible, cut, and without credentials that it repeats. */
export function tame(text: string, secrets: readonly string[]): string {
  // Cleaned before it is cut: half a secret would not be found.
  const clean = visibleLine(withoutSecrets(text, secrets));
  return clean.length <= LONGEST_MESSAGE ? clean : `${clean.slice(0, LONGEST_MESSAGE)}…`;
}
