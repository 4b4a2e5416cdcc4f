import { describe, expect, test } from 'vitest';
import { ask, done, ending, rows } from './asking.fixture.ts';
import { FortiGate } from './fortigate.ts';

const WEB = { name: 'kfw-web-1', type: 'ipmask', subnet: '10.244.1.7/32', comment: 'kfw:cluster-a:web' };

describe('reading and writing (reference 1.3, 1.6)', () => {
  test('an address is made, listed, changed and removed, with the envelopes of the reference', async () => {
    await using device = await FortiGate.start({ plain: true });
    const made = await ask(device, 'POST /api/v2/cmdb/firewall/address?vdom=root', WEB);
    expect(made.status).toBe(200);
    expect(made.body).toMatchObject({
      http_method: 'POST',
      revision_changed: true,
      mkey: 'kfw-web-1',
      status: 'success',
      http_status: 200,
      vdom: 'root',
      path: 'firewall',
      name: 'address',
      serial: 'FGVM010000000001',
      version: 'v7.4.8',
      build: 2795,
    });
    expect(made.body['revision']).toMatch(/^[0-9a-f]{32}$/);
    expect(made.body['old_revision']).not.toBe(made.body['revision']);

    const listed = await ask(device, 'GET /api/v2/cmdb/firewall/address?vdom=root&filter=name=@kfw-&start=0&count=500');
    expect(listed.body).toMatchObject({ size: 3, matched_count: 1, limit_reached: false, next_idx: 0 });
    expect(listed.body['revision']).toBe(made.body['revision']);
    expect((listed.body['results'] as object[])[0]).toMatchObject({
      name: 'kfw-web-1',
      q_origin_key: 'kfw-web-1',
      type: 'ipmask',
      subnet: '10.244.1.7 255.255.255.255',
      comment: 'kfw:cluster-a:web',
      color: 0,
      'fabric-object': 'disable',
    });

    const put = await ask(device, 'PUT /api/v2/cmdb/firewall/address/kfw-web-1?vdom=root', { subnet: '10.244.1.8/32' });
    expect(put.body).toMatchObject({ status: 'success', revision_changed: true });
    const again = await ask(device, 'PUT /api/v2/cmdb/firewall/address/kfw-web-1?vdom=root', {
      subnet: '10.244.1.8/32',
    });
    expect(again.body).toMatchObject({ status: 'success', revision_changed: false });
    const [one] = await rows(device, '/api/v2/cmdb/firewall/address/kfw-web-1?vdom=root');
    expect(one).toMatchObject({ subnet: '10.244.1.8 255.255.255.255', comment: 'kfw:cluster-a:web' });

    expect(ending(await ask(device, 'DELETE /api/v2/cmdb/firewall/address/kfw-web-1?vdom=root'))).toBe('200');
    const gone = await ask(device, 'GET /api/v2/cmdb/firewall/address/kfw-web-1?vdom=root');
    expect(gone.body).toMatchObject({
      http_method: 'GET',
      results: [],
      status: 'error',
      http_status: 404,
      name: 'address',
    });
  });

  test('the walk through the errors: what is used is not removed', async () => {
    await using device = await FortiGate.start({ plain: true });
    await done(device, 'POST /api/v2/cmdb/firewall/address?vdom=root', WEB);
    await done(device, 'POST /api/v2/cmdb/firewall/address?vdom=root', { ...WEB, name: 'kfw-web-2' });
    await done(device, 'POST /api/v2/cmdb/firewall/addrgrp?vdom=root', {
      name: 'kfw-web',
      member: [{ name: 'kfw-web-1' }, { name: 'kfw-web-2' }],
    });
    const refused = await ask(device, 'DELETE /api/v2/cmdb/firewall/address/kfw-web-1?vdom=root');
    expect(ending(refused)).toBe('500 -23');
    expect(refused.body['cli_error']).toContain('used by other 1 entries');
    expect(ending(await ask(device, 'DELETE /api/v2/cmdb/firewall/addrgrp/kfw-web/member/kfw-web-1?vdom=root'))).toBe(
      '200',
    );
    expect(ending(await ask(device, 'DELETE /api/v2/cmdb/firewall/address/kfw-web-1?vdom=root'))).toBe('200');
    expect(device.dump()).toBe(`config firewall address
    edit "kfw-web-2"
        set subnet 10.244.1.7 255.255.255.255
        set comment "kfw:cluster-a:web"
    next
end
config firewall addrgrp
    edit "kfw-web"
        set member "kfw-web-2"
    next
end
`);
  });

  test('a policy gets a number, stands last, and is moved', async () => {
    await using device = await FortiGate.start({ plain: true });
    const policy = (name: string): object => ({
      name,
      srcintf: [{ name: 'port2' }],
      dstintf: [{ name: 'port1' }],
      srcaddr: [{ name: 'all' }],
      dstaddr: [{ name: 'all' }],
      service: [{ name: 'HTTPS' }],
      schedule: 'always',
      action: 'accept',
    });
    const made = [];
    for (const name of ['a', 'b', 'c'])
      made.push((await done(device, 'POST /api/v2/cmdb/firewall/policy?vdom=root', policy(name))).body['mkey']);
    expect(made).toEqual([1, 2, 3]);
    await done(device, 'PUT /api/v2/cmdb/firewall/policy/3?vdom=root&action=move&before=1');
    const order = async (): Promise<unknown[]> =>
      (await rows(device, '/api/v2/cmdb/firewall/policy?vdom=root&format=policyid')).map((one) => one['policyid']);
    expect(await order()).toEqual([3, 1, 2]);
    await done(device, 'PUT /api/v2/cmdb/firewall/policy/3?vdom=root&action=move&after=1');
    expect(await order()).toEqual([1, 3, 2]);
  });

  test('the status is the probe of a login', async () => {
    await using device = await FortiGate.start({ version: '7.2.5' });
    const answer = await ask(device, 'GET /api/v2/monitor/system/status');
    expect(answer.body).toMatchObject({
      status: 'success',
      http_status: 200,
      version: 'v7.2.5',
      serial: 'FGVM010000000001',
    });
    expect(answer.body['results']).toMatchObject({ model_name: 'FortiGate', hostname: 'FGVM010000000001' });
    expect((await ask(device, 'GET /api/v2/monitor/system/status', undefined, { token: 'wrong' })).status).toBe(401);
    expect((await ask(device, 'GET /api/v2/monitor/system/status', undefined, { token: null })).status).toBe(401);
  });
});
