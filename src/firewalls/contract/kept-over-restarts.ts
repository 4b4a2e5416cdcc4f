import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { RecordDisk } from '../../../test/kit/record-on-disk.ts';
import { PATIENCE_MS } from '../../../test/kit/runs.ts';
import { allowing, crowd, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Log } from '../../base/log.ts';
import type { Class, Group, Ruleset } from '../../border/ruleset.ts';
import { fateUnder } from '../../plan/fate.ts';
import type { WorkerSettings } from '../worker/course.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';
import { type DriverHarness, behaviourNow } from './harness.ts';

/** What differs between devices. */
export interface KeptOptions {
  /** Hands of the harness after which rules and translations say what they said: only who is a member may be another. */
  readonly believed: readonly number[];
  /** Everybody has a translation. */
  readonly translates?: true;
  /** Lists of these uses. */
  readonly lists?: readonly ('Allow' | 'Deny')[];
}

const LIMIT = { percent: 100, atLeast: 1_000, percentPerHour: 100 };
const settings: WorkerSettings = {
  mode: 'Approve',
  approve: 'Rules',
  drift: 'Repair',
  guard: { removals: LIMIT, gains: LIMIT, quiet: [], after: [] },
};

type Places = Readonly<Record<string, string>>;
const bank = allowing('bank', '203.0.113.0/24', 443);
const shop = allowing('shop', '198.51.100.0/24', 80);
const late = allowing('late', '192.0.2.128/25', 22);
const first: Places = { ...crowd(3, 'bank'), ...crowd(3, 'shop', 1) };
const GONE = '10.0.0.3';
const HEIR = '10.0.1.3';
const MOVED = '10.0.1.2';
const NEW = '10.0.0.9';
const LATE = '10.0.0.8';
/** One left, one address has somebody else, one pod was edited, two are new; and there is a class that nobody approved. */
const { [GONE]: _, ...stayed } = first;
const then: Places = { ...stayed, [HEIR]: 'late', [MOVED]: 'bank', [NEW]: 'bank', [LATE]: 'late' };
const expected: readonly string[] = [...Object.keys(stayed).filter((one) => one !== HEIR), NEW];

/** After a restart with a plan that waits, on one kind of device (decision 17). */
export function keptOverRestarts(name: string, make: () => Promise<DriverHarness>, options: KeptOptions): void {
  describe(`what is confirmed, kept over restarts: ${name}`, () => {
    let border: Border;
    beforeEach(async () => {
      border = new Border(await make(), options);
      await border.confirm(first);
    });
    afterEach(() => border.close());

    test.each(['stopped', 'killed'] as const)(
      'known classes have their newcomers, and nobody has what nobody approved (%s)',
      async (how) => {
        await border.restart(how);
        await border.wish(then, [bank, shop, late], { [HEIR]: 'an heir' });
        await border.until(() => expect(border.worker.status().waiting).toBeDefined());
        expect(border.told).toEqual(['believed']);
        expect(await border.senders()).toEqual(expected.toSorted());
        expect(await border.may(NEW, '203.0.113.7', 443)).toBe(true);
        expect(await border.may(MOVED, '203.0.113.7', 443)).toBe(true);
        expect(await border.may(MOVED, '198.51.100.7', 80)).toBe(false);
        for (const address of [NEW, LATE, HEIR, GONE])
          expect([address, await border.may(address, '192.0.2.200', 22)]).toEqual([address, false]);
        await border.agree();
        expect(await border.senders()).toEqual(Object.keys(then).toSorted());
        expect(await border.may(LATE, '192.0.2.200', 22)).toBe(true);
      },
      PATIENCE_MS,
    );

    test(
      'a record whose rules say more is not believed, and gives nothing to anybody',
      async () => {
        await border.worker.stop();
        border.disk.forge((text) => text.replaceAll('198.51.100.0/24', '198.51.0.0/16'));
        const held = await border.senders();
        await border.restart('stopped');
        await border.wish({ ...first, [NEW]: 'bank', [LATE]: 'late' }, [bank, shop, late]);
        await border.until(() => expect(border.worker.status().waiting).toBeDefined());
        expect(border.told.join()).toMatch(/the firewall holds something else/);
        expect(await border.senders()).toEqual(held);
        expect(await border.may('10.0.1.1', '198.51.7.7', 80)).toBe(false);
      },
      PATIENCE_MS,
    );

    test(
      'a hand on what is ours: believed only where rules say what they said',
      async () => {
        const believed: number[] = [];
        for (let hand = 0; ; hand++) {
          await border.close();
          border = new Border(await make(), options);
          await border.confirm(first);
          await border.worker.stop();
          if (!(await border.harness.tamper(hand))) break;
          await border.restart('stopped');
          await border.wish({ ...first, [NEW]: 'bank', [LATE]: 'late' }, [bank, shop, late]);
          const { worker, told } = border;
          await border.until(() => expect([told, worker.status().waiting]).not.toEqual([[], undefined]));
          if (border.told.includes('believed')) believed.push(hand);
          else expect([hand, (await border.senders()).includes(NEW)]).toEqual([hand, false]);
          expect([hand, (await border.senders()).includes(LATE)]).toEqual([hand, false]);
        }
        expect(believed).toEqual(options.believed);
      },
      4 * PATIENCE_MS,
    );
  });
}

