import { z } from 'zod';
import type { Evaluation } from '../../border/evaluate.ts';
import type { Flow } from '../../engine/flows/flow-set.ts';
import { parseAddress } from '../../ip/address.ts';
import type { ForeignRule } from '../../plan/foreign.ts';
import {
  type AskedRule,
  type Passage,
  type Passages,
  ownWish,
  passageByOneOf,
  passageOf,
  unknownPassage,
} from '../passage/passage.ts';
import { asOursAreAsked, isInRange, isOfMany, readRange } from '../passage/packet.ts';
import { readOrWhy } from '../passage/read-or-why.ts';
import { isMarked, isMarkedByAnybody } from '../rulebase/names.ts';
import { AddressBook, type AddressTables, type FeedContents } from './address-book.ts';
import { type PolicyQuestion, policyAllows, policyMatches } from './asked-policy.ts';
import { readFeed } from './feeds.ts';
import type { FortiosApi } from './fortios-api.ts';
import { foreignRule, placeOf } from './observe.ts';
import { Places, placesOf } from './places.ts';
import { type Row, readRow } from './rows.ts';
import type { FortigateScope } from './scope.ts';
import { type ServiceTables, serviceHolder } from './service-book.ts';
import type { FortigateOptions } from './settings.ts';
import { forEach, readWholeTable } from './tables.ts';
import { type ToldRow, isOn, toldNames, toldText } from './told.ts';
import { FEED, POLICY } from './words.ts';

/** What policies rest on. A table that cannot be read leaves in doubt what names its entries, and no more. */
const TABLES = [
  'firewall/address',
  'firewall/address6',
  'firewall/addrgrp',
  'firewall/addrgrp6',
  'firewall.service/custom',
  'firewall.service/group',
  'firewall/vip',
  'firewall/vip6',
  FEED,
  'system/interface',
  'system/zone',
] as const;
type AskedTable = (typeof TABLES)[number];

const settingsForm = z.object({ 'ngfw-mode': z.string() });

interface Policy {
  readonly told: ToldRow;
  readonly row: Row;
  readonly isOurs: boolean;
}

/** All policies of a VDOM and what they rest on, as they were read for questions about flows. */
export class FortigatePassages implements Passages {
  readonly #policies: readonly Policy[];
  readonly #tables: ReadonlyMap<AskedTable, readonly ToldRow[] | string>;
  readonly #addresses: AddressBook;
  readonly #services: ServiceTables;
  readonly #places: Places;
  readonly #options: FortigateOptions;
  readonly #scope: FortigateScope;
  /** Why none of these policies may decide at all. */
  readonly #doubt: string | undefined;

