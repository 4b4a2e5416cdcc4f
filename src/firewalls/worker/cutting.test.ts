import { describe, expect, test } from 'vitest';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { allowing, passing, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { absentBehaviour, behaviourOf } from '../../plan/ruleset-behaviour.ts';
import type { Connections, OpenConnection } from '../connections.ts';
import { Cutting } from './cutting.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';
const bank = allowing('bank', '203.0.113.0/24', 443);
const shop = allowing('shop', '203.0.113.0/24', 80);

/** Connections in memory, and what was ended of them by which words. */
class Table implements Connections {
  open: OpenConnection[] = [];
  readonly ended: string[] = [];
  asked = 0;
  /** What the device says to a command; absent: it does as it is told. */
  says: SallyportError | undefined;
  /** It says yes and does nothing. */
  isIdle = false;
  /** Something happens before a command is sent. */
  meanwhile: () => void = () => undefined;

  add(source: string, destinationPort: number, more: Partial<OpenConnection> = {}): void {
    const packet = {
      family: 4,
      source,
      destination: '203.0.113.9',
      protocol: 6,
      sourcePort: 40_000,
      destinationPort,
    } as const;
    this.open.push({ packet, leavesAs: source, id: `${this.open.length}`, isGoverned: true, ...more });
  }

  opened(sender: string): Promise<readonly OpenConnection[]> {
    this.asked++;
    return Promise.resolve(this.open.filter(({ packet }) => packet.source === sender));
  }

  end({ id, packet }: OpenConnection, _: AbortSignal, mayGoOn: () => void): Promise<void> {
    return this.#end(`${packet.source}:${packet.destinationPort}`, (one) => one.id === id, mayGoOn);
  }

  endAll(sender: string, _: readonly OpenConnection[], __: AbortSignal, mayGoOn: () => void): Promise<void> {
    return this.#end(sender, ({ packet }) => packet.source === sender, mayGoOn);
  }

  async #end(what: string, is: (one: OpenConnection) => boolean, mayGoOn: () => void): Promise<void> {
    this.meanwhile();
    mayGoOn();
    if (this.says !== undefined) throw this.says;
    this.ended.push(what);
    if (!this.isIdle) this.open = this.open.filter((one) => !is(one));
    await Promise.resolve();
  }
}

function setUp(before: Ruleset, owners?: Readonly<Record<string, string>>) {
  const clock = new FakeClock();
  const table = new Table();
  const stop = new AbortController();
  const state = { writer: true, wished: before, told: 0 };
  const cutting = new Cutting({
    firewall: 'edge-1',
    connections: () => table,
    clock,
    log: silentLog,
    mayWrite: () => state.writer,
    wished: () => ({ ruleset: state.wished, owners: undefined, version: 1 }),
    told: () => void state.told++,
    stop: stop.signal,
  });
  const confirm = async (ruleset: Ruleset, whose?: Readonly<Record<string, string>>): Promise<void> => {
    const known = whose && BucketMap.from(Object.entries(whose));
    cutting.confirmed({ ruleset, behaviour: behaviourOf(ruleset), owners: known });
    await cutting.settled();
  };
  const wish = async (ruleset: Ruleset, whose?: Readonly<Record<string, string>>): Promise<void> => {
    state.wished = ruleset;
    await confirm(ruleset, whose);
  };
  const begin = async (): Promise<void> => {
    cutting.read({ behaviour: absentBehaviour });
    await wish(before, owners);
    table.asked = 0;
  };
  return { clock, table, cutting, state, confirm, wish, begin, stop };
}

const before = world({ [A]: 'bank', [B]: 'bank' }, [bank, shop]);

