import { isInNetworks } from '../../border/in-networks.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import type { Owners } from '../guard/interim.ts';

/** A ruleset, and who had its addresses then. */
export interface Owned {
  readonly ruleset: Ruleset;
  readonly owners: Owners;
}

/** The endpoints and nodes in what is said of an address's owners. */
export function holdersIn(text: string): readonly string[] {
  return text.match(/(?:node )?\S+/g) ?? [];
}

/** The same without some addresses: as members, in address groups and in translations. */
export function withoutAddresses(ruleset: Ruleset, addresses: readonly string[]): Ruleset {
  const gone = addresses.map((address) => [address, undefined] as const);
  const without = (group: Group): Group =>
    group.kind === 'AddressGroup' ? { ...group, members: group.members.with(gone) } : group;
  return {
    ...ruleset,
    members: ruleset.members.with(gone),
    groups: new Map([...ruleset.groups].map(([id, group]) => [id, without(group)])),
    nats: ruleset.nats.map((nat) => ({ ...nat, sources: nat.sources.with(gone) })),
  };
}

/** Addresses that somebody has who did not have them before, where nobody who had them then kept them. */
export function handedOver(before: Owners, now: Owners): readonly string[] {
  const { added, changed } = before.difference(now);
  const others = changed.filter(([, had, has]) => {
    const heirs = new Set(holdersIn(has));
    return !holdersIn(had).some((holder) => heirs.has(holder));
  });
  return [...added, ...others].map(([address]) => address);
}

/**
 * What is confirmed, without the addresses that went over to somebody else altogether; `undefined` where there are none. On a device that
 * ends the connections of what leaves, such an address leaves before its heir has it: as a mere member it may be the same to both, and
 * whoever talked to the old one would go on talking to the heir. Only where unknown senders are dropped: elsewhere leaving could open.
 */
export function withoutHandedOver({ ruleset, owners }: Owned, now: Owners): Owned | undefined {
  const handed = handedOver(owners, now).filter(
    (address) => owners.has(address) && ruleset.members.has(address) && isInNetworks(address, ruleset),
  );
  if (handed.length === 0) return undefined;
  return {
    ruleset: withoutAddresses(ruleset, handed),
    owners: owners.with(handed.map((address) => [address, undefined] as const)),
  };
}

/** What there is to let go before a wish, worked out once for each basis and each wish. */
export class Handovers {
  readonly #mayLetGo: () => boolean;
  #last: { readonly before: object; readonly owners: Owners; readonly without: Owned | undefined } | undefined;

  /** `mayLetGo`: the device is written to, and ends the connections of what leaves. */
  constructor(mayLetGo: () => boolean) {
    this.#mayLetGo = mayLetGo;
  }

  /** `before`: what is confirmed. `undefined`: nothing went over from hand to hand, or what was open may stay open. */
  of(
    before: { readonly ruleset: Ruleset; readonly owners: Owners | undefined } | undefined,
    { ruleset, owners }: { readonly ruleset: Ruleset; readonly owners: Owners | undefined },
  ): Owned | undefined {
    if (!this.#mayLetGo() || ruleset.established === 'Keep' || before?.owners === undefined || owners === undefined)
      return undefined;
    if (this.#last?.before !== before || this.#last.owners !== owners) {
      const confirmed = { ruleset: before.ruleset, owners: before.owners };
      this.#last = { before, owners, without: withoutHandedOver(confirmed, owners) };
    }
    return this.#last.without;
  }
}
