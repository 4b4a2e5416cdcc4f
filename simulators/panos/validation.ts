import type { EditRules } from './draft.ts';
import { keyOf, type Place, spoken } from './path.ts';
import { dangling, type Scope } from './references.ts';
import { gapsOf, mistakesOf } from './shape.ts';
import { find } from './tree.ts';
import { descend, type Element, members } from './xml.ts';

/** Everything for which a configuration cannot run, as lines of a failed job. */
export function mistakesInWhole(root: Element, rules: EditRules, orphans: readonly Place[]): readonly string[] {
  const scopes = rules.scopes(root);
  return [
    ...orphans.map((place) => ` ${spoken(place.slice(-2))} is not part of this commit, and something inside of it is`),
    ...mistakesOf(root, rules.schema, ['config']),
    ...gapsOf(root, rules.schema, ['config']),
    ...dangling(root, scopes, rules.schema, rules.zonesKnown),
    ...scopes.flatMap((scope) => [
      ...twoOfOneName(root, scope),
      ...circles(root, scope),
      ...listsWithoutTls(root, scope),
    ]),
  ];
}

/** Addresses and their groups share their names, so do services and theirs. */
function* twoOfOneName(root: Element, { place }: Scope): Generator<string> {
  const home = find(root, place);
  for (const [one, other] of [
    ['address', 'address-group'],
    ['service', 'service-group'],
  ] as const) {
    const names = new Set(descend(home, one)?.children.map(keyOf));
    for (const group of descend(home, other)?.children ?? [])
      if (names.has(keyOf(group))) yield ` ${other} -> ${spoken([keyOf(group)])} is already in use`;
  }
}

/** Groups that hold themselves by way of others. */
function* circles(root: Element, { place }: Scope): Generator<string> {
  const home = find(root, place);
  for (const [folder, inside] of [
    ['address-group', 'static'],
    ['service-group', 'members'],
  ] as const) {
    const groups = new Map(
      (descend(home, folder)?.children ?? []).map((one) => [
        one.attributes.get('name') ?? '',
        members(descend(one, inside)),
      ]),
    );
    const state = new Map<string, 'open' | 'clear'>();
    const circular = (name: string): boolean => {
      if (state.get(name) === 'open') return true;
      if (state.get(name) === 'clear' || !groups.has(name)) return false;
      state.set(name, 'open');
      const found = (groups.get(name) ?? []).some(circular);
      state.set(name, 'clear');
      return found;
    };
    for (const name of groups.keys()) if (circular(name)) yield ` ${folder} -> ${name} contains itself`;
  }
}

/** Credentials and the check of the server's certificate need HTTPS (reference 1.9). */
function* listsWithoutTls(root: Element, { place }: Scope): Generator<string> {
  for (const one of descend(find(root, place), 'external-list')?.children ?? [])
    for (const type of descend(one, 'type')?.children ?? [])
      if (
        (descend(type, 'auth') !== undefined || descend(type, 'certificate-profile') !== undefined) &&
        descend(type, 'url')?.text.startsWith('http://') === true
      )
        yield ` external-list -> ${one.attributes.get('name') ?? ''} auth and certificate-profile need an https url`;
}