/** A device, what is on the disk of whoever keeps it, and one process after the other. */
class Border {
  readonly harness: DriverHarness;
  readonly disk = new RecordDisk();
  readonly told: string[] = [];
  readonly #options: KeptOptions;
  readonly #clock = new FakeClock();
  #die: () => void = () => undefined;
  worker: Worker;

  constructor(harness: DriverHarness, options: KeptOptions) {
    this.harness = harness;
    this.#options = options;
    this.worker = this.#start();
  }

  #start(): Worker {
    const { place, die } = this.disk.open();
    this.#die = die;
    const note = (fields: Readonly<Record<string, unknown>>, message: string): void => {
      const { reason } = fields;
      if (message.includes('before the start')) this.told.push(typeof reason === 'string' ? reason : 'believed');
    };
    const worker = new Worker({
      cluster: 'lab',
      firewall: 'edge-1',
      driver: this.harness.connect(),
      settings,
      clock: this.#clock,
      log: { debug: note, info: note, warn: note, error: note } as unknown as Log,
      lock: soleWriter,
      record: place,
    });
    worker.start();
    return worker;
  }

  /** All of it is confirmed with a yes, and kept. */
  async confirm(places: Places): Promise<void> {
    await this.wish(places, [bank, shop]);
    await this.agree();
    await this.until(() => {
      this.#clock.advance(2_000);
      expect(this.disk.text).toBeDefined();
    });
  }

  async restart(how: 'stopped' | 'killed'): Promise<void> {
    if (how === 'killed') this.#die();
    await this.worker.stop();
    this.worker = this.#start();
  }

  async wish(places: Places, classes: readonly Class[], owners: Readonly<Record<string, string>> = {}): Promise<void> {
    const named = Object.keys(places).map((address) => [address, owners[address] ?? `pod-${address}`] as const);
    this.worker.desire({ kind: 'ruleset', ruleset: this.#ruleset(places, classes), owners: BucketMap.from(named) });
    await this.worker.settled();
  }

  async agree(): Promise<void> {
    await this.until(() => {
      const { waiting, conditions } = this.worker.status();
      if (waiting?.digest !== undefined) this.worker.approve(waiting.digest);
      expect([waiting, conditions[0]]).toEqual([undefined, expect.objectContaining({ type: 'Ready', status: true })]);
    });
  }

  #ruleset(places: Places, classes: readonly Class[]): Ruleset {
    const members = Object.entries(places).filter(([, id]) => classes.some((one) => one.id === id));
    const lists = (this.#options.lists ?? []).map((use): Group => {
      const deviceName = use === 'Allow' ? 'payments' : 'blocked';
      const listed = BucketMap.from(members.map(([address]) => [address, true as const]));
      return {
        id: use,
        kind: 'AddressGroup',
        family: 4,
        deviceName,
        resource: `AddressGroup/${deviceName}`,
        use,
        members: listed,
      };
    });
    const to = { kind: 'Address', address: '198.18.0.1' } as const;
    const targets = Object.fromEntries(members.map(([address]) => [address, to]));
    return world(Object.fromEntries(members), classes, {
      groups: new Map(lists.map((one) => [one.id, one])),
      nats: this.#options.translates === true ? [translating('out', targets)] : [],
    });
  }

  /** Devices tell of changes, and commits end, when they please. */
  async until(expectation: () => void): Promise<void> {
    const look = async (): Promise<void> => {
      await this.worker.settled();
      try {
        expectation();
      } catch (thrown) {
        this.worker.nudge();
        throw thrown;
      }
    };
    await vi.waitFor(look, { timeout: 60_000, interval: 20 });
    await this.worker.settled();
  }

  /** Who is known on the device, as a new process reads it. */
  async senders(): Promise<readonly string[]> {
    return [...(await behaviourNow(this.harness.connect())).senders.keys()].toSorted();
  }

  async may(source: string, destination: string, destinationPort: number): Promise<boolean> {
    const behaviour = await behaviourNow(this.harness.connect());
    return fateUnder(behaviour, { family: 4, source, destination, protocol: 6, sourcePort: 50_000, destinationPort })
      .passes;
  }

  async close(): Promise<void> {
    await this.worker.stop();
    await this.harness.close();
  }
}
