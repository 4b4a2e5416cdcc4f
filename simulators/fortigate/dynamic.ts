import { type Range, readEntry } from './addresses.ts';
import type { Device } from './device.ts';
import type { GenericAddress } from './generic-feed.ts';
import { edit } from './edit.ts';
import { textOf } from './row.ts';
import { knownTable } from './tables/index.ts';

/** What dynamic addresses stand for now: connectors, ClearPass and JSON feeds tell it. Nothing of it outlives a boot. */
export class Dynamic {
  readonly #device: Device;
  readonly #resolved = new Map<string, readonly Range[]>();
  /** Names of addresses that a feed made. */
  readonly #made = new Map<string, ReadonlySet<string>>();
  readonly #spt = new Map<string, Set<string>>();

  constructor(device: Device) {
    this.#device = device;
  }

  /** What a connector, or the DNS, would tell. Throws an `Error` for what is no address. */
  resolve(vdom: string, address: string, values: readonly string[]): void {
    const ranges = values.map((value) => {
      const range = readEntry(value);
      if (range === undefined) throw new Error(`${value} is no address`);
      return range;
    });
    this.#resolved.set(at(vdom, address), ranges);
  }

  /** `undefined`: nobody told anything about it. */
  of(vdom: string, address: string): readonly Range[] | undefined {
    const row = this.#device.running.row(vdom, 'firewall/address', address);
    if (row !== undefined && textOf(row, 'sub-type') === 'clearpass-spt' && textOf(row, 'type') === 'dynamic')
      return [...(this.#spt.get(at(vdom, textOf(row, 'clearpass-spt'))) ?? [])].flatMap((one) => readEntry(one) ?? []);
    return this.#resolved.get(at(vdom, address));
  }

  /** Makes, fills and removes the addresses of a JSON feed (reference 1.10 c). */
  fromFeed(vdom: string, feed: string, addresses: readonly GenericAddress[]): void {
    const table = knownTable('firewall/address');
    const { running } = this.#device;
    const rules = this.#device.rules();
    const names = new Set(addresses.map(({ name }) => name));
    for (const { name, comment, ranges } of addresses) {
      if (running.row(vdom, table.id, name) === undefined)
        edit(
          running,
          { kind: 'create', vdom, table, body: { name, comment, type: 'dynamic', 'sub-type': 'external-resource' } },
          rules,
        );
      this.#resolved.set(at(vdom, name), ranges);
    }
    for (const name of this.#made.get(at(vdom, feed)) ?? []) {
      if (names.has(name)) continue;
      this.#resolved.delete(at(vdom, name));
      try {
        edit(running, { kind: 'delete', vdom, table, key: name }, rules);
      } catch {
        // A rule names it: it stays, with nothing in it.
        this.#resolved.set(at(vdom, name), []);
        names.add(name);
      }
    }
    this.#made.set(at(vdom, feed), names);
  }

  /** ClearPass's word about endpoints (reference 1.10 d). */
  clearPass(vdom: string, action: 'add' | 'delete', spt: string, addresses: readonly string[]): void {
    const held = this.#spt.get(at(vdom, spt)) ?? new Set();
    for (const address of addresses) {
      if (action === 'add') held.add(address);
      else held.delete(address);
    }
    this.#spt.set(at(vdom, spt), held);
  }

  boot(): void {
    this.#resolved.clear();
    this.#spt.clear();
  }
}

const at = (vdom: string, name: string): string => `${vdom}\u0000${name}`;
