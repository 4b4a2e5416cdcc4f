import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { FirewallMachine } from '../../../test/kit/firewall-machine.ts';
import { cwnp, firewall, smallMachine } from '../../../test/kit/machine.ts';
import { silentLog } from '../../base/log.ts';
import { netnsTransport } from '../../firewalls/nftables/reach/local-transport.ts';
import { parseAddress } from '../../ip/address.ts';
import { baseRules } from '../../machine/base-rules.ts';
import { linesOf, tableLines, textOf } from '../../machine/table-text.ts';
import { KernelTable } from './kernel-table.ts';
import { type Repair, RuleWriter } from './rule-writer.ts';

const signal = new AbortController().signal;
const { ruleset, input } = smallMachine(
  firewall('{ internalPrefixes: [10.0.0.0/16], rateLimits: [{ networkID: internet, rate: 5 }] }') +
    cwnp('out', '{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 443 }] }] }') +
    cwnp('more', '{ egress: [{ to: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 80 }] }] }'),
);
/** With a set of the kind of which elements are learnt. */
const lines = linesOf(
  textOf(tableLines(ruleset)).replace(
    'table inet firewall {\n',
    (head) => `${head}\n\tset learnt {\n\t\ttype ipv4_addr\n\t\telements = { 192.0.2.1 }\n\t}\n`,
  ),
);
const proxy = parseAddress('198.51.100.2');
const text = baseRules({ networks: input.networks, vpn: false, proxy }) ?? '';

/** An edit, where it is, and what is told of it. `HANDLE` is that of the first rule of a chain. */
const EDITS: readonly (readonly [edit: string, where: 'kernel' | 'base', told: string])[] = [
  ['delete table inet firewall', 'kernel', 'the table is gone'],
  ['flush table inet firewall', 'kernel', 'rule "ct state established,related counter accept'],
  ['chain inet firewall forward { policy accept; }', 'kernel', 'policy accept;" is not ours'],
  [
    'insert rule inet firewall forward tcp dport 80 accept',
    'kernel',
    'rule "tcp dport 80 accept" of chain forward is not ours',
  ],
  ['add rule inet firewall forward counter drop', 'kernel', 'rule "counter drop" of chain forward is not ours'],
  ['delete rule inet firewall forward handle HANDLE', 'kernel', 'of chain forward is gone'],
  ['replace rule inet firewall forward handle HANDLE counter accept', 'kernel', 'of chain forward is another'],
  ['flush chain inet firewall forward', 'kernel', 'of chain forward is gone'],
  ['add chain inet firewall strange', 'kernel', 'chain strange is not ours'],
  [
    'add chain inet firewall strange { type filter hook forward priority -10; policy accept; }',
    'kernel',
    'chain strange is not ours',
  ],
  ['add set inet firewall strange { type ipv4_addr; }', 'kernel', 'set strange {'],
  ['add element inet firewall learnt { 192.0.2.66 }', 'kernel', 'element 192.0.2.66 of set learnt is not ours'],
  ['delete element inet firewall learnt { 192.0.2.1 }', 'kernel', 'element 192.0.2.1 of set learnt is gone'],
  ['add element inet firewall internal_prefixes { 172.16.0.0/12 }', 'kernel', '172.16.0.0/12'],
  ['delete element inet firewall internal_prefixes { 10.0.0.0/16 }', 'kernel', '10.0.0.0/16'],
  ['add counter inet firewall strange', 'kernel', 'counter strange'],
  ['add limit inet firewall strange { rate 5/minute; }', 'kernel', 'limit strange'],
  ['add quota inet firewall strange { over 5 mbytes; }', 'kernel', 'quota strange'],
  ['add map inet firewall strange { type ipv4_addr : verdict; }', 'kernel', 'map strange'],
  ['delete table inet metal', 'base', 'inet metal: the table is gone'],
  ['delete table inet nat', 'base', 'inet nat: the table is gone'],
  ['chain inet metal forward { policy drop; }', 'base', 'policy drop;" is not ours'],
  ['chain inet metal input { policy accept; }', 'base', 'policy accept;" is not ours'],
  ['insert rule inet metal input tcp dport 80 accept', 'base', 'rule "tcp dport 80 accept" of chain input is not ours'],
  ['add rule inet metal output drop', 'base', 'rule "drop" of chain output is not ours'],
  ['delete rule inet metal forward handle HANDLE', 'base', 'rule "ct state invalid counter drop'],
  [
    'replace rule inet metal input handle HANDLE tcp dport 81 accept',
    'base',
    'of chain input is another, "tcp dport 81 accept"',
  ],
  ['flush chain inet metal input', 'base', 'of chain input is gone'],
  ['flush chain inet nat postrouting', 'base', 'of chain postrouting is gone'],
  [
    'add chain inet metal strange { type filter hook input priority -10; policy drop; }',
    'base',
    'chain strange is not ours',
  ],
  ['add element inet nat proxy_dns_servers { 192.0.2.53 }', 'base', '192.0.2.53'],
  ['delete element inet nat proxy_dns_servers { 8.8.8.8 }', 'base', '8.8.8.8'],
  ['add set inet metal strange { type ipv4_addr; }', 'base', 'set strange {'],
];

