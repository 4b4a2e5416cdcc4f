import { visibleLine } from './visible.ts';

/** Longer messages of servers are cut: some answer with pages. In characters. */
const LONGEST_MESSAGE = 1_000;

/** Text without any of the secrets, which stand as `[secret]`, also as they are written in a form, an address, JSON and XML. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets)
    if (secret !== '') for (const written of formsOf(secret)) clean = clean.replaceAll(written, '[secret]');
  return clean;
}

function formsOf(secret: string): readonly string[] {
  const form = new URLSearchParams({ '': secret }).toString().slice(1);
  const xml = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return [secret, form, form.replaceAll('+', '%20'), JSON.stringify(secret).slice(1, -1), xml];
}

/** A server's text for people: on one line, visible, cut, and without credentials that it repeats. */
export function tame(text: string, secrets: readonly string[]): string {
  // Cleaned before it is cut: half a secret would not be found.
  const clean = visibleLine(withoutSecrets(text, secrets));
  return clean.length <= LONGEST_MESSAGE ? clean : `${clean.slice(0, LONGEST_MESSAGE)}…`;
}
