import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { ask, done, ending } from './asking.fixture.ts';
import { FortiGate, type FortiGateOptions } from './fortigate.ts';

const PUSH = 'POST /api/v2/monitor/system/external-resource/dynamic?vdom=root';
const LIST = 'GET /api/v2/monitor/system/external-resource/entry-list?vdom=root&mkey=kfw-web';

async function withFeed(options: FortiGateOptions = {}): Promise<FortiGate> {
  const device = await FortiGate.start({ plain: true, version: '7.6.3', ...options });
  await done(device, 'POST /api/v2/cmdb/system/external-resource?vdom=root', {
    name: 'kfw-web',
    type: 'address',
    'update-method': 'push',
    comments: 'kfw:cluster-a:web',
  });
  return device;
}

const command = (name: string, kind: string, entries: readonly string[]): object => ({ name, command: kind, entries });

describe('pushed lists (reference 1.10 b)', () => {
  test('add, remove and snapshot, with the body of the reference; no revision of the configuration moves', async () => {
    await using device = await withFeed();
    const revision = async (): Promise<unknown> =>
      (await done(device, 'GET /api/v2/cmdb/system/external-resource?vdom=root&action=revision')).body['revision'];
    const before = await revision();
    const answer = await done(device, PUSH, {
      commands: [command('kfw-web', 'add', ['10.244.1.7', 'fd00:10:244:1::7', '10.244.2.9'])],
    });
    expect(answer.body['results']).toEqual([{ name: 'kfw-web', command: 'add', status: 'success' }]);
    await done(device, PUSH, { commands: [command('kfw-web', 'remove', ['10.244.2.9'])] });
    expect(await revision()).toBe(before);
    const { results } = (await done(device, LIST)).body as { results: Record<string, unknown> };
    expect(results).toMatchObject({
      status: 'success',
      entries: [
        { entry: '10.244.1.7', valid: true, comment: '' },
        { entry: 'fd00:10:244:1::7', valid: true, comment: '' },
      ],
      valid_count: 2,
      invalid_count: 0,
      accepted_count: 2,
      accepted_limit: 300_000,
      overflow: false,
    });
    await done(device, PUSH, { commands: [command('kfw-web', 'snapshot', ['10.244.9.0/24'])] });
    const counts = (await done(device, `${LIST}&counts_only=true`)).body['results'];
    expect(counts).toMatchObject({ valid_count: 1 });
    expect(counts).not.toHaveProperty('entries');
  });

  test('a failure stands inside a 200, and the rest is stored', async () => {
    await using device = await withFeed();
    device.hand.create('system/external-resource', { name: 'pulled', type: 'address' });
    const answer = await done(device, PUSH, {
      commands: [
        command('kfw-web', 'add', ['10.244.1.7', '10.244.1.300']),
        command('nobody', 'add', ['10.244.1.7']),
        command('pulled', 'add', ['10.244.1.7']),
        command('kfw-web', 'polish', []),
      ],
    });
    expect(answer.status).toBe(200);
    expect(answer.body['results']).toEqual([
      { name: 'kfw-web', command: 'add', status: 'error', error: 'invalid entries', invalidEntries: ['10.244.1.300'] },
      { name: 'nobody', command: 'add', status: 'error', error: 'external resource not found' },
      { name: 'pulled', command: 'add', status: 'error', error: 'update-method is not push' },
      { name: 'kfw-web', command: 'polish', status: 'error', error: 'unknown command' },
    ]);
    expect((await done(device, `${LIST}&entry=10.244.1.7`)).body['results']).toMatchObject({
      valid_count: 1,
      matched_valid: true,
    });
  });

  test('what is no command is refused as a whole', async () => {
    await using device = await withFeed();
    expect(ending(await ask(device, PUSH, {}))).toBe('400 -10001');
    expect(ending(await ask(device, PUSH, { commands: ['add'] }))).toBe('400 -10002');
    expect(ending(await ask(device, PUSH, { commands: [{ name: 'kfw-web', command: 'add' }] }))).toBe('400 -10002');
    const entries = Array.from({ length: 1001 }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
    expect((await ask(device, PUSH, { commands: [command('kfw-web', 'add', entries)] })).status).toBe(413);
    expect((await done(device, LIST)).body['results']).toMatchObject({ valid_count: 0 });
  });

  test('pages of 1000 entries', async () => {
    await using device = await withFeed({ switches: { pushEntries: 10_000 } });
    const entries = Array.from({ length: 2500 }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
    await done(device, PUSH, { commands: [command('kfw-web', 'snapshot', entries)] });
    const length = async (more: string): Promise<number> =>
      ((await done(device, `${LIST}${more}`)).body['results'] as { entries: unknown[] }).entries.length;
    expect(await length('')).toBe(1000);
    expect(await length('&start=2000&count=1000')).toBe(500);
  });

  test('a boot empties it, unless a switch says otherwise', async () => {
    for (const pushedSurvive of [false, true]) {
      await using device = await withFeed({ switches: { pushedSurvive } });
      await done(device, PUSH, { commands: [command('kfw-web', 'add', ['10.244.1.7'])] });
      await device.reboot();
      expect((await done(device, LIST)).body['results']).toMatchObject({ valid_count: pushedSurvive ? 1 : 0 });
    }
  });

  test('it came with 7.2.1, and counts of what is accepted with 7.6', async () => {
    await using old = await FortiGate.start({ plain: true, version: '7.2.0' });
    expect((await ask(old, PUSH, { commands: [] })).status).toBe(404);
    const field = { name: 'x', type: 'address', 'update-method': 'push' };
    expect(ending(await ask(old, 'POST /api/v2/cmdb/system/external-resource?vdom=root', field))).toBe('500 -651');
    await using first = await withFeed({ version: '7.2.1' });
    await done(first, PUSH, { commands: [command('kfw-web', 'add', ['10.244.1.7'])] });
    const { results } = (await done(first, LIST)).body as { results: Record<string, unknown> };
    expect(results).toMatchObject({ valid_count: 1 });
    expect(results).not.toHaveProperty('accepted_count');
  });
});

describe('limits (reference 1.10, "Feed limits")', () => {
  test('from 7.4.4 on all feeds share them: global ones first, then VDOMs by name; the latest are cut', async () => {
    await using device = await FortiGate.start({ plain: true, version: '7.6.3', vdoms: ['root', 'beta', 'alpha'] });
    const { hand, live } = device;
    const push = { type: 'address', 'update-method': 'push' };
    hand.create('system/external-resource', { name: 'ours', ...push }, 'root');
    hand.create('system/external-resource', { name: 'early', ...push }, 'alpha');
    const block = (from: number, count: number): string[] =>
      Array.from({ length: count }, (_, n) => `${from + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.1`);
    live.feeds.push('root', 'ours', 'snapshot', block(10, 10));
    live.feeds.push('alpha', 'early', 'snapshot', block(20, 299_995));
    const ask1 = 'GET /api/v2/monitor/system/external-resource/entry-list?vdom=root&mkey=ours&counts_only=true';
    expect((await done(device, ask1)).body['results']).toMatchObject({
      valid_count: 10,
      accepted_count: 5,
      accepted_limit: 5,
      overflow: true,
    });
    expect(live.feeds.accepted('root', 'ours')).toHaveLength(5);
    live.feeds.push('alpha', 'early', 'snapshot', []);
    expect(live.feeds.accepted('root', 'ours')).toHaveLength(10);
  });

  test('before, each feed has its own', async () => {
    await using device = await withFeed({ version: '7.4.3' });
    const entries = Array.from({ length: 131_073 }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
    device.live.feeds.push('root', 'kfw-web', 'snapshot', entries);
    expect(device.live.feeds.accepted('root', 'kfw-web')).toHaveLength(131_072);
  });
});

describe('fetched lists (reference 1.10 a)', () => {
  const serve = async (): Promise<
    { url: string; asked: string[]; say: (status: number, text: string) => void } & AsyncDisposable
  > => {
    let [status, text] = [200, ''];
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers.authorization ?? '');
      response.writeHead(status).end(text);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/web.txt`,
      asked,
      say: (nextStatus, nextText) => void ([status, text] = [nextStatus, nextText]),
      [Symbol.asyncDispose]: () => new Promise<void>((closed) => server.close(() => closed())),
    };
  };

  test('fetched at once, every so many minutes, and when asked; a failure keeps what there is', async () => {
    const clock = new FakeClock();
    await using list = await serve();
    await using device = await FortiGate.start({ plain: true, clock, version: '7.6.3' });
    list.say(200, '# web\n10.244.1.7\n10.244.2.0/24 # rack\n10.244.3.1-10.244.3.9\nfd00::7\nnonsense\n10.0.0.1/8\n');
    await done(device, 'POST /api/v2/cmdb/system/external-resource', {
      name: 'kfw-web',
      type: 'address',
      resource: list.url,
      'refresh-rate': 1,
      username: 'edge',
      password: 'secret-word',
    });
    await device.settled();
    const state = async (): Promise<Record<string, unknown>> =>
      (await done(device, LIST)).body['results'] as Record<string, unknown>;
    expect(await state()).toMatchObject({
      status: 'success',
      valid_count: 4,
      invalid_count: 2,
      http_status_code: 200,
      resource_file_status: 'downloaded',
    });
    expect(list.asked).toEqual([`Basic ${Buffer.from('edge:secret-word').toString('base64')}`]);
    list.say(503, 'busy');
    clock.advance(60_000);
    await device.settled();
    expect(await state()).toMatchObject({ status: 'error', valid_count: 4, http_status_code: 503 });
    list.say(200, '10.244.1.8\n');
    const order = 'POST /api/v2/monitor/system/external-resource/refresh?vdom=root';
    expect((await done(device, order, { mkey: 'kfw-web', check_status_only: false })).body['results']).toMatchObject({
      status: 'start',
    });
    await device.settled();
    expect((await done(device, order, { mkey: 'kfw-web', check_status_only: true })).body['results']).toMatchObject({
      status: 'finished',
    });
    expect(await state()).toMatchObject({ status: 'success', valid_count: 1 });
    expect((await done(device, 'GET /api/v2/cmdb/system/external-resource/kfw-web')).text).not.toContain('secret-word');
    expect(device.dump()).not.toContain('secret-word');
    await done(device, 'DELETE /api/v2/cmdb/system/external-resource/kfw-web');
    clock.advance(600_000);
    await device.settled();
    expect(list.asked).toHaveLength(3);
  });

  test.each([
    ['kept', 1],
    ['taken', 0],
  ] as const)('what a file without entries leaves is a switch: %s', async (emptyFile, left) => {
    const clock = new FakeClock();
    await using list = await serve();
    await using device = await FortiGate.start({ plain: true, clock, switches: { emptyFile } });
    list.say(200, '10.244.1.7\n');
    device.hand.create('system/external-resource', { name: 'kfw-web', type: 'address', resource: list.url });
    await device.settled();
    list.say(200, '# nobody\n');
    clock.advance(300_000);
    await device.settled();
    expect(device.live.feeds.accepted('root', 'kfw-web')).toHaveLength(left);
  });

  test('after a boot it is fetched again, and until then it is empty', async () => {
    const clock = new FakeClock();
    await using list = await serve();
    await using device = await FortiGate.start({ plain: true, clock });
    list.say(200, '10.244.1.7\n');
    device.hand.create('system/external-resource', { name: 'kfw-web', type: 'address', resource: list.url });
    await device.settled();
    expect(device.live.feeds.accepted('root', 'kfw-web')).toHaveLength(1);
    list.say(503, '');
    await device.reboot();
    await device.settled();
    expect(device.live.feeds.accepted('root', 'kfw-web')).toHaveLength(0);
    list.say(200, '10.244.1.7\n');
    clock.advance(300_000);
    await device.settled();
    expect(device.live.feeds.accepted('root', 'kfw-web')).toHaveLength(1);
  });
});

test('one JSON feed makes many dynamic addresses, IPv4 alone (reference 1.10 c)', async () => {
  await using device = await FortiGate.start({ plain: true, version: '7.6.3' });
  const resource = { name: 'kfw', type: 'generic-address', 'update-method': 'push', namespace: 'k-' };
  await done(device, 'POST /api/v2/cmdb/system/external-resource', resource);
  const put = async (addresses: object[]): Promise<unknown> =>
    (
      await done(device, 'POST /api/v2/monitor/system/external-resource/generic-address', {
        mkey: 'kfw',
        data: JSON.stringify({ addresses }),
      })
    ).body['results'];
  expect(
    await put([
      { name: 'web', value: ['10.244.1.7', '10.244.2.9', 'fd00::7'], description: 'cluster-a' },
      { name: 'db', value: [] },
    ]),
  ).toEqual({ status: 'success' });
  expect((await done(device, 'GET /api/v2/monitor/firewall/address-dynamic?vdom=root')).body['results']).toEqual([
    { name: 'k-web', 'sub-type': 'external-resource', addresses: ['10.244.1.7', '10.244.2.9'] },
    { name: 'k-db', 'sub-type': 'external-resource', addresses: [] },
  ]);
  device.hand.create('firewall/addrgrp', { name: 'g', member: [{ name: 'k-web' }] });
  // What a rule names stays, with nothing in it.
  await put([]);
  expect((await done(device, 'GET /api/v2/monitor/firewall/address-dynamic?vdom=root')).body['results']).toEqual([
    { name: 'k-web', 'sub-type': 'external-resource', addresses: [] },
  ]);
  expect(await put([{ value: [] }])).toMatchObject({ status: 'error' });
});

test('ClearPass fills addresses of its kind (reference 1.10 d)', async () => {
  await using device = await FortiGate.start({ plain: true });
  device.hand.create('firewall/address', {
    name: 'well',
    type: 'dynamic',
    'sub-type': 'clearpass-spt',
    'clearpass-spt': 'healthy',
  });
  const body = { endpoint_ip: ['10.244.1.7', '10.244.1.8'], spt: 'healthy' };
  await done(device, 'POST /api/v2/monitor/firewall/clearpass-address/add', body);
  await done(device, 'POST /api/v2/monitor/firewall/clearpass-address/delete', {
    ...body,
    endpoint_ip: ['10.244.1.8'],
  });
  expect(device.live.dynamic.of('root', 'well')).toHaveLength(1);
  expect(
    (await ask(device, 'POST /api/v2/monitor/firewall/clearpass-address/add', { ...body, endpoint_ip: ['fd00::1'] }))
      .status,
  ).toBe(400);
});
