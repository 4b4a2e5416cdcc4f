import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NODES, allocatedFirewall } from '../../test/kit/allocated-firewall.ts';
import { MetalApi } from './index.ts';

const WALL = Date.UTC(2026, 10, 21, 12, 0, 0);
const SECRETS = { 'Metal-View': 'view', 'Metal-Admin': 'admin' } as const;

const firewall = allocatedFirewall({
  networks: [NODES],
  firewall_rules: { egress: [{ protocol: 'udp', ports: [53], to: ['192.0.2.0/24'], comment: 'Names' }] },
});

let api: MetalApi;
beforeEach(async () => {
  api = await MetalApi.start({ secrets: SECRETS, base: '/metal', wall: () => WALL });
  api.store.putFirewall(firewall);
  api.store.putNetwork({ id: 'nodes', prefixes: ['10.0.0.0/22'] });
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
});

/** The signature of the reference, 12.1, written down once more. */
function signed(
  method: string,
  user: string,
  secret: string,
  age = 0,
  salt = 'abcdefghijklmnopqrstuvwx',
): Record<string, string> {
  const date = new Date(WALL - age).toISOString().replace('.000Z', 'Z');
  const hex = createHmac('sha256', secret)
    .update(date + method + salt)
    .digest('hex');
  return { 'X-Date': date, 'X-Data-Salt': salt, Authorization: `${user} ${hex}` };
}

async function ask(path: string, init: RequestInit = {}): Promise<readonly [number, unknown]> {
  const answer = await fetch(`${api.url}${path}`, init);
  return [answer.status, await answer.json()];
}

describe('v1', () => {
  test('lets in who signs date, method and salt, and nobody else', async () => {
    const get = (headers: Record<string, string>) => ask('/v1/firewall/m-1', { headers });
    expect((await get(signed('GET', 'Metal-View', 'view')))[0]).toBe(200);
    for (const headers of [
      {},
      signed('GET', 'Metal-View', 'wrong'),
      signed('POST', 'Metal-View', 'view'),
      signed('GET', 'Metal-Edit', 'view'),
      signed('GET', 'Metal-View', 'view', 31_000),
      { ...signed('GET', 'Metal-View', 'view'), 'X-Data-Salt': 'another' },
      { ...signed('GET', 'Metal-View', 'view'), 'X-Date': 'Sat, 21 Nov 2026 12:00:00 GMT' },
    ])
      expect((await get(headers))[0], JSON.stringify(headers)).toBe(401);
    expect((await get(signed('GET', 'Metal-Admin', 'admin', 60_000)))[0]).toBe(200);
    expect((await get(signed('GET', 'Metal-View', 'view', -600_000)))[0]).toBe(200);
  });

  test('finds by host name and project, and knows what is not there', async () => {
    const find = (body: object) =>
      ask('/v1/firewall/find', {
        method: 'POST',
        body: JSON.stringify(body),
        headers: signed('POST', 'Metal-View', 'view'),
      });
    expect(await find({ allocation_hostname: 'fw-1', allocation_project: 'p-1' })).toEqual([200, [firewall]]);
    expect(await find({ allocation_hostname: 'fw-1', allocation_project: 'p-2' })).toEqual([200, []]);
    const headers = signed('GET', 'Metal-View', 'view');
    expect(await ask('/v1/firewall/m-2', { headers })).toMatchObject([404, { statuscode: 404 }]);
    expect(await ask('/v1/network/nodes', { headers })).toMatchObject([200, { prefixes: ['10.0.0.0/22'] }]);
  });
});

describe('v2', () => {
  const LIST = '/metalstack.api.v2.MachineService/List';
  const call = (method: string, body: object, token = 'good') =>
    ask(method, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
  beforeEach(() => {
    api.grants.set('good', { methods: [LIST], projects: ['p-1'], expires: WALL + 1 });
    api.grants.set('old', { methods: [LIST], projects: ['p-1'], expires: WALL });
  });

  test('speaks proto3’s JSON', async () => {
    expect(await call(LIST, { project: 'p-1' })).toMatchObject([
      200,
      {
        machines: [
          {
            uuid: 'm-1',
            allocation: {
              networks: [{ network: 'nodes', networkType: 'NETWORK_TYPE_CHILD', vrf: '42' }],
              firewallRules: { egress: [{ protocol: 'IP_PROTOCOL_UDP', ports: [53], comment: 'names' }] },
            },
          },
        ],
      },
    ]);
  });

  test('refuses by token, method, project and field', async () => {
    expect(await call(LIST, { project: 'p-1' }, 'old')).toMatchObject([401, { code: 'unauthenticated' }]);
    expect(await call(LIST, { project: 'p-1' }, 'none')).toMatchObject([401, { code: 'unauthenticated' }]);
    expect(await call(LIST, {})).toMatchObject([400, { code: 'invalid_argument' }]);
    expect(await call(LIST, { project: 'p-2' })).toMatchObject([403, { code: 'permission_denied' }]);
    expect(await call(LIST.replace('List', 'Delete'), { project: 'p-1' })).toMatchObject([
      403,
      { code: 'permission_denied' },
    ]);
    expect(await call(LIST, { project: 'p-1', nonsense: 1 })).toMatchObject([400, { code: 'invalid_argument' }]);
  });
});

test('an allocation that the API would refuse is refused', () => {
  const put = (rule: object): void =>
    api.store.putFirewall({
      ...firewall,
      allocation: { ...firewall.allocation, firewall_rules: { egress: [rule as never] } },
    });
  for (const rule of [
    { ports: [70_000], to: ['192.0.2.0/24'] },
    { ports: [1], to: ['192.0.2.1'] },
    { ports: [1], to: ['192.0.2.0/24', '2001:db8::/64'] },
    { ports: [1], to: [], comment: 'a"b' },
    { ports: [1], to: [], protocol: 'icmp' },
  ])
    expect(() => put(rule), JSON.stringify(rule)).toThrow();
});
