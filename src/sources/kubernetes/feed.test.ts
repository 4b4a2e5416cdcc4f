import { beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { kinds } from '../../api/kinds.ts';
import { readResource } from '../../api/read.ts';
import type { ResourceKey } from '../../api/resource.ts';
import { SallyportError } from '../../base/error.ts';
import type { Sent } from './encoding.ts';
import { type Definition, Feed, GRACE_MS } from './feed.ts';

const kind = kinds.filter(({ type }) => type === 'GlobalNetworkSet')[0];
if (kind === undefined) throw new Error('there is no such kind');

let clock: FakeClock;
let gone: ResourceKey[];
/** What a question about the definition is answered at present; `undefined`: nothing. */
let definition: Definition | undefined;
let feed: Feed;

beforeEach(() => {
  clock = new FakeClock();
  gone = [];
  feed = new Feed({
    kind,
    clock,
    output: { put: () => undefined, delete: (key) => void gone.push(key) },
    changed: () => undefined,
    inPortions: () => false,
    define: () =>
      definition === undefined
        ? Promise.reject(new SallyportError('API_UNREACHABLE', 'no answer'))
        : Promise.resolve(definition),
  });
});

function set(name: string): Sent {
  const object = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkSet',
    metadata: { name, uid: name },
    spec: { nets: ['192.0.2.0/24'] },
  };
  return { namespace: '', name, uid: name, version: '1', read: () => readResource(object, {}) };
}

async function list(...names: readonly string[]): Promise<void> {
  feed.serve(true);
  feed.listBegins();
  for (const name of names) feed.listed(set(name));
  feed.listEnds();
  feed.connected();
  await answers();
}

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    clock.advance(1_000);
    await answers();
  }
}

/** Whatever was asked has been answered. */
async function answers(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

test('objects of a definition that was going already when the process began are kept too', async () => {
  definition = { kind: 'Gone' };
  await list('a', 'b');
  feed.deleted(set('a'));
  await answers();
  expect(gone).toEqual([]);
  expect(feed.state).toMatchObject({ kind: 'lost' });
});

test('a definition that goes before anybody could be asked about it takes no object along', async () => {
  definition = undefined;
  await list('a', 'b');
  feed.deleted(set('a'));
  definition = { kind: 'Gone' };
  await pass(10_000);
  expect(gone).toEqual([]);
  expect(feed.state).toMatchObject({ kind: 'lost' });
});

test('a definition that nobody may read keeps no object', async () => {
  definition = { kind: 'Unknown' };
  await list('a', 'b');
  feed.deleted(set('a'));
  await answers();
  expect(gone).toEqual(['GlobalNetworkSet/a']);
});

test('a question that was answered late leaves nothing behind, though the watch is silent', async () => {
  definition = undefined;
  await list('a');
  await pass(10_000);
  definition = { kind: 'There', uid: 'one' };
  await pass(GRACE_MS + 10_000);
  expect(feed.state).toEqual({ kind: 'complete' });
});

test('as long as deletions wait for an answer that does not come, the kind is lost, though the watch is busy', async () => {
  definition = { kind: 'There', uid: 'one' };
  await list('a', 'b');
  definition = undefined;
  feed.deleted(set('a'));
  for (let at = 0; at < GRACE_MS + 10_000; at += 1_000) {
    await pass(1_000);
    feed.put(set('b'));
    feed.connected();
  }
  expect(gone).toEqual([]);
  expect(feed.state.kind).toBe('lost');
  expect(feed.problem?.message).toContain('no answer');
  definition = { kind: 'There', uid: 'one' };
  await pass(10_000);
  expect(gone).toEqual(['GlobalNetworkSet/a']);
  expect(feed.state).toEqual({ kind: 'complete' });
});
