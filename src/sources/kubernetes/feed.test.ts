import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { kinds } from '../../api/kinds.ts';
import { readResource } from '../../api/read.ts';
import type { ResourceKey } from '../../api/resource.ts';
import { SallyportError } from '../../base/error.ts';
import type { Sent } from './encoding.ts';
import { type Definition, Feed, GRACE_MS, SETTLE_MS } from './feed.ts';

const kind = kinds.filter(({ type }) => type === 'GlobalNetworkSet')[0];
if (kind === undefined) throw new Error('there is no such kind');

let clock: FakeClock;
let gone: ResourceKey[];
/** What a question about the definition is answered at present; `undefined`: nothing. */
let definition: Definition | undefined;
let feed: Feed;
/** Whether the first list is told as it comes. */
let inPortions = false;

beforeEach(() => {
  clock = new FakeClock();
  inPortions = false;
  gone = [];
  feed = new Feed({
    kind,
    clock,
    output: { put: () => undefined, delete: (key) => void gone.push(key) },
    changed: () => undefined,
    inPortions: () => inPortions,
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

test('an answer that was asked for an earlier list makes nobody believe a later one, nor the earlier one', async () => {
  definition = { kind: 'There', uid: 'one' };
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  await list(...names);
  // The question about the first one is under way when the second one comes.
  const first = list(...names.slice(0, -1));
  await list('a');
  await first;
  expect([gone, feed.state]).toMatchObject([[], { kind: 'lost', isShrunk: true }]);
});

test('a later list that is no doubt by itself counts once it has been asked for too', async () => {
  definition = { kind: 'There', uid: 'one' };
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  await list(...names);
  const first = list(...names.slice(0, -1));
  await list(...names.slice(0, -2));
  await first;
  expect([gone, feed.state.kind]).toEqual([['GlobalNetworkSet/g', 'GlobalNetworkSet/h'], 'complete']);
});

test('a definition that was there and is not behind the kind any more takes no object along', async () => {
  definition = { kind: 'There', uid: 'one' };
  await list('a', 'b');
  definition = { kind: 'None' };
  feed.deleted(set('a'));
  await pass(10_000);
  expect([gone, feed.state.kind]).toEqual([[], 'lost']);
});

test('what is doubted does not settle while the kind is not served', async () => {
  definition = { kind: 'There', uid: 'one' };
  await list('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  await list('a');
  for (const name of ['b', 'c', 'd', 'e', 'f']) feed.put(set(name));
  await pass(SETTLE_MS / 2);
  feed.serve(false);
  await pass(2 * SETTLE_MS);
  expect([gone, feed.state]).toMatchObject([[], { kind: 'lost' }]);
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

test('a kind that is served without a definition loses what is deleted', async () => {
  definition = { kind: 'None' };
  await list('a', 'b');
  feed.deleted(set('a'));
  await answers();
  expect(gone).toEqual(['GlobalNetworkSet/a']);
});

test('what is stored by definitions has one: without it the objects have gone with it', async () => {
  definition = { kind: 'None' };
  feed.isStored = true;
  await list('a', 'b');
  feed.deleted(set('a'));
  await answers();
  expect([gone, feed.problem?.code]).toEqual([[], 'CLUSTER_KIND_GONE']);
});

test('objects that went with a definition of which there is another one by the time that it is asked for are kept', async () => {
  definition = { kind: 'There', uid: 'one' };
  await list('a', 'b');
  definition = { kind: 'There', uid: 'two' };
  for (const name of ['a', 'b']) feed.deleted(set(name));
  await pass(10 * SETTLE_MS);
  expect([gone, feed.problem?.code]).toEqual([[], 'CLUSTER_KIND_GONE']);
  for (const name of ['a', 'b']) feed.put(set(name));
  await pass(2_000);
  expect([gone, feed.state.kind]).toEqual([[], 'complete']);
  // It is the one that counts from now on.
  feed.deleted(set('a'));
  await answers();
  expect(gone).toEqual(['GlobalNetworkSet/a']);
});

test('what lacks in the first list of a kind that was not served for a while counts once it has lacked for a minute', async () => {
  definition = { kind: 'None' };
  const others = ['b', 'c', 'd', 'e', 'f'];
  await list('a', ...others);
  feed.serve(false);
  expect([gone, feed.problem?.code]).toEqual([[], 'CLUSTER_KIND_GONE']);
  await list(...others);
  await pass(SETTLE_MS - 5_000);
  expect([gone, feed.state.kind]).toEqual([[], 'lost']);
  await pass(10_000);
  expect([gone, feed.state.kind]).toEqual([['GlobalNetworkSet/a'], 'complete']);
});

describe('while nobody may read the definition', () => {
  beforeEach(() => {
    definition = { kind: 'Unknown' };
  });

  test('one of several objects goes once the others have stayed for a minute', async () => {
    await list('a', 'b', 'c', 'd');
    feed.deleted(set('a'));
    await pass(SETTLE_MS - 2_000);
    expect([gone, feed.state.kind, feed.problem?.code]).toEqual([[], 'lost', 'CLUSTER_KIND_UNDEFINED']);
    await pass(5_000);
    expect([gone, feed.state.kind]).toEqual([['GlobalNetworkSet/a'], 'complete']);
  });

  test.each([[['a', 'b', 'c', 'd']], [['a', 'b']], [['a']]])('%s, all that there is, stay in force', async (names) => {
    await list(...names);
    for (const name of names) {
      feed.deleted(set(name));
      await pass(1_000);
    }
    await pass(10 * SETTLE_MS);
    expect([gone, feed.state.kind]).toEqual([[], 'lost']);
    expect(feed.problem?.message).toContain('the right to get the definition (CRD) of their kind is missing');
    // They come back one by one.
    for (const name of names) feed.put(set(name));
    await pass(2_000);
    expect([gone, feed.state.kind]).toEqual([[], 'complete']);
  });

  test.each([5 * 3_600_000, -5 * 3_600_000])(
    'it settles by the monotonic clock, whatever becomes of the wall clock: %i ms',
    async (ms) => {
      await list('a', 'b', 'c', 'd');
      feed.deleted(set('a'));
      await pass(10_000);
      clock.setWall(ms);
      await pass(SETTLE_MS - 12_000);
      expect([gone, feed.state.kind]).toEqual([[], 'lost']);
      await pass(5_000);
      expect([gone, feed.state.kind]).toEqual([['GlobalNetworkSet/a'], 'complete']);
    },
  );

  test('nothing is settled by time in which this process was stopped, and could hear nothing', async () => {
    await list('a', 'b', 'c', 'd');
    feed.deleted(set('a'));
    await pass(10_000);
    clock.stop(5 * 3_600_000);
    await answers();
    expect([gone, feed.state.kind]).toEqual([[], 'lost']);
    // What it hears now was so all the time.
    for (const name of ['b', 'c', 'd']) feed.deleted(set(name));
    await pass(10 * SETTLE_MS);
    expect([gone, feed.state.kind]).toEqual([[], 'lost']);
    for (const name of ['b', 'c', 'd']) feed.put(set(name));
    await pass(SETTLE_MS + 5_000);
    expect([gone, feed.state.kind]).toEqual([['GlobalNetworkSet/a'], 'complete']);
  });

  test('nothing is settled by time in which the server is not heard', async () => {
    await list('a', 'b', 'c', 'd');
    feed.deleted(set('a'));
    await pass(2_000);
    feed.broken(new SallyportError('API_UNREACHABLE', 'the connection was cut'));
    await pass(10 * SETTLE_MS);
    expect([gone, feed.state.kind]).toEqual([[], 'lost']);
    // Nor by time before it: what is there now may be more than was told.
    feed.connected();
    await pass(SETTLE_MS - 2_000);
    expect([gone, feed.state.kind]).toEqual([[], 'lost']);
    await pass(5_000);
    expect([gone, feed.state.kind]).toEqual([['GlobalNetworkSet/a'], 'complete']);
  });

  test('what a list leaves out is not taken for deleted at once either', async () => {
    await list('a', 'b', 'c', 'd');
    await list('b', 'c', 'd');
    await pass(10_000);
    expect([gone, feed.state.kind]).toEqual([[], 'lost']);
    await pass(SETTLE_MS);
    expect([gone, feed.state.kind]).toEqual([['GlobalNetworkSet/a'], 'complete']);
  });
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

describe('between a deletion and the answer about its definition', () => {
  const again = (name: string): Sent => ({ ...set(name), uid: `${name}-again` });

  beforeEach(async () => {
    definition = { kind: 'There', uid: 'one' };
    await list('a', 'b');
  });

  test('an object that is told as there stays', async () => {
    feed.deleted(set('a'));
    feed.put(set('a'));
    await pass(5_000);
    expect([gone, feed.state.kind]).toEqual([[], 'complete']);
  });

  test('one that was made anew and deleted too goes', async () => {
    feed.deleted(set('a'));
    feed.put(again('a'));
    feed.deleted(again('a'));
    await pass(5_000);
    expect([...feed.told.keys()]).toEqual(['GlobalNetworkSet/b']);
  });
});

test('while a list is not believed, the deletion of one that had a name before takes nothing from who has it now', async () => {
  definition = { kind: 'There', uid: 'one' };
  await list('a', 'b', 'c', 'd');
  await list('a');
  expect(feed.state.kind).toBe('lost');
  feed.deleted({ ...set('a'), uid: 'long-gone' });
  for (const name of ['b', 'c', 'd']) feed.put(set(name));
  await pass(2 * SETTLE_MS);
  expect([gone, feed.state.kind]).toEqual([[], 'complete']);
});

/** The reader has a mistake, and this object brings it out. */
const unlucky = (name: string, version = '1'): Sent => ({
  ...set(name),
  version,
  read: () => {
    throw new TypeError('not thought of');
  },
});

test.each([false, true])(
  'an object at which the reader throws counts as unreadable, and its kind goes on (as it comes: %s)',
  async (asItComes) => {
    inPortions = asItComes;
    definition = { kind: 'There', uid: 'one' };
    feed.serve(true);
    feed.listBegins();
    for (const sent of [set('a'), unlucky('b'), set('c')]) feed.listed(sent);
    feed.listEnds();
    feed.connected();
    await answers();
    expect(feed.state).toEqual({ kind: 'complete' });
    expect([...feed.told.broken.keys()]).toEqual(['GlobalNetworkSet/b']);
    expect(feed.told.diagnostics).toMatchObject([{ code: 'READER_FAILED', object: 'GlobalNetworkSet/b' }]);
    expect(feed.told.diagnostics[0]?.message).toContain('not thought of');
    // One that was read before stays as it was.
    feed.put(unlucky('c', '2'));
    expect([...feed.told.broken.keys()]).toEqual(['GlobalNetworkSet/b', 'GlobalNetworkSet/c']);
    for (const name of ['b', 'c']) feed.put({ ...set(name), version: '3' });
    expect([gone, [...feed.told.broken.keys()], feed.state.kind]).toEqual([[], [], 'complete']);
  },
);

test('a stored object that cannot be read any more stays under the name that it was read by', async () => {
  definition = { kind: 'There', uid: 'one' };
  feed.isStored = true;
  const stored = (version: string, read: Sent['read']): Sent => ({ ...set('default.a'), version, read });
  feed.serve(true);
  feed.listBegins();
  feed.listed(stored('1', () => set('a').read()));
  feed.listEnds();
  await answers();
  feed.put(stored('2', () => unlucky('a').read()));
  feed.put(stored('3', () => ({ diagnostics: [] })));
  expect([gone, [...feed.told.broken.keys()]]).toEqual([[], ['GlobalNetworkSet/a']]);
});
