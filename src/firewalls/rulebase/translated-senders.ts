import type { BucketMap } from '../../base/bucket-map.ts';
import { compareUtf8 } from '../../base/compare.ts';
import type { ClassId, Nat, Ruleset } from '../../border/ruleset.ts';

/** One SourceNAT for some senders; `to` absent: they keep their address. */
export interface TranslationOf {
  readonly nat: Nat;
  readonly to: string | undefined;
}

/** The senders of one class whose translations are the same. */
export interface SenderPart {
  readonly id: ClassId;
  /** In their order: the first that matches decides. */
  readonly translations: readonly TranslationOf[];
}

/** Who sends, told apart by class and by translation. */
export interface TranslatedSenders {
  /** Every known address by its class, or by the part of its class that is translated alike. */
  readonly members: BucketMap<ClassId>;
  readonly parts: ReadonlyMap<ClassId, readonly SenderPart[]>;
  /** Equal for equal parts. */
  readonly text: string;
}

/**
 * Parts of classes, for devices whose rules translate what they allow: each part takes a block of rules of its own, so that an address that
 * is in two of them for a moment gets all of the one or all of the other. `nats`: those that can be said.
 */
export function translatedSenders({ members }: Pick<Ruleset, 'members'>, nats: readonly Nat[]): TranslatedSenders {
  const translations = new Map<string, TranslationOf[]>();
  for (const nat of nats)
    for (const [address, target] of nat.sources.entries()) {
      if (target.kind === 'Hold') continue;
      const to = target.kind === 'Address' ? target.address : undefined;
      const known = translations.get(address);
      if (known === undefined) translations.set(address, [{ nat, to }]);
      else known.push({ nat, to });
    }
  const found = new Map<ClassId, Map<ClassId, SenderPart>>();
  const moved: (readonly [string, ClassId])[] = [];
  for (const [address, list] of translations) {
    const of = members.get(address);
    if (of === undefined || list.every(({ to }) => to === undefined)) continue;
    const id = `${of} ${JSON.stringify(list.map(({ nat, to }) => [nat.id, to ?? null]))}`;
    const parts = found.get(of) ?? new Map<ClassId, SenderPart>();
    found.set(of, parts);
    if (!parts.has(id)) parts.set(id, { id, translations: list });
    moved.push([address, id]);
  }
  const parts = new Map(
    [...found]
      .toSorted(([a], [b]) => compareUtf8(a, b))
      .map(([of, some]) => [of, [...some.values()].toSorted((a, b) => compareUtf8(a.id, b.id))] as const),
  );
  const named = new Set([...parts.values()].flatMap((some) => some.flatMap((part) => part.translations.map(natOf))));
  const matches = nats.filter((nat) => named.has(nat)).map(matchText);
  const ids = [...parts.values()].flatMap((some) => some.map(({ id }) => id));
  return { members: members.with(moved), parts, text: parts.size === 0 ? '' : JSON.stringify([ids, matches]) };
}

function natOf({ nat }: TranslationOf): Nat {
  return nat;
}

function matchText({ id, destination, protocol, ports }: Nat): readonly unknown[] {
  return [id, destination.toString(), protocol ?? null, ports?.toString() ?? null];
}
