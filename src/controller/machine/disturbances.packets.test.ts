import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { RunningMachine } from '../../../test/kit/running-machine.ts';

const signal = new AbortController().signal;

/** Time stands still: what is put back here was heard of, and not found by the clock. */
describe('changes of others in the kernel of a firewall machine', () => {
  let machine: RunningMachine;
  let clock: FakeClock;

  beforeAll(async () => {
    clock = new FakeClock();
    machine = await RunningMachine.open(clock);
  });
  afterAll(() => machine.close());
  beforeEach(async () => {
    await machine.reset();
    machine.started.splice(0);
    machine.configure(
      'sources: { static: { cwnp: { egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 443 }] }] } } }\ncontrollers: { firewall: { source: static }, cwnp: { source: static } }',
    );
    await machine.start();
    await settled();
    machine.logged.splice(0);
  });
  afterEach(() => machine.stop());

  const nft = (...words: readonly string[]): Promise<string> => machine.world.machine.must('nft', [...words]);
  const shown = async (): Promise<string> => {
    const listing = (await nft('list', 'ruleset')).replaceAll(/packets \d+ bytes \d+/g, '');
    return listing
      .split(/^(?=table )/m)
      .toSorted()
      .join('');
  };
  const monitors = () => machine.started.filter(({ command }) => command === 'nft -n monitor');
  const readings = (): number => machine.ran.filter((command) => command === 'nft -a list table inet firewall').length;
  /** It listens, and has looked at everything since. */
  const settled = async (listening = 1): Promise<void> => {
    await expect.poll(() => monitors().length, { timeout: 60_000 }).toBe(listening);
    let before = -1;
    const isQuiet = (): boolean => {
      const now = machine.ran.length;
      const same = now === before;
      before = now;
      return same;
    };
    await expect.poll(isQuiet, { timeout: 60_000, interval: 300 }).toBe(true);
  };
  const repaired = () => machine.logged.filter((line) => line.includes('they were put back'));

  test('a table that is deleted under traffic is there again, and nothing new passes from then on', async () => {
    const before = await shown();
    let isOver = false;
    let isBack = false;
    const [meanwhile, after]: boolean[][] = [[], []];
    const traffic = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        const began = isBack ? after : meanwhile;
        began?.push(await machine.passes(80));
      }
    });
    await expect.poll(() => meanwhile?.length, { timeout: 60_000 }).toBeGreaterThan(8);
    expect(meanwhile).not.toContain(true);
    await nft('delete', 'table', 'inet', 'firewall');
    await expect.poll(() => machine.kernel?.isClosed(signal), { timeout: 60_000, interval: 5 }).toBe(true);
    isBack = true;
    await expect.poll(shown, { timeout: 60_000 }).toBe(before);
    await expect.poll(() => after?.length, { timeout: 60_000 }).toBeGreaterThan(24);
    isOver = true;
    await Promise.all(traffic);
    expect(after).not.toContain(true);
    expect(await machine.passes(443)).toBe(true);
    const told = machine.logged.join('\n');
    expect(told).toContain('forwarding was opened by somebody else');
    expect(told).toMatch(/they were put back .*our table was gone, or forwarding open.*\(by process \d+ \(nft\)/);
  });

  test.each([
    'flush ruleset',
    'chain inet firewall forward { policy accept; }',
    'delete chain inet firewall forward',
    'insert rule inet firewall forward tcp dport 80 accept',
    'add rule inet firewall forward counter drop',
    'flush chain inet firewall forward',
    'add chain inet firewall strange { type filter hook forward priority -10; policy accept; }',
    'add set inet firewall strange { type ipv4_addr; }',
    'add counter inet firewall strange',
    'flush table inet firewall; delete chain inet firewall forward; add chain inet firewall forward { type filter hook input priority 1; policy drop; }',
  ])('%s', async (words) => {
    const before = await machineOnly();
    if (words.startsWith('delete chain')) await nft('flush chain inet firewall forward');
    await nft(words);
    await expect.poll(repaired, { timeout: 60_000 }).not.toEqual([]);
    await expect.poll(machineOnly, { timeout: 60_000 }).toBe(before);
    expect(await machine.passes(80)).toBe(false);
  });
  /** Our table: base rules that were there before us are not ours, beyond their policy. */
  const machineOnly = async (): Promise<string> =>
    (await shown()).split(/^(?=table )/m).find((text) => text.startsWith('table inet firewall')) ?? '';

  test('what we write ourselves is not taken for a change of others', async () => {
    const before = readings();
    machine.configure(
      'sources: { static: { cwnp: { egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 80 }] }] } } }\ncontrollers: { firewall: { source: static }, cwnp: { source: static } }',
    );
    clock.advance(1_000);
    await expect.poll(() => machine.passes(80), { timeout: 60_000 }).toBe(true);
    await settled();
    expect([readings() - before, repaired()]).toEqual([0, []]);
    // Behind it, one that is: both were heard of then.
    await nft('add', 'counter', 'inet', 'firewall', 'strange');
    await expect.poll(repaired, { timeout: 60_000 }).toHaveLength(1);
  });

  test('one that hears no more is replaced, and what happened meanwhile is found', async () => {
    const before = await shown();
    monitors()[0]?.running.stop();
    await monitors()[0]?.running.ended;
    await nft('insert', 'rule', 'inet', 'firewall', 'forward', 'tcp', 'dport', '80', 'accept');
    expect(await machine.passes(80)).toBe(true);
    await expect
      .poll(
        () => {
          clock.advance(100);
          return monitors().length;
        },
        { timeout: 60_000 },
      )
      .toBe(2);
    await expect.poll(shown, { timeout: 60_000 }).toBe(before);
    await settled(2);
    machine.logged.splice(0);
    await nft('add', 'counter', 'inet', 'firewall', 'strange');
    await expect.poll(repaired, { timeout: 60_000 }).toHaveLength(1);
  });

  test('somebody who changes the same again and again is answered more and more seldom', async () => {
    let rounds = 0;
    const edit = () => nft('add', 'counter', 'inet', 'firewall', 'strange');
    const isThere = async (): Promise<boolean> => (await nft('list', 'counters')).includes('strange');
    while (machine.logged.every((line) => !line.includes('again and again'))) {
      expect(rounds).toBeLessThan(10);
      await edit();
      rounds += 1;
      await expect.poll(isThere, { timeout: 60_000 }).toBe(false);
      await settled();
    }
    expect(rounds).toBeGreaterThan(2);
    // Time stands still: it is put back when that is due, and not before.
    await edit();
    await settled();
    expect(await isThere()).toBe(true);
    await expect
      .poll(
        () => {
          clock.advance(50);
          return isThere();
        },
        { timeout: 60_000 },
      )
      .toBe(false);
  });
});
