import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { PanOs, PanOsOptions } from '../../../simulators/panos/index.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { allowing, passing, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { writeAtOnce } from '../rulebase/plain-dialect.fixture.ts';
import type { AnyDriver } from '../contract/harness.ts';
import { Worker } from '../worker.ts';
import { soleWriter } from '../writer-lock.ts';
import { FULL } from './lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';
import { type Border, SERIALS, connectToBorder, pushFrom, startBorder } from './panorama-lab.fixture.ts';

const { keep } = closedAfterEach();

const [FIRST, SECOND] = SERIALS;
const LEAVER = '10.0.0.1';
const NEIGHBOUR = '10.0.0.2';
const bank = allowing('bank', '203.0.113.0/24', 443);
const before = world({ [LEAVER]: 'bank', [NEIGHBOUR]: 'bank' }, [bank]);
const after = world({ [NEIGHBOUR]: 'bank' }, [bank]);

async function border(firewallOptions: PanOsOptions = {}): Promise<Border> {
  return keep(await startBorder({}, firewallOptions));
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await setTimeout(5);
}

function workerOn(at: Border): Worker {
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver: keep(connectToBorder(at, FULL, { write: writeAtOnce })) as unknown as AnyDriver,
    settings: enforce,
    clock: systemClock,
    log: silentLog,
    lock: soleWriter,
  });
  keep({ close: () => worker.stop() });
  worker.start();
  return worker;
}

/** A worker that was told to go there, and has. Everything is said yes to. */
async function brought(worker: Worker, ruleset: Ruleset): Promise<void> {
  const owners = BucketMap.from([...ruleset.members.keys()].map((address) => [address, `pod at ${address}`] as const));
  worker.desire({ kind: 'ruleset', ruleset, owners });
  await until(() => {
    const digest = worker.status().waiting?.digest;
    if (digest !== undefined) worker.approve(digest);
    return worker.confirmed()?.ruleset === ruleset;
  });
}

/** What the session that a flow opens at a firewall is asked by later: whether it lives. */
function opened(device: PanOs | undefined, source: string, port = 443, sourcePort = 40_000): () => boolean {
  const ends = { source, destination: '203.0.113.9', sourcePort, destinationPort: port, protocol: 'tcp' } as const;
  const id = device?.connect({ ...ends, from: 'k8s', to: 'internet' });
  if (device === undefined || id === undefined) throw new Error(`${source} may not open a connection to port ${port}`);
  return () => device.sessions.lives(id);
}

const ready = (worker: Worker): string =>
  worker.status().conditions.find(({ type }) => type === 'Ready')?.message ?? '';
const clears = ({ panorama }: Border): readonly string[] =>
  panorama.served.flatMap(({ parameters: { cmd = '', target = 'Panorama' } }) =>
    cmd.startsWith('<clear>') ? [`${target} ${cmd.replaceAll(/<\/?(clear|session|all|filter)>/g, '')}`] : [],
  );

/** Until Panorama is told otherwise, it says this to a command for a firewall. */
function refuses({ panorama }: Border, word: 'show' | 'clear', serial: string, code: number, text: string): void {
  const matches = (parameters: ReadonlyMap<string, string>): boolean =>
    parameters.get('target') === serial && parameters.get('cmd')?.startsWith(`<${word}><session>`) === true;
  panorama.faults.next({ kind: 'refused', code, text }, { times: Number.POSITIVE_INFINITY, matches });
}

