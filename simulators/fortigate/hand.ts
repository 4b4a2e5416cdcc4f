import { GLOBAL } from './configuration.ts';
import type { Editor } from './device.ts';
import type { Change } from './edit.ts';
import type { Live } from './live.ts';
import { namesOf, type Row } from './row.ts';
import type { Table } from './table.ts';
import { knownTable } from './tables/index.ts';

/** An administrator at the device: what people do behind the API's back. Everything throws `CmdbFault` where the device refuses. */
export class Hand {
  readonly #live: Live;

  constructor(live: Live) {
    this.#live = live;
  }

  /** The entry as it stands; `undefined`: there is none. */
  get(id: string, key: string, vdom?: string): Row | undefined {
    return this.#live.device.running.row(this.#at(id, vdom).vdom, id, key);
  }

  /** Keys of a table, in their order. */
  keys(id: string, vdom?: string): readonly string[] {
    return [...this.#live.device.running.table(this.#at(id, vdom).vdom, id).keys()];
  }

  /** Makes an entry; gives its key. */
  create(id: string, body: object, vdom?: string): string {
    return this.#change({ ...this.#at(id, vdom), kind: 'create', body });
  }

  set(id: string, key: string, body: object, vdom?: string): void {
    this.#change({ ...this.#at(id, vdom), kind: 'update', key, body });
  }

  delete(id: string, key: string, vdom?: string): void {
    this.#change({ ...this.#at(id, vdom), kind: 'delete', key });
  }

  move(id: string, key: string, side: 'before' | 'after', target: string, vdom?: string): void {
    this.#change({ ...this.#at(id, vdom), kind: 'move', key, side, target });
  }

  /** What names it follows. */
  rename(id: string, key: string, to: string, vdom?: string): void {
    const place = this.#at(id, vdom);
    this.#live.device.rename(place.vdom, place, key, to);
  }

  addMember(id: string, group: string, member: string, vdom?: string): void {
    const names = namesOf(this.get(id, group, vdom) ?? {}, 'member');
    this.set(id, group, { member: [...names, member].map((name) => ({ name })) }, vdom);
  }

  removeMember(id: string, group: string, member: string, vdom?: string): void {
    const names = namesOf(this.get(id, group, vdom) ?? {}, 'member');
    this.set(id, group, { member: names.filter((name) => name !== member).map((name) => ({ name })) }, vdom);
  }

  /** Keeps an entry in a workspace of the administrator's for so long, or until the returned function is called. */
  lock(id: string, key: string, seconds: number, vdom?: string): () => void {
    const { device } = this.#live;
    const place = this.#at(id, vdom);
    const transaction = device.transactions.start(place.vdom, 'admin', seconds, device.running);
    device.transactions.hold(transaction, place.vdom, id, key);
    return () => device.transactions.end(transaction.id);
  }

  /** Settings of the device (`system/global`), or of a VDOM (`system/settings`). */
  settings(id: 'system/global' | 'system/settings', body: object, vdom?: string): void {
    this.set(id, '', body, vdom);
  }

  /** What a VDOM may hold at most: `{ 'firewall-address': 100 }`. */
  limit(vdom: string, most: Readonly<Record<string, number>>): void {
    const body = Object.fromEntries(Object.entries(most).map(([name, count]) => [name, `${count} 0`]));
    if (this.get('system/vdom-property', vdom) === undefined) this.create('system/vdom-property', { name: vdom });
    this.set('system/vdom-property', vdom, body);
  }

  /** A new API administrator with a profile of its own; gives the token. */
  addApiUser(
    name: string,
    rights: object,
    {
      vdoms = [],
      trusted = [],
      expires,
    }: { vdoms?: readonly string[]; trusted?: readonly string[]; expires?: number } = {},
  ): string {
    this.create('system/accprofile', { name, ...rights });
    this.create('system/api-user', {
      name,
      accprofile: name,
      vdom: vdoms.map((vdom) => ({ name: vdom })),
      trusthost: trusted.map((host, index) =>
        host.includes(':')
          ? { id: index + 1, type: 'ipv6-trusthost', 'ipv6-trusthost': host }
          : { id: index + 1, type: 'ipv4-trusthost', 'ipv4-trusthost': host },
      ),
    });
    return this.#live.accounts.mint(name, expires);
  }

  /** Changes what a profile allows. */
  setRights(profile: string, rights: object): void {
    this.set('system/accprofile', profile, rights);
  }

  /** Takes the token of an API administrator away. */
  revokeToken(user = 'api'): void {
    this.#live.accounts.revoke(user);
  }

  /** Lets a person log in by name and password. */
  addPerson(name: string, password: string, profile = 'super_admin'): void {
    this.#live.accounts.addPerson(name, password, profile);
  }

  /** Everything that a boot may lose, lost without one: lists, what dynamic addresses stand for, sessions and counters. */
  emptyVolatile(): void {
    this.#live.feeds.empty();
    this.#live.dynamic.boot();
    this.#live.sessions.boot();
  }

  /** What a connector, or the DNS, tells about an address. */
  resolve(address: string, values: readonly string[], vdom = this.#live.device.vdoms[0] ?? 'root'): void {
    this.#live.dynamic.resolve(vdom, address, values);
  }

  #at(id: string, vdom: string | undefined): { readonly table: Table; readonly vdom: string } {
    const table = knownTable(id);
    return { table, vdom: table.scope === 'global' ? GLOBAL : (vdom ?? this.#live.device.vdoms[0] ?? 'root') };
  }

  #change(change: Change): string {
    const editor: Editor = { name: 'admin' };
    return this.#live.device.change(change, editor).key;
  }
}
