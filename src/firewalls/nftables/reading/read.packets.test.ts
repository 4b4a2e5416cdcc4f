import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Namespace, Namespaces } from '../../../../test/kit/netns.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import { childEnvironment, runChild } from '../reach/child.ts';
import { netnsTransport } from '../reach/local-transport.ts';
import type { MapType, Match, NftMap, NftSet, NftTable, Rule, SetType } from '../table/model.ts';
import { Nft } from '../reach/nft.ts';
import { probe } from '../reach/probe.ts';
import { readByParts, readEverything, readStructure } from './read.ts';
import { renderTable } from '../table/render.ts';
import type { Transport } from '../reach/transport.ts';

const signal = new AbortController().signal;

const setOf = (type: SetType, ...elements: string[]): NftSet => ({
  type,
  elements: BucketMap.from(elements.map((element) => [element, true] as const)),
});
const mapOf = (type: MapType, elements: Record<string, string>): NftMap => ({
  type,
  elements: BucketMap.from(Object.entries(elements)),
});
const rule = (action: Extract<Rule, { kind: 'ours' }>['action'], ...matches: Match[]): Rule => ({
  kind: 'ours',
  matches,
  counter: action.do === 'accept' || action.do === 'drop',
  action,
  ...(action.do === 'accept' ? { comment: 'ClusterBorderPolicy/bank:0' } : {}),
});

