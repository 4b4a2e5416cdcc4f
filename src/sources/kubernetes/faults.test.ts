import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { DeliveredState } from '../../../test/kit/delivered-state.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { MemoryApi, type MemoryObject, NAMESPACES, PODS, broken, refused } from '../../../test/kit/memory-api.ts';
import { KubernetesSource } from './kubernetes-source.ts';

const HOUR_MS = 3_600_000;
/** They are there from the beginning to the end. */
const LASTING = Array.from({ length: 20 }, (_, index) => `lasting-${index}`);

const pod = (name: string, fields: object = {}): MemoryObject => ({
  metadata: { namespace: 'shop', name },
  status: { phase: 'Running' },
  ...fields,
});

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
/** What happens to the server's objects, and what goes wrong. */
const step = fc.oneof(
  { weight: 6, arbitrary: name.map((which) => ({ do: 'put' as const, which })) },
  { weight: 4, arbitrary: name.map((which) => ({ do: 'delete' as const, which })) },
  { weight: 2, arbitrary: name.map((which) => ({ do: 'replace' as const, which })) },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(
        'change lasting',
        'end',
        'break',
        'expire',
        'expired event',
        'garbage',
        'half an event',
        'old delete',
        'same again',
        'bookmark',
        'down',
        'up',
        'busy',
        'restore',
        'no streams',
        'clock ahead',
        'clock back',
        'stopped',
      )
      .map((what) => ({ do: what, which: '' })),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(10, 700, 3_000, 40_000).map((ms) => ({ do: 'pass' as const, which: String(ms) })),
  },
);

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 2_000) {
    clock.advance(Math.min(2_000, ms - passed));
    await turns(6);
  }
}

function happen(api: MemoryApi, clock: FakeClock, what: string, which: string): void {
  const watches = api.watches(PODS);
  const key = `shop/${which}`;
  switch (what) {
    case 'put':
      return api.put(PODS, pod(which, { spec: { nodeName: `n${api.version}` } }));
    case 'delete':
      return api.delete(PODS, key);
    case 'replace':
      return api.put(PODS, {
        ...pod(which),
        metadata: { namespace: 'shop', name: which, uid: `again-${api.version}` },
      });
    case 'change lasting':
      return api.put(PODS, pod('lasting-3', { spec: { nodeName: `n${api.version}` } }));
    case 'end':
      return watches.forEach((stream) => stream.end());
    case 'break':
      return watches.forEach((stream) => stream.end(broken()));
    case 'expire':
      api.put(NAMESPACES, { metadata: { name: 'other' } });
      api.compact();
      return watches.forEach((stream) => stream.end());
    case 'expired event':
      return watches.forEach((stream) => {
        stream.event('ERROR', { kind: 'Status', code: 410 });
        stream.end();
      });
    case 'garbage':
      return watches.forEach((stream) => {
        stream.send('garbage\n');
        stream.end();
      });
    case 'half an event':
      return watches.forEach((stream) => {
        stream.send('{"type":"DELETED","object":{"metadata":');
        stream.end();
      });
    case 'old delete': {
      // Of one that had this name before.
      const metadata = { namespace: 'shop', name: 'lasting-5', uid: 'long-gone', resourceVersion: api.version };
      return watches.forEach((stream) => stream.event('DELETED', { metadata }));
    }
    case 'same again':
      return watches.forEach((stream) => {
        for (const body of api.bodies(PODS).slice(-1)) stream.event('MODIFIED', body);
      });
    case 'bookmark':
      return api.bookmark(PODS);
    case 'down':
      api.intercept = () => broken();
      return watches.forEach((stream) => stream.end(broken()));
    case 'busy':
      api.intercept = ({ path }) => (path === PODS ? refused(429, 'TooManyRequests', 2_000) : undefined);
      return watches.forEach((stream) => stream.end());
    case 'up':
      api.intercept = () => undefined;
      return undefined;
    case 'restore':
      // Nobody restores a server that runs: whoever comes meanwhile is refused.
      api.intercept = () => broken();
      api.restore(Math.max(1, Number(api.version) - 500));
      return api.watches().forEach((stream) => stream.end(broken()));
    case 'clock ahead':
      return clock.setWall(5 * HOUR_MS);
    case 'clock back':
      return clock.setWall(-5 * HOUR_MS);
    case 'stopped':
      return clock.stop(HOUR_MS);
    case 'no streams':
      api.streamsLists = false;
      return undefined;
    default:
      throw new Error(what);
  }
}

test('whatever happens and fails: what is delivered ends up as the server has it, and what lasts is never gone', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
      const api = new MemoryApi(undefined, 5_000);
      const clock = new FakeClock();
      const seen = new DeliveredState();
      const stop = new AbortController();
      for (const which of LASTING) api.put(PODS, pod(which));
      const source = new KubernetesSource({ name: 'x', api, clock, random: () => 0.5 });
      const running = source.run((delivery) => seen.take(delivery), stop.signal);
      await turns(8);
      for (const { do: what, which } of steps) {
        if (what === 'pass') await pass(clock, Number(which));
        else happen(api, clock, what, which);
        if (what === 'restore') {
          await pass(clock, 3_000);
          api.intercept = () => undefined;
        }
        await turns(1);
      }
      api.intercept = () => undefined;
      await pass(clock, 200_000);
      stop.abort();
      await running;
      const versions = api
        .bodies(PODS)
        .map(({ metadata, spec }) => `Pod/shop/${metadata.name} ${spec?.nodeName ?? ''}`);
      const delivered = [...seen.resources].flatMap(([key, resource]) =>
        resource.type === 'Pod' ? [`${key} ${resource.nodeName ?? ''}`] : [],
      );
      expect(seen.state).toBe('complete');
      expect(delivered.sort()).toEqual(versions.sort());
      expect(seen.deleted.filter((key) => key.includes('lasting'))).toEqual([]);
    }),
    tries(40, 8),
  );
});
