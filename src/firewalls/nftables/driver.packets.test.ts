import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Border } from '../../../test/kit/border.ts';
import { type SmallRuleset, smallRuleset } from '../../../test/kit/small-ruleset.ts';
import { patientClock } from '../../../test/kit/patient-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Drop } from '../driver.ts';
import { NftablesDriver } from './driver.ts';
import { renderTable } from './table/render.ts';

const signal = new AbortController().signal;
const POD = '10.0.0.1';
const POD6 = 'fd00::1';
const UNKNOWN = '10.0.0.9';
const SERVER = '203.0.113.1';
const SERVER6 = '2001:db8::1';

const world: SmallRuleset = {
  policies: {
    'a"; flush ruleset #': [
      { port: 443, protocol: 6 },
      { action: 'Deny', port: 80 },
      { protocol: 17 },
      { protocol: 1 },
      { protocol: 58 },
    ],
  },
  members: { [POD]: 'a"; flush ruleset #', [POD6]: 'a"; flush ruleset #' },
};
const POLICY = 'ClusterBorderPolicy/a"; flush ruleset #';

describe('the nftables driver on a border', () => {
  let border: Border;
  let directory: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-driver-'));
    border = await Border.open(
      {
        pods: [POD, POD6, UNKNOWN],
        podNets: ['10.0.0.0/16', 'fd00::/64'],
        outside: [SERVER, SERVER6],
        translated: ['198.18.0.0/24'],
      },
      [80, 443],
    );
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await border.close();
  });
  beforeEach(() => border.reset());

  const fresh = (lockDirectory?: string): NftablesDriver =>
    new NftablesDriver({
      address: `netns:${border.firewall.name}`,
      directory,
      log: silentLog,
      clock: patientClock,
      ...(lockDirectory === undefined ? {} : { lockDirectory }),
    });
  const bring = async (driver: NftablesDriver, small: SmallRuleset): Promise<number> => {
    const wanted = driver.translate(smallRuleset(small), { owns: undefined });
    const steps = driver.steps(await driver.observe(signal), wanted);
    for (const step of steps) await driver.apply(step, signal);
    return steps.length;
  };

  test('rules count under the name of the policy as its owner wrote it', async () => {
    const driver = fresh();
    await bring(driver, world);
    expect((await border.inside.tcp({ from: POD, to: SERVER, port: 443 })).outcome).toBe('passed');
    expect((await border.inside.tcp({ from: POD6, to: SERVER6, port: 443 })).outcome).toBe('passed');
    expect((await border.inside.udp({ from: POD, to: SERVER, port: 443 })).outcome).toBe('passed');
    // A datagram: a connection that waits for long is tried again, and counts again.
    expect((await border.inside.udp({ from: POD, to: SERVER, port: 80, timeoutMs: 200 })).outcome).toBe('silence');
    const readings = await driver.counters(signal);
    const packets = new Map(
      readings.map(({ origin, packets: count }) => [`${origin.policy} ${origin.rule ?? ''}`, count]),
    );
    expect(packets.get(`${POLICY} 0`)).toBe(2);
    // Each denied packet counts once, however many of our rules it met.
    expect(packets.get(`${POLICY} 1`)).toBe(1);
    expect(packets.get(`${POLICY} 2`)).toBe(1);
    expect(readings.find(({ origin }) => origin.policy === POLICY)?.bytes).toBeGreaterThan(0);
  });

  test('every denied packet is told with its rule', async () => {
    const driver = fresh();
    await bring(driver, world);
    const stop = new AbortController();
    const drops: Drop[] = [];
    const strangers: Drop[] = [];
    const told = Promise.all([
      driver.drops('denied', (drop) => drops.push(drop), stop.signal),
      driver.drops('unknown', (drop) => strangers.push(drop), stop.signal),
    ]);
    await expect
      .poll(async () => {
        await border.inside.udp({ from: UNKNOWN, to: SERVER, port: 53, timeoutMs: 50 });
        await border.inside.udp({ from: POD, to: SERVER, port: 80, timeoutMs: 50 });
        return drops.length > 0 && strangers.length > 0;
      })
      .toBe(true);
    const ports = [20_001, 20_002, 20_003] as const;
    const [first, second, third] = ports;
    await border.inside.udp({ from: POD, to: SERVER, port: 80, localPort: first, timeoutMs: 100 });
    await border.inside.tcp({ from: POD6, to: SERVER6, port: 8080, localPort: second, timeoutMs: 100 });
    await border.inside.tcp({ from: UNKNOWN, to: SERVER, port: 443, localPort: third, timeoutMs: 100 });
    // By port: of what was sent before, something may be told only now, and a connection that waits for long sends once more.
    const by = (list: readonly Drop[]): ReadonlyMap<number, Drop> =>
      new Map(
        ports.flatMap((port) => list.filter(({ sourcePort }) => sourcePort === port).map((drop) => [port, drop])),
      );
    await expect.poll(() => [drops, strangers].map((list) => [...by(list).keys()])).toEqual([[first, second], [third]]);
    const [denied, ended] = [by(drops).get(first), by(drops).get(second)];
    const unknown = by(strangers).get(third);
    expect(denied).toMatchObject({
      source: POD,
      destination: SERVER,
      protocol: 17,
      destinationPort: 80,
      origin: { policy: POLICY, rule: 1 },
    });
    expect(ended).toMatchObject({
      source: POD6,
      destination: SERVER6,
      protocol: 6,
      destinationPort: 8080,
      origin: { policy: 'layer/ClusterBorderPolicy' },
    });
    expect(unknown).toMatchObject({ source: UNKNOWN, origin: { policy: 'unknown' } });
    expect(Math.abs((denied?.at ?? 0) - Date.now())).toBeLessThan(60_000);
    stop.abort();
    await told;
    // The group is free again: one program at a time may listen.
    const again = new AbortController();
    const listening = driver.drops('denied', () => undefined, again.signal);
    setTimeout(() => again.abort(), 200);
    await listening;
  });

  test('somebody flushes every rule: it is told, put right, and nobody else is touched', async () => {
    const theirs =
      'table inet theirs { chain forward { type filter hook forward priority 10; policy accept; counter comment "x"\n }\n}';
    const driver = fresh();
    await bring(driver, world);
    const stop = new AbortController();
    let told = 0;
    const watching = driver.watch(() => told++, stop.signal);
    await expect.poll(async () => (await driver.observe(signal)) === (await driver.observe(signal))).toBe(true);
    const whole = await driver.observe(signal);
    const before = told;
    await border.firewall.must('nft', ['flush', 'ruleset']);
    await border.firewall.must('nft', [theirs]);
    await expect.poll(() => told).toBeGreaterThan(before);
    const flushed = await driver.observe(signal);
    expect(flushed.empty).toBe(true);
    expect(flushed.drift).toMatchObject([{ object: 'table sallyport', what: 'delete' }]);
    expect(flushed.drift[0]?.by).toMatch(/^process \d+ \(nft\)$/);
    expect(flushed.foreign).toMatchObject([{ where: 'inet theirs forward', effect: 'after ours' }]);
    expect(await bring(driver, world)).toBeGreaterThan(0);
    const repaired = await driver.observe(signal);
    expect(repaired.drift).toEqual([]);
    expect(repaired.table && renderTable(repaired.table)).toBe(whole.table && renderTable(whole.table));
    expect(await bring(driver, world)).toBe(0);
    for (const step of driver.leave(await driver.observe(signal), { cluster: 'lab', firewall: 'edge-1' }))
      await driver.apply(step, signal);
    expect(await border.firewall.must('nft', ['list', 'tables'])).toBe('table inet theirs\n');
    stop.abort();
    await watching;
  });

  test('members that come and go under the eyes of the driver, without reading', async () => {
    const driver = fresh();
    await bring(driver, world);
    const stop = new AbortController();
    const watching = driver.watch(() => undefined, stop.signal);
    await expect.poll(async () => (await driver.observe(signal)) === (await driver.observe(signal))).toBe(true);
    const policy = Object.keys(world.policies)[0] ?? '';
    for (let round = 0; round < 60; round++) {
      const others = Array.from({ length: round % 5 }, (_, index) => [`10.0.${round}.${index}`, policy] as const);
      await bring(driver, { ...world, members: { ...world.members, ...Object.fromEntries(others) } });
    }
    await bring(driver, world);
    const followed = await driver.observe(signal);
    const read = await fresh().observe(signal);
    expect(followed.table && renderTable(followed.table)).toBe(read.table && renderTable(read.table));
    expect(followed.drift).toEqual([]);
    stop.abort();
    await watching;
  });

  test('one process a device, by the lock file', async () => {
    const locks = join(directory, 'locks');
    const first = fresh(locks);
    await bring(first, world);
    await expect(bring(fresh(locks), { ...world, members: {} })).rejects.toMatchObject({ code: 'DEVICE_LOCKED' });
    await first.close();
    const second = fresh(locks);
    await bring(second, { ...world, members: {} });
    await second.close();
  });
});
