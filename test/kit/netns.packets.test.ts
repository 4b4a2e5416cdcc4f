import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Namespace, Namespaces } from './netns.ts';
import { Peer } from './probe.ts';

describe('the border of namespaces', () => {
  let world: Namespaces;
  let inside: Peer;
  let outside: Peer;
  let router: Namespace;

  beforeAll(async () => {
    world = await Namespaces.open();
    router = await world.add('fw', { forwarding: true });
    const pods = await world.add('pods');
    const far = await world.add('out');
    await world.link(
      { namespace: pods, device: 'pod0', addresses: ['10.1.0.2/24', 'fd01::2/64'] },
      { namespace: router, device: 'pin', addresses: ['10.1.0.1/24', 'fd01::1/64'] },
    );
    await world.link(
      { namespace: router, device: 'pout', addresses: ['203.0.113.1/24', '2001:db8::1/64'] },
      { namespace: far, device: 'out0', addresses: ['203.0.113.9/24', '2001:db8::9/64'] },
    );
    await pods.ip('route add default via 10.1.0.1', 'route add default via fd01::1');
    await far.ip('route add default via 203.0.113.1', 'route add default via 2001:db8::1');
    inside = new Peer(pods);
    outside = new Peer(far);
    for (const address of ['0.0.0.0', '::']) {
      await outside.listenTcp(address, 443);
      await outside.listenUdp(address, 53);
    }
  });
  afterAll(async () => {
    inside.stop();
    outside.stop();
    await world.close();
    expect(readdirSync('/run/netns').filter((name) => name === router.name)).toEqual([]);
  });

  test.each([
    ['10.1.0.2', '203.0.113.9'],
    ['fd01::2', '2001:db8::9'],
  ])('traffic from %s passes and shows its source', async (from, to) => {
    expect(await inside.tcp({ from, to, port: 443 })).toMatchObject({ outcome: 'passed', source: from });
    expect(await inside.udp({ from, to, port: 53 })).toMatchObject({ outcome: 'passed', source: from });
    expect(await inside.ping({ from, to })).toBe(true);
    expect((await inside.tcp({ from, to, port: 444 })).outcome).toBe('ECONNREFUSED');
  });

  test.each([
    ['answers', (): Peer => outside],
    ['asks', (): Peer => inside],
  ])('who %s may be asleep for longer than is waited: what passes is no silence', async (_, who) => {
    const shortly = { from: '10.1.0.2', to: '203.0.113.9', timeoutMs: 50 };
    const attempts = [
      inside.tcp({ ...shortly, port: 443 }),
      inside.udp({ ...shortly, port: 53 }),
      inside.openTcp('tcp', { ...shortly, port: 443 }),
      inside.openUdp('udp', { ...shortly, port: 53 }),
    ];
    who().pause();
    await pause(4 * shortly.timeoutMs);
    who().resume();
    const passed = { outcome: 'passed', source: shortly.from };
    expect(await Promise.all(attempts)).toMatchObject(attempts.map(() => passed));
    await Promise.all([inside.close('tcp'), inside.close('udp'), outside.hush()]);
  });

  test('what a rule drops is silence', async () => {
    await router.must('nft', ['add', 'table', 'inet', 'x']);
    await router.must('nft', ['add chain inet x f { type filter hook forward priority 0; policy drop; }']);
    expect((await inside.tcp({ from: '10.1.0.2', to: '203.0.113.9', port: 443 })).outcome).toBe('silence');
    expect((await inside.udp({ from: 'fd01::2', to: '2001:db8::9', port: 53 })).outcome).toBe('silence');
    expect(await inside.ping({ from: '10.1.0.2', to: '203.0.113.9' })).toBe(false);
  });
});
