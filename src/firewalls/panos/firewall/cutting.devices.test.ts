import { describe, expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { allowing, passing, translating, world } from '../../../../test/kit/worlds.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { behaviourOf } from '../../../plan/ruleset-behaviour.ts';
import type { Connections } from '../../connections.ts';
import type { AnyDriver } from '../../contract/harness.ts';
import { countLost } from '../../worker/lost-rights.ts';
import type { Worker } from '../../worker/worker.ts';
import { brought, opened, ready, until, workerOver } from './cutting.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const { keep, border, connect } = closedAfterEach();

const bank = allowing('bank', '203.0.113.0/24', 443);
const shop = allowing('shop', '203.0.113.0/24', 80);
const LEAVER = '10.0.0.1';
const NEIGHBOUR = '10.0.0.2';
const before = world({ [LEAVER]: 'bank', [NEIGHBOUR]: 'bank' }, [bank]);

const workerOn = (device: PanOs): Worker => workerOver(connect(device) as unknown as AnyDriver, keep);
const clears = (device: PanOs): readonly string[] =>
  device.served.flatMap(({ parameters: { cmd = '' } }) => (cmd.startsWith('<clear>') ? [cmd] : []));

/** Until the device is told otherwise, it says this to a command. */
function refuses(device: PanOs, word: 'show' | 'clear', code: number, text: string): void {
  const matches = (parameters: ReadonlyMap<string, string>): boolean =>
    parameters.get('cmd')?.startsWith(`<${word}><session>`) === true;
  device.faults.next({ kind: 'refused', code, text }, { times: Number.POSITIVE_INFINITY, matches });
}

const after = world({ [NEIGHBOUR]: 'bank' }, [bank]);

describe('whose right a change takes loses his connections', () => {
  test('an address that was given up loses all of them by one command, and its neighbour none', async () => {
    const device = await border();
    const worker = workerOn(device);
    await brought(worker, before);
    const gone = [opened(device, LEAVER), opened(device, LEAVER, 443, '203.0.113.10')];
    const stays = opened(device, NEIGHBOUR);
    await brought(worker, after);
    await until(() => gone.every((lives) => !lives()));
    await worker.settled();
    expect(stays()).toBe(true);
    expect(clears(device)).toEqual([
      `<clear><session><all><filter><source>${LEAVER}</source></filter></all></session></clear>`,
    ]);
    expect(ready(worker)).not.toContain('go on');
  });

  test('of a class that may do less only what it may do no more ends, and of an address that moved', async () => {
    const device = await border();
    const worker = workerOn(device);
    await brought(worker, world({ [LEAVER]: 'wide', [NEIGHBOUR]: 'bank' }, [passing('wide'), bank, shop]));
    const kept = opened(device, LEAVER);
    const [narrowed, moved] = [opened(device, LEAVER, 80), opened(device, NEIGHBOUR)];
    const narrow = allowing('wide', '203.0.113.0/24', 443);
    await brought(worker, world({ [LEAVER]: 'wide', [NEIGHBOUR]: 'shop' }, [narrow, bank, shop]));
    await until(() => !narrowed() && !moved());
    await worker.settled();
    expect(kept()).toBe(true);
    expect(clears(device)).toHaveLength(2);
    expect(clears(device)).toContain(
      `<clear><session><all><filter><source>${LEAVER}</source><destination>203.0.113.9</destination>` +
        '<source-port>40000</source-port><destination-port>80</destination-port><protocol>6</protocol></filter></all></session></clear>',
    );
  });

  test('what left from another address than it would now ends', async () => {
    const device = await border();
    const worker = workerOn(device);
    const as = (address: string): Ruleset =>
      world({ [LEAVER]: 'bank', [NEIGHBOUR]: 'bank' }, [bank], {
        nats: [translating('out', { [LEAVER]: { kind: 'Address', address } })],
      });
    await brought(worker, as('198.51.100.1'));
    const [translated, plain] = [opened(device, LEAVER), opened(device, NEIGHBOUR)];
    await brought(worker, as('198.51.100.2'));
    await until(() => !translated());
    expect(plain()).toBe(true);
  });

  test('with `Keep` they go on, and how many would not is counted', async () => {
    const device = await border();
    const worker = workerOn(device);
    await brought(worker, before);
    const lives = [opened(device, LEAVER), opened(device, LEAVER, 443, '203.0.113.10'), opened(device, NEIGHBOUR)];
    const driver = connect(device);
    const { behaviour } = await driver.observe(new AbortController().signal);
    const kept = world({ [NEIGHBOUR]: 'bank' }, [bank], { established: 'Keep' });
    const wanted = { ruleset: kept, behaviour: behaviourOf(kept), owners: undefined };
    expect(
      await countLost(driver.connections as Connections, { behaviour }, wanted, new AbortController().signal),
    ).toBe(2);
    await brought(worker, kept);
    await worker.settled();
    expect(lives.every((one) => one())).toBe(true);
    expect(clears(device)).toEqual([]);
  });

  test.each([
    ['has no right to clear', (device: PanOs) => refuses(device, 'clear', 16, 'Unauthorized request'), /Unauthorized/],
    [
      'does not know the command',
      (device: PanOs) => refuses(device, 'show', 17, ' session unexpected here'),
      /unexpected here/,
    ],
    [
      'does not heed filters',
      (device: PanOs) => void (device.quirks = { ...device.quirks, heedsSessionFilters: false }),
      /does not heed/,
    ],
    [
      'only says that it clears',
      (device: PanOs) => void (device.quirks = { ...device.quirks, clearsSessions: false }),
      /still there/,
    ],
  ])('where the device %s it is told, and members are confirmed all the same', async (_, spoil, words) => {
    const device = await border();
    const worker = workerOn(device);
    await brought(worker, before);
    const lives = [opened(device, LEAVER), opened(device, NEIGHBOUR)];
    spoil(device);
    await brought(worker, after);
    await until(() => words.test(ready(worker)));
    expect(ready(worker)).toMatch(
      /^the firewall holds what is wanted.*connections that a change no longer allows go on/,
    );
    expect(lives.every((one) => one())).toBe(true);
  });

  test('an answer that is lost is no end: they are asked for again', async () => {
    const device = await border();
    const worker = workerOn(device);
    await brought(worker, before);
    const gone = opened(device, LEAVER);
    const matches = (parameters: ReadonlyMap<string, string>): boolean =>
      parameters.get('cmd')?.startsWith('<clear>') === true;
    device.faults.next({ kind: 'lost before' }, { matches });
    device.faults.next({ kind: 'cut off' }, { matches });
    await brought(worker, after);
    await until(() => !gone());
    await worker.settled();
    expect(ready(worker)).not.toContain('go on');
  });

  test('a process that begins where members have yet to leave ends their connections too', async () => {
    const device = await border();
    const first = workerOn(device);
    await brought(first, before);
    const [gone, stays] = [opened(device, LEAVER), opened(device, NEIGHBOUR)];
    await first.stop();
    await brought(workerOn(device), after);
    await until(() => !gone());
    expect(stays()).toBe(true);
  });

  test('of a firewall with several vsys none are asked for: an address may be somebody else’s there', async () => {
    const device = await border({ model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
    const worker = workerOn(device);
    await brought(worker, before);
    const lives = opened(device, LEAVER);
    await brought(worker, after);
    await worker.settled();
    expect([lives(), clears(device)]).toEqual([true, []]);
    expect(ready(worker)).toContain('several vsys');
  });
});
