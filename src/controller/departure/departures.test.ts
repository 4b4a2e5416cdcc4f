import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { readResource } from '../../api/read.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import type { ApiClient, ApiRequest } from '../../kubernetes/api-client.ts';
import { Departures } from './departures.ts';

const OURS = 'sallyport.dev/border';
const THEIRS = 'example.org/theirs';

/** One BorderFirewall in a cluster, its definition, its device, and what is done about it. */
class World {
  readonly clock = new FakeClock();
  readonly departures: Departures;
  /** What was done against a rule. */
  readonly wrong: string[] = [];
  definition: 'There' | 'Gone' | 'Forbidden' = 'There';
  state: 'complete' | 'frozen' = 'complete';
  mayWrite = true;
  apiFails = false;
  deviceFails = false;
  isThere = true;
  isDeleting = false;
  /** It was told to go by its definition, which went first. */
  isSweptAway = false;
  isLeft = false;
  isLetGoByHand = false;
  /** Something in it cannot be read. */
  isBroken = false;
  stays = 0;
  /** To leave it takes so long. */
  deviceTakesMs = 0;
  #stopLeaving: () => void = () => undefined;
  spec = { driver: 'nftables', address: 'local', workloads: {}, mode: 'Enforce', onDelete: 'Remove' };
  finalizers: readonly string[] = [THEIRS];
  #version = 1;

  constructor() {
    const client = { title: 'test', call: (request: ApiRequest) => this.#answer(request) } as unknown as ApiClient;
    this.departures = new Departures({ client, clock: this.clock, log: silentLog });
    this.departures.start({
      mayWrite: () => this.mayWrite,
      leave: () => this.#leave(),
      stay: () => {
        this.stays += 1;
        this.#stopLeaving();
      },
      changed: () => undefined,
    });
    this.deliver();
  }

  get isWanted(): boolean {
    return this.spec.onDelete === 'Remove' && this.spec.mode !== 'Observe';
  }

  get isHeld(): boolean {
    return this.finalizers.includes(OURS);
  }

  /** Tells what is there, as a watch does. */
  deliver(): void {
    this.#version += 1;
    if (this.isThere && this.isDeleting && this.finalizers.length === 0) this.isThere = false;
    if (this.state === 'frozen') return this.departures.taken([], 'frozen');
    if (!this.isThere) return this.departures.taken([{ kind: 'delete', key: 'BorderFirewall/edge-1' }], 'complete');
    const { resource, unread } = readResource(this.#object(), {});
    const isRead = resource?.type === 'BorderFirewall';
    this.departures.taken(isRead ? [{ kind: 'put', resource }] : [], 'complete', unread === undefined ? [] : [unread]);
  }

  #object(): object {
    return {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'BorderFirewall',
      metadata: {
        name: 'edge-1',
        uid: 'u1',
        resourceVersion: String(this.#version),
        finalizers: this.finalizers,
        ...(this.isDeleting ? { deletionTimestamp: '2026-01-05T12:00:00Z' } : {}),
      },
      spec: this.isBroken ? { ...this.spec, destinations: ['nowhere'] } : this.spec,
    };
  }

  async #answer({ method, path, body }: ApiRequest): Promise<unknown> {
    await Promise.resolve();
    if (this.apiFails) throw new SallyportError('API_UNREACHABLE', 'away');
    if (path.includes('customresourcedefinitions')) {
      if (this.definition === 'Forbidden') throw new SallyportError('API_FORBIDDEN', 'no');
      return { metadata: { uid: 'd1', ...(this.definition === 'Gone' ? { deletionTimestamp: 'now' } : {}) } };
    }
    if (!this.isThere) throw new SallyportError('API_NOT_FOUND', 'gone', { reason: 'NotFound' });
    if (method === 'GET') return this.#object();
    const { metadata, ...more } = body as { metadata: { resourceVersion: string; finalizers: string[] } };
    if (metadata.resourceVersion !== String(this.#version)) throw new SallyportError('API_CONFLICT', 'another version');
    if (Object.keys(more).length > 0) this.wrong.push('more than finalizers was written');
    this.#judge(metadata.finalizers);
    this.finalizers = metadata.finalizers;
    this.deliver();
    return {};
  }

  /** Who takes the finalizer away has to have a reason. */
  #judge(after: readonly string[]): void {
    const without = (list: readonly string[]) => list.filter((one) => one !== OURS).join();
    if (without(after) !== without(this.finalizers)) this.wrong.push('a finalizer of others was touched');
    const isTaken = this.isHeld && !after.includes(OURS);
    if (isTaken && this.isWanted && !this.isLeft && this.definition !== 'Gone')
      this.wrong.push('let go before it was left');
    if (!isTaken && (!this.isWanted || this.isBroken)) this.wrong.push('held, though nothing is to be done');
  }

  async #leave(): Promise<void> {
    const may =
      !this.isBroken && this.isDeleting && this.isHeld && this.isWanted && this.mayWrite && this.state === 'complete';
    if (!may || this.isSweptAway || this.definition !== 'There') this.wrong.push(`left: ${JSON.stringify(this)}`);
    await Promise.resolve();
    if (this.deviceFails) throw new SallyportError('DEVICE_UNREACHABLE', 'away');
    if (this.deviceTakesMs > 0) await this.#stepByStep();
    this.isLeft = true;
  }

  /** Whoever is told to stay, or may not write any more, sends no further step. */
  async #stepByStep(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const cancel = this.clock.after(this.deviceTakesMs, resolve);
      this.#stopLeaving = () => {
        cancel();
        reject(new SallyportError('DEVICE_UNREACHABLE', 'the worker was stopped'));
      };
    });
    if (!this.isWanted || this.state !== 'complete')
      this.wrong.push('left to its end, though that was not wanted any more');
  }

  loseRight(): void {
    this.mayWrite = false;
    this.#stopLeaving();
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 5_000) {
      this.clock.advance(5_000);
      await this.settle();
    }
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