  private constructor(
    read: {
      readonly policies: readonly ToldRow[];
      readonly tables: ReadonlyMap<AskedTable, readonly ToldRow[] | string>;
      readonly feeds: FeedContents;
      readonly mode: string;
    },
    options: FortigateOptions,
    scope: FortigateScope,
  ) {
    const { policies, tables, feeds, mode } = read;
    this.#policies = policies.map((told) => {
      const isOurs = isMarked(toldText(told, 'comments'), scope.cluster);
      return { told, row: readRow(POLICY, told), isOurs };
    });
    this.#tables = tables;
    this.#addresses = new AddressBook({ 4: addressTables(tables, ''), 6: addressTables(tables, '6') }, feeds);
    this.#services = {
      customs: byName(tables.get('firewall.service/custom')),
      groups: byName(tables.get('firewall.service/group')),
      unread: unreadOf(tables, ['firewall.service/custom', 'firewall.service/group']),
    };
    this.#places = new Places(tables.get('system/interface') ?? '', tables.get('system/zone') ?? '');
    this.#options = options;
    this.#scope = scope;
    this.#doubt = mode === 'profile-based' ? undefined : `the VDOM is in another mode (\`ngfw-mode\`: ${mode})`;
  }

  /** Reads everything once. Rejects only where the policies themselves cannot be read. */
  static async read(
    api: FortiosApi,
    options: FortigateOptions,
    scope: FortigateScope,
    signal: AbortSignal,
  ): Promise<FortigatePassages> {
    const policies = await readWholeTable(api, POLICY, signal);
    const tables = await forEach(TABLES, (table) =>
      readOrWhy(() => readWholeTable(api, table, signal), `no right to read ${table}`),
    );
    const mode = await readOrWhy(async () => {
      const query = { format: 'ngfw-mode' };
      const { results } = await api.ask({ method: 'GET', path: 'cmdb/system/settings', query }, signal);
      return settingsForm.safeParse(results).data?.['ngfw-mode'] ?? 'not told';
    }, 'no right to read it');
    const lists = byName(tables.get(FEED));
    const named = new Set(
      policies
        .flatMap((row) => ['srcaddr', 'dstaddr', 'srcaddr6', 'dstaddr6'].flatMap((field) => toldNames(row, field)))
        .filter((name) => lists.has(name)),
    );
    const feeds = await forEach(named, (name) => feedContent(api, name, lists.get(name) ?? {}, signal));
    return new FortigatePassages({ policies, tables, feeds, mode }, options, scope);
  }

  /** What the device does with a flow, our block doing what it shall. */
  of(flow: Flow, evaluation: Evaluation): Passage {
    const doubt = this.#doubt ?? this.#virtual(flow) ?? this.#itself(flow);
    if (doubt !== undefined) return unknownPassage(doubt);
    const { zones, form } = this.#options;
    const wish = ownWish(evaluation, form);
    const isSource = this.#addresses.holder(flow.source);
    const isDestination = this.#addresses.holder(flow.destination);
    const isService = serviceHolder(this.#services, flow);
    const ours = asOursAreAsked(flow);
    const isOurService = serviceHolder(this.#services, ours);
    const place = this.#place();
    const first = this.#policies.findIndex(({ isOurs }) => isOurs);
    const pairs = placesOf(zones?.from).flatMap((from) => placesOf(zones?.to).map((to) => ({ from, to })));
    return passageByOneOf(
      pairs.map(({ from, to }) => {
        const question: PolicyQuestion = {
          flow,
          from,
          to,
          places: this.#places,
          isSource,
          isDestination,
          isService,
        };
        const rules = this.#policies.map(({ told, row, isOurs }, at): AskedRule => {
          const rule = foreignRule(row, at, first === -1 ? place : first);
          const asked = isOurs ? { ...question, flow: ours, isService: isOurService } : question;
          return askedRule(told, rule, isOurs, asked);
        });
        const zone = this.#places.zoneOfBoth(from, to);
        const passage =
          zone === undefined
            ? passageOf({ rules, wish, place, end: false })
            : unknownPassage(`it may stay within the zone ${zone}, which says by itself what becomes of such flows`);
        return [`it comes and goes by ${from ?? 'any'} > ${to ?? 'any'}`, passage] as const;
      }),
    );
  }

  /** Where our block will stand, if none of it is there; blocks of other clusters that are there already may want the same place. */
  #place(): number | undefined {
    const comment = ({ told }: Policy): string => toldText(told, 'comments');
    if (this.#options.zones === undefined || this.#policies.some((policy) => isMarkedByAnybody(comment(policy))))
      return undefined;
    return placeOf(
      this.#policies.map(({ row }) => row),
      this.#scope,
    );
  }

  /** What a virtual address does to a flow, and which policies then count, the reference does not say. */
  #virtual({ family, destination }: Flow): string | undefined {
    const table = family === 4 ? 'firewall/vip' : 'firewall/vip6';
    const rows = this.#tables.get(table) ?? '';
    if (typeof rows === 'string') return `whether its destination is a virtual address is not known: ${rows}`;
    for (const row of rows) {
      if (toldText(row, 'status') === 'disable') continue;
      const range = readRange(toldText(row, 'extip'));
      const name = toldText(row, 'name');
      if (range === undefined || range.from === 0n)
        return `what the virtual address "${name}" stands for is not known (${table})`;
      if (isInRange(range, destination)) return `its destination is the virtual address "${name}" (${table})`;
    }
    return undefined;
  }

  /** What goes to the device itself, or to many, is no policy's business. */
  #itself({ destination }: Flow): string | undefined {
    if (isOfMany(destination)) return 'its destination is an address of many, about which other policies decide';
    const rows = this.#tables.get('system/interface') ?? '';
    if (typeof rows === 'string') return `whether its destination is an address of the device is not known: ${rows}`;
    for (const row of rows) {
      const own = ['ip', 'ip6'].map((field) => parseAddress(toldText(row, field).split(/[ /]/)[0] ?? ''));
      if (own.some((address) => address?.family === destination.family && address.value === destination.value))
        return `its destination is an address of the device (${toldText(row, 'name')})`;
    }
    return undefined;
  }
}

/** `matches` is worked out when it is asked for: the first rule that surely matches spares those behind it. */
function askedRule(told: ToldRow, rule: ForeignRule, isOurs: boolean, question: PolicyQuestion): AskedRule {
  return {
    rule,
    isOurs,
    get matches() {
      return policyMatches(told, question);
    },
    allows: policyAllows(told),
    isInspected: isOn(told, 'utm-status'),
  };
}

async function feedContent(
  api: FortiosApi,
  name: string,
  row: ToldRow,
  signal: AbortSignal,
): Promise<readonly string[] | string> {
  const type = toldText(row, 'type');
  if (type !== 'address') return `the feed "${name}" is of the type ${type}`;
  if (toldText(row, 'status') === 'disable') return `the feed "${name}" is disabled`;
  const content = await readOrWhy(() => readFeed(api, name, signal), `no right to read the feed "${name}"`);
  if (typeof content === 'string') return content;
  return content.isOverfull ? `the device leaves entries of the feed "${name}" out` : content.entries;
}

function addressTables(tables: ReadonlyMap<AskedTable, readonly ToldRow[] | string>, suffix: '' | '6'): AddressTables {
  return {
    objects: byName(tables.get(`firewall/address${suffix}`)),
    groups: byName(tables.get(`firewall/addrgrp${suffix}`)),
    unread: unreadOf(tables, [`firewall/address${suffix}`, `firewall/addrgrp${suffix}`, FEED]),
  };
}

function unreadOf(
  tables: ReadonlyMap<AskedTable, readonly ToldRow[] | string>,
  names: readonly AskedTable[],
): string | undefined {
  return names.map((name) => tables.get(name)).find((rows) => typeof rows === 'string');
}

function byName(rows: readonly ToldRow[] | string | undefined): ReadonlyMap<string, ToldRow> {
  return new Map(typeof rows === 'object' ? rows.map((row) => [toldText(row, 'name'), row] as const) : []);
}
