import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { FirewallMachine } from '../../../test/kit/firewall-machine.ts';
import { cwnp, firewall, smallMachine } from '../../../test/kit/machine.ts';
import { netnsTransport } from '../../firewalls/nftables/reach/local-transport.ts';
import type { Transport } from '../../firewalls/nftables/reach/transport.ts';
import { linesOf, type TableLines, tableLines, textOf } from '../../machine/table-text.ts';
import { KernelTable } from './kernel-table.ts';

const signal = new AbortController().signal;

/** A policy that opens a port of somebody outside, and twenty of nobody. */
const policy = (name: string, port: number): string =>
  cwnp(
    name,
    `{ egress: [{ to: [{ cidr: 198.51.100.9/32 }], ports: [{ port: ${port} }] }, ${Array.from({ length: 19 }, (_, n) => `{ to: [{ cidr: 192.0.2.${n}/32 }], ports: [{ port: ${port} }] }`).join(', ')}] }`,
  );
const many = Array.from({ length: 110 }, (_, n) => policy(`p${n}`, 10_000 + n)).join('');
const table =
  (more: string, log = false) =>
  (): readonly TableLines[] =>
    tableLines(smallMachine(firewall(`{ logAcceptedConnections: ${String(log)} }`) + many + more).ruleset);