type Act = (world: World) => void;
const acts: Readonly<Record<string, Act>> = {
  'somebody deletes it': (world) => (world.isDeleting = true),
  'the definition is deleted': (world) => {
    world.definition = 'Gone';
    world.isSweptAway ||= !world.isDeleting;
    world.isDeleting = true;
  },
  'nobody may read definitions': (world) => (world.definition = world.definition === 'Gone' ? 'Gone' : 'Forbidden'),
  'definitions may be read': (world) => (world.definition = world.definition === 'Gone' ? 'Gone' : 'There'),
  'it is to be kept': (world) => (world.spec = { ...world.spec, onDelete: 'Keep' }),
  'it is to be removed': (world) => (world.spec = { ...world.spec, onDelete: 'Remove' }),
  'it breaks': (world) => (world.isBroken = true),
  'it is mended': (world) => (world.isBroken = false),
  'it is only observed': (world) => (world.spec = { ...world.spec, mode: 'Observe' }),
  'it is enforced': (world) => (world.spec = { ...world.spec, mode: 'Enforce' }),
  'a hand takes the finalizer': (world) => (world.finalizers = world.finalizers.filter((one) => one !== OURS)),
  'the source is frozen': (world) => (world.state = 'frozen'),
  'the source is complete': (world) => (world.state = 'complete'),
  'another copy writes': (world) => world.loseRight(),
  'this copy writes': (world) => (world.mayWrite = true),
  'the server is away': (world) => (world.apiFails = true),
  'the server is back': (world) => (world.apiFails = false),
  'the device is away': (world) => (world.deviceFails = true),
  'the device is back': (world) => (world.deviceFails = false),
  'the device is slow': (world) => (world.deviceTakesMs = 15_000),
};

async function act(world: World, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (!world.isThere) return;
    acts[name]?.(world);
    world.deliver();
    await world.settle();
  }
}

