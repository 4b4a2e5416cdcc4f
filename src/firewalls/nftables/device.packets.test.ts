import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Namespace, Namespaces } from '../../../test/kit/netns.ts';
import { patientClock } from '../../../test/kit/patient-clock.ts';
import { silentLog } from '../../base/log.ts';
import { Device } from './device.ts';
import { netnsTransport } from './reach/local-transport.ts';
import { emptySet, type NftTable } from './table/model.ts';
import { FENCE_SET } from './table/names.ts';
import { Nft } from './reach/nft.ts';
import type { Operation } from './table/operation.ts';
import { sshTransport } from './reach/ssh-transport.ts';

const signal = new AbortController().signal;
const create: readonly Operation[] = [
  { op: 'createTable' },
  { op: 'addSet', name: FENCE_SET, set: emptySet('number') },
  { op: 'addSet', name: 'g4_a', set: emptySet('address4') },
  { op: 'addSet', name: 'n4_a', set: emptySet('net4') },
  {
    op: 'addMap',
    name: 'a4_a',
    map: { type: 'address4:address4', elements: emptySet('number').elements.with([]) as never },
  },
];
const add = (...elements: string[]): Operation => ({ op: 'addElements', set: 'g4_a', type: 'address4', elements });
const drop = (...elements: string[]): Operation => ({ op: 'deleteElements', set: 'g4_a', type: 'address4', elements });
const group = (table: NftTable | undefined): string[] => [...(table?.sets.get('g4_a')?.elements.keys() ?? [])].sort();

