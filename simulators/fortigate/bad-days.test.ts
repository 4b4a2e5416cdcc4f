import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { ask, done, ending } from './asking.fixture.ts';
import { FortiGate } from './fortigate.ts';

const ADD = 'POST /api/v2/cmdb/firewall/address?vdom=root';
const PROBE = 'GET /api/v2/monitor/system/status';
const address = (name: string): object => ({ name, subnet: '10.0.0.1/32' });
const has = (device: FortiGate, name: string): boolean => device.hand.get('firewall/address', name) !== undefined;

describe('on the way', () => {
  test('a request is lost, an answer is lost, an answer is cut off, a page comes instead', async () => {
    await using device = await FortiGate.start({ plain: true });
    device.faults.next({ kind: 'request lost' }, { method: 'POST' });
    await expect(ask(device, ADD, address('a'))).rejects.toThrow();
    expect(has(device, 'a')).toBe(false);
    device.faults.next({ kind: 'answer lost' }, { url: '/firewall/address' });
    await done(device, PROBE);
    await expect(ask(device, ADD, address('b'))).rejects.toThrow();
    expect(has(device, 'b')).toBe(true);
    device.faults.next({ kind: 'answer cut' });
    await expect(ask(device, ADD, address('c'))).rejects.toThrow();
    expect(has(device, 'c')).toBe(true);
    device.faults.next({ kind: 'page', status: 500 });
    const answer = await ask(device, ADD, address('d'));
    expect([answer.status, answer.body, has(device, 'd')]).toEqual([500, {}, false]);
    expect(device.served.map(({ status }) => status)).toEqual([0, 200, 0, 200, 500]);
  });

  test('the database fails', async () => {
    await using device = await FortiGate.start({ plain: true });
    device.faults.next({ kind: 'database error', error: -360 });
    device.faults.next({ kind: 'database error', error: -361, http: 424 });
    expect(ending(await ask(device, ADD, address('a')))).toBe('500 -360');
    expect(ending(await ask(device, ADD, address('a')))).toBe('424 -361');
    expect(has(device, 'a')).toBe(false);
    await done(device, ADD, address('a'));
  });

  test('a request arrives twice', async () => {
    await using device = await FortiGate.start({ plain: true });
    device.faults.next({ kind: 'twice' });
    expect(ending(await ask(device, ADD, address('a')))).toBe('500 -5');
    expect(has(device, 'a')).toBe(true);
  });

  test('answers of a minute, and latency, by the clock of the test', async () => {
    const clock = new FakeClock();
    await using device = await FortiGate.start({ plain: true, clock, latencyMs: 50 });
    device.faults.next({ kind: 'slow', ms: 60_000 });
    let answered = false;
    const slow = ask(device, PROBE).then(() => (answered = true));
    await expect.poll(() => clock.next()).toBe(60_050);
    clock.advance(60_049);
    expect(answered).toBe(false);
    clock.advance(1);
    await slow;
    const quick = ask(device, PROBE);
    await expect.poll(() => clock.next()).toBe(50);
    clock.advance(50);
    expect((await quick).status).toBe(200);
  });
});

test('who stops waiting has sent it all the same', async () => {
  const clock = new FakeClock();
  await using device = await FortiGate.start({ plain: true, clock });
  device.faults.next({ kind: 'slow', ms: 60_000 });
  const { port } = new URL(device.url);
  const asking = plainRequest({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: ADD.split(' ')[1],
    agent: false,
    headers: { authorization: `Bearer ${device.token}` },
  });
  asking.on('error', () => undefined).end(JSON.stringify(address('a')));
  await expect.poll(() => clock.next()).toBe(60_000);
  asking.destroy();
  clock.advance(60_000);
  await expect.poll(() => has(device, 'a')).toBe(true);
  await expect.poll(() => device.served.length).toBe(1);
});

