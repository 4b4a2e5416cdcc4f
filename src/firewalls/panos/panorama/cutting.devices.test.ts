import { describe, expect, test } from 'vitest';
import type { PanOsOptions } from '../../../../simulators/panos/index.ts';
import { allowing, passing, world } from '../../../../test/kit/worlds.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { type AnyDriver, bring } from '../../contract/harness.ts';
import type { Worker } from '../../worker/worker.ts';
import { brought, opened, ready, until, workerOver } from '../firewall/cutting.fixture.ts';
import { FULL } from '../lab.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';
import type { PanoramaDriver } from './driver.ts';
import { type Border, SERIALS, connectToBorder, pushFrom, startBorder } from './lab.fixture.ts';

const { keep } = closedAfterEach();
const signal = new AbortController().signal;

const [FIRST, SECOND] = SERIALS;
const LEAVER = '10.0.0.1';
const NEIGHBOUR = '10.0.0.2';
const bank = allowing('bank', '203.0.113.0/24', 443);
const before = world({ [LEAVER]: 'bank', [NEIGHBOUR]: 'bank' }, [bank]);
const after = world({ [NEIGHBOUR]: 'bank' }, [bank]);

async function border(firewallOptions: PanOsOptions = {}): Promise<Border> {
  return keep(await startBorder({}, firewallOptions));
}

const connect = (at: Border): PanoramaDriver => keep(connectToBorder(at, FULL, { write: writeAtOnce }));
const workerOn = (at: Border): Worker => workerOver(connect(at) as unknown as AnyDriver, keep);

/** A session at the firewall that joined the group in this place. */
function openedAt(
  { firewalls }: Border,
  place: number,
  source: string,
  port = 443,
  sourcePort = 40_000,
): () => boolean {
  const firewall = firewalls[place];
  if (firewall === undefined) throw new Error(`there is no firewall ${place}`);
  return opened(firewall, source, port, '203.0.113.9', sourcePort);
}

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
    const worker = workerOn(at);
    await brought(worker, before);
    const gone = [openedAt(at, 0, LEAVER), openedAt(at, 0, LEAVER, 443, 40_001), openedAt(at, 1, LEAVER)];
    const stays = [openedAt(at, 0, NEIGHBOUR), openedAt(at, 1, NEIGHBOUR)];
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
    const gone = openedAt(at, 1, LEAVER);
    await brought(worker, after);
    await until(() => !gone());
    await worker.settled();
    expect(clears(at)).toEqual([`${SECOND} <source>${LEAVER}</source>`]);
  });

  test('of a class that may do less only what it may do no more ends, at the firewall that has it', async () => {
    const at = await border();
    const worker = workerOn(at);
    await brought(worker, world({ [LEAVER]: 'wide', [NEIGHBOUR]: 'bank' }, [passing('wide'), bank]));
    // Numbers of sessions are each firewall's own.
    const [kept, alike] = [openedAt(at, 0, LEAVER), openedAt(at, 1, NEIGHBOUR)];
    const narrowed = openedAt(at, 1, LEAVER, 80);
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
    const [gone, lives] = [openedAt(at, 0, LEAVER), openedAt(at, 2, LEAVER)];
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
    const lives = openedAt(at, 1, LEAVER);
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
    const lives = [openedAt(at, 1, LEAVER), openedAt(at, 1, NEIGHBOUR)];
    const [, other] = at.firewalls;
    if (other !== undefined) other.quirks = { ...other.quirks, heedsSessionFilters: false };
    await brought(worker, after);
    await until(() => ready(worker).includes('does not heed'));
    expect(lives.every((one) => one())).toBe(true);
    expect(clears(at)).toEqual([]);
  });

  test('while one of them is away nothing is said of any, and nothing is ended', async () => {
    const at = await border();
    const driver = connect(at);
    await bring(driver as unknown as AnyDriver, before);
    openedAt(at, 0, LEAVER);
    const shown = await driver.connections.opened(LEAVER, signal);
    expect(shown.map(({ packet }) => packet.source)).toEqual([LEAVER]);
    expect(await driver.connections.opened('10.0.0.9', signal)).toEqual([]);
    at.panorama.setConnected(SECOND, false);
    await driver.observe(signal);
    await expect(driver.connections.opened(LEAVER, signal)).rejects.toMatchObject({
      code: 'DEVICE_UNREACHABLE',
      message: expect.stringContaining('edge-2 (007951000000002) is not connected') as string,
    });
    // Panorama hands nothing on to it, so that a session that was shown before is told as not ended.
    at.panorama.setConnected(FIRST, false);
    await expect(driver.connections.endAll(LEAVER, shown, signal, () => undefined)).rejects.toThrow(/^edge-1 /);
    await driver.connections.endAll(LEAVER, [], signal, () => undefined);
    expect(clears(at).filter((line) => !line.startsWith(FIRST))).toEqual([]);
  });
});

/** A third firewall of the group, which has two vsys, of which the group has the first. */
async function manageOneWithSeveralVsys(at: Border): Promise<void> {
  await at.add('007951000000003', { model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
  await pushFrom(at.panorama);
}