describe('a device', () => {
  let world: Namespaces;
  let firewall: Namespace;
  let directory: string;
  let followers: AbortController;
  let following: Promise<void>[];

  beforeAll(async () => {
    world = await Namespaces.open();
    firewall = await world.add('fw');
    directory = mkdtempSync(join(tmpdir(), 'sallyport-device-'));
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await world.close();
  });
  beforeEach(async () => {
    followers = new AbortController();
    following = [];
    await firewall.must('nft', ['flush', 'ruleset']);
  });
  afterEach(async () => {
    followers.abort();
    await Promise.all(following);
  });

  const fresh = (): Device => new Device(new Nft(netnsTransport(firewall.name, directory)), silentLog, patientClock);
  /** A device that is followed; `changes` counts the calls. */
  const followed = async (device = fresh()): Promise<{ device: Device; changes: () => number }> => {
    let changes = 0;
    following.push(device.follow(() => changes++, followers.signal));
    await expect.poll(async () => (await device.observe(signal)) === (await device.observe(signal))).toBe(true);
    return { device, changes: () => changes };
  };
  const made = async (): Promise<Device> => {
    const device = fresh();
    await device.observe(signal);
    await device.write(create, signal);
    await device.observe(signal);
    return device;
  };

  test('reads what it wrote, without its own bookkeeping', async () => {
    const device = await made();
    await device.write([add('10.0.0.1', '10.0.0.2')], signal);
    const { table } = await device.observe(signal);
    expect(group(table)).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(table?.chains.size).toBe(0);
    expect(table?.sets.get(FENCE_SET)?.elements.size).toBe(0);
    expect(await firewall.must('nft', ['list', 'table', 'inet', 'sallyport'])).toMatch(/chain e_[0-9a-f]{12}/);
  });

  test('while it is followed, small changes are known without reading', async () => {
    const { device, changes } = await followed(await made());
    for (let round = 0; round < 20; round++) {
      await device.write([add(`10.0.1.${round}`)], signal);
      expect(group((await device.observe(signal)).table)).toContain(`10.0.1.${round}`);
      await device.write([drop(`10.0.1.${round}`)], signal);
      expect(group((await device.observe(signal)).table)).toEqual([]);
    }
    expect(changes()).toBeGreaterThanOrEqual(40);
    expect((await device.observe(signal)).drift).toEqual([]);
    // What was followed is what stands there.
    expect(group((await fresh().observe(signal)).table)).toEqual([]);
  });

  test('changes of structure and of intervals while followed', async () => {
    const { device } = await followed(await made());
    await device.write(
      [
        { op: 'addSet', name: 'g4_b', set: emptySet('address4') },
        { op: 'addElements', set: 'g4_b', type: 'address4', elements: ['10.9.9.9'] },
        { op: 'addChain', name: 'c4_a' },
        {
          op: 'addRules',
          chain: 'c4_a',
          rules: [{ kind: 'ours', matches: [], counter: true, action: { do: 'drop' } }],
        },
        add('10.0.0.7'),
      ],
      signal,
    );
    const { table } = await device.observe(signal);
    expect([...(table?.sets.get('g4_b')?.elements.keys() ?? [])]).toEqual(['10.9.9.9']);
    expect(table?.chains.get('c4_a')?.rules).toHaveLength(1);
    expect(group(table)).toEqual(['10.0.0.7']);
    const nets = ['198.51.100.0/24', '203.0.113.0/24', '192.0.2.1/32'];
    await device.write([{ op: 'addElements', set: 'n4_a', type: 'net4', elements: nets }], signal);
    const after = (await device.observe(signal)).table;
    expect([...(after?.sets.get('n4_a')?.elements.keys() ?? [])].sort()).toEqual(nets.toSorted());
    await device.write([add('10.0.0.8')], signal);
    expect(group((await device.observe(signal)).table)).toEqual(['10.0.0.7', '10.0.0.8']);
    await device.write([{ op: 'deleteSet', name: 'n4_a' }, add('10.0.0.9')], signal);
    const without = (await device.observe(signal)).table;
    expect(without?.sets.has('n4_a')).toBe(false);
    expect(group(without)).toEqual(['10.0.0.7', '10.0.0.8', '10.0.0.9']);
    expect((await device.observe(signal)).drift).toEqual([]);
  });

  test('the same over ssh, whose far processes have no id here', async () => {
    const client = join(directory, 'ssh');
    const enter = `exec nsenter --net=/run/netns/${firewall.name} -- sh -c "$*"`;
    writeFileSync(client, `#!/bin/sh\nwhile [ "$1" != "--" ]; do shift; done\nshift; shift\n${enter}\n`);
    chmodSync(client, 0o700);
    const remote = new Device(
      new Nft(sshTransport({ host: 'fw.example', user: 'root' }, { directory, program: client })),
      silentLog,
      patientClock,
    );
    await made();
    const { device } = await followed(remote);
    await device.write([add('10.0.0.1')], signal);
    await device.write([{ op: 'addElements', set: 'n4_a', type: 'net4', elements: ['198.51.100.0/24'] }], signal);
    await device.write([add('10.0.0.2')], signal);
    const { table } = await device.observe(signal);
    expect(group(table)).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(table?.sets.get('n4_a')?.elements.size).toBe(1);
    await expect(device.write([drop('10.0.0.9')], signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
  });

  test('a refused transaction leaves nothing and the next one works', async () => {
    const { device } = await followed(await made());
    await expect(device.write([add('10.0.0.1'), drop('10.0.0.9')], signal)).rejects.toMatchObject({
      code: 'DEVICE_CHANGED',
    });
    expect(group((await device.observe(signal)).table)).toEqual([]);
    await device.write([add('10.0.0.1')], signal);
    expect(group((await device.observe(signal)).table)).toEqual(['10.0.0.1']);
  });

  test.each([
    ['an element', 'add element inet sallyport g4_a { 10.66.0.1 }', 'element of g4_a'],
    ['a chain', 'add chain inet sallyport c4_evil', 'chain c4_evil'],
    ['everything', 'flush ruleset', 'table'],
  ])('somebody else changes %s: told at once, with who it was', async (_, command, object) => {
    const { device, changes } = await followed(await made());
    const before = changes();
    await firewall.must('nft', [command]);
    await expect.poll(changes).toBeGreaterThan(before);
    const { table, drift } = await device.observe(signal);
    expect(drift.map((one) => one.object)).toContainEqual(expect.stringContaining(object));
    expect(drift[0]?.by).toMatch(/^process \d+ \(nft\)$/);
    expect(table === undefined).toBe(command === 'flush ruleset');
  });

  test('changes of other tables cost no reading', async () => {
    const { device } = await followed(await made());
    const before = await device.observe(signal);
    await firewall.must('nft', ['add table ip other; add set ip other s { type ipv4_addr; }']);
    await firewall.must('nft', ['add element ip other s { 1.2.3.4 }']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await device.observe(signal)).toBe(before);
  });

  test('a listener that breaks is noticed, and everything is read again', async () => {
    const { device, changes } = await followed(await made());
    const before = changes();
    // nft 1.0.6 ends with a segmentation fault at the second of them; later ones just tell it.
    await firewall.must('nft', ['add element inet sallyport n4_a { 10.0.0.0/8 . 0-255 }']);
    await firewall.must('nft', ['add element inet sallyport n4_a { 11.0.0.0/8 . 0-255, 12.0.0.0/8 . 0-255 }']);
    await expect.poll(changes).toBeGreaterThan(before);
    const { table } = await device.observe(signal);
    expect([...(table?.sets.get('n4_a')?.elements.keys() ?? [])].sort()).toEqual([
      '10.0.0.0/8',
      '11.0.0.0/8',
      '12.0.0.0/8',
    ]);
    await device.write([add('10.0.0.1')], signal);
    expect(group((await device.observe(signal)).table)).toEqual(['10.0.0.1']);
  });

  test('a writer that slept while another wrote is refused, whatever it wants to write', async () => {
    const sleeper = await made();
    const other = fresh();
    await other.observe(signal);
    for (let round = 0; round < 3; round++) {
      await other.write([add(`10.0.0.${round}`)], signal);
      await other.observe(signal);
    }
    await expect(sleeper.write([add('10.0.0.66')], signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
    expect(group((await fresh().observe(signal)).table)).toEqual(['10.0.0.0', '10.0.0.1', '10.0.0.2']);
    // Once it has read again, it may.
    await sleeper.observe(signal);
    await sleeper.write([add('10.0.0.66')], signal);
    await expect(other.write([add('10.0.0.67')], signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
  });

  test('a writer whose Lease is in a later epoch is refused even after it has read everything anew', async () => {
    const outranked: number[] = [];
    const of = (lease: string, number: number): Device => {
      const epoch = { now: () => ({ lease, number }), outranked: (by: number) => void outranked.push(by) };
      return new Device(new Nft(netnsTransport(firewall.name, directory)), silentLog, patientClock, epoch);
    };
    const late = of('one', 5);
    await late.observe(signal);
    await late.write([...create, add('10.0.0.1')], signal);
    const next = of('one', 6);
    await next.observe(signal);
    await next.write([add('10.0.0.2')], signal);
    // What it wanted before it slept is void, and so is what it makes of what is there now.
    await expect(late.write([drop('10.0.0.1')], signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
    expect(outranked).toEqual([]);
    await late.observe(signal);
    await expect(late.write([drop('10.0.0.1')], signal)).rejects.toMatchObject({ code: 'NOT_THE_WRITER' });
    expect(outranked).toEqual([6]);
    expect(group((await next.observe(signal)).table)).toEqual(['10.0.0.1', '10.0.0.2']);
    await next.write([add('10.0.0.3')], signal);
    // A Lease that was deleted and made anew counts from the beginning.
    const anew = of('two', 1);
    await anew.observe(signal);
    await anew.write([add('10.0.0.4')], signal);
    expect(group((await anew.observe(signal)).table)).toHaveLength(4);
  });

  test('of two first writers one loses', async () => {
    const [left, right] = [fresh(), fresh()];
    await left.observe(signal);
    await right.observe(signal);
    const results = await Promise.allSettled([left.write(create, signal), right.write(create, signal)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('fence numbers do not pile up', async () => {
    const { device } = await followed(await made());
    for (let round = 0; round < 300; round++) {
      await device.write([round % 2 === 0 ? add('10.0.0.1') : drop('10.0.0.1')], signal);
      await device.observe(signal);
    }
    const listed = await firewall.must('nft', ['-j', 'list', 'set', 'inet', 'sallyport', FENCE_SET]);
    expect(listed.match(/\d+(?=[,\]])/g)?.length).toBeLessThan(280);
  });

  test('killed nft: the transaction is whole or not there', async () => {
    const device = await made();
    const many = Array.from({ length: 5_000 }, (_, index) => `10.${(index >> 8) & 255}.${index & 255}.1`);
    for (const delay of [1, 5, 10, 20, 40]) {
      const stop = new AbortController();
      await device.observe(signal);
      const timer = setTimeout(() => stop.abort(new Error('killed')), delay);
      await device.write([add(...many)], stop.signal).catch(() => undefined);
      clearTimeout(timer);
      const held = group((await fresh().observe(signal)).table);
      expect([0, many.length]).toContain(held.length);
      await device.observe(signal);
      if (held.length > 0) await device.write([drop(...held)], signal);
    }
  });
});