describe('a firewall whose object goes', () => {
  test('whatever happens: never left without reason, never held without one, and in the end let go', async () => {
    const walks = fc.array(fc.constantFrom(...Object.keys(acts)), { maxLength: 14 });
    await fc.assert(
      fc.asyncProperty(walks, fc.boolean(), async (walk, inBetween) => {
        const world = new World();
        await world.settle();
        for (const name of walk) {
          await act(world, name);
          if (inBetween) await world.pass(20_000);
        }
        const calm = ['the server is back', 'the device is back', 'definitions may be read', 'this copy writes'];
        await act(world, ...calm, 'the source is complete', 'it is mended');
        await world.pass(200_000);
        expect(world.wrong).toEqual([]);
        expect(world.isHeld).toBe(world.isWanted && !world.isDeleting);
        if (!world.isDeleting) expect([world.isLeft, world.departures.stageOf('edge-1')]).toEqual([false, undefined]);
        await world.departures.close();
      }),
      tries(300, 60),
    );
  });

  const after = async (...names: readonly string[]): Promise<World> => {
    const world = new World();
    await world.settle();
    await act(world, ...names);
    return world;
  };

  test.each([true, false])(
    'waits while it cannot be read, says so, and is let go on one word (read before: %s)',
    async (wasRead) => {
      const world = new World();
      if (!wasRead) {
        await world.departures.close();
        world.finalizers = [THEIRS, OURS];
      }
      await world.settle();
      await act(world, 'it breaks', 'somebody deletes it');
      await world.pass(120_000);
      expect([world.isLeft, world.isHeld, world.wrong]).toEqual([false, true, []]);
      expect(world.departures.toldOf('edge-1')).toMatchObject({ stops: true, reason: 'Unreadable' });
      expect(world.departures.toldOf('edge-1')?.message).toContain(`-p '{"spec":{"onDelete":"Keep"}}'`);
      await act(world, 'it is to be kept');
      expect([world.isLeft, world.isHeld]).toEqual([false, false]);
    },
  );

  test('goes with its definition, read or not', async () => {
    const world = await after('it breaks', 'the definition is deleted');
    expect([world.isLeft, world.isHeld, world.wrong]).toEqual([false, false, []]);
  });

  test('is held before it is deleted, and left before it is let go', async () => {
    const world = await after();
    expect(world.finalizers).toEqual([THEIRS, OURS]);
    await act(world, 'somebody deletes it');
    expect([world.isLeft, world.finalizers]).toEqual([true, [THEIRS]]);
    // Somebody else's finalizer keeps the object: nothing is put back.
    expect(world.departures.stageOf('edge-1')).toBe('Left');
  });

  test('waits for its device, says so, and how to let it go', async () => {
    const world = await after('the device is away', 'somebody deletes it');
    expect(world.departures.toldOf('edge-1')).toEqual({
      stops: true,
      reason: 'DEVICE_UNREACHABLE',
      message:
        'deleted, and waits (sallyport.dev/border): away. To leave the device as it is: kubectl patch borderfirewall edge-1 --type merge -p \'{"spec":{"onDelete":"Keep"}}\'',
    });
    expect(world.departures.stageOf('edge-1')).toBe('Leaving');
    await act(world, 'it is to be kept');
    expect([world.isLeft, world.finalizers, world.stays]).toEqual([false, [THEIRS], 1]);
    expect(world.departures.stageOf('edge-1')).toBeUndefined();
  });

  test.each([
    ['it is to be kept', [THEIRS]],
    ['it is only observed', [THEIRS]],
    ['the source is frozen', [THEIRS, OURS]],
  ])('is left no further where that is not wanted any more, at once: %s', async (what, finalizers) => {
    const world = await after('the device is slow', 'somebody deletes it', what);
    expect([world.isLeft, world.finalizers, world.stays]).toEqual([false, finalizers, 1]);
    expect(world.departures.toldOf('edge-1')?.reason).not.toBe('DEVICE_UNREACHABLE');
    await world.pass(60_000);
    expect([world.isLeft, world.wrong]).toEqual([false, []]);
  });

  test('is not left while the source is frozen, and goes on when it is complete again', async () => {
    const world = await after(
      'the device is away',
      'somebody deletes it',
      'the source is frozen',
      'the device is back',
    );
    await world.pass(60_000);
    expect([world.isLeft, world.stays]).toEqual([false, 1]);
    await act(world, 'the source is complete');
    expect(world.isLeft).toBe(true);
  });

  test('is let go with its definition, frozen or not, and not left', async () => {
    for (const names of [['the definition is deleted'], ['the source is frozen', 'the definition is deleted']]) {
      const world = await after(...names);
      await world.pass(20_000);
      expect([world.isLeft, world.finalizers]).toEqual([false, [THEIRS]]);
    }
  });

  test('waits where nobody knows whether its definition goes too', async () => {
    const world = await after('nobody may read definitions', 'somebody deletes it');
    await world.pass(200_000);
    expect([world.isLeft, world.isHeld]).toEqual([false, true]);
    expect(world.departures.toldOf('edge-1')).toMatchObject({ stops: true, reason: 'DefinitionUnknown' });
  });
});