describe('boots', () => {
  test('what was not answered yet is lost; a device that is gone does not come back', async () => {
    const clock = new FakeClock();
    const device = await FortiGate.start({ plain: true, clock });
    device.faults.next({ kind: 'slow', ms: 60_000 });
    const asked = ask(device, ADD, address('a')).catch(() => 'lost');
    await expect.poll(() => clock.next()).toBe(60_000);
    await device.reboot(10_000);
    expect(await asked).toBe('lost');
    expect(clock.next()).toBe(10_000);
    await device[Symbol.asyncDispose]();
    clock.advance(120_000);
    expect(has(device, 'a')).toBe(false);
    await expect(ask(device, PROBE)).rejects.toThrow('ECONNREFUSED');
  });

  test('what is volatile is lost: sessions, transactions, counters, logins; tokens and configuration stay', async () => {
    await using device = await FortiGate.start({ plain: true });
    await done(device, ADD, address('a'));
    device.hand.addPerson('admin', 'word');
    const login = await ask(
      device,
      'POST /api/v2/authentication',
      { username: 'admin', secretkey: 'word', request_key: true },
      { token: null },
    );
    device.hand.create('firewall/address', { name: 'dynamic', type: 'dynamic', 'sub-type': 'sdn' });
    device.hand.resolve('dynamic', ['10.244.1.7']);
    const { url } = device;
    const dump = device.dump();
    await device.reboot();
    expect(device.url).toBe(url);
    expect(device.dump()).toBe(dump);
    expect((await ask(device, PROBE)).status).toBe(200);
    expect((await ask(device, PROBE, undefined, { token: login.body['session_key'] as string })).status).toBe(401);
    expect(device.live.dynamic.of('root', 'dynamic')).toBeUndefined();
  });

  test('nothing answers until it is up again', async () => {
    const clock = new FakeClock();
    await using device = await FortiGate.start({ plain: true, clock });
    await device.reboot(90_000);
    await expect(ask(device, PROBE)).rejects.toThrow('ECONNREFUSED');
    clock.advance(90_000);
    await expect.poll(() => ask(device, PROBE).then(ending, () => 'down')).toBe('200');
  });

  test('in the middle: a request that was done and never answered', async () => {
    await using device = await FortiGate.start({ plain: true });
    device.faults.next({ kind: 'boot', downMs: 0 }, { method: 'POST' });
    await expect(ask(device, ADD, address('a'))).rejects.toThrow();
    await expect.poll(() => ask(device, PROBE).then(ending, () => 'down')).toBe('200');
    expect(has(device, 'a')).toBe(true);
  });

  test('the power fails in a commit: a part of it is there', async () => {
    await using device = await FortiGate.start({ plain: true });
    const { body } = await done(device, 'POST /api/v2/cmdb?action=transaction-start', { timeout: 60 });
    const id = (body['results'] as Record<string, unknown>)['transaction-id'];
    const headers = { 'x-transaction-id': String(id) };
    for (const name of ['a', 'b', 'c']) await done(device, ADD, address(name), { headers });
    device.faults.next({ kind: 'power fails in commit', changes: 2, downMs: 0 }, { url: 'transaction-commit' });
    const commit = ask(device, 'POST /api/v2/cmdb?action=transaction-commit', { 'transaction-id': id }, { headers });
    await expect(commit).rejects.toThrow();
    await expect.poll(() => ask(device, PROBE).then(ending, () => 'down')).toBe('200');
    expect(['a', 'b', 'c'].map((name) => has(device, name))).toEqual([true, true, false]);
  });

  test('what is not saved is lost, where saving is for people (reference 1.9)', async () => {
    await using device = await FortiGate.start({ plain: true });
    device.hand.settings('system/global', { 'cfg-save': 'manual' });
    await done(device, ADD, address('a'));
    await done(device, 'POST /api/v2/monitor/system/config/save');
    await done(device, ADD, address('b'));
    expect(device.live.device.isSaved).toBe(false);
    await device.reboot();
    expect([has(device, 'a'), has(device, 'b')]).toEqual([true, false]);
  });

  test('with `revert` it goes back by itself', async () => {
    const clock = new FakeClock();
    await using device = await FortiGate.start({ plain: true, clock });
    device.hand.settings('system/global', { 'cfg-save': 'revert', 'cfg-revert-timeout': 30 });
    await done(device, ADD, address('a'));
    clock.advance(29_999);
    expect(has(device, 'a')).toBe(true);
    clock.advance(1);
    await expect.poll(() => ask(device, PROBE).then(ending, () => 'down')).toBe('200');
    expect(has(device, 'a')).toBe(false);
    await done(device, ADD, address('b'));
    await done(device, 'POST /api/v2/monitor/system/config/save');
    clock.advance(60_000);
    expect(has(device, 'b')).toBe(true);
  });
});

