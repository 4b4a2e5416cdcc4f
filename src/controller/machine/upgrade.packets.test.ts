import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { RunningMachine } from '../../../test/kit/running-machine.ts';

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
});
