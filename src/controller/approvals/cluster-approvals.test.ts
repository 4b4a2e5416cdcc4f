import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { StatusServer } from '../../../test/kit/status-server.ts';
import { readResource } from '../../api/read.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import type { ResourceChange } from '../../sources/source.ts';
import { ClusterApprovals } from './cluster-approvals.ts';

const PATH = '/apis/sallyport.dev/v1alpha1/borderapprovals';
const digest = (letter: string): string => letter.repeat(64);
const HOUR = 3_600_000;

let clock: FakeClock;
let server: StatusServer;
let approvals: ClusterApprovals;
let warnings: object[];
let made: Map<string, { uid: string; at: number; spec: { firewall: string; digest: string } }>;

beforeEach(() => {
  clock = new FakeClock();
  server = new StatusServer();
  made = new Map();
  warnings = [];
  restart();
});

/** A copy that begins, and is told all there is. */
function restart(): void {
  const log = { ...silentLog, warn: (fields: object) => void warnings.push(fields) };
  approvals = new ClusterApprovals({ client: server, clock, log });
  approvals.taken([...made.keys()].map(change));
}

function change(name: string): ResourceChange {
  const found = made.get(name);
  const metadata = { name, uid: found?.uid, creationTimestamp: found && new Date(found.at).toISOString() };
  const raw = { apiVersion: 'sallyport.dev/v1alpha1', kind: 'BorderApproval', metadata, spec: found?.spec };
  const { resource } = readResource({ ...raw, status: server.statusOf(`${PATH}/${name}`) }, {});
  if (resource === undefined) throw new Error('not read');
  return { kind: 'put', resource };
}

/** Somebody says yes; the watch tells it. */
function yes(name: string, letter: string, { firewall = 'edge-1', ageMs = 0 } = {}): void {
  const spec = { firewall, digest: digest(letter) };
  made.set(name, { uid: server.create(`${PATH}/${name}`, spec), at: clock.wall() - ageMs, spec });
  approvals.taken([change(name)]);
}

function withdraw(name: string, told = true): void {
  made.delete(name);
  server.delete(`${PATH}/${name}`);
  if (told) approvals.taken([{ kind: 'delete', key: `BorderApproval/${name}` }]);
}

const look = async (letter: string, firewall = 'edge-1'): Promise<string | undefined> =>
  (await approvals.take(firewall, { digest: digest(letter) }))?.by;
const state = (name: string): unknown => server.statusOf(`${PATH}/${name}`)['state'];

test('a yes to the plan that waits is marked as used, and then given out, once', async () => {
  yes('a', 'a');
  expect(await approvals.take('edge-1', { digest: digest('a') })).toEqual({
    firewall: 'edge-1',
    digest: digest('a'),
    madeAt: clock.wall(),
    by: 'BorderApproval/a',
  });
  expect(server.statusOf(`${PATH}/a`)).toEqual({
    state: 'Used',
    at: '2026-01-05T12:00:00Z',
    message: 'the plan was begun',
  });
  expect(await look('a')).toBeUndefined();
  approvals.taken([change('a')]);
  expect(await look('a')).toBeUndefined();
  restart();
  expect(await look('a')).toBeUndefined();
});

test('a yes counts at its own firewall alone, and only while a plan waits', async () => {
  yes('a', 'a');
  expect(await look('a', 'edge-2')).toBeUndefined();
  expect(await approvals.take('edge-1', undefined)).toBeUndefined();
  expect(await approvals.take('edge-1', {})).toBeUndefined();
  expect(await look('a')).toBe('BorderApproval/a');
});

test('a yes to another plan stands for a minute, in case its author saw more, and then never again', async () => {
  yes('a', 'a');
  expect(await look('b')).toBeUndefined();
  expect(state('a')).toBeUndefined();
  clock.advance(61_000);
  expect(await look('b')).toBeUndefined();
  expect(state('a')).toBe('OtherPlan');
  expect(await look('a')).toBeUndefined();
});

test.each([
  ['older than an hour', HOUR + 1],
  ['of a time that has not come', -61_000],
])('a yes %s has lapsed', async (_, ageMs) => {
  yes('a', 'a', { ageMs });
  expect(await look('a')).toBeUndefined();
  expect(state('a')).toBe('Lapsed');
});

test('a yes that nobody asked for lapses all the same', async () => {
  yes('a', 'a');
  clock.advance(HOUR + 1);
  await approvals.take('edge-1', undefined);
  expect(state('a')).toBe('Lapsed');
});

test('of several to one plan all are used with the first, also for the next copy', async () => {
  yes('a', 'a');
  yes('b', 'a');
  expect(await look('a')).toBe('BorderApproval/a');
  restart();
  expect(await look('a')).toBeUndefined();
  expect(state('b')).toBe('Used');
  clock.advance(2_000);
  yes('c', 'a');
  expect(await look('a')).toBe('BorderApproval/c');
});

