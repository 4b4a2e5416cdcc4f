import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FirewallMachine } from '../../test/kit/firewall-machine.ts';
import { cwnp, FACTS, firewall, service, smallMachine } from '../../test/kit/machine.ts';
import { Peer } from '../../test/kit/probe.ts';
import { BAD, GOOD } from '../../test/kit/machine-worlds.ts';

const golden = join(import.meta.dirname, 'golden');
/** The node network has addresses of both families here. */
const facts = FACTS.replace('prefixes: [10.0.0.0/22]', 'prefixes: [10.0.0.0/22, "2001:db8:42::/64"]');

describe('a firewall machine', () => {
  let world: FirewallMachine;
  const inward = { from: '198.51.100.9', to: '10.0.0.10' };
  const outward = { from: '10.0.0.10', to: '198.51.100.9' };

  beforeAll(async () => {
    world = await FirewallMachine.open();
    for (const peer of [world.cluster, world.internet])
      for (const address of ['0.0.0.0', '::']) {
        for (const port of [80, 443, 8443]) await peer.listenTcp(address, port);
        await peer.listenUdp(address, 5000);
      }
  });
  afterAll(async () => {
    await world.close();
  });
  const rules = async (objects: string, semantics: 'compatible' | 'strict' = 'compatible'): Promise<void> => {
    await world.load(smallMachine(objects, { facts, semantics }).text);
  };
  const tcp = async (side: 'cluster' | 'internet', from: string, to: string, port: number): Promise<string> => {
    const { outcome, source } = await world[side].tcp({ from, to, port });
    return source === undefined ? outcome : `passed from ${source}`;
  };

  test.each(readdirSync(golden))('nft takes %s', async (name) => {
    const text = readFileSync(join(golden, name), 'utf8');
    expect(await world.machine.run('nft', ['-c', '-f', '-'], { input: text })).toMatchObject({ code: 0, stderr: '' });
  });

  test('nft takes the rules of good objects beside every bad one', async () => {
    const bad = BAD.map(([, text], index) => text.replace('name: bad-', `name: bad-${index}-`)).join('');
    const { text } = smallMachine(`${bad}${GOOD}`);
    expect(await world.machine.run('nft', ['-c', '-f', '-'], { input: text })).toMatchObject({ code: 0, stderr: '' });
  });

  test('without objects nothing passes in either direction', async () => {
    await rules('');
    expect(await tcp('internet', inward.from, inward.to, 443)).toBe('silence');
    expect(await tcp('cluster', outward.from, outward.to, 443)).toBe('silence');
    expect(await tcp('cluster', '2001:db8:42::10', '2001:db8:100::9', 443)).toBe('silence');
    expect(await world.cluster.ping(outward)).toBe(false);
    expect(await world.packets('drop_total')).toBeGreaterThan(3);
  });

  test('policies open what they name and nothing beside, in both families', async () => {
    await rules(
      cwnp(
        'out',
        '{ egress: [{ to: [{ cidr: 198.51.100.9/32 }, { cidr: "2001:db8:100::/64" }], ports: [{ port: 443 }, { protocol: UDP, port: 5000 }] }] }',
      ) +
        cwnp(
          'in',
          '{ ingress: [{ from: [{ cidr: 198.51.100.0/24, except: [198.51.100.10] }], ports: [{ port: 80, endPort: 443 }] }] }',
        ),
    );
    expect(await tcp('cluster', outward.from, outward.to, 443)).toBe('passed from 10.0.0.10');
    expect(await tcp('cluster', outward.from, outward.to, 80)).toBe('silence');
    expect(await tcp('cluster', outward.from, '198.51.100.10', 443)).toBe('silence');
    expect((await world.cluster.udp({ ...outward, port: 5000 })).outcome).toBe('passed');
    expect(await tcp('internet', '198.51.100.9', inward.to, 443)).toBe('passed from 198.51.100.9');
    expect(await tcp('internet', '198.51.100.10', inward.to, 443)).toBe('silence');
    expect(await tcp('internet', '198.51.100.9', inward.to, 8443)).toBe('silence');
    // Of IPv6 the cluster is fd00::/8 and the prefixes of its own network.
    expect(await tcp('cluster', '2001:db8:42::10', '2001:db8:100::9', 443)).toBe('passed from 2001:db8:42::10');
    expect(await tcp('cluster', '2001:db8:42::10', '2001:db8:100::9', 80)).toBe('silence');
  });

  test('a Service opens its address alone, and while that is pending nothing', async () => {
    const ranges = 'loadBalancerSourceRanges: [198.51.100.0/24], ports: [{ port: 443 }]';
    await rules(service('web', `spec: { type: LoadBalancer, ${ranges} }, status: {}`));
    expect(await tcp('internet', inward.from, '10.0.0.80', 443)).toBe('silence');
    await rules(service('web', `spec: { type: LoadBalancer, ${ranges}, loadBalancerIP: 10.0.0.80 }`));
    expect(await tcp('internet', inward.from, '10.0.0.80', 443)).toBe('passed from 198.51.100.9');
    expect(await tcp('internet', inward.from, '10.0.0.10', 443)).toBe('silence');
  });

  test('by an egress rule of the allocation a shared network leaves as the cluster does, and does not come into it', async () => {
    const { namespaces, machine } = world;
    const storage = new Peer(await namespaces.add('storage'));
    try {
      await namespaces.link(
        { namespace: storage.namespace, device: 'disk', addresses: ['10.0.16.10/22'] },
        { namespace: machine, device: 'vlan50', addresses: ['10.0.16.2/22'] },
      );
      await storage.namespace.ip('route add default via 10.0.16.2');
      await world.internet.namespace.ip('route add 10.0.16.0/22 via 198.51.100.2');
      await storage.listenTcp('0.0.0.0', 443);
      const leaves = async (to: string, port = 443): Promise<string> =>
        (await storage.tcp({ from: '10.0.16.10', to, port })).outcome;
      for (const to of ['0.0.0.0/0', '198.51.100.9/32']) {
        await rules(
          `allocation: { hostname: fw-1, firewall_rules: { egress: [{ ports: [443], to: [${to}], comment: out }] } }\n`,
        );
        expect([await leaves('198.51.100.9'), await leaves('198.51.100.9', 80)]).toEqual(['passed', 'silence']);
        expect(await leaves('10.0.0.10')).toBe('silence');
        expect(await tcp('cluster', outward.from, outward.to, 443)).toBe('passed from 10.0.0.10');
        const inside = await tcp('cluster', outward.from, '10.0.16.10', 443);
        expect(inside).toBe(to === '0.0.0.0/0' ? 'passed from 10.0.0.10' : 'silence');
      }
    } finally {
      storage.stop();
    }
  });

  test('translation holds for every protocol, with one address and with several', async () => {
    const open = cwnp(
      'out',
      '{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 443 }, { protocol: UDP, port: 5000 }] }] }',
    );
    for (const addresses of [['203.0.113.7'], ['203.0.113.7', '203.0.113.8', '203.0.113.9']]) {
      await rules(firewall(`{ egressRules: [{ networkID: internet, ips: [${addresses.join(', ')}] }] }`) + open);
      for (const to of ['198.51.100.9', '198.51.100.10'])
        expect(addresses).toContain((await world.cluster.tcp({ from: outward.from, to, port: 443 })).source);
      expect(addresses).toContain((await world.cluster.udp({ ...outward, port: 5000 })).source);
    }
  });

  test('where a policy opens every protocol, ICMP is translated like the others', async () => {
    const everything = cwnp('all', '{ egress: [{ to: [{ cidr: 0.0.0.0/0 }] }] }');
    await rules(firewall('{ egressRules: [{ networkID: internet, ips: [203.0.113.7] }] }') + everything, 'strict');
    const { namespace } = world.internet;
    const seen = (source: string): string => `ip saddr ${source} icmp type echo-request counter`;
    await namespace.must(
      'nft',
      ['-f', '-'],
      `table inet seen {
        chain in { type filter hook input priority 0; ${seen('203.0.113.7')}; ${seen('10.0.0.0/22')}; }
      }`,
    );
    const ping = ['-n', '-q', '-c', '3', '-i', '0.2', '-W', '5', '-I', outward.from, outward.to];
    expect((await world.cluster.namespace.run('ping', ping)).code).toBe(0);
    const counted = await namespace.must('nft', ['list', 'table', 'inet', 'seen']);
    expect([...counted.matchAll(/packets (\d+)/g)].map(([, packets]) => packets)).toEqual(['3', '0']);
    await namespace.must('nft', ['delete', 'table', 'inet', 'seen']);
  });

  test('every dropped packet is counted, however few are logged', async () => {
    await rules('');
    const before = await world.packets('drop_total');
    const script =
      'import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor n in range(200): s.sendto(b"x", ("198.51.100.9", 9))';
    await world.cluster.namespace.must('python3', ['-c', script]);
    expect(await world.packets('drop_total')).toBe(before + 200);
    expect(await world.packets('count and log dropped packets')).toBe(before + 200);
  });

  test('traffic is counted inside and outside', async () => {
    await rules(
      firewall('{ internalPrefixes: [198.51.100.10/32] }') +
        cwnp('out', '{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 443 }] }] }'),
    );
    await tcp('cluster', outward.from, '198.51.100.10', 443);
    expect(await world.packets('external_out')).toBe(0);
    const inside = await world.packets('internal_out');
    expect(inside).toBeGreaterThan(2);
    await tcp('cluster', outward.from, '198.51.100.9', 443);
    expect(await world.packets('external_out')).toBeGreaterThan(2);
    expect(await world.packets('external_in')).toBeGreaterThan(1);
    expect(await world.packets('internal_out')).toBe(inside);
  });

  test('of accepted connections no more are logged than the limit says', async () => {
    await rules(
      firewall('{ logAcceptedConnections: true }') +
        cwnp('out', '{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ protocol: UDP, port: 9 }] }] }'),
    );
    // What the log statement would get is counted by a rule in its place.
    const { text } = smallMachine(
      firewall('{ logAcceptedConnections: true }') +
        cwnp('out', '{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ protocol: UDP, port: 9 }] }] }'),
      { facts },
    );
    await world.load(
      text.replace('log prefix "nftables-firewall-accepted: "\n\t\tip saddr', 'counter comment "logged"\n\t\tip saddr'),
    );
    const script =
      'import socket\nfor n in range(1000):\n s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n s.sendto(b"x", ("198.51.100.9", 9))\n s.close()';
    await world.cluster.namespace.must('python3', ['-c', script]);
    expect(await world.packets('accept traffic for np out udp')).toBe(1_000);
    const logged = await world.packets('logged');
    expect(logged).toBeGreaterThan(0);
    // 5 at once and 10 a second, for as long as a very busy machine may take.
    expect(logged).toBeLessThan(300);
  });
});
