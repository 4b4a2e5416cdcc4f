import { expect, test } from 'vitest';
import { monitorStatus } from './monitor-status.ts';
import { MOST_RULES_SHOWN, tableStatistics, withinRoom } from './statistics.ts';

const LISTING = `table inet metal {
	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" counter packets 7 bytes 70 accept comment "local traffic"
		counter packets 1 bytes 10 jump refuse
	}
	chain refuse {
		counter packets 2 bytes 20 drop comment "drop and \\"comment"
	}
}
table inet firewall {
	set web {
		type ipv4_addr
		elements = { 192.0.2.1 counter packets 9 bytes 9 comment "no rule" }
	}
	counter internal_in {
		packets 3 bytes 300
	}
	counter external_out {
		packets 4 bytes 400
	}
	counter drop_total {
		packets 5 bytes 500
	}
	chain forward {
		type filter hook forward priority filter + 1; policy drop;
		ip saddr @a oifname "vlan42" counter name "internal_in" comment "count internal traffic incoming"
		tcp dport 443 counter packets 1 bytes 100 accept comment "accept traffic for np web tcp"
		tcp dport 80 counter packets 2 bytes 200 accept comment "accept traffic for np web tcp"
		ct state invalid counter packets 6 bytes 60 drop comment "drop packets with invalid ct state"
		counter packets 8 bytes 80 comment "accept drop"
	}
	chain postrouting {
		type nat hook postrouting priority srcnat - 101; policy accept;
		oifname "vlan1" counter packets 4 bytes 40 snat ip to 192.0.2.7 random comment "snat for internet" # handle 7
	}
}
table inet other {
	counter internal_in {
		packets 1 bytes 1
	}
}
`;

test('rules by what they do and by comment, added up; the cluster’s traffic by name', () => {
  const { rules, devices } = tableStatistics(LISTING);
  const of = (action: 'accept' | 'drop' | 'other') =>
    Object.entries(rules[action]).map(([comment, { counter }]) => `${comment}: ${counter.packets} ${counter.bytes}`);
  expect(of('accept')).toEqual(['local traffic: 7 70', 'accept traffic for np web tcp: 3 300']);
  expect(of('drop')).toEqual(['drop packets with invalid ct state: 6 60']);
  expect(of('other')).toEqual(['accept drop: 8 80', 'snat for internet: 4 40']);
  expect(devices).toEqual({ internal: { in: 300, out: 0 }, external: { in: 0, out: 400 } });
});

test('controllerStatus of a FirewallMonitor', () => {
  const measured = { ...tableStatistics(''), ids: undefined, connections: { entries: 5, limit: 10 } };
  const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  expect(monitorStatus(measured, 'v1.2.3', now, { lastRun: now, lastRunAgainstSeed: now }, 3)).toMatchObject({
    distance: 3,
    distanceSupported: true,
  });
  expect(monitorStatus(measured, 'v1.2.3', now, { lastRun: now, lastRunAgainstSeed: now - 1_000 })).toEqual({
    message: 'updated firewall monitor resource at 2026-01-02T03:04:05Z',
    stats: {
      rules: { accept: {}, drop: {}, other: {} },
      devices: {},
      idsStats: {},
      conntrack: { entries: 5, limit: 10 },
    },
    controllerVersion: 'v1.2.3',
    lastRun: '2026-01-02T03:04:05Z',
    lastRunAgainstSeed: '2026-01-02T03:04:04Z',
    distance: 0,
    distanceSupported: false,
  });
});

test('a machine of very many rules shows those that counted most', () => {
  const rule = (packets: number) => ({ counter: { packets, bytes: 0 } });
  const many = (size: number, from: number) =>
    Object.fromEntries(Array.from({ length: size }, (_, n) => [`rule ${from + n}`, rule(from + n)]));
  const few = { accept: many(3, 0), drop: {}, other: many(2, 10) };
  expect(withinRoom(few)).toBe(few);
  const shown = withinRoom({
    accept: many(MOST_RULES_SHOWN, 0),
    drop: many(1, 5),
    other: many(MOST_RULES_SHOWN - 10, 100_000),
  });
  expect(Object.keys(shown.other)).toHaveLength(MOST_RULES_SHOWN - 10);
  expect(Object.keys(shown.accept).toSorted()).toEqual(Object.keys(many(10, MOST_RULES_SHOWN - 10)).toSorted());
  expect(shown.drop).toEqual({});
});
