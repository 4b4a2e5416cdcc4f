import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { type Answered, ask, done, ending, rows } from './asking.fixture.ts';
import { FortiGate, type FortiGateOptions } from './fortigate.ts';

const start = async (device: FortiGate, timeout = 60): Promise<string> => {
  const { body } = await done(device, 'POST /api/v2/cmdb?action=transaction-start&vdom=root', { timeout });
  return String((body['results'] as Record<string, unknown>)['transaction-id']);
};

const inside = (id: string) => ({ headers: { 'x-transaction-id': id } });

const end = (device: FortiGate, how: 'commit' | 'abort', id: string): Promise<Answered> =>
  ask(device, `POST /api/v2/cmdb?action=transaction-${how}&vdom=root`, { 'transaction-id': Number(id) }, inside(id));

const address = (name: string): object => ({ name, subnet: '10.244.1.7/32' });

const fresh = async (options: FortiGateOptions = {}): Promise<FortiGate> => {
  const device = await FortiGate.start({ plain: true, ...options });
  device.hand.create('firewall/address', address('a1'));
  device.hand.create('firewall/addrgrp', { name: 'g1', member: [{ name: 'a1' }] });
  return device;
};

describe('transactions (reference 1.8)', () => {
  test('changes are to be seen inside, and outside only after the commit', async () => {
    await using device = await fresh();
    const before = device.dump();
    const id = await start(device);
    const made = await done(device, 'POST /api/v2/cmdb/firewall/address?vdom=root', address('a2'), inside(id));
    expect(made.body).toMatchObject({ status: 'success', revision_changed: false });
    await done(device, 'PUT /api/v2/cmdb/firewall/addrgrp/g1?vdom=root', { member: [{ name: 'a2' }] }, inside(id));
    expect(device.dump()).toBe(before);
    expect((await ask(device, 'GET /api/v2/cmdb/firewall/address/a2')).status).toBe(404);
    expect(await rows(device, '/api/v2/cmdb/firewall/address/a2', inside(id))).toHaveLength(1);
    expect(ending(await end(device, 'commit', id))).toBe('200');
    expect(device.hand.get('firewall/addrgrp', 'g1')?.['member']).toEqual([{ name: 'a2' }]);
    expect(ending(await end(device, 'commit', id))).toBe('404 -3');
  });

  test('an abort, a time-out and a boot throw them away', async () => {
    const clock = new FakeClock();
    await using device = await fresh({ clock });
    const before = device.dump();
    for (const end1 of ['abort', 'time', 'boot'] as const) {
      const id = await start(device, 30);
      await done(device, 'POST /api/v2/cmdb/firewall/address?vdom=root', address('a2'), inside(id));
      if (end1 === 'abort') await end(device, 'abort', id);
      else if (end1 === 'time') clock.advance(30_000);
      else await device.reboot();
      expect(device.dump()).toBe(before);
      expect(ending(await ask(device, 'POST /api/v2/cmdb/firewall/address?vdom=root', address('a3'), inside(id)))).toBe(
        '404 -3',
      );
      expect(ending(await end(device, 'commit', id))).toBe('404 -3');
    }
  });

  test('what one has touched, nobody else edits; others in the same table only without a transaction', async () => {
    await using device = await fresh();
    const [one, other] = [await start(device), await start(device)];
    await done(device, 'PUT /api/v2/cmdb/firewall/addrgrp/g1', { comment: 'mine' }, inside(one));
    const locked = await ask(device, 'PUT /api/v2/cmdb/firewall/addrgrp/g1', { comment: 'other' });
    expect(ending(locked)).toBe('500 -7');
    expect(locked.body['cli_error']).toContain('locked');
    expect(() => device.hand.delete('firewall/addrgrp', 'g1')).toThrow('locked');
    const group = { name: 'g2', member: [{ name: 'a1' }] };
    expect(ending(await ask(device, 'POST /api/v2/cmdb/firewall/addrgrp', group, inside(other)))).toBe('500 -7');
    await done(device, 'POST /api/v2/cmdb/firewall/address', address('a2'), inside(other));
    await done(device, 'POST /api/v2/cmdb/firewall/addrgrp', group);
    await end(device, 'commit', one);
    await done(device, 'PUT /api/v2/cmdb/firewall/addrgrp/g1', { comment: 'other' });
    expect(ending(await end(device, 'commit', other))).toBe('200');
  });

  test('how a locked entry is refused is a switch', async () => {
    await using device = await fresh({ switches: { locked: { http: 424, error: -61 } } });
    const free = device.hand.lock('firewall/addrgrp', 'g1', 3_600);
    expect(ending(await ask(device, 'PUT /api/v2/cmdb/firewall/addrgrp/g1', { comment: 'x' }))).toBe('424 -61');
    free();
    await done(device, 'PUT /api/v2/cmdb/firewall/addrgrp/g1', { comment: 'x' });
  });

  test('a person holds a lock for an hour', async () => {
    const clock = new FakeClock();
    await using device = await fresh({ clock });
    device.hand.lock('firewall/addrgrp', 'g1', 3_600);
    const put = (): Promise<string> =>
      ask(device, 'PUT /api/v2/cmdb/firewall/addrgrp/g1', { comment: 'x' }).then(ending);
    expect(await put()).toBe('500 -7');
    clock.advance(3_599_000);
    expect(await put()).toBe('500 -7');
    clock.advance(1_000);
    expect(await put()).toBe('200');
  });

  test('a commit that no longer fits is refused as a whole', async () => {
    await using device = await fresh();
    device.hand.create('firewall/address', address('a9'));
    const id = await start(device);
    await done(device, 'POST /api/v2/cmdb/firewall/address', address('a2'), inside(id));
    await done(
      device,
      'PUT /api/v2/cmdb/firewall/addrgrp/g1',
      { member: [{ name: 'a2' }, { name: 'a9' }] },
      inside(id),
    );
    device.hand.delete('firewall/address', 'a9');
    const before = device.dump();
    expect(ending(await end(device, 'commit', id))).toBe('500 -3');
    expect(device.dump()).toBe(before);
    expect(ending(await end(device, 'abort', id))).toBe('200');
  });

  test('a number that a transaction gave is nobody else’s', async () => {
    await using device = await fresh();
    const policy = {
      srcintf: [{ name: 'any' }],
      dstintf: [{ name: 'any' }],
      srcaddr: [{ name: 'a1' }],
      dstaddr: [{ name: 'all' }],
      service: [{ name: 'ALL' }],
      schedule: 'always',
    };
    const id = await start(device);
    const mkey = async (asked = {}): Promise<unknown> =>
      (await done(device, 'POST /api/v2/cmdb/firewall/policy', policy, asked)).body['mkey'];
    expect(await mkey(inside(id))).toBe(1);
    expect(await mkey()).toBe(2);
    expect(ending(await end(device, 'commit', id))).toBe('200');
    expect(device.hand.keys('firewall/policy')).toEqual(['2', '1']);
  });

  test('the header goes with commits, unless a switch says otherwise; both spellings in bodies', async () => {
    await using device = await fresh();
    const id = await start(device);
    const commit = 'POST /api/v2/cmdb?action=transaction-commit&vdom=root';
    expect(ending(await ask(device, commit, { 'transaction-id': Number(id) }))).toBe('400 -10001');
    expect(ending(await ask(device, commit, { transaction_id: Number(id) }, inside(id)))).toBe('200');
    await using lenient = await fresh({ switches: { commitNeedsHeader: false } });
    expect(ending(await ask(lenient, commit, { 'transaction-id': Number(await start(lenient)) }))).toBe('200');
  });

  test('lists of them came with 7.4.1', async () => {
    await using device = await fresh();
    const id = await start(device);
    const list = 'GET /api/v2/cmdb?action=transaction-list&vdom=root';
    expect((await done(device, list)).body['results']).toMatchObject([
      { 'transaction-id': Number(id), username: 'api' },
    ]);
    await done(device, `GET /api/v2/cmdb?action=transaction-show&transaction-id=${id}&vdom=root`);
    await using old = await fresh({ version: '7.2.8' });
    await start(old);
    expect(ending(await ask(old, list))).toBe('400 -1001');
  });

  test('what they do not take', async () => {
    await using device = await fresh();
    const id = await start(device);
    expect(ending(await ask(device, 'PUT /api/v2/cmdb/system/settings', { opmode: 'transparent' }, inside(id)))).toBe(
      '500 -7',
    );
    expect(ending(await ask(device, 'POST /api/v2/cmdb?action=transaction-start&vdom=root', {}, inside(id)))).toBe(
      '500 -7',
    );
    expect(ending(await ask(device, 'POST /api/v2/cmdb?action=transaction-start&vdom=root', { timeout: 0 }))).toBe(
      '400 -10002',
    );
    expect(ending(await ask(device, 'POST /api/v2/cmdb?action=transaction-dance&vdom=root', {}))).toBe('400 -1001');
    expect(ending(await ask(device, 'GET /api/v2/cmdb/firewall/address', undefined, inside('x')))).toBe('400 -10002');
  });
});
