import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { silentLog } from '../../base/log.ts';
import { MemoryDevice } from '../../firewalls/memory/device.ts';
import { MemoryDriver } from '../../firewalls/memory/memory-driver.ts';
import { soleWriter } from '../../firewalls/writer-lock.ts';
import { readText } from '../../sources/manifests/reading.ts';
import type { Delivery, ResourceChange } from '../../sources/source.ts';
import { Controller } from '../controller.ts';
import { Readiness } from './readiness.ts';

const firewall = (name: string, more = ''): string =>
  `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: ${name}}, spec: {driver: nftables, address: ${name}, mode: Enforce, workloads: {namespaceSelector: "projectcalico.org/name == 'shop'"}, guard: {gains: {percent: 100, percentPerHour: 100}}${more}}}`;
const POOL = '{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: pods}, spec: {cidr: 10.1.0.0/16}}';
const NODE =
  '{apiVersion: v1, kind: Node, metadata: {name: a}, status: {addresses: [{type: InternalIP, address: 10.9.0.1}]}}';
const namespace = (name: string): string => `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}}}`;
const pod = (name: string, ip: string, space = 'shop'): string =>
  `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: ${space}, uid: u-${name}, labels: {app: till}}, spec: {nodeName: a}, status: {phase: Running, podIP: ${ip}}}`;
const GROUP =
  '{apiVersion: sallyport.dev/v1alpha1, kind: AddressGroup, metadata: {name: tills}, spec: {selector: "app == \'till\'", namespaceSelector: all()}}';
const NAT =
  '{apiVersion: sallyport.dev/v1alpha1, kind: SourceNAT, metadata: {name: out}, spec: {selector: all(), namespaceSelector: all(), destination: {nets: [203.0.113.0/24]}, translate: {addresses: [198.51.100.7]}}}';
const WORLD = [POOL, NODE, namespace('shop'), namespace('other')];