describe('whose right a change takes loses his connections at each firewall of the group', () => {
  test('an address that was given up loses them where it has any, and its neighbour none', async () => {
    const at = await border();
    const [one, other] = at.firewalls;
    const worker = workerOn(at);
    await brought(worker, before);
    const gone = [opened(one, LEAVER), opened(one, LEAVER, 443, 40_001), opened(other, LEAVER)];
    const stays = [opened(one, NEIGHBOUR), opened(other, NEIGHBOUR)];
    await brought(worker, after);
    await until(() => gone.every((lives) => !lives()));
    await worker.settled();
    expect(stays.every((lives) => lives())).toBe(true);
    expect(clears(at).toSorted()).toEqual([
      `${FIRST} <source>${LEAVER}</source>`,
      `${SECOND} <source>${LEAVER}</source>`,
    ]);
    expect(ready(worker)).not.toContain('go on');
  });

  test('a firewall that showed no session of it is told nothing', async () => {
    const at = await border();
    const worker = workerOn(at);
    await brought(worker, before);
    const gone = opened(at.firewalls[1], LEAVER);
    await brought(worker, after);
    await until(() => !gone());
    await worker.settled();
    expect(clears(at)).toEqual([`${SECOND} <source>${LEAVER}</source>`]);
  });

  test('of a class that may do less only what it may do no more ends, at the firewall that has it', async () => {
    const at = await border();
    const [one, other] = at.firewalls;
    const worker = workerOn(at);
    await brought(worker, world({ [LEAVER]: 'wide', [NEIGHBOUR]: 'bank' }, [passing('wide'), bank]));
    // Numbers of sessions are each firewall's own.
    const [kept, alike] = [opened(one, LEAVER), opened(other, NEIGHBOUR)];
    const narrowed = opened(other, LEAVER, 80);
    const narrow = allowing('wide', '203.0.113.0/24', 443);
    await brought(worker, world({ [LEAVER]: 'wide', [NEIGHBOUR]: 'bank' }, [narrow, bank]));
    await until(() => !narrowed());
    await worker.settled();
    expect([kept(), alike()]).toEqual([true, true]);
    expect(clears(at)).toEqual([
      `${SECOND} <source>${LEAVER}</source><destination>203.0.113.9</destination>` +
        '<source-port>40000</source-port><destination-port>80</destination-port><protocol>6</protocol>',
    ]);
  });

  test('of a firewall with several vsys none are asked for and it is named, and those of the others end', async () => {
    const at = await border();
    await manageOneWithSeveralVsys(at);
    const worker = workerOn(at);
    await brought(worker, before);
    const [gone, lives] = [opened(at.firewalls[0], LEAVER), opened(at.firewalls[2], LEAVER)];
    await brought(worker, after);
    await until(() => !gone());
    await worker.settled();
    expect(lives()).toBe(true);
    expect(clears(at)).toEqual([`${FIRST} <source>${LEAVER}</source>`]);
    expect(ready(worker)).toMatch(/edge-3 \(007951000000003\): sessions of a firewall with several vsys are not ended/);
  });

  test.each([
    ['has no right to clear', 'clear', 16, 'Unauthorized request'],
    ['does not know the command', 'show', 17, ' session unexpected here'],
  ] as const)('where one of them %s it is told by its name, and members are confirmed', async (_, word, code, text) => {
    const at = await border();
    const worker = workerOn(at);
    await brought(worker, before);
    const lives = opened(at.firewalls[1], LEAVER);
    refuses(at, word, SECOND, code, text);
    await brought(worker, after);
    await until(() => ready(worker).includes(text.trim()));
    expect(ready(worker)).toMatch(/^the firewall holds what is wanted.*edge-2 \(007951000000002\).*go on/);
    expect(lives()).toBe(true);
  });

  test('where a firewall does not heed filters nothing is cleared there', async () => {
    const at = await border();
    const worker = workerOn(at);
    await brought(worker, before);
    const lives = [opened(at.firewalls[1], LEAVER), opened(at.firewalls[1], NEIGHBOUR)];
    const [, other] = at.firewalls;
    if (other !== undefined) other.quirks = { ...other.quirks, heedsSessionFilters: false };
    await brought(worker, after);
    await until(() => ready(worker).includes('does not heed'));
    expect(lives.every((one) => one())).toBe(true);
    expect(clears(at)).toEqual([]);
  });
});

/** A third firewall of the group, which has two vsys, of which the group has the first. */
async function manageOneWithSeveralVsys(at: Border): Promise<void> {
  await at.add('007951000000003', { model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
  await pushFrom(at.panorama);
}
