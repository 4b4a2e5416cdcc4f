import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Firewall, MetalApi as Simulator } from '../../../simulators/metal/index.ts';
import { INTERNET, NODES, allocatedFirewall } from '../../../test/kit/allocated-firewall.ts';
import { systemClock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import { ConnectApi } from './connect-api.ts';
import type { MetalApi } from './metal-api.ts';
import { RestApi } from './rest-api.ts';

const signal = new AbortController().signal;
const SECRET = 'a secret that nobody may see';
const TOKEN = 'a.token.that.nobody.may.see';
const METHODS = ['MachineService/List', 'MachineService/Get', 'NetworkService/Get'];
let offset = 0;
let now = 0;
const clock = { ...systemClock, wall: () => Date.now() + offset, monotonic: () => now };

const firewall = (id = 'm-1', rules: Firewall['allocation']['firewall_rules'] = {}): Firewall =>
  allocatedFirewall(
    {
      user_data: 'credentials of the machine',
      networks: [NODES, { ...INTERNET, ips: [], destinationprefixes: ['0.0.0.0/0'] }],
      firewall_rules: rules,
    },
    id,
  );

let server: Simulator;
beforeEach(async () => {
  offset = 0;
  now = 0;
  server = await Simulator.start({ secrets: { 'Metal-View': SECRET }, base: '/metal' });
  const methods = METHODS.map((method) => `/metalstack.api.v2.${method}`);
  server.grants.set(TOKEN, { methods, projects: ['p-1'], expires: Number.POSITIVE_INFINITY });
  server.store.putFirewall(firewall());
  server.store.putNetwork({ id: 'internet', prefixes: ['198.51.100.0/24', '203.0.113.0/24'] });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const machine = { hostname: 'fw-1', project: 'p-1' };
const kinds = {
  v1: (secret = SECRET, hostname = 'fw-1'): MetalApi =>
    new RestApi({
      url: server.url,
      user: 'Metal-View',
      secret: async () => secret,
      machine: { ...machine, hostname },
      clock,
    }),
  v2: (token = TOKEN, hostname = 'fw-1'): MetalApi =>
    new ConnectApi({ url: server.url, token: async () => token, machine: { ...machine, hostname }, clock }),
};

type Failure = Pick<SallyportError, 'code' | 'message' | 'details'>;

/** The code of a failure, whose text holds no secret. */
async function failureOf(api: MetalApi): Promise<Failure> {
  const failure = await outcomeOf(api);
  for (const secret of [SECRET, TOKEN, 'credentials of the machine']) expect(failure.message).not.toContain(secret);
  return failure;
}

async function outcomeOf(api: MetalApi): Promise<Failure> {
  try {
    await api.read(signal);
  } catch (thrown) {
    if (!(thrown instanceof SallyportError)) throw thrown;
    return thrown;
  } finally {
    await api.close();
  }
  throw new Error('it did not fail');
}

describe.each(['v1', 'v2'] as const)('%s', (kind) => {
  const open = kinds[kind];

  test('says who the machine is, its rules, and prefixes of networks as they are now', async () => {
    server.store.putFirewall(firewall('m-1', { egress: [{ ports: [443], to: ['192.0.2.0/24'] }] }));
    const api = open();
    const answer = JSON.stringify(await api.read(signal));
    expect(answer).toContain('203.0.113.0/24');
    expect(answer).toContain('10.0.0.0/22');
    expect(answer).toContain('443');
    expect(answer).not.toContain('credentials');
    await api.close();
  });

  test('asks little: the machine alone each time, networks every five minutes', async () => {
    const api = open();
    await api.read(signal);
    server.served.splice(0);
    await api.read(signal);
    expect(server.served.length).toBe(1);
    now += 300_000;
    await api.read(signal);
    expect(server.served.length).toBe(4);
    await api.close();
  });

  test('a machine that was made anew under its name is found again', async () => {
    const api = open();
    await api.read(signal);
    server.store.firewalls.delete('m-1');
    server.store.putFirewall(firewall('m-2', { egress: [{ ports: [8443], to: ['192.0.2.0/24'] }] }));
    expect(JSON.stringify(await api.read(signal))).toContain('8443');
    // The id may belong to somebody else by then.
    server.store.putFirewall({ ...firewall('m-2'), allocation: { ...firewall().allocation, hostname: 'fw-9' } });
    server.store.putFirewall(firewall('m-3', { egress: [{ ports: [9443], to: ['192.0.2.0/24'] }] }));
    expect(JSON.stringify(await api.read(signal))).toContain('9443');
    await api.close();
  });

  test('none of the name, or several, is said', async () => {
    expect(await failureOf(open(undefined, 'fw-2'))).toMatchObject({ code: 'METAL_FIREWALL' });
    server.store.putFirewall(firewall('m-2'));
    const several = await failureOf(open());
    expect(several.code).toBe('METAL_FIREWALL');
    expect(several.message).toContain('2 firewalls');
  });

  test('each failure has the code of its class', async () => {
    expect(await failureOf(open('wrong'))).toMatchObject({ code: 'METAL_REFUSED' });
    server.failNext({ kind: 'broken' });
    expect(await failureOf(open())).toMatchObject({ code: 'METAL_UNREACHABLE' });
    server.failNext({ kind: 'half' });
    expect((await failureOf(open())).code).toMatch(/METAL_(UNREACHABLE|FAILED)/);
    server.failNext({ kind: 'status', status: 503, retryAfter: 7 });
    expect(await failureOf(open())).toMatchObject({ code: 'METAL_UNREACHABLE', details: { retryAfterMs: 7_000 } });
    server.failNext({ kind: 'status', status: 404, body: '<html>not here</html>' });
    expect(await failureOf(open())).toMatchObject({ code: 'METAL_FAILED' });
    server.failNext({ kind: 'status', status: 302 });
    expect(await failureOf(open())).toMatchObject({ code: 'METAL_FAILED' });
    server.failNext({ kind: 'status', status: 200, body: '[]' });
    expect((await failureOf(open())).code).toMatch(/METAL_(FIREWALL|FAILED)/);
  });

  test('an answer that repeats our credentials is told without them', async () => {
    const body = JSON.stringify({ message: `who is "${SECRET}" or "${TOKEN}"?` });
    server.failNext({ kind: 'status', status: 401, body });
    const mine = { v1: SECRET, v2: TOKEN }[kind];
    const { message } = await outcomeOf(open());
    expect(message).toContain('[secret]');
    expect(message).not.toContain(mine);
  });
});

test('what stands before the "@" of an address is not told', async () => {
  const url = server.url.replace('//', '//root:hunter2@');
  const { message } = await outcomeOf(
    new RestApi({ url, user: 'Metal-View', secret: async () => 'wrong', machine, clock }),
  );
  expect(message).toMatch(/^POST http:\/\/…@127\.0\.0\.1:\d+\/metal\/v1\/firewall\/find: 401/);
});

test('v1: every request has a salt of its own, also where the same is asked again', async () => {
  const api = kinds.v1();
  for (let n = 0; n < 50; n++) await api.read(signal);
  await api.close();
  expect(server.salts.length).toBeGreaterThan(50);
  expect(new Set(server.salts).size).toBe(server.salts.length);
  expect(server.salts.every((salt) => /^[A-Za-z]{24}$/.test(salt))).toBe(true);
});

test('v1: a clock that is wrong is told plainly, with how much and which way', async () => {
  offset = -95_000;
  expect((await failureOf(kinds.v1())).message).toMatch(
    /the clock of this machine is 9[456] s behind that of the metal-api/,
  );
  offset = 3_600_000;
  const api = kinds.v1();
  await api.read(signal);
  expect(Math.round((api.skew ?? 0) / 60_000)).toBe(60);
  await api.close();
});
