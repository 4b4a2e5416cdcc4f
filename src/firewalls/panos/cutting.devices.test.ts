import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { PanOs } from '../../../simulators/panos/index.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { allowing, passing, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { behaviourOf } from '../../plan/ruleset-behaviour.ts';
import type { Connections } from '../connections.ts';
import type { AnyDriver } from '../contract/harness.ts';
import type { WorkerSettings } from '../course.ts';
import { countLost } from '../lost-rights.ts';
import { Worker } from '../worker.ts';
import { soleWriter } from '../writer-lock.ts';
import { closedAfterEach } from './opened.fixture.ts';

const { keep, border, connect } = closedAfterEach();

const bank = allowing('bank', '203.0.113.0/24', 443);
const shop = allowing('shop', '203.0.113.0/24', 80);
const LEAVER = '10.0.0.1';
const NEIGHBOUR = '10.0.0.2';
const before = world({ [LEAVER]: 'bank', [NEIGHBOUR]: 'bank' }, [bank]);

function wish(ruleset: Ruleset, owners: Readonly<Record<string, string>> = {}): Parameters<Worker['desire']>[0] {
  const own = [...ruleset.members.keys()].map((address) => [address, `pod at ${address}`] as const);
  return { kind: 'ruleset', ruleset, owners: BucketMap.from([...new Map([...own, ...Object.entries(owners)])]) };
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await setTimeout(5);
}

function workerOn(device: PanOs, settings: WorkerSettings = enforce): Worker {
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver: connect(device) as unknown as AnyDriver,
    settings,
    clock: systemClock,
    log: silentLog,
    lock: soleWriter,
  });
  keep({ close: () => worker.stop() });
  worker.start();
  return worker;
}

/** A worker that was told to go there, and has. Everything is said yes to. */
async function brought(worker: Worker, asked: Parameters<Worker['desire']>[0]): Promise<void> {
  const { ruleset } = asked as { readonly ruleset: Ruleset };
  worker.desire(asked);
  await until(() => {
    const digest = worker.status().waiting?.digest;
    if (digest !== undefined) worker.approve(digest);
    return worker.confirmed()?.ruleset === ruleset;
  });
}

/** What the session that a flow opens is asked by later: whether it lives. */
function opened(device: PanOs, source: string, port = 443, to = '203.0.113.9', sourcePort = 40_000): () => boolean {
  const ends = { source, destination: to, sourcePort, destinationPort: port, protocol: 'tcp' } as const;
  const id = device.connect({ ...ends, from: 'k8s', to: 'internet' });
  if (id === undefined) throw new Error(`${source} may not open a connection to ${to}:${port}`);
  return () => device.sessions.lives(id);
}

const ready = (worker: Worker): string =>
  worker.status().conditions.find(({ type }) => type === 'Ready')?.message ?? '';
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
    await brought(worker, wish(before));
    const gone = [opened(device, LEAVER), opened(device, LEAVER, 443, '203.0.113.10')];
    const stays = opened(device, NEIGHBOUR);
    await brought(worker, wish(after));
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
    await brought(worker, wish(world({ [LEAVER]: 'wide', [NEIGHBOUR]: 'bank' }, [passing('wide'), bank, shop])));
    const kept = opened(device, LEAVER);
    const [narrowed, moved] = [opened(device, LEAVER, 80), opened(device, NEIGHBOUR)];
    const narrow = allowing('wide', '203.0.113.0/24', 443);
    await brought(worker, wish(world({ [LEAVER]: 'wide', [NEIGHBOUR]: 'shop' }, [narrow, bank, shop])));
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
    await brought(worker, wish(as('198.51.100.1')));
    const [translated, plain] = [opened(device, LEAVER), opened(device, NEIGHBOUR)];
    await brought(worker, wish(as('198.51.100.2')));
    await until(() => !translated());
    expect(plain()).toBe(true);
  });

  test('with `Keep` they go on, and how many would not is counted', async () => {
    const device = await border();
    const worker = workerOn(device);
    await brought(worker, wish(before));
    const lives = [opened(device, LEAVER), opened(device, LEAVER, 443, '203.0.113.10'), opened(device, NEIGHBOUR)];
    const driver = connect(device);
    const { behaviour } = await driver.observe(new AbortController().signal);
    const kept = world({ [NEIGHBOUR]: 'bank' }, [bank], { established: 'Keep' });
    const wanted = { ruleset: kept, behaviour: behaviourOf(kept), owners: undefined };
    expect(
      await countLost(driver.connections as Connections, { behaviour }, wanted, new AbortController().signal),
    ).toBe(2);
    await brought(worker, wish(kept));
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
    await brought(worker, wish(before));
    const lives = [opened(device, LEAVER), opened(device, NEIGHBOUR)];
    spoil(device);
    await brought(worker, wish(after));
    await until(() => words.test(ready(worker)));
    expect(ready(worker)).toMatch(
      /^the firewall holds what is wanted.*connections that a change no longer allows go on/,
    );
    expect(lives.every((one) => one())).toBe(true);
  });

  test('an answer that is lost is no end: they are asked for again', async () => {
    const device = await border();
    const worker = workerOn(device);
    await brought(worker, wish(before));
    const gone = opened(device, LEAVER);
    const matches = (parameters: ReadonlyMap<string, string>): boolean =>
      parameters.get('cmd')?.startsWith('<clear>') === true;
    device.faults.next({ kind: 'lost before' }, { matches });
    device.faults.next({ kind: 'cut off' }, { matches });
    await brought(worker, wish(after));
    await until(() => !gone());
    await worker.settled();
    expect(ready(worker)).not.toContain('go on');
  });

  test('a process that begins where members have yet to leave ends their connections too', async () => {
    const device = await border();
    const first = workerOn(device);
    await brought(first, wish(before));
    const [gone, stays] = [opened(device, LEAVER), opened(device, NEIGHBOUR)];
    await first.stop();
    await brought(workerOn(device), wish(after));
    await until(() => !gone());
    expect(stays()).toBe(true);
  });

  test('of a firewall with several vsys none are asked for: an address may be somebody else’s there', async () => {
    const device = await border({ model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
    const worker = workerOn(device);
    await brought(worker, wish(before));
    const lives = opened(device, LEAVER);
    await brought(worker, wish(after));
    await worker.settled();
    expect([lives(), clears(device)]).toEqual([true, []]);
    expect(ready(worker)).toContain('several vsys');
  });
});
