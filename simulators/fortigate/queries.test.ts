import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, done, ending, rows } from './asking.fixture.ts';
import { FortiGate } from './fortigate.ts';

let device: FortiGate;
beforeAll(async () => {
  device = await FortiGate.start({ plain: true });
  for (const [name, third, comment] of [
    ['kfw-a', 1, 'kfw:cluster-a:web'],
    ['kfw-b', 2, 'kfw:cluster-b:web'],
    ['KFW-C', 3, ''],
    ['rack/7 left', 4, 'of people'],
  ] as const)
    device.hand.create('firewall/address', { name, subnet: `10.244.${third}.0/24`, comment, color: third });
  device.hand.create('firewall/addrgrp', { name: 'kfw-web', member: [{ name: 'kfw-a' }, { name: 'kfw-b' }] });
});
afterAll(async () => await device[Symbol.asyncDispose]());

const names = async (query: string): Promise<unknown[]> =>
  (await rows(device, `/api/v2/cmdb/firewall/address?vdom=root&${query}`)).map((row) => row['name']);

describe('filters (reference 1.2)', () => {
  test.each([
    ['filter=name==kfw-a', ['kfw-a']],
    ['filter=name==KFW-A', ['kfw-a']],
    ['filter=name=@kfw-', ['kfw-a', 'kfw-b', 'KFW-C']],
    ['filter=name!@kfw-', ['all', 'none', 'rack/7 left']],
    ['filter=name!=all&filter=name!=none', ['kfw-a', 'kfw-b', 'KFW-C', 'rack/7 left']],
    ['filter=name==kfw-a,kfw-b', ['kfw-a', 'kfw-b']],
    ['filter=name==kfw-a,color==3', ['kfw-a', 'KFW-C']],
    ['filter=comment=@cluster-a&filter=name=@kfw', ['kfw-a']],
    ['filter=comment=@kfw:cluster-a', ['kfw-a']],
    ['filter=color%3E=2&filter=color%3C4', ['kfw-b', 'KFW-C']],
    ['filter=color>3', ['rack/7 left']],
    ['filter=color<=1&filter=color>0', ['kfw-a']],
    ['key=name&pattern=kfw-b', ['kfw-b']],
    ['search=people', ['rack/7 left']],
    ['sort=name,dsc&count=1', ['rack/7 left']],
    ['start=2&count=2', ['kfw-a', 'kfw-b']],
    ['start=5&count=500', ['rack/7 left']],
    ['start=6', []],
  ])('%s', async (query, wanted) => {
    expect(await names(query)).toEqual(wanted);
  });

  test('members of a child table', async () => {
    expect(await rows(device, '/api/v2/cmdb/firewall/addrgrp?filter=member==kfw-a&format=name')).toEqual([
      { name: 'kfw-web' },
    ]);
  });
});

test('counts of a page', async () => {
  const { body } = await done(device, 'GET /api/v2/cmdb/firewall/address?filter=name=@kfw-&start=1&count=1');
  expect(body).toMatchObject({ size: 6, matched_count: 3, next_idx: 1, limit_reached: true });
});

test('a page has 1000 rows at most, unless a switch says otherwise', async () => {
  await using full = await FortiGate.start({ plain: true, switches: { cmdbPage: 3 } });
  for (let n = 0; n < 5; n++) full.hand.create('firewall/address', { name: `n${n}`, subnet: '10.0.0.1/32' });
  expect(await rows(full, '/api/v2/cmdb/firewall/address')).toHaveLength(3);
  expect(await rows(full, '/api/v2/cmdb/firewall/address?count=500&start=3')).toHaveLength(3);
});

describe('what an answer shows', () => {
  const one = async (query: string): Promise<Record<string, unknown>> =>
    (await rows(device, `/api/v2/cmdb/firewall/addrgrp/kfw-web?${query}`))[0] ?? {};

  test('only the fields of `format`', async () => {
    expect(await one('format=name|comment')).toEqual({ name: 'kfw-web', comment: '' });
  });

  test('rows of child tables repeat their key; `datasource` names where they come from', async () => {
    expect((await one(''))['member']).toEqual([
      { name: 'kfw-a', q_origin_key: 'kfw-a' },
      { name: 'kfw-b', q_origin_key: 'kfw-b' },
    ]);
    expect(((await one('datasource=1'))['member'] as object[])[0]).toMatchObject({
      datasource: 'firewall.address.name',
    });
  });

  test('without defaults, with references, with a digest', async () => {
    expect(Object.keys(await one('exclude-default-values=1'))).toEqual(['name', 'q_origin_key', 'uuid', 'member']);
    const [address] = await rows(device, '/api/v2/cmdb/firewall/address/kfw-a?with_meta=1&with_contents_hash=1&skip=1');
    expect(address).toMatchObject({ q_ref: 1 });
    expect(address?.['q_contents_hash']).toMatch(/^[0-9a-f]{32}$/);
    expect(address).not.toHaveProperty('fqdn');
  });

  test('names of any characters, percent-encoded as a whole', async () => {
    const key = encodeURIComponent('rack/7 left');
    expect(key).toBe('rack%2F7%20left');
    expect(await rows(device, `/api/v2/cmdb/firewall/address/${key}`)).toMatchObject([
      { name: 'rack/7 left', color: 4 },
    ]);
    expect((await ask(device, 'GET /api/v2/cmdb/firewall/address/rack/7%20left')).status).toBe(404);
    await done(device, `PUT /api/v2/cmdb/firewall/address/${key}`, { color: 5 });
    await done(device, `PUT /api/v2/cmdb/firewall/address/${key}`, { color: 4 });
  });

  test('child tables by their own paths', async () => {
    expect(await rows(device, '/api/v2/cmdb/firewall/addrgrp/kfw-web/member')).toHaveLength(2);
    expect(await rows(device, '/api/v2/cmdb/firewall/addrgrp/kfw-web/member/kfw-a')).toEqual([
      { name: 'kfw-a', q_origin_key: 'kfw-a' },
    ]);
    await done(device, 'POST /api/v2/cmdb/firewall/addrgrp/kfw-web/member?vdom=root', { name: 'KFW-C' });
    await done(device, 'DELETE /api/v2/cmdb/firewall/addrgrp/kfw-web/member/KFW-C?vdom=root');
    await using open = await FortiGate.start({ plain: true, switches: { memberPath6: true } });
    open.hand.create('firewall/addrgrp6', { name: 'g', member: [{ name: 'all' }] });
    expect(await rows(open, '/api/v2/cmdb/firewall/addrgrp6/g/member')).toHaveLength(1);
  });

  test('a table of settings is an object', async () => {
    const { body } = await done(device, 'GET /api/v2/cmdb/system/global?format=cfg-save');
    expect(body['results']).toEqual({ 'cfg-save': 'automatic' });
  });
});