describe('whether a pod may start', () => {
  let controller: Controller;
  let deliver: (delivery: Delivery) => void;
  let stop: AbortController;
  let running: Promise<void>;
  let clock: FakeClock;
  /** Devices that take nothing at the moment, by address. */
  let slow: Set<string>;
  /** Firewalls of which an earlier process left a record. */
  let recorded: Set<string>;

  beforeEach(() => {
    clock = new FakeClock();
    stop = new AbortController();
    slow = new Set();
    recorded = new Set();
    controller = new Controller({
      cluster: 'lab',
      source: {
        name: 'static',
        run: (take, signal) => {
          deliver = take;
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        },
      },
      open: ({ address }) => {
        const driver = new MemoryDriver(new MemoryDevice());
        const apply = driver.apply.bind(driver);
        driver.apply = async (step, signal) => {
          while (slow.has(address) && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1));
          await apply(step, signal);
        };
        return { driver, lock: soleWriter, close: () => Promise.resolve() };
      },
      isRecorded: (name) => recorded.has(name),
      clock,
      log: silentLog,
    });
    running = controller.run(stop.signal);
  });
  afterEach(async () => {
    slow.clear();
    stop.abort();
    await running;
  });

  function tell(objects: readonly string[], gone: readonly string[] = []): void {
    const put = [...readText(objects.join('\n---\n'), 'world.yaml').resources.values()];
    const changes: ResourceChange[] = [
      ...gone.map((key) => ({ kind: 'delete', key }) as const),
      ...put.map((resource) => ({ kind: 'put', resource }) as const),
    ];
    deliver({ changes, state: { kind: 'complete' }, diagnostics: [] });
  }
  const settle = async (): Promise<void> => {
    for (const name of controller.status().keys()) await controller.station(name)?.worker.settled();
  };
  const standing = (name = 'till-1', space = 'shop'): string => {
    const { ready, message } = controller.readiness.standing(`pod:${space}/${name}`);
    return `${ready ? 'ready' : 'waits'}: ${message}`;
  };

  test('not before it is known, nor before its firewalls were read back', async () => {
    expect(standing()).toBe('waits: the pod is not known here, or has no address that is believed');
    slow.add('edge-2');
    tell([...WORLD, firewall('edge-1'), firewall('edge-2'), pod('till-1', '10.1.0.1')]);
    expect(standing()).toBe('waits: edge-1: nothing was confirmed there yet; edge-2: nothing was confirmed there yet');
    await controller.station('edge-1')?.worker.settled();
    expect(standing()).toBe('waits: edge-2: nothing was confirmed there yet');
    slow.clear();
    await settle();
    expect(standing()).toBe('ready: confirmed by edge-1, edge-2');
  });

  test('a pod that no firewall is on the way of waits for none', async () => {
    tell([...WORLD, firewall('edge-1'), pod('till-1', '10.1.0.1', 'other')]);
    await settle();
    expect(standing('till-1', 'other')).toBe('ready: no border firewall is on its way');
  });

  describe('a firewall that holds something, and whose BorderFirewall this process could never read,', () => {
    const KEPT = ', status: {cluster: lab, confirmedAt: "2026-01-01T00:00:00Z"}}';
    const broken = (more: string, status = KEPT): string =>
      firewall('edge-2', `, unknown: Drp${more}`).replace(/\}$/, status);
    const tellUnread = (object: string): void => {
      const { resources, unread } = readText(
        [...WORLD, firewall('edge-1'), object, pod('till-1', '10.1.0.1'), pod('other-1', '10.1.0.2', 'other')].join(
          '\n---\n',
        ),
        'world.yaml',
      );
      const changes = [...resources.values()].map((resource) => ({ kind: 'put', resource }) as const);
      deliver({ changes, state: { kind: 'complete' }, diagnostics: [], unread });
    };

    test('is waited for by the pods that may be behind it, and by no others', async () => {
      tellUnread(broken(''));
      await settle();
      expect(standing()).toBe(
        'waits: edge-2: its BorderFirewall cannot be read; its status, or `sallyport validate`, says why',
      );
      expect(standing('other-1', 'other')).toBe('ready: no border firewall is on its way');
      // Who is behind it cannot be told either.
      tellUnread(broken('').replace("'shop'", "'shop"));
      await settle();
      expect(standing()).toMatch(/^waits: edge-2: /);
      expect(standing('other-1', 'other')).toMatch(/^waits: edge-2: /);
      tellUnread(firewall('edge-2'));
      await settle();
      expect(standing()).toBe('ready: confirmed by edge-1, edge-2');
      // From now on what it was to hold is known.
      tellUnread(broken(''));
      await settle();
      expect(standing()).toBe('ready: confirmed by edge-1, edge-2');
    });

    test('lets pods go after its time, if its owner says so', async () => {
      tellUnread(broken(', readiness: {timeout: 30s, onTimeout: Release}'));
      await settle();
      const { signal } = new AbortController();
      const told = controller.readiness.whenReady('pod:shop/till-1', 'u-till-1', 60_000, signal);
      await new Promise((resolve) => void setImmediate(resolve));
      clock.advance(30_000);
      expect(await told).toMatchObject({
        ready: true,
        message: expect.stringContaining('let go after 30 s') as string,
      });
    });

    test('is waited for where no status tells, but a record of what an earlier process confirmed there', async () => {
      recorded.add('edge-2');
      tellUnread(broken('', '}'));
      await settle();
      expect(standing()).toMatch(/^waits: edge-2: its BorderFirewall cannot be read/);
      expect(standing('other-1', 'other')).toBe('ready: no border firewall is on its way');
      // It is asked once: what other files say does not change it.
      recorded.clear();
      tellUnread(broken('', '}'));
      expect(standing()).toMatch(/^waits: edge-2: /);
      tellUnread(firewall('edge-2'));
      await settle();
      expect(standing()).toBe('ready: confirmed by edge-1, edge-2');
    });

    test.each([
      ['nothing of ours stands there', broken('', '}')],
      ['it only watches', broken('').replace('mode: Enforce', 'mode: Observe')],
    ])('is waited for by nobody where %s', async (_, object) => {
      tellUnread(object);
      await settle();
      expect(standing()).toBe('ready: confirmed by edge-1');
    });
  });

  test('one more pod waits for its own address, its groups and its translation', async () => {
    tell([...WORLD, firewall('edge-1'), GROUP, NAT, pod('till-1', '10.1.0.1')]);
    await settle();
    expect(standing()).toBe('ready: confirmed by edge-1');
    slow.add('edge-1');
    tell([pod('till-2', '10.1.0.2')]);
    expect(standing('till-2')).toBe('waits: edge-1: 10.1.0.2 is not there yet');
    expect(standing()).toBe('ready: confirmed by edge-1');
    slow.clear();
    await settle();
    expect(standing('till-2')).toBe('ready: confirmed by edge-1');
    slow.add('edge-1');
    tell([GROUP.replace('tills', 'more')]);
    expect(standing('till-2')).toBe('waits: edge-1: 10.1.0.2 is not in the group more yet');
    slow.clear();
    await settle();
    slow.add('edge-1');
    tell([NAT.replace('198.51.100.7', '198.51.100.8')]);
    expect(standing()).toBe('waits: edge-1: the translation of 10.1.0.1 by SourceNAT/out is not there yet');
  });

  test('the new owner of an address waits until the old one is dealt with', async () => {
    tell([...WORLD, firewall('edge-1'), pod('till-1', '10.1.0.1')]);
    await settle();
    slow.add('edge-1');
    tell([pod('till-2', '10.1.0.1')], ['Pod/shop/till-1']);
    expect(standing('till-2')).toBe('waits: edge-1: 10.1.0.1 is still there for its owner before');
    clock.advance(7_000);
    slow.clear();
    await settle();
    expect(standing('till-2')).toBe('ready: confirmed by edge-1');
    const told = await controller.metrics.text();
    expect(told).toContain('sallyport_firewall_reuses_total{firewall="edge-1"} 1\n');
    expect(told).toContain('sallyport_firewall_release_seconds_sum{firewall="edge-1"} 7\n');
    expect(told).toContain('sallyport_firewall_releases_open{firewall="edge-1"} 0\n');
  });

  test('after the time of a firewall that releases it is let go; one that holds does not; one that watches holds nobody', async () => {
    slow.add('edge-1').add('edge-2');
    const release = ', readiness: {timeout: 30s, onTimeout: Release}';
    tell([
      ...WORLD,
      firewall('edge-1', release),
      firewall('edge-2'),
      firewall('edge-3').replace('Enforce', 'Observe'),
      pod('till-1', '10.1.0.1'),
    ]);
    expect(controller.readiness.standing('pod:shop/till-1').firewalls.map(({ state }) => state)).toEqual([
      'Waiting',
      'Waiting',
      'Watches',
    ]);
    clock.advance(31_000);
    expect(standing()).toBe('waits: edge-2: nothing was confirmed there yet');
    tell([firewall('edge-2', release)]);
    expect(standing()).toBe(
      'ready: edge-1: nothing was confirmed there yet; let go after 30 s; edge-2: nothing was confirmed there yet; let go after 30 s',
    );
  });

  test('a pod made anew under its name is another one', async () => {
    tell([...WORLD, firewall('edge-1'), pod('till-1', '10.1.0.1')]);
    await settle();
    const { signal } = new AbortController();
    const next = controller.readiness.whenReady('pod:shop/till-1', 'u-next', 0, signal);
    expect(await next).toMatchObject({ ready: false, message: 'the pod is not known here yet' });
    expect((await controller.readiness.whenReady('pod:shop/till-1', 'u-till-1', 0, signal)).ready).toBe(true);
  });

  test('whoever waits is told as soon as it is so, and at the end of the time in any case', async () => {
    slow.add('edge-1');
    tell([...WORLD, firewall('edge-1'), pod('till-1', '10.1.0.1')]);
    const signal = new AbortController().signal;
    const never = controller.readiness.whenReady('pod:shop/till-1', 'u-till-1', 1_000, signal);
    for (let at = 0; at < 10; at++) {
      clock.advance(200);
      await Promise.resolve();
      await Promise.resolve();
    }
    expect((await never).ready).toBe(false);
    const told = controller.readiness.whenReady('pod:shop/till-1', 'u-till-1', 20_000, signal);
    slow.clear();
    await settle();
    clock.advance(200);
    expect((await told).ready).toBe(true);
  });

  test('nobody is looked at while nothing changes, and a time that ends is no change that is missed', async () => {
    const release = ', readiness: {timeout: 30s, onTimeout: Release}';
    tell([...WORLD, firewall('edge-1', release), firewall('edge-2'), pod('till-1', '10.1.0.1')]);
    await settle();
    slow.add('edge-1');
    tell([pod('till-2', '10.1.0.2')]);
    await controller.station('edge-2')?.worker.settled();
    const { border } = controller.world;
    const appearanceOf = border.appearanceOf.bind(border);
    let looks = 0;
    border.appearanceOf = (endpoint) => {
      looks += 1;
      return appearanceOf(endpoint);
    };
    const told = controller.readiness.whenReady('pod:shop/till-2', 'u-till-2', 60_000, new AbortController().signal);
    const pass = async (seconds: number): Promise<number> => {
      const before = looks;
      for (let at = 0; at < seconds; at++) {
        clock.advance(1_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return looks - before;
    };
    await pass(1);
    expect(await pass(20)).toBe(0);
    // Whoever else asks meanwhile is told what is known.
    await controller.readiness.standingEverywhere('pod:shop/till-2', new AbortController().signal);
    expect(await pass(0)).toBe(0);
    tell([pod('till-3', '10.1.0.3')]);
    await controller.station('edge-2')?.worker.settled();
    expect(await pass(2)).toBeGreaterThan(0);
    expect(await pass(4)).toBe(0);
    await pass(5);
    expect((await told).message).toBe('edge-1: 10.1.0.2 is not there yet; let go after 30 s');
  });

  test('not while its address is somebody else’s as far as is known, whatever the firewall holds', async () => {
    tell([...WORLD, firewall('edge-1'), pod('till-1', '10.1.0.1')]);
    await settle();
    const standingOf = (owner: string): string => {
      const owners = BucketMap.from([['10.1.0.1', owner]]);
      const readiness = new Readiness(() => {
        const confirmed = controller.station('edge-1')?.worker.confirmed();
        return {
          border: controller.world.border,
          owners,
          unread: () => [],
          isComputing: false,
          uidOf: () => 'u-till-1',
          confirmed: () => confirmed && { ...confirmed, owners },
        };
      }, clock);
      const { ready, message } = readiness.standing('pod:shop/till-1');
      return `${String(ready)} ${message}`;
    };
    expect(standingOf('pod:shop/till-1')).toMatch(/^true /);
    expect(standingOf('pod:shop/till-2')).toMatch(/^false .*somebody else's/);
  });
});
