import { BucketMap } from '../../base/bucket-map.ts';
import { compareUtf8 } from '../../base/compare.ts';
import { type Pieces, each } from '../../base/pieces.ts';
import type { Engine, EngineChanges } from '../../engine/engine.ts';
import type { EndpointId } from '../../inventory/model.ts';
import { type Address, formatAddress } from '../../ip/address.ts';

const NONE: readonly string[] = [];
const NO_ADDRESSES: readonly Address[] = [];

/**
 * Who has each address, as text for comparing: the guard never holds back what narrows an address whose owner is gone. A node
 * owns its addresses, and a live pod those of its status even where they are not credible: a pool that is deleted gives nothing up.
 * Follows the engine; one changed endpoint costs its own addresses.
 */
export class OwnerTable {
  readonly #engine: Engine;
  /** By endpoint, or node. */
  readonly #addressesOf = new Map<string, readonly string[]>();
  /** What changed of that since the last whole version, as it was then. */
  readonly #before = new Map<string, readonly string[]>();
  readonly #holders = new Map<string, Set<string>>();
  #nodes: ReadonlySet<string> = new Set();
  #owners: BucketMap<string> = BucketMap.empty();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The addresses that an endpoint owns in the last whole version: that of the last `update` after which `settled` was called. */
  addressesOf(id: EndpointId): readonly string[] {
    return this.#before.get(id) ?? this.#addressesOf.get(id) ?? NONE;
  }

  /** What the last `update` gave is shown now. */
  settled(): void {
    this.#before.clear();
  }

  /** Takes what the engine's last flush told, and gives the present table. */
  *update({ touchedEndpoints, inventory }: EngineChanges): Pieces<BucketMap<string>> {
    const touched = new Set<string>();
    const look = (id: EndpointId): void => {
      const believed = this.#engine.endpoints.get(id)?.addresses ?? NO_ADDRESSES;
      const shown = this.#engine.inventory.statusAddresses(id);
      this.#hold(id, textsOf(believed, shown), touched);
    };
    yield* each(touchedEndpoints, look);
    // What the kubelet shows can change while the endpoint does not: nobody need believe it.
    yield* each(inventory.lookedAt, (id) => {
      if (!touchedEndpoints.has(id)) look(id);
    });
    if (inventory.other.has('nodes')) {
      const { nodes } = this.#engine.inventory;
      yield* each(new Set([...this.#nodes, ...nodes.keys()]), (name) =>
        this.#hold(
          `node ${name}`,
          (nodes.get(name)?.addresses ?? []).map(({ address }) => formatAddress(address)),
          touched,
        ),
      );
      this.#nodes = new Set(nodes.keys());
    }
    const texts: (readonly [string, string | undefined])[] = [];
    yield* each(touched, (address) => void texts.push([address, this.#textOf(address)]));
    this.#owners = yield* this.#owners.making(texts);
    return this.#owners;
  }

  #hold(holder: string, now: readonly string[], touched: Set<string>): void {
    const before = this.#addressesOf.get(holder) ?? NONE;
    if (sameList(before, now)) return;
    if (!this.#before.has(holder)) this.#before.set(holder, before);
    for (const address of before) {
      touched.add(address);
      this.#holders.get(address)?.delete(holder);
    }
    for (const address of now) {
      touched.add(address);
      let holders = this.#holders.get(address);
      if (holders === undefined) this.#holders.set(address, (holders = new Set()));
      holders.add(holder);
    }
    if (now.length === 0) this.#addressesOf.delete(holder);
    else this.#addressesOf.set(holder, now);
  }

  #textOf(address: string): string | undefined {
    const holders = this.#holders.get(address);
    if (holders !== undefined && holders.size > 0) return [...holders].sort(compareUtf8).join(' ');
    this.#holders.delete(address);
    return undefined;
  }
}

/** All of them, each once. What the kubelet shows is nearly always what is believed, and its text need not be made twice. */
function textsOf(believed: readonly Address[], shown: readonly Address[]): readonly string[] {
  const texts = believed.map(formatAddress);
  for (const address of shown) if (!believed.some((one) => isSame(one, address))) texts.push(formatAddress(address));
  return texts.length < 2 ? texts : [...new Set(texts)];
}

function isSame(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, n) => each === b[n]);
}
