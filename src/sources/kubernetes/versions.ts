/**
 * Whether one resourceVersion of a kind looks older than another: shorter, or smaller as text. Only a hint, to ask the server again: versions
 * are compared for equality alone wherever something follows from it. Versions that are no numbers say nothing.
 */
export function looksOlder(version: string, than: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}
