import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FirewallMachine } from '../../../test/kit/firewall-machine.ts';
import { cwnp, smallMachine } from '../../../test/kit/machine.ts';
import { netnsTransport } from '../../firewalls/nftables/reach/local-transport.ts';
import { tableLines } from '../../machine/table-text.ts';
import { KernelTable } from './kernel-table.ts';

const signal = new AbortController().signal;
const FLOOD = join(import.meta.dirname, '../../../test/kit/flood.mjs');
const NODE = '10.0.0.10';
const SERVER = '198.51.100.9';
const PORT = 9;

/** Everything is open but the server and somebody else; and others, so that a transaction takes a while. */
function opened(other: number): string {
  const ports = `ports: [{ port: ${PORT}, protocol: UDP }]`;
  const to = (cidr: string): string =>
    `{ to: [{ cidr: ${cidr}, except: [${SERVER}/32, 192.0.2.${other}/32] }], ${ports} }`;
  const others = Array.from({ length: 20 }, (_, n) => {
    const nets = `[{ cidr: 192.0.${n}.${other}/32 }, { cidr: 198.18.0.0/15 }]`;
    return `{ to: ${nets}, ports: [{ port: 443, protocol: TCP }] }`;
  });
  return cwnp('open', `{ egress: [${[to('0.0.0.0/0'), to('198.51.0.0/16'), ...others].join(', ')}] }`);
}

describe('what rules except', () => {
  let world: FirewallMachine;
  let folder: string;

  beforeAll(async () => {
    world = await FirewallMachine.open();
    await world.internet.namespace.must('nft', [
      `add table ip probe; add chain ip probe arrived { type filter hook input priority 0; }; add rule ip probe arrived udp dport ${PORT} counter drop`,
    ]);
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-exceptions-test-'));
    await world.load('');
    return () => rmSync(folder, { recursive: true });
  });

  async function counted(
    namespace: FirewallMachine['machine'],
    chain: readonly string[],
    rule: RegExp,
  ): Promise<number> {
    const text = await namespace.must('nft', ['list', 'chain', ...chain]);
    return text
      .split('\n')
      .reduce((sum, line) => sum + (rule.test(line) ? Number(/packets (\d+)/.exec(line)?.[1] ?? 0) : 0), 0);
  }

  const arrived = (): Promise<number> => counted(world.internet.namespace, ['ip', 'probe', 'arrived'], /./);

  test.each(['changed', 'replaced'])('never passes while a table is %s', async (how) => {
    let kernel = new KernelTable(netnsTransport(world.machine.name, folder));
    const load = (other: number): Promise<string> => {
      // Who knows nothing of what is there replaces all of it, as after a start.
      if (how === 'replaced') {
        kernel.stop();
        kernel = new KernelTable(netnsTransport(world.machine.name, folder));
      }
      return kernel.load(() => tableLines(smallMachine(opened(other)).ruleset), signal);
    };
    await load(0);
    const flood = world.cluster.namespace.start(process.execPath, [FLOOD, NODE, SERVER, String(PORT)]);
    try {
      if (flood.stdout === null) throw new Error('the flood says nothing');
      await once(flood.stdout, 'data');
      for (let other = 1; other <= 60; other++) expect(await load(other)).toBe(how);
    } finally {
      flood.kill();
      await once(flood, 'close');
      kernel.stop();
    }
    expect(await counted(world.machine, ['inet', 'firewall', 'forward'], /count and log dropped/)).toBeGreaterThan(0);
    expect(await arrived()).toBe(0);
  });
});
