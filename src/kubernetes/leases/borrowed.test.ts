import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { LeaseServer } from '../../../test/kit/lease-world.ts';
import { silentLog } from '../../base/log.ts';
import type { ApiClient } from '../api-client.ts';
import { type Borrowed, borrowLease } from './borrowed.ts';
import { Copies } from './copies.ts';
import { leasePlace } from './lease.ts';
import { LeaseStore } from './lease-store.ts';

const place = leasePlace('firewall', 'prod', 'edge-1');

describe('a Lease in the hands of a command', () => {
  let server: LeaseServer;
  let clock: FakeClock;
  let store: LeaseStore;
  let waited: string[];
  const open: Copies[] = [];

  beforeEach(() => {
    server = new LeaseServer();
    clock = new FakeClock();
    waited = [];
    const client: ApiClient = {
      title: 'test',
      call: (request) => Promise.resolve().then(() => server.answer(request)),
      open: () => Promise.reject(new Error('nobody watches Leases')),
      close: () => Promise.resolve(),
    };
    store = new LeaseStore(client, 'sallyport', 'prod');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((copies) => copies.close()));
  });

  /** Time passes, with all that follows. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 250) {
      clock.advance(250);
      for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
    }
  };
  const right = { renewed: () => undefined, lost: () => undefined };
  const borrow = (identity = 'ann', hasCompany = false): Promise<Borrowed> =>
    borrowLease(
      {
        store,
        place,
        identity,
        clock,
        log: silentLog,
        random: () => 0,
        hasCompany,
        waits: (holder) => waited.push(holder),
      },
      right,
      new AbortController().signal,
    );
  /** A copy of the controller, and the firewalls that it writes to. */
  const copy = (identity: string): { readonly holds: Set<string>; readonly copies: Copies } => {
    const holds = new Set<string>();
    const tenant = {
      taken: (firewall: string) => {
        holds.add(firewall);
        return { renewed: () => undefined, lost: () => void holds.delete(firewall) };
      },
      ended: () => Promise.resolve(),
      idle: () => true,
    };
    const copies = new Copies({ store, cluster: 'prod', identity, tenant, clock, log: silentLog, random: () => 0 });
    copies.want(new Map([['edge-1', 'edge-1']]));
    open.push(copies);
    return { holds, copies };
  };
  /** Says how it went, without keeping the test waiting for it. */
  const following = (borrowed: Promise<Borrowed>): { ended?: Borrowed; code?: string; message?: string } => {
    const state: { ended?: Borrowed; code?: string; message?: string } = {};
    borrowed.then(
      (ended) => void (state.ended = ended),
      (thrown: { code: string; message: string }) =>
        void Object.assign(state, { code: thrown.code, message: thrown.message }),
    );
    return state;
  };
  const holder = (): string | undefined => server.objects.get(place.name)?.spec.holderIdentity;

  test('is taken at once where nobody was, keeps a controller that begins meanwhile out for as long as it lasts, and is gone then', async () => {
    const borrowed = await borrow();
    const { holds } = copy('late');
    await pass(60_000);
    expect([holder(), [...holds]]).toEqual(['ann', []]);
    await borrowed.giveBack();
    expect(server.objects.has(place.name)).toBe(false);
    await pass(20_000);
    expect([...holds]).toEqual(['edge-1']);
  });

  test('is refused while a controller renews it, and that within seconds', async () => {
    const { holds } = copy('alive');
    await pass(5_000);
    expect([...holds]).toEqual(['edge-1']);
    const state = following(borrow());
    await pass(4_000);
    expect(state.code).toBe('DEVICE_LOCKED');
    expect(state.message).toContain('edge-1 is kept in step by alive');
    expect(waited).toEqual(['alive']);
    await pass(20_000);
    expect([holder(), [...holds]]).toEqual(['alive', ['edge-1']]);
  });

  test('is taken in a later epoch once its dead holder cannot believe in it any more, and goes on from there', async () => {
    const { copies } = copy('dead');
    await pass(5_000);
    const epoch = copies.epoch('edge-1')?.number ?? 0;
    await copies.close();
    open.length = 0;
    // It died: what it let go of is as if it had not.
    server.edit(place.name, (lease) => {
      lease.spec.holderIdentity = 'dead';
      delete lease.metadata.annotations?.['sallyport.dev/released'];
    });
    const state = following(borrow());
    await pass(14_000);
    expect(state).toEqual({});
    await pass(4_000);
    expect(state.ended?.tenure.epoch.number).toBe(epoch + 1);
    await state.ended?.giveBack();
    expect(holder()).toBe('');
    const { holds } = copy('next');
    await pass(5_000);
    expect([...holds]).toEqual(['edge-1']);
  });

  test('one that is missing may be that of a copy that does not know yet', async () => {
    const state = following(borrow('ann', true));
    await pass(14_000);
    expect(state).toEqual({});
    await pass(4_000);
    expect(holder()).toBe('ann');
    await state.ended?.giveBack();
  });

  test('of two commands one gets it', async () => {
    const both = [following(borrow('ann')), following(borrow('bob'))];
    await pass(6_000);
    expect(both.map(({ code }) => code ?? 'taken').toSorted()).toEqual(['DEVICE_LOCKED', 'taken']);
    for (const { ended } of both) await ended?.giveBack();
  });
});
