import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cwnp, smallMachine } from '../../../test/kit/machine.ts';
import { RunningMachine } from '../../../test/kit/running-machine.ts';
import { silentLog } from '../../base/log.ts';
import { netnsTransport } from '../../firewalls/nftables/reach/local-transport.ts';
import { tableLines } from '../../machine/table-text.ts';
import { KernelTable } from './kernel-table.ts';
import { RuleWriter } from './rule-writer.ts';

/** What today's controller leaves on a machine (metal-stack reference 4.2, 4.10), with one policy. */
const TODAYS_BASE = `table inet metal {
    chain input {
        type filter hook input priority 0; policy accept;
    }
    chain forward {
        type filter hook forward priority 0; policy accept;
        ct state invalid counter drop comment "drop invalid packets from forwarding to prevent malicious activity"
        ct state established,related counter accept comment "stateful forward"
    }
}
`;
const TODAYS_RULES = `table inet firewall {
	set cluster_prefixes {
		type ipv4_addr
		flags interval
		auto-merge
		elements = { 10.0.0.0/8 }
	}
	counter internal_in { }
	counter internal_out { }
	counter external_in { }
	counter external_out { }
	counter drop_total { }
	counter drop_ratelimit { }
	chain forward {
		type filter hook forward priority 1; policy drop;
		ct state established,related counter accept comment "accept established connections"
		ct state invalid counter drop comment "drop packets with invalid ct state"
		ip saddr == @cluster_prefixes tcp dport { 443 } counter accept comment "accept traffic for np web tcp"
		counter comment "count and log dropped packets"
		limit rate 10/second counter name drop_total log prefix "nftables-firewall-dropped: "
	}
}
`;

const SENDER = `import socket, sys, select
n = 0
while not select.select([sys.stdin], [], [], 0.003)[0]:
  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
  s.sendto(b"x", ("198.51.100.9", 9))
  s.close()
  n += 1
print(n)`;

describe('a machine on which today’s controller ran', () => {
  let machine: RunningMachine;
  beforeAll(async () => {
    machine = await RunningMachine.open();
  });
  afterEach(() => machine.reset());
  afterAll(() => machine.close());

  test('is taken over: no connection ends, counts go on, and nothing opens on the way', async () => {
    const { world } = machine;
    writeFileSync(join(machine.folder, 'nftables/rules'), TODAYS_BASE);
    writeFileSync(machine.file, TODAYS_RULES);
    await machine.boot();
    await world.cluster.openTcp('long', { from: '10.0.0.10', to: '198.51.100.9', port: 443 });
    const rule = 'accept traffic for np web tcp';
    const counted = await world.packets(rule);
    const dropped = await world.packets('count and log dropped packets');
    expect(counted).toBe(1);
    machine.configure(`sources:
  own: { manifests: ./objects.yaml }
  static: { firewall: {} }
controllers: { firewall: { source: static }, cwnp: { source: own } }`);
    writeFileSync(
      join(machine.folder, 'objects.yaml'),
      `apiVersion: metal-stack.io/v1
kind: ClusterwideNetworkPolicy
metadata: { name: web, namespace: firewall }
spec: { egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 443 }] }] }
`,
    );
    const before = (await world.cluster.stream('long')).received;
    const controller = await machine.start();
    let tries = 0;
    do {
      expect(await machine.passes(80)).toBe(false);
      tries++;
    } while (!controller.ready().ready);
    // It was looked at least once while rules were taken over, and each try was dropped.
    expect(tries).toBeGreaterThan(0);
    await expect.poll(async () => (await world.cluster.stream('long')).received).toBeGreaterThan(before);
    expect(await world.packets(rule)).toBe(counted);
    expect(await world.packets('count and log dropped packets')).toBeGreaterThanOrEqual(dropped);
    const first = (await world.cluster.stream('long')).received;
    await expect.poll(async () => (await world.cluster.stream('long')).received).toBeGreaterThan(first);
    await world.cluster.close('long');
    expect(await machine.passes(443)).toBe(true);
    expect(await world.packets(rule)).toBe(counted + 1);
    expect(readFileSync(machine.file, 'utf8')).toContain('comment "accept traffic for np web tcp"');
  });

  test('counts every packet of a rule that stays, through a hundred loads under traffic', async () => {
    const { world, folder, file } = machine;
    const kernel = new KernelTable(netnsTransport(world.machine.name, folder));
    const writer = new RuleWriter({ kernel, baseFile: join(folder, 'nftables/rules'), log: silentLog });
    const stays = cwnp('stays', '{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ protocol: UDP, port: 9 }] }] }');
    const load = async (n: number): Promise<string> => {
      const other = cwnp('other', `{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: ${1_000 + n} }] }] }`);
      const lines = tableLines(smallMachine(stays + other).ruleset);
      return (await writer.write({ lines, file, dryRun: false }, new AbortController().signal)).change;
    };
    const counted = (): Promise<number> => world.packets('accept traffic for np stays udp');
    await load(0);
    // A new connection with each packet, until it is told to end.
    const sender = world.cluster.namespace.start('python3', ['-c', SENDER]);
    let said = '';
    sender.stdout?.on('data', (text: Buffer) => {
      said += text.toString();
    });
    await expect.poll(counted, { timeout: 20_000 }).toBeGreaterThan(0);
    for (let n = 1; n <= 100; n++) expect(await load(n)).toBe('changed');
    const ended = once(sender, 'close');
    sender.stdin?.end('\n');
    await ended;
    expect(Number(said)).toBeGreaterThan(0);
    expect(await counted()).toBe(Number(said));
  });
});