describe('connections of whoever lost rights', () => {
  test('end at once by one command where the address is nobody’s, and nobody else is asked about', async () => {
    const { table, wish, begin } = setUp(before);
    await begin();
    table.add(A, 443);
    table.add(A, 8443);
    table.add(B, 443);
    await wish(world({ [B]: 'bank' }, [bank, shop]));
    expect(table.ended).toEqual([A]);
    expect(table.asked).toBe(2);
  });

  test('end one by one where some of nobody’s go another way than by our rules', async () => {
    const { table, wish, begin } = setUp(before);
    await begin();
    table.add(A, 443);
    table.add(A, 22, { isGoverned: false });
    await wish(world({ [B]: 'bank' }, [bank, shop]));
    expect(table.ended).toEqual([`${A}:443`]);
  });

  test('one by one too, are asked about once more before the command', async () => {
    const { table, wish, begin, state } = setUp(before);
    await begin();
    table.add(A, 443);
    table.meanwhile = () => void (state.wished = before);
    await wish(world({ [A]: 'shop', [B]: 'bank' }, [bank, shop]));
    expect(table.ended).toEqual([]);
  });

  test('end one by one where some may go on', async () => {
    const wide = world({ [A]: 'wide' }, [passing('wide')]);
    const { table, wish, begin } = setUp(wide);
    await begin();
    for (const port of [443, 80, 8080]) table.add(A, port);
    table.add(A, 22, { isGoverned: false });
    await wish(world({ [A]: 'wide' }, [allowing('wide', '203.0.113.0/24', 443)]));
    expect(table.ended).toEqual([`${A}:80`, `${A}:8080`]);
  });

  test('go on where their address moved to a class that allows them too, and end where it does not', async () => {
    const { table, wish, begin } = setUp(before);
    await begin();
    table.add(A, 443);
    await wish(world({ [A]: 'twin', [B]: 'bank' }, [bank, { ...bank, id: 'twin' }]));
    expect(table.ended).toEqual([]);
    await wish(world({ [A]: 'shop', [B]: 'bank' }, [bank, shop]));
    expect(table.ended).toEqual([`${A}:443`]);
  });

  test('end where they leave from another address than they would now', async () => {
    const nat = (address: string) => ({ nats: [translating('out', { [A]: { kind: 'Address', address } })] });
    const old = world({ [A]: 'bank' }, [bank], nat('198.51.100.1'));
    const { table, wish, begin } = setUp(old);
    await begin();
    table.add(A, 443, { leavesAs: '198.51.100.1' });
    table.add(A, 443, { leavesAs: '198.51.100.2', id: 'new' });
    await wish(world({ [A]: 'bank' }, [bank], nat('198.51.100.2')));
    expect(table.open.map(({ id }) => id)).toEqual(['new']);
  });

  test('are judged one by one by what an heir may, whoever opened them', async () => {
    const { table, wish, begin } = setUp(before, { [A]: 'shop/old', [B]: 'shop/b' });
    await begin();
    table.add(A, 443);
    table.add(A, 80);
    await wish(world({ [A]: 'bank', [B]: 'bank' }, [bank]), { [A]: 'shop/new', [B]: 'shop/b' });
    expect(table.ended).toEqual([`${A}:80`]);
  });

  test('go on where a wish gives the right back that is not there yet, until it does not', async () => {
    const { table, confirm, wish, begin, state } = setUp(before);
    await begin();
    table.add(A, 443);
    const without = world({ [B]: 'bank' }, [bank, shop]);
    await confirm(without);
    expect(table.ended).toEqual([]);
    // Given up after all: nobody loses anything by this change, and yet he is asked about.
    await wish(world({ [B]: 'bank', '10.0.0.3': 'bank' }, [bank, shop]));
    expect(table.ended).toEqual([A]);
    expect(state.told).toBe(0);
  });

  test('end too where the wish that spared them was another one before what is confirmed changed', async () => {
    const { table, confirm, wish, begin, state } = setUp(before);
    await begin();
    table.add(A, 443);
    const without = world({ [B]: 'bank' }, [bank, shop]);
    await confirm(without);
    expect(table.ended).toEqual([]);
    // It waited for a yes, and nobody wants it any more.
    state.wished = world({ [B]: 'bank' }, [bank, shop]);
    await confirm(without);
    expect(table.ended).toEqual([A]);
    const { asked } = table;
    await wish(without);
    expect(table.asked).toBe(asked);
  });

  test('end too where that happened while others of the same sender were ended', async () => {
    const wide = world({ [A]: 'wide', [B]: 'bank' }, [passing('wide'), bank]);
    const { table, cutting, confirm, begin, state } = setUp(wide);
    await begin();
    table.add(A, 443);
    table.add(A, 80);
    state.wished = world({ [A]: 'bank', [B]: 'bank' }, [bank]);
    table.meanwhile = () => {
      table.meanwhile = () => undefined;
      state.wished = world({ [B]: 'bank', '10.0.0.3': 'bank' }, [bank]);
      cutting.confirmed({ ruleset: state.wished, behaviour: behaviourOf(state.wished), owners: undefined });
    };
    await confirm(world({ [B]: 'bank' }, [bank]));
    expect(table.ended).toEqual([`${A}:80`, A]);
  });

  test('are left alone where the right came back between the question and the command', async () => {
    const { table, clock, wish, begin, state, cutting } = setUp(before);
    await begin();
    table.add(A, 443);
    table.meanwhile = () => void (state.wished = before);
    await wish(world({ [B]: 'bank' }, [bank, shop]));
    expect(table.ended).toEqual([]);
    table.meanwhile = () => undefined;
    clock.advance(5_000);
    await cutting.settled();
    expect(table.ended).toEqual([]);
    expect(cutting.waiting).toBe(0);
  });

  test('go on with `Keep`, and nobody asks about them', async () => {
    const { table, wish, begin } = setUp(before);
    await begin();
    table.add(A, 443);
    await wish(world({ [B]: 'bank' }, [bank, shop], { established: 'Keep' }));
    expect([table.ended, table.asked]).toEqual([[], 0]);
  });

  test('are left to whoever may write', async () => {
    const { table, wish, begin, state } = setUp(before);
    await begin();
    table.add(A, 443);
    state.writer = false;
    const after = world({ [B]: 'bank' }, [bank, shop]);
    await wish(after);
    expect([table.ended, table.asked]).toEqual([[], 0]);
    state.writer = true;
    await wish(after);
    expect(table.ended).toEqual([A]);
  });

  test.each([
    [
      'refuses',
      (table: Table) => void (table.says = new SallyportError('DEVICE_RIGHTS', 'no right to it')),
      'no right to it',
    ],
    ['only says that it does it', (table: Table) => void (table.isIdle = true), 'still there'],
  ])('go on and are told of where the device %s; it is asked again seldom', async (_, spoil, words) => {
    const { table, clock, wish, begin, cutting, state } = setUp(before);
    await begin();
    table.add(A, 443);
    spoil(table);
    await wish(world({ [B]: 'bank' }, [bank, shop]));
    expect(cutting.note).toContain(words);
    expect(state.told).toBe(1);
    const { asked } = table;
    clock.advance(599_000);
    await turns();
    expect(table.asked).toBe(asked);
    table.says = undefined;
    table.isIdle = false;
    clock.advance(1_000);
    await cutting.settled();
    expect(table.open).toEqual([]);
    expect(cutting.note).toBeUndefined();
    expect(state.told).toBe(2);
  });

  test('are judged again in a moment where an answer was lost', async () => {
    const { table, clock, wish, begin, cutting } = setUp(before);
    await begin();
    table.add(A, 443);
    table.says = new SallyportError('DEVICE_UNREACHABLE', 'cut off');
    await wish(world({ [B]: 'bank' }, [bank, shop]));
    expect(cutting.note).toBeUndefined();
    table.says = undefined;
    clock.advance(5_000);
    await cutting.settled();
    expect(table.ended).toEqual([A]);
  });
});
