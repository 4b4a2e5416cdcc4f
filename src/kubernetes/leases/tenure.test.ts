import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import type { ApiClient } from '../api-client.ts';
import { LEASE_MS, leasePlace } from './lease.ts';
import { LeaseStore } from './lease-store.ts';
import { Tenure } from './tenure.ts';

interface Stored {
  metadata: { resourceVersion: string; uid: string };
  spec: { holderIdentity: string; leaseTransitions: number };
}

/** A machine that can be suspended: its wall clock goes on, the monotonic one does not. */
class Suspendable extends FakeClock {
  suspendedMs = 0;

  override wall(): number {
    return super.wall() + this.suspendedMs;
  }
}

const place = leasePlace('firewall', 'one', 'edge-1');
let clock: Suspendable;
/** The Lease as the server has it; `undefined`: it is gone. */
let stored: Stored | undefined;
let versions: number;
let isAway: boolean;
/** What happens while a request is under way. */
let meanwhile: () => void;
let granted: number[];
let events: string[];

const store = (): LeaseStore => {
  const call: ApiClient['call'] = ({ method, body }) => {
    meanwhile();
    const before = stored;
    const sent = body as Stored | undefined;
    if (isAway) return Promise.reject(new SallyportError('API_UNREACHABLE', 'no answer'));
    if (method === 'POST') {
      if (before !== undefined) return Promise.reject(new SallyportError('API_CONFLICT', 'there is one'));
    } else if (before === undefined)
      return Promise.reject(new SallyportError('API_NOT_FOUND', 'there is none', { reason: 'NotFound' }));
    else if (method === 'GET') return Promise.resolve(before);
    else if (sent?.metadata.resourceVersion !== before.metadata.resourceVersion)
      return Promise.reject(new SallyportError('API_CONFLICT', 'it is another one'));
    if (sent !== undefined) write(sent);
    return Promise.resolve(stored);
  };
  const open: ApiClient['open'] = () => Promise.reject(new Error('nobody watches Leases'));
  return new LeaseStore({ title: 'test', call, open, close: () => Promise.resolve() }, 'sallyport', 'one');
};

function write(object: Stored): void {
  versions += 1;
  stored = {
    ...object,
    metadata: {
      ...object.metadata,
      resourceVersion: String(versions),
      uid: 'u',
    },
  };
}

/** A hand's: the holder is as before. */
function edit(epoch: number): void {
  if (stored === undefined) throw new Error('there is none');
  write({ ...stored, spec: { ...stored.spec, leaseTransitions: epoch } });
}

beforeEach(async () => {
  clock = new Suspendable();
  [stored, versions, isAway, granted, events] = [undefined, 0, false, [], []];
  meanwhile = () => undefined;
  const leases = store();
  const content = { holder: 'us', epoch: 3, acquired: 0, renewed: 0 };
  const record = await leases.create(place, content, new AbortController().signal);
  const right = {
    renewed: (_: number, durationMs: number) => void granted.push(durationMs),
    lost: () => void (events.at(-1) !== 'no right' && events.push('no right')),
  };
  const onLost = (): void => void events.push('lost');
  const options = {
    store: leases,
    place,
    identity: 'us',
    clock,
    log: silentLog,
    random: () => 0.5,
    onLost,
  };
  void new Tenure(options, record, right, clock.monotonic());
});

describe('a Lease that is held', () => {
  test('is renewed, each time for as long as a Lease counts', async () => {
    await clock.pass(20_000);
    expect(events).toEqual([]);
    expect(granted.length).toBeGreaterThan(9);
    expect(new Set(granted)).toEqual(new Set([LEASE_MS]));
  });

  test('counts for less by what a machine was suspended while it was renewed', async () => {
    await clock.pass(4_000);
    granted = [];
    meanwhile = () => {
      clock.suspendedMs += 12_000;
      meanwhile = () => undefined;
    };
    await clock.pass(2_000);
    expect(granted[0]).toBe(LEASE_MS - 12_000);
  });

  test.each([
    ['is gone', () => (stored = undefined)],
    ['has another epoch', () => edit(7)],
  ])('and then %s is taken back while nobody else can have it', async (_, change) => {
    await clock.pass(4_000);
    change();
    await clock.pass(6_000);
    expect(events).toEqual([]);
    expect(stored?.spec.holderIdentity).toBe('us');
  });

  test.each([
    ['is gone', () => (stored = undefined)],
    ['has another epoch', () => edit(7)],
  ])('and, after it could not be renewed for longer than it counts, %s is somebody else’s', async (_, change) => {
    await clock.pass(4_000);
    isAway = true;
    await clock.pass(LEASE_MS + 3_000);
    change();
    const left = stored;
    isAway = false;
    await clock.pass(20_000);
    expect(events).toEqual(['no right', 'lost']);
    expect(stored).toBe(left);
  });
});
