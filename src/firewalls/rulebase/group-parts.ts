import { createHash } from 'node:crypto';

/**
 * Members of a group as they fit in groups of `most`: all in one, or in parts. Which part a member is in follows from the member and from how many
 * share the first bits of its hash, so equal sets are cut alike, whatever was there before, and one member more moves few others.
 * Keys are the bits; `''` alone: no parts are needed.
 */
export function partsOf(members: readonly string[], most: number): ReadonlyMap<string, readonly string[]> {
  const parts = new Map<string, readonly string[]>();
  const divide = (bits: string, rest: readonly (readonly [string, string])[]): void => {
    if (rest.length <= most) {
      if (rest.length > 0 || bits === '')
        parts.set(
          bits,
          rest.map(([member]) => member),
        );
      return;
    }
    for (const bit of ['0', '1'])
      divide(
        bits + bit,
        rest.filter(([, hash]) => hash[bits.length] === bit),
      );
  };
  divide(
    '',
    members.length <= most
      ? members.map((member) => [member, ''] as const)
      : members.map((member) => [member, bitsOf(member)] as const),
  );
  return parts;
}

/** 32 bits are enough for billions of members. */
function bitsOf(member: string): string {
  const number = createHash('sha256').update(member).digest().readUInt32BE(0);
  return number.toString(2).padStart(32, '0');
}