describe('actions', () => {
  const results = async (line: string): Promise<unknown> =>
    (await done(device, `GET /api/v2/cmdb/${line}`)).body['results'];

  test('revision, default, stats, find-index, datasource', async () => {
    const { body } = await done(device, 'GET /api/v2/cmdb/firewall/address?vdom=root&action=revision');
    expect(body['results']).toEqual({ revision: body['revision'] });
    expect(await results('firewall/address?action=default')).toMatchObject({
      type: 'ipmask',
      subnet: '0.0.0.0 0.0.0.0',
    });
    expect(await results('firewall/address?action=stats')).toEqual({ count: 6 });
    expect(await results('firewall/address?action=find-index&primary_keys=kfw-a,nobody')).toEqual({ indices: [2, -1] });
    expect(await results('firewall/addrgrp?action=datasource&attr=member')).toEqual([
      'firewall.address',
      'firewall.addrgrp',
    ]);
    expect(ending(await ask(device, 'GET /api/v2/cmdb/firewall/addrgrp?action=datasource&attr=comment'))).toBe(
      '400 -10002',
    );
  });

  test('a schema tells what this release takes', async () => {
    const schema = (await results('firewall.service/custom?action=schema')) as {
      mkey: string;
      children: Record<string, { options?: object[] }>;
    };
    expect(schema.mkey).toBe('name');
    expect(schema.children['protocol']?.options).toContainEqual({ name: 'TCP/UDP/SCTP' });
    expect(schema.children['protocol']?.options).not.toContainEqual({ name: 'TCP/UDP/UDP-Lite/SCTP' });
    expect(await results('firewall/policy?action=schema')).toMatchObject({ mkey: 'policyid', mkey_type: 'integer' });
  });

  test('clone copies, with another uuid', async () => {
    await done(device, 'POST /api/v2/cmdb/firewall/address/kfw-a?action=clone&nkey=kfw-copy');
    const [first, copy] = [
      device.hand.get('firewall/address', 'kfw-a'),
      device.hand.get('firewall/address', 'kfw-copy'),
    ];
    expect(copy).toEqual({ ...first, name: 'kfw-copy', uuid: copy?.['uuid'] });
    expect(copy?.['uuid']).not.toBe(first?.['uuid']);
    expect(ending(await ask(device, 'POST /api/v2/cmdb/firewall/address/kfw-a?action=clone'))).toBe('400 -10001');
    await done(device, 'DELETE /api/v2/cmdb/firewall/address/kfw-copy');
  });
});

test('switches: identical POST, renaming PUT, unknown fields, the status line', async () => {
  await using lenient = await FortiGate.start({
    plain: true,
    switches: { identicalPost: true, putRenames: true, unknownFields: 'ignored', statusLine: 'always 200' },
  });
  const address = { name: 'x', subnet: '10.0.0.1/32', flavour: 'sweet' };
  const list = '/api/v2/cmdb/firewall/address';
  await done(lenient, `POST ${list}`, address);
  expect((await done(lenient, `POST ${list}`, address)).body).toMatchObject({ revision_changed: false });
  const other = await ask(lenient, `POST ${list}`, { ...address, subnet: '10.0.0.2/32' });
  expect([other.status, other.body['http_status'], other.body['error']]).toEqual([200, 500, -5]);
  await using other424 = await FortiGate.start({ plain: true, switches: { validation: 424 } });
  expect(ending(await ask(other424, `POST ${list}`, { name: 'all', subnet: '10.0.0.1/32' }))).toBe('424 -5');
  lenient.hand.create('firewall/addrgrp', { name: 'g', member: [{ name: 'x' }] });
  await done(lenient, `PUT ${list}/x`, { name: 'y' });
  expect(lenient.hand.get('firewall/addrgrp', 'g')?.['member']).toEqual([{ name: 'y' }]);
});

test('who names an entry (reference 1.11)', async () => {
  const usage = 'GET /api/v2/monitor/system/object/usage?vdom=root&q_path=firewall&q_name=address&mkey=kfw-a';
  expect((await done(device, usage)).body['results']).toEqual({
    currently_using: [{ path: 'firewall', name: 'addrgrp', attribute: 'member', mkey: 'kfw-web', vdom: 'root' }],
  });
});