describe('hand edits of a firewall machine', () => {
  let world: FirewallMachine;
  let folder: string;
  let writer: RuleWriter;
  let kernel: KernelTable;
  const told: Repair[] = [];

  beforeAll(async () => {
    world = await FirewallMachine.open();
    for (const port of [80, 443]) await world.internet.listenTcp('0.0.0.0', port);
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-edits-test-'));
    writeFileSync(join(folder, 'rules'), text);
    await world.load(text);
    // Time stands still: however slow a reading was, the next one is not put off.
    kernel = new KernelTable(netnsTransport(world.machine.name, folder), new FakeClock());
    const baseFile = join(folder, 'rules');
    writer = new RuleWriter({ kernel, baseFile, log: silentLog, told: (repair) => told.push(repair) });
    await write();
    told.splice(0);
  });
  afterEach(() => {
    kernel.stop();
    rmSync(folder, { recursive: true });
  });

  const write = () =>
    writer.write({ lines, file: join(folder, 'own'), dryRun: false, base: { text, flows: [] } }, signal);
  const nft = (...words: readonly string[]): Promise<string> => world.machine.must('nft', [...words]);
  /** All tables, without what was counted. */
  const shown = async (): Promise<string> => {
    const listing = await nft('list', 'ruleset');
    const tables = listing.replaceAll(/packets \d+ bytes \d+/g, '').split(/^(?=table )/m);
    return tables.toSorted().join('');
  };
  const edit = async (words: string): Promise<void> => {
    const [, table = '', chain = ''] = / (inet \S+) (\S+) handle HANDLE/.exec(words) ?? [];
    const listing = chain === '' ? '' : await nft('-a', 'list', 'chain', ...table.split(' '), chain);
    const handle = /^\t\t.* # handle (\d+)$/m.exec(listing)?.[1] ?? '';
    await nft(words.replace('HANDLE', handle));
  };
  const passes = async (port: number): Promise<boolean> =>
    (await world.cluster.tcp({ from: '10.0.0.10', to: '198.51.100.9', port })).outcome === 'passed';

  test.each(EDITS)('%s', async (words, where, what) => {
    const before = await shown();
    await edit(words);
    expect(await shown()).not.toBe(before);
    await writer.repair(signal);
    expect(await shown()).toBe(before);
    expect(told).toEqual([{ where, what: expect.stringContaining(what) as unknown }]);
    await writer.repair(signal);
    expect(told).toHaveLength(1);
    expect([await passes(443), await passes(80)]).toEqual([true, false]);
  });

  test('without any, nothing is told nor written, whatever passes meanwhile', async () => {
    const handles = await nft('-a', 'list', 'ruleset');
    await passes(443);
    await kernel.changeElements([{ change: 'add', set: 'learnt', element: '192.0.2.7' }], signal);
    await kernel.changeElements([{ change: 'delete', set: 'learnt', element: '192.0.2.7' }], signal);
    await writer.repair(signal);
    await write();
    expect(told).toEqual([]);
    const plain = (listing: string): string => listing.replaceAll(/packets \d+ bytes \d+/g, '');
    expect(plain(await nft('-a', 'list', 'ruleset'))).toBe(plain(handles));
  });

  test('one that nobody looked for yet is no part of what is written next, and is told', async () => {
    const before = await shown();
    await edit('insert rule inet metal input tcp dport 80 accept');
    await write();
    expect(await shown()).toBe(before);
    expect(told.map(({ where }) => where)).toEqual(['base']);
  });

  test('one of before this process was there goes when it first writes', async () => {
    const before = await shown();
    await edit('insert rule inet metal input tcp dport 80 accept');
    await edit('insert rule inet firewall forward tcp dport 80 accept');
    kernel.stop();
    kernel = new KernelTable(netnsTransport(world.machine.name, folder), new FakeClock());
    writer = new RuleWriter({ kernel, baseFile: join(folder, 'rules'), log: silentLog });
    await write();
    expect(await shown()).toBe(before);
  });

  test('rules that stand unchanged go on counting, base rules too', async () => {
    for (let n = 0; n < 3; n++) expect(await passes(443)).toBe(true);
    const names = ['accept traffic for np out tcp', 'stateful forward'];
    const counts = (): Promise<number[]> => Promise.all(names.map((name) => world.packets(name)));
    const before = await counts();
    expect(Math.min(...before)).toBeGreaterThan(0);
    await edit('add rule inet metal output drop');
    await edit('add rule inet firewall forward counter drop');
    await writer.repair(signal);
    expect(await counts()).toEqual(before);
  });
});
