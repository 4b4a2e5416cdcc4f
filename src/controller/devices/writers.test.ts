import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LeaseServer } from '../../../test/kit/lease-world.ts';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import { MemoryDevice } from '../../firewalls/memory/device.ts';
import { MemoryDriver } from '../../firewalls/memory/memory-driver.ts';
import { soleWriter } from '../../firewalls/writer-lock.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { readText } from '../../sources/manifests/reading.ts';
import type { Delivery } from '../../sources/source.ts';
import { Controller } from '../controller.ts';
import { NOBODY_THERE, OF_ANOTHER_COPY } from '../unread.ts';
import { OnThisMachine, type PlaceQuestion } from './on-this-machine.ts';
import { LeasedWriters, togetherBy } from './writers.ts';

const EDGE = `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge-1}, spec: {driver: nftables, address: local, workloads: {}}}
`;
const NAME = /^sallyport-firewall-edge-1-/;

describe('a controller that shares firewalls with other copies', () => {
  let server: LeaseServer;
  let clock: FakeClock;
  let controller: Controller;
  let stop: AbortController;
  let running: Promise<void>;
  let deliver: (delivery: Delivery) => void;
  /** nft can be used where this copy runs. */
  let able: boolean;
  let opened: number;
  let closed: number;

  beforeEach(() => {
    server = new LeaseServer();
    clock = new FakeClock();
    stop = new AbortController();
    able = true;
    opened = 0;
    closed = 0;
    const question: PlaceQuestion = ({ address }) =>
      address === 'local'
        ? () => (able ? Promise.resolve() : Promise.reject(new SallyportError('DEVICE_RIGHTS', 'a test says so')))
        : undefined;
    const onThisMachine = new OnThisMachine({ clock, log: silentLog, question });
    const client: ApiClient = {
      title: 'test',
      call: (request) => Promise.resolve().then(() => server.answer(request)),
      open: () => Promise.reject(new Error('nobody watches Leases')),
      close: () => Promise.resolve(),
    };
    controller = new Controller({
      cluster: 'prod',
      source: {
        name: 'static',
        run: (take, signal) => {
          deliver = take;
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        },
      },
      open: (_, grant) => {
        opened++;
        const close = (): Promise<void> => {
          closed++;
          return Promise.resolve();
        };
        return { driver: new MemoryDriver(new MemoryDevice()), lock: grant?.lock ?? soleWriter, close };
      },
      writers: new LeasedWriters({
        client,
        namespace: 'sallyport',
        cluster: 'prod',
        name: 'a',
        onThisMachine,
        clock,
        log: silentLog,
      }),
      clock,
      log: silentLog,
    });
    running = controller.run(stop.signal);
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  const pass = (ms: number): Promise<void> => clock.pass(ms, 500);
  const lease = () => {
    const found = [...server.objects.values()].find(({ metadata }) => NAME.test(metadata.name));
    if (found === undefined) throw new Error('no Lease');
    return found;
  };
  const tell = async (text = EDGE): Promise<void> => {
    const resources = [...readText(text, 'world.yaml').resources.values()];
    deliver({
      changes: resources.map((resource) => ({ kind: 'put', resource })),
      state: { kind: 'complete' },
      diagnostics: [],
    });
    await turns();
  };

  test('opens a firewall when it has its Lease, and gives that back when it stops', async () => {
    await tell();
    expect(opened).toBe(1);
    expect(lease().spec.holderIdentity).toMatch(/^a_[0-9a-f]{8}$/);
    expect(controller.ready()).toEqual({
      ready: true,
      reason: 'writes to edge-1',
      plain: 'writes to 1 of 1 firewalls',
    });
    stop.abort();
    await running;
    expect(closed).toBe(1);
    expect(lease().spec.holderIdentity).toBe('');
    expect([...server.objects.keys()]).toHaveLength(1);
  });

  test('closes it when somebody else has taken the Lease, and opens it anew when that one is gone', async () => {
    await tell();
    server.edit(lease().metadata.name, ({ spec }) =>
      Object.assign(spec, { holderIdentity: 'b_1', leaseTransitions: 2 }),
    );
    await pass(3_000);
    expect([opened, closed]).toEqual([1, 1]);
    expect(controller.status().size).toBe(0);
    expect(controller.ready()).toEqual({
      ready: true,
      reason: 'writes to no firewall; others write to edge-1 (b_1)',
      plain: 'writes to 0 of 1 firewalls',
    });
    await pass(20_000);
    expect([opened, closed]).toEqual([2, 1]);
    expect(lease().spec.leaseTransitions).toBe(3);
  });

  test('neither opens nor takes what it cannot work at where it is, says so after a while, and takes it when it can', async () => {
    able = false;
    await tell();
    await pass(20_000);
    expect([opened, server.objects.size, controller.standing('edge-1')]).toEqual([
      0,
      1,
      { worker: OF_ANOTHER_COPY, holds: false },
    ]);
    expect(controller.ready().reason).toBe(
      'writes to no firewall; others write to edge-1 (nobody; this copy cannot where it is)',
    );
    await pass(20_000);
    expect(controller.standing('edge-1')).toEqual({ worker: NOBODY_THERE, holds: true });
    able = true;
    await pass(35_000);
    expect([opened, controller.status().size, lease().spec.leaseTransitions]).toEqual([1, 1, 1]);
  });

  test('lets go of one that comes to be where it cannot work at it, and has closed it before', async () => {
    able = false;
    await tell(EDGE.replace('address: local', 'address: "ssh://edge"'));
    expect([opened, controller.ready().plain]).toEqual([1, 'writes to 1 of 1 firewalls']);
    await tell();
    await pass(5_000);
    expect([opened, closed, lease().spec.holderIdentity]).toEqual([1, 1, '']);
    expect(controller.status().size).toBe(0);
  });

  test('keeps it open, and writes nothing, while the server is away', async () => {
    await tell();
    const answer = server.answer.bind(server);
    server.answer = () => {
      throw new Error('away');
    };
    await pass(60_000);
    expect([opened, closed]).toEqual([1, 0]);
    server.answer = answer;
    await pass(5_000);
    expect([opened, closed]).toEqual([1, 0]);
  });
});

test('firewalls that wait for each other are one unit', () => {
  const firewall = (name: string, ...after: readonly string[]) => ({ name, guard: { after } }) as never;
  const units = togetherBy([
    firewall('b', 'canary'),
    firewall('canary'),
    firewall('c', 'b'),
    firewall('d'),
    firewall('e', 'nobody'),
  ]);
  expect(units.get('canary')).toBe(units.get('b'));
  expect(units.get('c')).toBe(units.get('b'));
  expect(new Set(units.values()).size).toBe(3);
});
