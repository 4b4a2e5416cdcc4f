import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { BucketMap } from '../base/bucket-map.ts';
import { SallyportError } from '../base/error.ts';
import { type Log, silentLog } from '../base/log.ts';
import type { Driver, Drop } from '../firewalls/driver.ts';
import type { BookedDrops } from '../insight/early-drop-book.ts';
import { EarlyDropWatch, type EarlyDropWatchOptions } from './early-drop-watch.ts';
import { Metrics } from './metrics.ts';

const ENFORCED = { mode: 'Enforce', unknown: 'Drop' } as const;

describe('what firewalls drop of unknown senders', () => {
  let clock: FakeClock;
  let metrics: Metrics;
  let lines: string[];
  let events: string[];
  let kept: BookedDrops[];
  let owners: BucketMap<string>;
  let members: BucketMap<string>;
  let watch: EarlyDropWatch;
  /** Ends with an error if one is given; the device tells by `drop` as long as it is asked. */
  let fails: SallyportError | undefined;
  let asked: number;
  let drop: ((drop: Drop) => void) | undefined;

  beforeEach(() => {
    clock = new FakeClock();
    metrics = new Metrics();
    [lines, events, kept, asked, fails, drop] = [[], [], [], 0, undefined, undefined];
    [owners, members] = [BucketMap.empty(), BucketMap.empty()];
    const log: Log = {
      ...silentLog,
      warn: (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`),
    };
    const world = {
      get owners() {
        return owners;
      },
      get firewalls() {
        return new Map([['edge', { ruleset: { members } }]]);
      },
    } as unknown as EarlyDropWatchOptions['world'];
    const event: EarlyDropWatchOptions['event'] = ({ namespace, name }, note) =>
      void events.push(`${namespace}/${name}: ${note}`);
    watch = new EarlyDropWatch({ clock, log, metrics, world, event, keep: (one) => void kept.push(one) });
  });

  const driver: Pick<Driver, 'drops'> = {
    drops: async (of, seen, signal) => {
      expect(of).toBe('unknown');
      asked += 1;
      if (fails !== undefined) throw fails;
      drop = seen;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      drop = undefined;
    },
  };
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 1_000) {
      clock.advance(1_000);
      await turns();
    }
  };
  const sends = (source: string): void =>
    drop?.({ at: 0, source, destination: '203.0.113.1', protocol: 6, origin: { policy: 'unknown' } });
  function own(address: string, owner: string, isMember = true): void {
    const next = owners.with([[address, owner]]);
    if (isMember) members = members.with([[address, 'class']]);
    const moved = owners.difference(next);
    owners = next;
    watch.changed(moved);
  }
  const counted = async (): Promise<Readonly<Record<string, number>>> =>
    Object.fromEntries((await metrics.unknownDrops.get()).values.map(({ labels, value }) => [labels.sender, value]));

  test('is told with the name of the pod: in the log, on the pod, and as a number', async () => {
    const followed = watch.follow('edge', driver);
    followed.configure(ENFORCED);
    await turns();
    sends('10.1.0.1');
    await pass(2_000);
    sends('10.1.0.1');
    own('10.1.0.1', 'pod:shop/till-1');
    await pass(5_000);
    expect(lines).toEqual([
      'packets were dropped before the firewall knew their sender {"firewall":"edge","sender":"shop/till-1","address":"10.1.0.1",' +
        '"packets":2,"from":"2026-01-05T12:00:00.000Z","to":"2026-01-05T12:00:02.000Z"}',
    ]);
    expect(events).toEqual([
      'shop/till-1: edge dropped 2 packets of 10.1.0.1 before it knew the pod, from 2026-01-05T12:00:00.000Z to ' +
        '2026-01-05T12:00:02.000Z. An init container with `sallyport wait` holds a pod until the border knows it.',
    ]);
    expect(kept).toEqual([
      {
        firewall: 'edge',
        sender: 'shop/till-1',
        address: '10.1.0.1',
        packets: 2,
        from: '2026-01-05T12:00:00.000Z',
        to: '2026-01-05T12:00:02.000Z',
      },
    ]);
    expect(await counted()).toEqual({ early: 2 });
    await followed.stop();
    expect(drop).toBe(undefined);
  });

  test('is nobody’s where the firewall is not for whoever has the address', async () => {
    const followed = watch.follow('edge', driver);
    followed.configure(ENFORCED);
    await turns();
    own('10.1.0.1', 'pod:shop/other', false);
    sends('10.1.0.1');
    await pass(70_000);
    expect([lines, events, await counted()]).toEqual([[], [], { nobody: 1 }]);
    await followed.stop();
  });

  test('goes to the log of a node’s address, and to no pod', async () => {
    const followed = watch.follow('edge', driver);
    followed.configure(ENFORCED);
    await turns();
    own('10.9.0.1', 'node a pod:shop/host-1');
    sends('10.9.0.1');
    await pass(5_000);
    expect([lines.length, events]).toEqual([1, []]);
    expect(lines[0]).toContain('"sender":"node a shop/host-1"');
    await followed.stop();
  });

  test('of a thousand pods takes few lines, and the next one says how many were left out', async () => {
    const followed = watch.follow('edge', driver);
    followed.configure(ENFORCED);
    await turns();
    for (let n = 0; n < 1_000; n++) {
      own(`10.1.${n >> 8}.${n & 255}`, `pod:shop/till-${n}`);
      sends(`10.1.${n >> 8}.${n & 255}`);
    }
    await pass(4_000);
    expect([lines.length, events.length]).toEqual([20, 1_000]);
    await pass(10_000);
    own('10.2.0.1', 'pod:shop/late');
    sends('10.2.0.1');
    await pass(4_000);
    expect(lines.at(-1)).toContain('"untold":980');
    await followed.stop();
  });

  test('is asked for where something is dropped, and not once it is not', async () => {
    const followed = watch.follow('edge', driver);
    for (const settings of [
      { mode: 'Observe', unknown: 'Drop' },
      { mode: 'Enforce', unknown: 'Ignore' },
    ] as const) {
      followed.configure(settings);
      await turns();
      expect(asked).toBe(0);
    }
    followed.configure(ENFORCED);
    followed.configure(ENFORCED);
    await turns();
    expect([asked, drop !== undefined]).toEqual([1, true]);
    followed.configure({ mode: 'Observe', unknown: 'Drop' });
    await turns();
    expect(drop).toBe(undefined);
    followed.configure(ENFORCED);
    await turns();
    expect([asked, drop !== undefined]).toEqual([2, true]);
    await followed.stop();
    const silent = watch.follow('edge-2', {});
    silent.configure(ENFORCED);
    await silent.stop();
  });

  test('a device that does not tell is asked again ever more seldom, and it is said once', async () => {
    fails = new SallyportError('PROGRAM_MISSING', 'there is no tcpdump');
    const followed = watch.follow('edge', driver);
    followed.configure(ENFORCED);
    await pass(3_600_000);
    expect([lines.length, asked]).toEqual([1, 12]);
    fails = undefined;
    await pass(600_000);
    sends('10.1.0.1');
    own('10.1.0.1', 'pod:shop/till-1');
    await pass(5_000);
    expect(lines.length).toBe(2);
    await followed.stop();
  });
});
