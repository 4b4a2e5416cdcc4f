import type { AddressObject } from './model.ts';
import type { Names } from './names.ts';

/** The address object of a member's canonical text: address, prefix or `first-last`. */
export function objectFor(member: string, names: Names): AddressObject {
  const family = member.includes(':') ? 6 : 4;
  return {
    name: names.of('object', member, member),
    family,
    kind: 'Range',
    value: member,
    mark: names.mark('addresses'),
  };
}
