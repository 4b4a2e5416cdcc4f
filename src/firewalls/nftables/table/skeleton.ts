import { BucketMap } from '../../../base/bucket-map.ts';
import type { Family, Origin } from '../../../border/ruleset.ts';
import {
  emptyMap,
  emptySet,
  type Base,
  type MapType,
  type Match,
  type NftChain,
  type NftMap,
  type NftSet,
  type Rule,
} from './model.ts';
import { DEAD, DENIED, ESTABLISHED, FENCE_SET, familyName, FORWARD, POSTROUTING } from './names.ts';
import { address, type Chains, net, plainRule, UNKNOWN } from './rules.ts';

export const FAMILIES: readonly Family[] = [4, 6];

/** How the class of a source is found: by its address, or, where that map would be too slow to change, by a number in the packet mark. */
export type Dispatch = 'ByAddress' | 'ByNumber';

/** What an address that was given back is denied as until its connections are gone. */
export const GONE: Origin = { policy: 'gone' };

const ICMP: Record<Family, number> = { 4: 1, 6: 58 };
const TCP: Match = { on: 'protocol', protocol: 6, not: false };
export const HOOK_FORWARD: Base = { type: 'filter', hook: 'forward', priority: 0, policy: 'accept' };
export const HOOK_POSTROUTING: Base = { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' };

/** The map that has every known source as a key. */
export function knownSources(dispatch: Dispatch, family: Family): string {
  return familyName(dispatch === 'ByAddress' ? 'by_source' : 'class_of', family);
}

/** Destination in `destinations` and not `inside`: only such packets are ours to judge. */
function governed(family: Family, side: 'saddr' | 'daddr'): readonly Match[] {
  return [net(side, family, familyName('destinations', family)), net(side, family, familyName('inside', family), true)];
}

/**
 * The chains that every table of ours has, whatever the policies: base chains never change, because taking one away for a moment would
 * let packets leave untranslated (nftables reference, section 6).
 */
export function defineSkeleton(chains: Chains, dispatch: Dispatch): ReadonlyMap<string, NftChain> {
  const based = new Map<string, NftChain>([
    [FORWARD, { base: HOOK_FORWARD, rules: forwardRules() }],
    [POSTROUTING, { base: HOOK_POSTROUTING, rules: FAMILIES.map(intoTranslation) }],
  ]);
  chains.define(ESTABLISHED, establishedRules);
  chains.define(DEAD, deadRules);
  chains.define(DENIED, deniedRules);
  for (const family of FAMILIES)
    chains.define(familyName('governed', family), () => governedRules(chains, dispatch, family));
  return based;
}

/** Connections first: cut ones end, established ones pass unless their opener is being judged again; then what is governed. */
function forwardRules(): readonly Rule[] {
  const known = { do: 'jump', chain: ESTABLISHED } as const;
  return [
    plainRule({ do: 'goto', chain: DEAD }, { on: 'dead' }),
    plainRule(known, { on: 'state', states: ['established'] }),
    // Errors about accepted connections. Other related packets open connections of their own and are judged as such.
    ...FAMILIES.map((family) =>
      plainRule(known, { on: 'state', states: ['related'] }, { on: 'protocol', protocol: ICMP[family], not: false }),
    ),
    // While a table is made its rules hold before its sets of intervals have anything, and nothing would be governed. This one is filled last.
    ...FAMILIES.map((family): Rule => {
      const matches = [net('daddr', family, familyName('whole', family), true)];
      return { kind: 'ours', matches, counter: true, action: { do: 'drop' } };
    }),
    ...FAMILIES.map((family) =>
      plainRule({ do: 'goto', chain: familyName('governed', family) }, ...governed(family, 'daddr')),
    ),
  ];
}

function establishedRules(): readonly Rule[] {
  return [
    ...FAMILIES.map((family) =>
      plainRule(
        { do: 'return' },
        { on: 'direction', direction: 'original' },
        address('saddr', family, familyName('recheck', family)),
      ),
    ),
    ...FAMILIES.map((family) =>
      plainRule(
        { do: 'goto', chain: DEAD },
        { on: 'direction', direction: 'reply' },
        address('daddr', family, familyName('gone', family)),
        ...governed(family, 'saddr'),
      ),
    ),
    plainRule({ do: 'accept' }),
  ];
}

function deadRules(): readonly Rule[] {
  return [plainRule({ do: 'resetTcp' }, TCP), { kind: 'ours', matches: [], counter: true, action: { do: 'drop' } }];
}

/** Where every denied packet ends: a connection that was allowed once is marked, so that its other direction ends too. */
function deniedRules(): readonly Rule[] {
  const established: Match = { on: 'state', states: ['established'] };
  return [
    plainRule({ do: 'markDead' }, established),
    plainRule({ do: 'resetTcp' }, established, TCP),
    { kind: 'ours', matches: [], counter: true, action: { do: 'drop' } },
  ];
}

function governedRules(chains: Chains, dispatch: Dispatch, family: Family): readonly Rule[] {
  return [
    plainRule(chains.deny(GONE), address('saddr', family, familyName('gone', family))),
    plainRule({ do: 'jump', chain: familyName('hold', family) }),
    dispatch === 'ByAddress'
      ? plainRule({ do: 'dispatch', family, map: familyName('by_source', family) })
      : plainRule({
          do: 'dispatchByNumber',
          family,
          numbers: familyName('class_of', family),
          map: familyName('class', family),
        }),
    chains.rule(UNKNOWN, chains.deny(UNKNOWN), [net('saddr', family, familyName('networks', family))]),
  ];
}

function intoTranslation(family: Family): Rule {
  return plainRule({ do: 'goto', chain: familyName('translate', family) }, ...governed(family, 'daddr'));
}

/** All there is of a family: what the set of intervals `whole` holds as soon as the kernel has filled those that come before it. */
const WHOLE: Record<Family, string> = { 4: '0.0.0.0/0', 6: '::/0' };

/** The sets that every table of ours has; empty, but for the one that tells whether those of intervals have their content. */
export function skeletonSets(): Map<string, NftSet> {
  const sets = new Map<string, NftSet>([[FENCE_SET, emptySet('number')]]);
  for (const family of FAMILIES) {
    for (const name of ['destinations', 'inside', 'networks'] as const)
      sets.set(familyName(name, family), emptySet(family === 4 ? 'net4' : 'net6'));
    const elements = BucketMap.from([[WHOLE[family], true as const]]);
    sets.set(familyName('whole', family), { type: family === 4 ? 'net4' : 'net6', elements });
    for (const name of ['recheck', 'gone'] as const)
      sets.set(familyName(name, family), emptySet(family === 4 ? 'address4' : 'address6'));
  }
  return sets;
}

/** The maps of a form of dispatch, empty. */
export function dispatchMaps(dispatch: Dispatch): Map<string, NftMap> {
  const maps = new Map<string, NftMap>();
  const add = (name: string, type: MapType): void => void maps.set(name, emptyMap(type));
  for (const family of FAMILIES) {
    if (dispatch === 'ByAddress') add(familyName('by_source', family), `address${family}:verdict`);
    else {
      add(familyName('class_of', family), `address${family}:number`);
      add(familyName('class', family), 'number:verdict');
    }
  }
  return maps;
}
