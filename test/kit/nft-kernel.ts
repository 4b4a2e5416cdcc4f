import { BucketMap } from '../../src/base/bucket-map.ts';
import { assertNever, SallyportError } from '../../src/base/error.ts';
import { PrefixSet } from '../../src/ip/prefix-set.ts';
import { depthProblem } from './nft-depth.ts';
import {
  EMPTY_TABLE,
  type NftChain,
  type NftMap,
  type NftSet,
  type NftTable,
  type SetType,
} from '../../src/firewalls/nftables/table/model.ts';
import type { Operation } from '../../src/firewalls/nftables/table/operation.ts';
import { allReferences, chainOfVerdict, referencesOf } from '../../src/firewalls/nftables/table/references.ts';
import { renderBase } from '../../src/firewalls/nftables/table/render.ts';
import { prefixSetOf } from '../../src/firewalls/nftables/meaning/walk.ts';

/**
 * What the table is after a transaction, by the kernel's rules; `undefined`: no table. Throws INTERNAL for what the kernel would refuse:
 * names that are not there, other data under a key, objects in use, overlapping intervals, chains that nest too deep.
 */
export function execute(table: NftTable | undefined, operations: readonly Operation[]): NftTable | undefined {
  const draft = new Draft(table);
  for (const operation of operations) draft.run(operation);
  return draft.commit();
}

function refuse(what: string): never {
  throw new SallyportError('INTERNAL', `nftables would refuse: ${what}`);
}

class Draft {
  #present: boolean;
  #sets: Map<string, NftSet>;
  #maps: Map<string, NftMap>;
  #chains: ReadonlyMap<string, NftChain>;
  /** `#chains` once it is our own copy: most transactions touch none, and versions that share them compare at once. */
  #ownChains: Map<string, NftChain> | undefined;
  #foreign: readonly string[];
  #references: ReturnType<typeof allReferences> | undefined;
  #chainsChanged = false;

  constructor(table: NftTable | undefined) {
    const { sets, maps, chains, foreign } = table ?? EMPTY_TABLE;
    this.#present = table !== undefined;
    this.#sets = new Map(sets);
    this.#maps = new Map(maps);
    this.#chains = chains;
    this.#foreign = foreign;
  }

  commit(): NftTable | undefined {
    if (!this.#present) return undefined;
    const table = { sets: this.#sets, maps: this.#maps, chains: this.#chains, foreign: this.#foreign };
    const problem = this.#chainsChanged ? depthProblem(table) : undefined;
    return problem === undefined ? table : refuse(problem);
  }

  run(operation: Operation): void {
    if (!this.#present && operation.op !== 'createTable' && operation.op !== 'addTable') refuse('no table');
    switch (operation.op) {
      case 'createTable':
        if (this.#present) refuse('the table exists');
        this.#present = true;
        return;
      case 'addTable':
        this.#present = true;
        return;
      case 'deleteTable':
        this.#present = false;
        this.#sets = new Map();
        this.#maps = new Map();
        this.#ownChains = new Map();
        this.#chains = this.#ownChains;
        this.#foreign = [];
        return this.#rulesChanged();
      case 'addSet':
        return this.#addSet(operation.name, operation.set);
      case 'addMap':
        return this.#addMap(operation.name, operation.map);
      case 'deleteSet':
        if (!this.#sets.has(operation.name)) refuse(`no set ${operation.name}`);
        if (this.#named().sets.has(operation.name)) refuse(`set ${operation.name} is in use`);
        this.#sets.delete(operation.name);
        return;
      case 'flushMap': {
        const map = this.#map(operation.name);
        this.#setEntries(
          operation.name,
          map,
          [...map.elements.keys()].map((key) => [key, undefined]),
        );
        return;
      }
      case 'deleteMap':
        this.#map(operation.name);
        if (this.#named().sets.has(operation.name)) refuse(`map ${operation.name} is in use`);
        this.#maps.delete(operation.name);
        return this.#rulesChanged();
      case 'addChain':
        return this.#addChain(operation);
      case 'flushChain':
        this.#writableChains().set(operation.name, { ...this.#chain(operation.name), rules: [] });
        return this.#rulesChanged();
      case 'deleteChain':
        if (this.#chain(operation.name).rules.length > 0) this.#rulesChanged();
        if (this.#named().chains.has(operation.name)) refuse(`chain ${operation.name} is in use`);
        this.#writableChains().delete(operation.name);
        return;
      case 'addRules':
        return this.#addRules(operation);
      case 'addElements':
        return this.#addElements(operation.set, operation.elements);
      case 'deleteElements': {
        const set = this.#set(operation.set);
        for (const element of operation.elements)
          if (!set.elements.has(element)) refuse(`no element ${element} in ${operation.set}`);
        const gone = operation.elements.map((element) => [element, undefined] as const);
        this.#sets.set(operation.set, { ...set, elements: set.elements.with(gone) });
        return;
      }
      case 'addEntries':
        return this.#addEntries(operation.map, operation.entries);
      case 'deleteEntries': {
        const map = this.#map(operation.map);
        for (const key of operation.keys) if (!map.elements.has(key)) refuse(`no element ${key} in ${operation.map}`);
        this.#setEntries(
          operation.map,
          map,
          operation.keys.map((key) => [key, undefined]),
        );
        return;
      }
      default:
        assertNever(operation);
    }
  }

  #writableChains(): Map<string, NftChain> {
    this.#ownChains ??= new Map(this.#chains);
    this.#chains = this.#ownChains;
    return this.#ownChains;
  }

  #rulesChanged(): void {
    this.#references = undefined;
    this.#chainsChanged = true;
  }

  #named(): ReturnType<typeof allReferences> {
    this.#references ??= allReferences(this.#chains, this.#maps);
    return this.#references;
  }

  #set(name: string): NftSet {
    return this.#sets.get(name) ?? refuse(`no set ${name}`);
  }

  #map(name: string): NftMap {
    return this.#maps.get(name) ?? refuse(`no map ${name}`);
  }

  #chain(name: string): NftChain {
    return this.#chains.get(name) ?? refuse(`no chain ${name}`);
  }

  #addSet(name: string, { type, comment }: NftSet): void {
    if (this.#maps.has(name)) refuse(`${name} is a map`);
    const now = this.#sets.get(name);
    if (now !== undefined && now.type !== type) refuse(`set ${name} exists with another type`);
    // The kernel ignores another comment without a word.
    if (now !== undefined) return;
    const empty = { type, elements: BucketMap.empty<true>() };
    this.#sets.set(name, comment === undefined ? empty : { ...empty, comment });
  }

  #addMap(name: string, { type, comment }: NftMap): void {
    if (this.#sets.has(name)) refuse(`${name} is a set`);
    const now = this.#maps.get(name);
    if (now !== undefined && now.type !== type) refuse(`map ${name} exists with another type`);
    if (now !== undefined) return;
    const empty = { type, elements: BucketMap.empty<string>() };
    this.#maps.set(name, comment === undefined ? empty : { ...empty, comment });
  }

  #addChain({ name, base }: Operation & { op: 'addChain' }): void {
    const now = this.#chains.get(name);
    if (now === undefined) this.#writableChains().set(name, base === undefined ? { rules: [] } : { base, rules: [] });
    else if ((now.base && renderBase(now.base)) !== (base && renderBase(base)))
      refuse(`chain ${name} exists with another hook`);
  }