describe('people', () => {
  test('the firmware changes overnight, and with it the dialect', async () => {
    await using device = await FortiGate.start({ plain: true, version: '7.4.8' });
    const service = { name: 'kfw-tcp-8443', protocol: 'TCP/UDP/SCTP', 'tcp-portrange': '8443' };
    await done(device, 'POST /api/v2/cmdb/firewall.service/custom', service);
    await device.upgrade('7.6.3');
    expect((await done(device, PROBE)).body).toMatchObject({ version: 'v7.6.3' });
    expect(device.hand.get('firewall.service/custom', 'kfw-tcp-8443')?.['protocol']).toBe('TCP/UDP/UDP-Lite/SCTP');
    expect(device.dump()).toBe(
      'config firewall service custom\n    edit "kfw-tcp-8443"\n        set tcp-portrange 8443\n    next\nend\n',
    );
    expect(ending(await ask(device, 'PUT /api/v2/cmdb/firewall.service/custom/kfw-tcp-8443', service))).toBe(
      '500 -651',
    );
    await device.upgrade('7.4.8');
    await done(device, 'PUT /api/v2/cmdb/firewall.service/custom/kfw-tcp-8443', service);
  });

  test('a group is renamed, a member added, a rule removed, by hand', async () => {
    await using device = await FortiGate.start({ plain: true });
    const { hand } = device;
    hand.create('firewall/address', address('a'));
    hand.create('firewall/address', address('b'));
    hand.create('firewall/addrgrp', { name: 'g', member: [{ name: 'a' }] });
    const id = hand.create('firewall/policy', {
      srcintf: [{ name: 'any' }],
      dstintf: [{ name: 'any' }],
      srcaddr: [{ name: 'g' }],
      dstaddr: [{ name: 'all' }],
      service: [{ name: 'ALL' }],
      schedule: 'always',
    });
    hand.rename('firewall/addrgrp', 'g', 'theirs');
    expect(hand.get('firewall/addrgrp', 'g')).toBeUndefined();
    expect(hand.get('firewall/policy', id)?.['srcaddr']).toEqual([{ name: 'theirs' }]);
    hand.addMember('firewall/addrgrp', 'theirs', 'b');
    hand.removeMember('firewall/addrgrp', 'theirs', 'a');
    expect(hand.get('firewall/addrgrp', 'theirs')?.['member']).toEqual([{ name: 'b' }]);
    expect(() => hand.delete('firewall/addrgrp', 'theirs')).toThrow('used by other 1 entries');
    hand.delete('firewall/policy', id);
    hand.delete('firewall/addrgrp', 'theirs');
    expect(() => hand.rename('firewall/address', 'a', 'b')).toThrow('exists');
  });
});

test('certificates: its own, a new one, an expired one', async () => {
  await using device = await FortiGate.start();
  const shown = (): Promise<{ fingerprint: string; validTo: number }> =>
    new Promise((resolve, reject) => {
      // What is compared afterwards is what was shown.
      const asking = request(`${device.url}/`, { rejectUnauthorized: false, agent: false }, (response) => {
        const { fingerprint256, valid_to } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
        response.resume().on('end', () => resolve({ fingerprint: fingerprint256, validTo: Date.parse(valid_to) }));
      });
      asking.on('error', reject).end();
    });
  const first = device.fingerprint;
  expect((await shown()).fingerprint).toBe(first);
  device.presentCertificate('new');
  expect(device.fingerprint).not.toBe(first);
  expect((await ask(device, PROBE)).status).toBe(200);
  device.presentCertificate('expired');
  expect((await shown()).validTo).toBeLessThan(Date.now());
  await expect(ask(device, PROBE)).rejects.toThrow('expired');
});