describe('a large table in the kernel', () => {
  let world: FirewallMachine;
  let folder: string;
  let kernel: KernelTable;

  beforeAll(async () => {
    world = await FirewallMachine.open();
    for (const port of [80, 443, 10_050]) await world.internet.listenTcp('0.0.0.0', port);
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-kernel-test-'));
    await world.load('');
    kernel = new KernelTable(netnsTransport(world.machine.name, folder));
  });
  afterEach(() => {
    kernel.stop();
    rmSync(folder, { recursive: true });
  });

  const passes = async (port: number): Promise<boolean> =>
    (await world.cluster.tcp({ from: '10.0.0.10', to: '198.51.100.9', port })).outcome === 'passed';
  const nft = (...words: readonly string[]): Promise<string> => world.machine.must('nft', [...words]);
  const late = async (): Promise<number> =>
    (await nft('list', 'chain', 'inet', 'firewall', 'late')).split('\n').filter((line) => line.includes('counter'))
      .length;
  /** A table that also has plain sets of addresses. */
  const withSets =
    (names: readonly string[], more = '') =>
    () =>
      linesOf(
        textOf(table(more)()).replace(
          'table inet firewall {\n',
          (head) => `${head}${names.map((name) => `\n\tset ${name} {\n\t\ttype ipv4_addr\n\t}\n`).join('')}`,
        ),
      );
  const web = (name = 'web') => `accept traffic for np ${name} tcp`;

  test('what is new comes late, what stays is not touched, and what goes is gone', async () => {
    expect(await kernel.load(table(''), signal)).toBe('replaced');
    expect([await passes(10_050), await passes(443)]).toEqual([true, false]);
    expect(await kernel.load(table(policy('web', 443)), signal)).toBe('changed');
    expect([await passes(443), await late()]).toEqual([true, 20]);
    expect(await world.packets(web())).toBe(1);
    expect(await kernel.load(table(policy('web', 443) + policy('more', 80)), signal)).toBe('changed');
    expect([await passes(80), await passes(443), await late()]).toEqual([true, true, 40]);
    expect([await world.packets(web()), await world.packets(web('p50'))]).toEqual([2, 1]);
    expect(await kernel.isIntact(signal)).toBe(true);
    expect(await kernel.load(table(policy('more', 80)), signal)).toBe('changed');
    expect([await passes(80), await passes(443), await late()]).toEqual([true, false, 20]);
    // One of the first ones changes: its rules leave their places.
    const text = textOf(table(policy('more', 80))()).replaceAll('dport { 10050 }', 'dport { 443 }');
    const changed = (): readonly TableLines[] => linesOf(text);
    expect(await kernel.load(changed, signal)).toBe('changed');
    expect([await passes(443), await passes(10_050), await late()]).toEqual([true, false, 40]);
    expect(await kernel.load(changed, signal)).toBe('nothing');
    expect(await kernel.isIntact(signal)).toBe(true);
  });

  test('a table that becomes large at once is loaded whole, and what was counted goes on', async () => {
    const small = (): readonly TableLines[] => tableLines(smallMachine(firewall('{}') + policy('p50', 10_050)).ruleset);
    await kernel.load(small, signal);
    expect(await passes(10_050)).toBe(true);
    expect(await kernel.load(table(''), signal)).toBe('replaced');
    expect([await passes(10_050), await world.packets(web('p50'))]).toEqual([true, 2]);
    expect(await kernel.isIntact(signal)).toBe(true);
    expect(await kernel.load(table(policy('web', 443)), signal)).toBe('changed');
  });

  test('a process that begins anew puts all in their places, with what they counted', async () => {
    await kernel.load(table(''), signal);
    await kernel.load(table(policy('web', 443)), signal);
    for (let n = 0; n < 3; n++) expect(await passes(443)).toBe(true);
    const next = new KernelTable(netnsTransport(world.machine.name, folder));
    expect(await next.load(table(policy('web', 443)), signal)).toBe('replaced');
    expect([await late(), await world.packets(web())]).toEqual([0, 3]);
    expect(await passes(443)).toBe(true);
    next.stop();
  });

  test('a change of everything puts all in their places, and so does the way back to a small table', async () => {
    await kernel.load(table(''), signal);
    await kernel.load(table(policy('web', 443)), signal);
    expect(await kernel.load(table(policy('web', 443), true), signal)).toBe('changed');
    expect([await passes(443), await late()]).toEqual([true, 0]);
    expect(await kernel.load(() => tableLines(smallMachine(policy('web', 80)).ruleset), signal)).toBe('changed');
    expect([await passes(80), await passes(443)]).toEqual([true, false]);
    expect(await nft('list', 'table', 'inet', 'firewall')).not.toContain('chain late');
    expect(await kernel.isIntact(signal)).toBe(true);
  });

  test('hands in it are found, and a change after them is put right as a whole', async () => {
    await kernel.load(table(''), signal);
    await kernel.load(table(policy('web', 443)), signal);
    await nft('add', 'rule', 'inet', 'firewall', 'late', 'tcp', 'dport', '80', 'counter', 'accept');
    await expect.poll(() => kernel.isIntact(signal), { timeout: 60_000, interval: 500 }).toBe(false);
    expect(await kernel.load(table(policy('web', 443)), signal)).toBe('replaced');
    expect([await passes(443), await passes(80)]).toEqual([true, false]);
    await kernel.load(table(policy('web', 443) + policy('more', 80)), signal);
    await nft('flush', 'chain', 'inet', 'firewall', 'late');
    // Handles that are gone: the difference is refused, and nothing of it done.
    expect(await kernel.load(table(policy('web', 443)), signal)).toBe('replaced');
    expect([await passes(443), await passes(80)]).toEqual([true, false]);
    await nft('delete', 'table', 'inet', 'firewall');
    await expect.poll(() => kernel.isIntact(signal), { timeout: 60_000, interval: 500 }).toBe(false);
  });

  test('a table that is gone is there again with the next load, also where it was read so lately that it is not read again', async () => {
    const clock = new FakeClock();
    const local = netnsTransport(world.machine.name, folder);
    const slow: Transport = {
      ...local,
      run: async (program, words, ...rest) => {
        const outcome = await local.run(program, words, ...rest);
        // A reading takes a minute, so that the next one is due long after this test.
        if (words.includes('-a')) clock.advance(60_000);
        return outcome;
      },
    };
    const next = new KernelTable(slow, clock);
    const lines = table(policy('web', 443));
    await next.load(lines, signal);
    for (const edit of [
      ['delete', 'table', 'inet', 'firewall'],
      ['chain', 'inet', 'firewall', 'forward', '{ policy accept; }'],
    ]) {
      expect(await next.isIntact(signal)).toBe(true);
      await nft(...edit);
      expect(await next.isIntact(signal)).toBe(false);
      expect(await next.load(lines, signal)).toBe('replaced');
      expect([await next.isClosed(signal), await passes(443), await passes(80)]).toEqual([true, true, false]);
    }
    next.stop();
  });

  test('what somebody puts in before a load was read back is not taken for what was loaded', async () => {
    const local = netnsTransport(world.machine.name, folder);
    let edit: readonly string[] | undefined;
    const disturbed: Transport = {
      ...local,
      runWithFile: async (...words) => {
        const outcome = await local.runWithFile(...words);
        if (edit !== undefined) await nft(...edit);
        edit = undefined;
        return outcome;
      },
    };
    const next = new KernelTable(disturbed, new FakeClock());
    const opening = (chain: string) => ['insert', 'rule', 'inet', 'firewall', chain, 'tcp', 'dport', '80', 'accept'];
    const lines = [table(''), table(policy('web', 443))] as const;
    for (const [chain, wanted, done] of [
      ['forward', lines[0], 'replaced'],
      ['late', lines[1], 'changed'],
    ] as const) {
      edit = opening(chain);
      expect(await next.load(wanted, signal)).toBe(done);
      expect([await passes(80), await next.isIntact(signal)]).toEqual([true, false]);
      expect(await next.load(wanted, signal)).toBe('replaced');
      expect([await passes(80), await next.isIntact(signal)]).toEqual([false, true]);
    }
    edit = ['add', 'chain', 'inet', 'firewall', 'strange'];
    expect(await next.load(table(policy('more', 443), true), signal)).toBe('changed');
    expect(await next.isIntact(signal)).toBe(false);
    next.stop();
  });

  test('elements come and go without a word about other sets, all of a change or none', async () => {
    const sets =
      '\n\tset a {\n\t\ttype ipv4_addr\n\t}\n\n\tset b {\n\t\ttype ipv6_addr\n\t\telements = { fd00::1 }\n\t}\n';
    const text = textOf(table('')()).replace('table inet firewall {\n', (head) => `${head}${sets}`);
    await kernel.load(() => linesOf(text), signal);
    const add = (set: string, element: string) => ({ change: 'add', set, element }) as const;
    const remove = (set: string, element: string) => ({ change: 'delete', set, element }) as const;
    const held = async (set: string): Promise<string> =>
      /elements = \{([^}]*)\}/.exec(await nft('list', 'set', 'inet', 'firewall', set))?.[1]?.replaceAll(/\s+/g, ' ') ??
      '';
    await kernel.changeElements([add('a', '192.0.2.1'), add('a', '192.0.2.2'), add('b', 'fd00::2')], signal);
    expect([await held('a'), await held('b')]).toEqual([' 192.0.2.1, 192.0.2.2 ', ' fd00::1, fd00::2 ']);
    await kernel.changeElements([remove('a', '192.0.2.1'), add('a', '192.0.2.3'), remove('b', 'fd00::1')], signal);
    expect([await held('a'), await held('b')]).toEqual([' 192.0.2.2, 192.0.2.3 ', ' fd00::2 ']);
    expect(await kernel.isIntact(signal)).toBe(true);
    // More than a line of the shell takes.
    const many = Array.from({ length: 200 }, (_, n) => add('a', `198.51.100.${n}`));
    await kernel.changeElements(many, signal);
    expect((await held('a')).split(',')).toHaveLength(202);
    // By hand a set is another one now: no element of the change is there.
    await nft('delete', 'set', 'inet', 'firewall', 'b');
    await nft('add', 'set', 'inet', 'firewall', 'b', '{ type ipv4_addr; }');
    await expect(kernel.changeElements([add('a', '192.0.2.9'), add('b', 'fd00::9')], signal)).rejects.toThrow();
    expect(await held('a')).not.toContain('192.0.2.9');
    expect(await kernel.isIntact(signal)).toBe(false);
  });

  test('an element that the load under way takes away is not there any more for who asks, and comes back behind it', async () => {
    const local = netnsTransport(world.machine.name, folder);
    let during = (): void => {};
    let failing = false;
    const watched: Transport = {
      ...local,
      runWithFile: async (...words) => {
        during();
        if (failing) throw new Error('the machine is away');
        return local.runWithFile(...words);
      },
    };
    const next = new KernelTable(watched, new FakeClock());
    const change = { change: 'add', set: 's', element: '192.0.2.1' } as const;
    const isThere = (): boolean => next.hasElement('s', '192.0.2.1');
    await next.load(withSets(['s']), signal);
    const listed = (): Promise<string> => nft('list', 'set', 'inet', 'firewall', 's');
    for (const more of [policy('web', 443), policy('more', 443)]) {
      await next.changeElements([change], signal);
      expect(isThere()).toBe(true);
      const seen: boolean[] = [];
      let back: Promise<void> | undefined;
      during = () => {
        seen.push(isThere());
        back ??= next.changeElements([change], signal);
      };
      failing = more === policy('more', 443);
      const load = next.load(withSets(['s'], more), signal);
      if (failing) await expect(load).rejects.toThrow('the machine is away');
      else await load;
      failing = false;
      await back;
      expect(new Set(seen)).toEqual(new Set([false]));
      expect([isThere(), (await listed()).includes('192.0.2.1')]).toEqual([true, true]);
      during = () => {};
    }
    next.stop();
  });

  test('a listing that breaks off is told and not believed, and keeps no rule from being loaded', async () => {
    const local = netnsTransport(world.machine.name, folder);
    let most = Number.POSITIVE_INFINITY;
    const cut: Transport = {
      ...local,
      run: (program, words, until, options = {}) => {
        const { onLine } = options;
        let lines = 0;
        const few = onLine === undefined ? {} : { onLine: (line: string) => void (++lines <= most && onLine(line)) };
        return local.run(program, words, until, { ...options, ...few });
      },
    };
    const next = new KernelTable(cut, new FakeClock());
    expect(await next.load(table(policy('web', 443)), signal)).toBe('replaced');
    most = 2;
    const broken = { code: 'LOCAL_SYSTEM' };
    await expect(next.read(signal)).rejects.toMatchObject(broken);
    for (const [port, other] of [
      [80, 443],
      [443, 80],
    ] as const) {
      await expect(next.load(table(policy('more', port)), signal)).rejects.toMatchObject(broken);
      expect([await passes(port), await passes(other)]).toEqual([true, false]);
    }
    most = Number.POSITIVE_INFINITY;
    expect(await next.load(table(policy('more', 443)), signal)).toBe('replaced');
    expect(await next.isIntact(signal)).toBe(true);
    next.stop();
  });

  test('changes of elements that are under way or wait at the end start nothing that would outlive it', async () => {
    const ended: Promise<void>[] = [];
    const local = netnsTransport(world.machine.name, folder);
    const watched: Transport = {
      ...local,
      start: (...words) => {
        const running = local.start(...words);
        ended.push(running.ended);
        return running;
      },
    };
    const ending = new KernelTable(watched);
    await ending.load(withSets(['s']), signal);
    const add = (element: string): Promise<void> =>
      ending.changeElements([{ change: 'add', set: 's', element }], signal);
    await add('192.0.2.1');
    const waits = [add('192.0.2.2'), add('192.0.2.3')];
    ending.stop();
    const after = add('192.0.2.4');
    for (const each of [...waits, after]) await expect(each).rejects.toThrow('was stopped');
    await Promise.all(ended);
    expect(ended).toHaveLength(1);
  });

  test('many changes of elements wait for a reading, which nft would begin anew with each, until it has all that it prints', async () => {
    let changed = 0;
    let isChanging = false;
    const during: number[] = [];
    /** Readings beside the changes that let none go on before they end. */
    let deaf = 0;
    const local = netnsTransport(world.machine.name, folder);
    const watched: Transport = {
      ...local,
      run: async (program, words, until, options = {}) => {
        if (!words.includes('-a')) return local.run(program, words, until, options);
        if (isChanging && options.onPrinting === undefined) deaf++;
        const before = changed;
        let gathered: number | undefined;
        const onPrinting = (): void => {
          gathered = changed;
          options.onPrinting?.();
        };
        const outcome = await local.run(program, words, until, { ...options, onPrinting });
        during.push((gathered ?? changed) - before);
        // Whoever heard that lets them go on: this one does not end before.
        if (options.onPrinting !== undefined && gathered !== undefined && isChanging)
          await expect.poll(() => changed, { timeout: 10_000, interval: 5 }).toBeGreaterThan(gathered);
        return outcome;
      },
    };
    // Time stands still: however slow the machine is, these are many changes in a short time.
    const busy = new KernelTable(watched, new FakeClock());
    const names = Array.from({ length: 50 }, (_, n) => `s${n}`);
    const lines = (more: string) => withSets(names, more);
    await busy.load(lines(''), signal);
    during.length = 0;
    isChanging = true;
    let ended = false;
    const changes = (async () => {
      for (let n = 0; !ended; n++) {
        const change = n % 2 === 0 ? 'add' : 'delete';
        await busy.changeElements([{ change, set: `s${(n >> 1) % 50}`, element: '192.0.2.1' }], signal);
        changed++;
      }
    })();
    try {
      await expect.poll(() => changed, { timeout: 30_000 }).toBeGreaterThan(20);
      expect(await busy.isIntact(signal)).toBe(true);
      expect(await busy.load(lines(policy('web', 443)), signal)).toBe('changed');
      expect(await passes(443)).toBe(true);
      // One may end as a reading begins.
      expect(during.length).toBeGreaterThan(1);
      expect(Math.max(...during)).toBeLessThan(2);
      expect(deaf).toBe(0);
    } finally {
      isChanging = false;
      ended = true;
      await changes;
      busy.stop();
    }
  });
});