  #addRules({ chain: name, rules }: Operation & { op: 'addRules' }): void {
    const chain = this.#chain(name);
    for (const rule of rules) {
      const { chains, sets } = referencesOf(rule);
      for (const target of chains) this.#chain(target);
      for (const set of sets) if (!this.#sets.has(set) && !this.#maps.has(set)) refuse(`no set ${set}`);
    }
    this.#writableChains().set(name, { ...chain, rules: [...chain.rules, ...rules] });
    this.#rulesChanged();
  }

  #addElements(name: string, elements: readonly string[]): void {
    const set = this.#set(name);
    const fresh = elements.filter((element) => !set.elements.has(element));
    const overlap = overlapProblem(set, fresh);
    if (overlap !== undefined) refuse(`${overlap} in ${name}`);
    this.#sets.set(name, { ...set, elements: set.elements.with(fresh.map((element) => [element, true] as const)) });
  }

  #addEntries(name: string, entries: readonly (readonly [string, string])[]): void {
    const map = this.#map(name);
    for (const [key, value] of entries) {
      const now = map.elements.get(key);
      if (now !== undefined && now !== value) refuse(`${key} exists in ${name} with another value`);
      const chain = map.type.endsWith(':verdict') ? chainOfVerdict(value) : undefined;
      if (chain !== undefined) this.#chain(chain);
    }
    this.#setEntries(name, map, entries);
  }

  #setEntries(name: string, map: NftMap, entries: readonly (readonly [string, string | undefined])[]): void {
    this.#maps.set(name, { ...map, elements: map.elements.with(entries) });
    if (map.type.endsWith(':verdict')) this.#references = undefined;
  }
}

/** Why an interval set would refuse these elements beside its own; hash sets refuse nothing. */
function overlapProblem({ type, elements }: NftSet, fresh: readonly string[]): string | undefined {
  if (fresh.length === 0) return undefined;
  if (type === 'net4' || type === 'net6') return netOverlap(type, prefixSetOf(elements), fresh);
  return type === 'service' ? serviceOverlap([...elements.keys()], fresh) : undefined;
}

function netOverlap(type: SetType, held: PrefixSet, fresh: readonly string[]): string | undefined {
  const added = PrefixSet.parse(fresh);
  const bits = type === 'net4' ? 32n : 128n;
  const size = fresh.reduce((sum, text) => sum + 2n ** (bits - BigInt(text.split('/')[1] ?? '0')), 0n);
  return held.overlaps(added) || added.size !== size ? `overlap with ${fresh.join(', ')}` : undefined;
}

function serviceOverlap(held: readonly string[], fresh: readonly string[]): string | undefined {
  const all = [...held, ...fresh].map((key) => {
    const [protocol = '', range = ''] = key.split(' . ');
    const [first = '', last = first] = range.split('-');
    return { key, protocol: Number(protocol), first: Number(first), last: Number(last) };
  });
  all.sort((a, b) => a.protocol - b.protocol || a.first - b.first);
  const at = all.findIndex((one, i) => {
    const next = all[i + 1];
    return next !== undefined && next.protocol === one.protocol && next.first <= one.last;
  });
  return at < 0 ? undefined : `overlap at ${all[at]?.key}`;
}