/** Everything that the model can say, at least once. */
const everything: NftTable = {
  sets: new Map([
    ['m_owner', { ...setOf('number'), comment: 'cluster=a firewall=b form=1 rules=0123456789abcdef judge=none' }],
    ['m_rev', setOf('number', '1', '4294967295')],
    ['recheck4', setOf('address4', '10.0.0.1', '255.255.255.255', '0.0.0.0')],
    ['recheck6', setOf('address6', 'fd80::1', '::', '::102:304', '2001:db8:0:1:1:1:1:1')],
    ['n4_bank', setOf('net4', '0.0.0.0/1', '203.0.113.0/24', '198.51.100.7/32')],
    ['n4_all', setOf('net4', '0.0.0.0/0')],
    ['n6_bank', setOf('net6', '2001:db8::/32', '::1/128', 'fd00::/9')],
    ['n6_all', setOf('net6', '::/0')],
    ['s_web', setOf('service', '6 . 443', '6 . 80', '17 . 8000-8080', '132 . 0-65535', '47 . 5', '254 . 1')],
  ]),
  maps: new Map([
    ['by_source4', mapOf('address4:verdict', { '10.0.0.1': 'goto c4_a', '10.0.0.2': 'accept', '10.0.0.3': 'drop' })],
    ['by_source6', mapOf('address6:verdict', { 'fd80::1': 'jump c4_a', 'fd80::2': 'return' })],
    ['class_of4', mapOf('address4:number', { '10.0.0.1': '5', '10.0.0.2': '3221225471' })],
    ['class_of6', mapOf('address6:number', { 'fd80::1': '7' })],
    ['class4', mapOf('number:verdict', { '5': 'goto c4_a', '3221225471': 'drop' })],
    ['a4_x', mapOf('address4:address4', { '10.0.0.1': '198.18.0.1' })],
    ['a6_x', mapOf('address6:address6', { 'fd80::1': 'fd99:5::1' })],
  ]),
  chains: new Map([
    ['denied', { rules: [rule({ do: 'drop' })] }],
    ['empty', { rules: [] }],
    [
      'c4_a',
      {
        rules: [
          rule({ do: 'markDead' }, { on: 'state', states: ['established'] }),
          rule({ do: 'log', prefix: 'sp:ClusterBorderPolicy/bank:0', group: 'denied' }),
          rule({ do: 'log', prefix: 'sp:unknown', group: 'unknown' }),
          rule(
            { do: 'resetTcp' },
            { on: 'state', states: ['established'] },
            { on: 'protocol', protocol: 6, not: false },
          ),
          rule({ do: 'drop' }, { on: 'state', states: ['invalid', 'untracked'] }),
          rule({ do: 'drop' }, { on: 'state', states: ['new', 'related'] }),
          rule({ do: 'return' }, { on: 'direction', direction: 'original' }),
          rule({ do: 'return' }, { on: 'direction', direction: 'reply' }),
          rule({ do: 'goto', chain: 'denied' }, { on: 'dead' }),
          rule({ do: 'accept' }, { on: 'address', side: 'saddr', family: 4, set: 'recheck4', not: false }),
          rule({ do: 'accept' }, { on: 'address', side: 'daddr', family: 6, set: 'a6_x', not: true }),
          rule({ do: 'accept' }, { on: 'net', side: 'daddr', family: 4, set: 'n4_bank', not: false }),
          rule({ do: 'accept' }, { on: 'net', side: 'saddr', family: 6, set: 'n6_bank', not: true }),
          rule({ do: 'accept' }, { on: 'service', side: 'dport', set: 's_web' }),
          rule({ do: 'accept' }, { on: 'service', side: 'sport', set: 's_web' }),
          ...[0, 1, 6, 41, 47, 58, 99, 132, 254, 255].map((protocol) =>
            rule({ do: 'accept' }, { on: 'protocol', protocol, not: protocol % 2 === 1 }),
          ),
          ...([4, 6] as const).flatMap((family) =>
            [0, 3, 8, 77, 128, 255].map((value) =>
              rule(
                { do: 'accept' },
                { on: 'icmp', family, field: 'type', value, not: false },
                { on: 'icmp', family, field: 'code', value: 3, not: value > 100 },
              ),
            ),
          ),
          rule({ do: 'accept' }, { on: 'icmp', family: 4, field: 'type', value: 8, not: true }),
          rule({ do: 'jump', chain: 'empty' }),
        ],
      },
    ],
    [
      'forward',
      {
        base: { type: 'filter', hook: 'forward', priority: 0, policy: 'accept' },
        rules: [
          rule({ do: 'dispatch', family: 4, map: 'by_source4' }),
          rule({ do: 'dispatchByNumber', family: 6, numbers: 'class_of6', map: 'class4' }),
        ],
      },
    ],
    [
      'postrouting',
      {
        base: { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' },
        rules: [
          rule(
            { do: 'translate', family: 4, map: 'a4_x' },
            { on: 'net', side: 'daddr', family: 4, set: 'n4_all', not: false },
          ),
          rule({ do: 'translate', family: 6, map: 'a6_x' }),
        ],
      },
    ],
  ]),
  foreign: [],
};

describe('reading back', () => {
  let world: Namespaces;
  let firewall: Namespace;
  let nft: Nft;
  let directory: string;

  beforeAll(async () => {
    world = await Namespaces.open();
    firewall = await world.add('fw');
    directory = mkdtempSync(join(tmpdir(), 'sallyport-read-'));
    nft = new Nft(netnsTransport(firewall.name, directory));
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await world.close();
  });
  beforeEach(async () => {
    await nft.run('flush ruleset', signal);
  });

  test('what was rendered reads back as it was', async () => {
    await nft.run(renderTable(everything), signal);
    const reading = await readEverything(nft, signal);
    expect(reading.present).toBe(true);
    expect(renderTable(reading.table)).toBe(renderTable(everything));
  });

  test('the structure alone has no elements', async () => {
    await nft.run(renderTable(everything), signal);
    const { table } = await readStructure(nft, signal);
    expect(renderTable(table)).not.toContain('add element');
    expect([...table.chains.keys()].sort()).toEqual([...everything.chains.keys()].sort());
  });

  test('nothing of ours is not the same as an empty table', async () => {
    await nft.run('add table inet other { chain c { }; }', signal);
    expect(await readEverything(nft, signal)).toMatchObject({ present: false });
    await nft.run('add table inet sallyport', signal);
    expect(await readEverything(nft, signal)).toMatchObject({ present: true, table: { foreign: [] } });
  });

  test('what is not ours in our table is told, never taken for ours', async () => {
    await nft.run(
      `table inet sallyport {
        counter c_x { }
        set n4_a { type ipv4_addr; flags interval; }
        set t4_a { type ipv4_addr; timeout 1h; }
        set h4_a { type ipv4_addr; elements = { 10.0.0.1 comment "hand made" } }
        set n4_b { type ipv4_addr . inet_proto; flags interval; elements = { 10.0.0.0-10.0.0.5 . 0-255, 11.0.0.0/8 . tcp } }
        chain input { type filter hook input priority 0; policy drop; }
        chain c_y { ct state { new, established } accept
          tcp dport 22 accept
          limit rate 1/second log prefix "x"
          counter name "c_x" drop
        }
      }`,
      signal,
    );
    const { table } = await readEverything(nft, signal);
    expect(table.foreign).toEqual([
      'chain input',
      'counter c_x',
      expect.stringContaining('element of h4_a'),
      expect.stringContaining('element of n4_b'),
      'set n4_a',
      'set t4_a',
    ]);
    expect(table.chains.get('c_y')?.rules.map(({ kind }) => kind)).toEqual([
      'foreign',
      'foreign',
      'foreign',
      'foreign',
    ]);
  });

  test('a table that was switched off is told', async () => {
    await nft.run('table inet sallyport { flags dormant; }', signal);
    expect((await readEverything(nft, signal)).table.foreign).toEqual([expect.stringMatching(/^table flags/)]);
  });

  test('a listing that somebody keeps from ending is unknown, not empty', async () => {
    await nft.run(renderTable(everything), signal);
    const late = new AbortController();
    late.abort(new Error('too late'));
    await expect(readEverything(nft, late.signal)).rejects.toThrow('too late');
  });

  test('a refused transaction leaves no trace and says who has to act', async () => {
    await nft.run(renderTable(everything), signal);
    const text = 'add element inet sallyport recheck4 { 10.9.9.9 }\nadd element inet sallyport nope { 10.0.0.1 }\n';
    await expect(nft.run(text, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
    expect(renderTable((await readEverything(nft, signal)).table)).toBe(renderTable(everything));
  });

  test('the device tells its version, its addresses and what slows it', async () => {
    const range = Array.from({ length: 600 }, (_, index) => `10.${index >> 8}.${index & 255}.0/31`);
    await nft.run(
      `table ip geo { set blocked { type ipv4_addr; flags interval; elements = { ${range.join(', ')} } }\n}`,
      signal,
    );
    await firewall.ip('link add d0 type veth peer name d1', 'link set d0 up', 'addr add 198.51.100.3/24 dev d0');
    await firewall.ip('addr add 2001:db8::3/64 dev d0 nodad', 'route add blackhole 198.18.0.0/24');
    const capabilities = await probe(nft, signal);
    expect(capabilities.device).toMatch(/^nftables 1\.\d+\.\d+, kernel \d/);
    expect(capabilities.owns?.toStrings()).toEqual(['198.18.0.0/24', '198.51.100.3/32', '2001:db8::3/128']);
    expect(capabilities.notes).toContainEqual(
      'set ip geo blocked of somebody else has 600 intervals: it slows every change',
    );
  });

  test('a user namespace that is too small for a transaction is recognised, before and after', async () => {
    const confined: Transport = {
      ...nft.transport,
      run: (program, args, limit) =>
        runChild('unshare', ['--user', '--map-root-user', '--net', '--', program, ...args], childEnvironment, limit),
      runWithFile: async (program, args, text, limit) => {
        const path = join(directory, 'confined');
        writeFileSync(path, Array.from(text).join(''));
        return await confined.run(program, [...args, path], limit);
      },
    };
    const small = new Nft(confined);
    expect((await probe(small, signal)).transactionLimit).toBeGreaterThan(1_000);
    const elements = Array.from(
      { length: 60_000 },
      (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    );
    const text = `table inet sallyport { set g4_a { type ipv4_addr; elements = { ${elements.join(', ')} } }\n}`;
    await expect(small.run(text, signal)).rejects.toMatchObject({ code: 'TRANSACTION_TOO_LARGE', blame: 'rejected' });
    await small.run('add table inet sallyport', signal);
  });

  test('reads in spite of somebody who writes all the time', async () => {
    await nft.run(renderTable(everything), signal);
    const stop = new AbortController();
    const writer = (async () => {
      for (let round = 0; !stop.signal.aborted; round++)
        await firewall.must('nft', [round % 2 === 0 ? 'add table ip noise' : 'delete table ip noise']);
    })();
    for (let round = 0; round < 10; round++)
      expect(renderTable((await readEverything(nft, signal)).table)).toBe(renderTable(everything));
    expect(renderTable((await readByParts(nft, signal)).table)).toBe(renderTable(everything));
    stop.abort();
    await writer;
  });

  test('parts that change while they are read are no reading', async () => {
    await nft.run(renderTable(everything), signal);
    let count = 0;
    const shifting = new Nft({
      ...nft.transport,
      run: async (program, args, limit) => {
        await nft.run(`add chain inet sallyport c4_${count++}`, limit);
        return await nft.transport.run(program, args, limit);
      },
    });
    await expect(readByParts(shifting, signal)).rejects.toMatchObject({ code: 'DEVICE_BUSY', blame: 'transient' });
  });

  test('no such namespace, no such program', async () => {
    const nowhere = new Nft(netnsTransport('spt-nowhere', directory));
    await expect(probe(nowhere, signal)).rejects.toMatchObject({ code: 'DEVICE_UNREACHABLE' });
    await expect(nft.transport.run('no-such-program', [], signal)).rejects.toMatchObject({ code: 'PROGRAM_MISSING' });
  });
});