test('one of a time that has not come takes no other with it that is said until then', async () => {
  yes('ahead', 'a', { ageMs: -HOUR });
  yes('a', 'a');
  expect(await look('a')).toBe('BorderApproval/a');
  expect(state('ahead')).toBe('Lapsed');
  clock.advance(2_000);
  yes('b', 'a');
  expect(await look('a')).toBe('BorderApproval/b');
});

test('of several to one plan all are used with the first where our clock is behind', async () => {
  yes('a', 'a', { ageMs: -40_000 });
  yes('b', 'a', { ageMs: -50_000 });
  expect(await look('a')).toBe('BorderApproval/a');
  approvals.taken([change('a')]);
  expect(await look('a')).toBeUndefined();
  restart();
  expect(await look('a')).toBeUndefined();
  clock.advance(60_000);
  yes('c', 'a');
  expect(await look('a')).toBe('BorderApproval/c');
});

test.each([true, false])('a yes that was withdrawn does not count; the watch has told it: %j', async (told) => {
  yes('a', 'a');
  withdraw('a', told);
  expect(await look('a')).toBeUndefined();
  expect(warnings).toEqual([]);
});

test('one of the same name, made after the one that was seen, is not taken for it', async () => {
  yes('a', 'a');
  withdraw('a', false);
  server.create(`${PATH}/a`, { firewall: 'edge-1', digest: digest('b') });
  expect(await look('a')).toBeUndefined();
  expect(state('a')).toBeUndefined();
});

test('of two copies that both mean to use it, one does', async () => {
  yes('a', 'a');
  const other = new ClusterApprovals({ client: server, clock, log: silentLog });
  other.taken([change('a')]);
  const given = await Promise.all([look('a'), other.take('edge-1', { digest: digest('a') })]);
  expect(given.filter((one) => one !== undefined)).toHaveLength(1);
});

test.each(['API_REFUSED', 'API_UNREACHABLE', 'API_FORBIDDEN'] as const)(
  'while it cannot be marked it does not count, which is said once (%s)',
  async (code) => {
    yes('a', 'a');
    server.failing(() => new SallyportError(code, 'no'));
    for (let times = 0; times < 5; times++) expect(await look('a')).toBeUndefined();
    expect(warnings).toHaveLength(1);
    server.failing(undefined);
    expect(await look('a')).toBe('BorderApproval/a');
  },
);

test('one that no API server has made is nobody’s yes', async () => {
  made.set('a', {
    uid: server.create(`${PATH}/a`),
    at: clock.wall(),
    spec: { firewall: 'edge-1', digest: digest('a') },
  });
  const { resource } = change('a') as { readonly resource: { readonly type: string } };
  const { createdAt: _at, ...rest } = resource as unknown as Record<string, unknown>;
  approvals.taken([{ kind: 'put', resource: rest as never }]);
  expect(await look('a')).toBeUndefined();
});

test('ten thousand that count no more cost a few requests a look, and keep none that counts', async () => {
  for (let index = 0; index < 10_000; index++) yes(`old-${index}`, 'b', { ageMs: 120_000 });
  yes('new', 'a');
  server.requests.splice(0);
  expect(await look('a')).toBe('BorderApproval/new');
  expect(server.requests.length).toBeLessThanOrEqual(12);
});

test('whatever happens, no plan is begun twice on one yes, none on an old one, none on one for another', async () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('yes' as const),
      name: fc.nat(5),
      letter: fc.constantFrom('a', 'b'),
      ageMs: fc.constantFrom(0, 1_800_000, HOUR + 1),
    }),
    fc.record({ do: fc.constant('look' as const), letter: fc.constantFrom('a', 'b') }),
    fc.record({ do: fc.constant('restart' as const) }),
    fc.record({ do: fc.constant('stale' as const), name: fc.nat(5) }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1_000, 120_000, 1_900_000) }),
    fc.record({ do: fc.constant('fail' as const), fails: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      clock = new FakeClock();
      server = new StatusServer();
      made = new Map();
      restart();
      const used = new Set<string>();
      const stale = new Map<string, ResourceChange>();
      for (const one of steps)
        switch (one.do) {
          case 'yes': {
            const name = `y${one.name}`;
            if (made.has(name)) break;
            yes(name, one.letter, one);
            stale.set(name, change(name));
            break;
          }
          case 'look': {
            const given = await approvals.take('edge-1', { digest: digest(one.letter) });
            if (given === undefined) break;
            expect(used).not.toContain(given.by);
            expect(given.digest).toBe(digest(one.letter));
            expect(clock.wall() - given.madeAt).toBeLessThanOrEqual(HOUR);
            expect(state(given.by.slice('BorderApproval/'.length))).toBe('Used');
            used.add(given.by);
            break;
          }
          case 'restart':
            restart();
            break;
          case 'stale': {
            const old = stale.get(`y${one.name}`);
            if (old !== undefined) approvals.taken([old]);
            break;
          }
          case 'pass':
            clock.advance(one.ms);
            break;
          case 'fail':
            server.failing(one.fails ? () => new SallyportError('API_UNREACHABLE', 'no') : undefined);
            break;
        }
    }),
    tries(300, 60),
  );
});
