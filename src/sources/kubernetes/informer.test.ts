import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { MemoryApi, type MemoryObject, MemoryStream, PODS, broken, refused } from '../../../test/kit/memory-api.ts';
import type { ApiRequest } from '../../kubernetes/api-client.ts';
import type { Sent } from './encoding.ts';
import { Informer } from './informer.ts';
import { JsonEncoding } from './json-encoding.ts';

let api: MemoryApi;
let clock: FakeClock;
let stop: AbortController;
let running: Promise<void>;
/** What the listener heard, in order. */
let heard: string[];
let relists: string[];
/** What is known by now: name and version. */
let known: Map<string, string>;
/** Called as a list ends. */
let onListed: () => void;

beforeEach(() => {
  onListed = () => undefined;
  api = new MemoryApi();
  clock = new FakeClock();
  stop = new AbortController();
  heard = [];
  relists = [];
  known = new Map();
});
afterEach(async () => {
  stop.abort();
  await running;
});

const start = (): void => {
  let listed = new Map<string, string>();
  const say = (what: string, sent: Sent): void => void heard.push(`${what} ${sent.name}`);
  const informer = new Informer({
    api,
    path: PODS,
    encodings: [new JsonEncoding('v1', 'Pod', {})],
    clock,
    random: () => 0,
    listener: {
      listBegins: () => {
        listed = new Map();
        heard.push('list');
      },
      listed: (sent) => void listed.set(sent.name, sent.version),
      listEnds: () => {
        known = listed;
        heard.push(`listed ${[...known.keys()].join(' ')}`);
        onListed();
      },
      put: (sent) => {
        known.set(sent.name, sent.version);
        say('put', sent);
      },
      deleted: (sent) => {
        known.delete(sent.name);
        say('deleted', sent);
      },
      connected: () => void (heard.at(-1) !== 'connected' && heard.push('connected')),
      broken: ({ code }) => void heard.push(code),
    },
    events: { relist: (reason) => relists.push(reason) },
  });
  running = informer.run(stop.signal);
};
const turns = async (count = 10): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
};
const pass = async (ms: number, step = 500): Promise<void> => {
  await turns();
  for (let passed = 0; passed < ms; passed += step) {
    clock.advance(Math.min(step, ms - passed));
    await turns();
  }
};
const pod = (name: string): MemoryObject => ({ metadata: { namespace: 'shop', name } });
const put = (...names: string[]): void => {
  for (const name of names) api.put(PODS, pod(name));
};
/** The watch that is open. */
const watch = (): MemoryStream => {
  const [stream] = api.watches(PODS);
  if (stream === undefined) throw new Error('no watch is open');
  return stream;
};
const watches = (): readonly ApiRequest[] => api.asked(PODS, 'watch');
const isStreamedList = ({ query }: ApiRequest): boolean => query?.['sendInitialEvents'] === 'true';
const noStreams = (request: ApiRequest): Error | undefined =>
  isStreamedList(request) ? refused(422, 'Invalid') : undefined;

describe('the first list', () => {
  test('is streamed, and goes on as a watch', async () => {
    put('a', 'b');
    start();
    await turns();
    put('c');
    api.delete(PODS, 'shop/a');
    await turns();
    expect(heard).toEqual(['list', 'listed a b', 'connected', 'put c', 'connected', 'deleted a']);
    expect(api.requests.map(({ query }) => query)).toEqual([
      {
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: '240',
        sendInitialEvents: 'true',
        resourceVersionMatch: 'NotOlderThan',
      },
    ]);
  });

  test.each([400, 403, 422])('is read in pages where the server answers %i to a streamed one', async (status) => {
    api.intercept = (request) => (isStreamedList(request) ? refused(status, 'No') : undefined);
    for (let index = 0; index < 1_201; index++) put(`p${String(index).padStart(4, '0')}`);
    start();
    await turns(60);
    expect(known.size).toBe(1_201);
    expect(api.asked(PODS, 'list').map(({ query }) => query?.['limit'])).toEqual(['500', '500', '500']);
    expect(watches().at(-1)?.query).toMatchObject({ resourceVersion: api.version, allowWatchBookmarks: 'true' });
    expect(heard.filter((word) => word.startsWith('API_'))).toEqual([]);
  });

  const odd: Readonly<Record<string, (stream: MemoryStream) => void>> = {
    'ends before it is whole': (stream) => stream.end(),
    'has a bookmark that ends nothing': (stream) => stream.event('BOOKMARK', { metadata: { resourceVersion: '1000' } }),
    'fails in the middle': (stream) => stream.event('ERROR', { kind: 'Status', code: 500 }),
    'goes silent': () => undefined,
  };
  test.each(Object.entries(odd))('is read in pages where a streamed one %s', async (_, spoil) => {
    put('a', 'b');
    api.intercept = (request) => {
      if (!isStreamedList(request)) return undefined;
      const stream = new MemoryStream(request);
      stream.event('ADDED', { metadata: { name: 'a', namespace: 'shop', uid: 'u', resourceVersion: '5' } });
      spoil(stream);
      return stream;
    };
    start();
    await pass(6_000);
    expect([...known.keys()]).toEqual(['a', 'b']);
    expect(watches().filter(isStreamedList)).toHaveLength(1);
    expect(heard.filter((word) => word.startsWith('API_'))).toEqual([]);
  });

  test('leaves out what the server tells as deleted before a streamed one is whole', async () => {
    api.intercept = (request) => {
      if (!isStreamedList(request)) return undefined;
      const stream = new MemoryStream(request);
      const tell = (type: string, name: string, version: number): void =>
        stream.event(type, {
          metadata: { name, namespace: 'shop', uid: `${name}-${version}`, resourceVersion: `${version}` },
        });
      for (const name of ['a', 'b', 'c']) tell('ADDED', name, 5);
      tell('DELETED', 'b', 6);
      tell('DELETED', 'c', 7);
      tell('ADDED', 'c', 8);
      stream.event('BOOKMARK', {
        metadata: { resourceVersion: '8', annotations: { 'k8s.io/initial-events-end': 'true' } },
      });
      return stream;
    };
    start();
    await turns();
    expect([...known]).toEqual([
      ['a', '5'],
      ['c', '8'],
    ]);
    expect(heard).toEqual(['list', 'listed a b c', 'deleted b', 'connected']);
  });

  test('opens no watch where the end comes while it is taken in', async () => {
    api.intercept = noStreams;
    put('a');
    onListed = () => stop.abort();
    start();
    await running;
    expect(heard).toEqual(['list', 'listed a', 'connected']);
    expect(watches().filter((request) => !isStreamedList(request))).toEqual([]);
  });

  test('begins again where a page has expired', async () => {
    let pages = 0;
    api.intercept = (request) => {
      if (request.query?.['continue'] !== undefined && pages++ === 0) return refused(410, 'Expired');
      return noStreams(request);
    };
    for (let index = 0; index < 600; index++) put(`p${String(index).padStart(3, '0')}`);
    start();
    await pass(100, 50);
    expect(heard.filter((word) => word === 'list')).toHaveLength(2);
    expect(known.size).toBe(600);
  });
});

describe('a watch', () => {
  beforeEach(() => {
    put('a');
  });

  test('that ends cleanly every second goes on where it ended, a request a second and no list', async () => {
    start();
    await turns();
    for (let second = 0; second < 60; second++) {
      put(`n${second}`);
      watch().end();
      await pass(1_000);
    }
    expect(known.size).toBe(61);
    expect(watches().length).toBeLessThanOrEqual(62);
    expect(api.asked(PODS, 'list')).toEqual([]);
    expect(relists).toEqual([]);
    expect(heard.filter((word) => word.startsWith('API_'))).toEqual([]);
  });

  test('that the server ends at once is not opened in a hot loop', async () => {
    start();
    await turns();
    api.intercept = (request) => {
      const stream = new MemoryStream(request);
      stream.end();
      return stream;
    };
    watch().end();
    await pass(30_000);
    expect(watches().length).toBeLessThanOrEqual(32);
  });

  test('waits longer after each failure, half a minute at most, and not at all after the first event', async () => {
    start();
    await turns();
    const times: number[] = [];
    api.intercept = (request) => {
      if (request.path === PODS) times.push(clock.monotonic());
      return broken();
    };
    watch().end(broken());
    await pass(120_000, 250);
    const waits = times.map((time, index) => time - (times[index - 1] ?? 0));
    expect(waits).toEqual([500, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000, 15_000, 15_000]);
    api.intercept = () => undefined;
    await pass(20_000);
    put('b');
    await turns();
    expect(known.has('b')).toBe(true);
    api.intercept = () => broken();
    watch().end(broken());
    const asked = api.requests.length;
    await pass(500);
    expect(api.requests.length).toBe(asked + 1);
  });

  test.each([429, 503])('comes back after the time that a %i names', async (status) => {
    start();
    await turns();
    api.intercept = () => refused(status, 'Busy', 20_000);
    watch().end();
    await pass(1_000);
    const asked = api.requests.length;
    await pass(19_000);
    expect(api.requests.length).toBe(asked);
    await pass(2_000);
    expect(api.requests.length).toBe(asked + 1);
  });

  test.each(['event', 'status'])('whose version is too old (%s) reads the list again', async (form) => {
    start();
    await turns();
    put('b');
    api.delete(PODS, 'shop/a', false);
    if (form === 'status') {
      api.put('/api/v1/nodes', { metadata: { name: 'n' } });
      api.compact();
      watch().end();
    } else watch().event('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
    await pass(2_000);
    expect(relists).toEqual(['the version to go on from is too old']);
    expect([...known.keys()]).toEqual(['b']);
  });

  test.each(['API_FAILED', 'API_FORBIDDEN', 'API_UNAUTHORIZED', 'API_NOT_FOUND', 'API_REFUSED'])(
    'does not stop at %s',
    async (code) => {
      const status = { API_FAILED: 500, API_FORBIDDEN: 403, API_UNAUTHORIZED: 401, API_NOT_FOUND: 404 }[code] ?? 400;
      start();
      await turns();
      api.intercept = () => refused(status, 'No');
      watch().end();
      await pass(600_000, 5_000);
      expect(new Set(heard.filter((word) => word.startsWith('API_')))).toEqual(new Set([code]));
      put('late');
      api.intercept = () => undefined;
      await pass(31_000);
      expect([...known.keys()]).toEqual(['a', 'late']);
    },
  );

  test('does not lose or turn round what comes in whatever pieces', async () => {
    start();
    await turns();
    const names = ['ä', 'ß-日本', 'plain', '🙂'];
    const text = names
      .map((name, index) => {
        const metadata = { name, namespace: 'shop', uid: 'u', resourceVersion: String(2_000 + index) };
        return `${JSON.stringify({ type: 'ADDED', object: { metadata } })}\n`;
      })
      .join('');
    for (const byte of Buffer.from(text)) watch().send(Uint8Array.of(byte));
    await turns(40);
    expect(heard.filter((word) => word.startsWith('put'))).toEqual(names.map((name) => `put ${name}`));
  });

  test('cut within an event goes on before it', async () => {
    start();
    await turns();
    const stream = watch();
    stream.send('{"type":"ADDED","object":{"metadata":{"na');
    stream.end();
    put('b');
    await pass(2_000);
    expect(heard.filter((word) => word.startsWith('API_'))).toEqual(['API_UNREACHABLE']);
    expect([...known.keys()]).toEqual(['a', 'b']);
    expect(relists).toEqual([]);
  });

  test('that cannot be understood twice at one place is left for a list', async () => {
    start();
    await turns();
    watch().send('nonsense\n');
    await pass(2_000);
    expect(relists).toEqual([]);
    watch().send('{"type":"WHAT","object":{}}\n');
    await pass(3_000);
    expect(relists).toEqual(['an event cannot be understood']);
    expect([...known.keys()]).toEqual(['a']);
  });

  test('is moved by bookmarks', async () => {
    start();
    await turns();
    put('b');
    api.put('/api/v1/nodes', { metadata: { name: 'n' } });
    api.bookmark(PODS);
    await turns();
    watch().end();
    await pass(1_500);
    expect(watches().at(-1)?.query?.['resourceVersion']).toBe(api.version);
  });

  test('of a server whose history went back reads the list again', async () => {
    start();
    await turns();
    put('b', 'c');
    await turns();
    api.intercept = () => broken();
    watch().end(broken());
    await pass(1_000);
    api.delete(PODS, 'shop/b', false);
    api.restore(10);
    api.intercept = () => undefined;
    await pass(30_000);
    expect(relists).toContain('the history of the server went back');
    expect([...known.keys()]).toEqual(['a', 'c']);
    put('d');
    await turns();
    expect([...known.keys()]).toEqual(['a', 'c', 'd']);
  });

  test('of a server whose other history has overtaken what is known, while nothing was heard, reads the list again', async () => {
    start();
    await turns();
    put('b', 'c');
    await turns();
    api.intercept = () => broken();
    watch().end(broken());
    await pass(301_000, 1_000);
    // A backup without these changes, and then many others: the version that is known is one of the new history too.
    api.delete(PODS, 'shop/b', false);
    put('d', 'e', 'f');
    api.intercept = () => undefined;
    await pass(40_000);
    expect(relists).toEqual(['the server was away for so long that it may have begun another history']);
    expect([...known.keys()]).toEqual(['a', 'c', 'd', 'e', 'f']);
  });

  test('that was away for less than servers remember goes on where it was, as often as that happens', async () => {
    start();
    await turns();
    for (const name of ['b', 'c']) {
      api.intercept = () => broken();
      watch().end(broken());
      await pass(200_000, 1_000);
      put(name);
      api.intercept = () => undefined;
      await pass(40_000);
    }
    expect([relists, [...known.keys()]]).toEqual([[], ['a', 'b', 'c']]);
  });

  test('whose bookmark is older than what it told reads the list again', async () => {
    start();
    await turns();
    put('b');
    await turns();
    expect(relists).toEqual([]);
    watch().event('BOOKMARK', { metadata: { resourceVersion: '900' } });
    await pass(2_000);
    expect(relists).toEqual(['the version to go on from is too old']);
    expect([...known.keys()]).toEqual(['a', 'b']);
  });

  test('and a list that is older than what is known is asked for again first', async () => {
    api.streamsLists = false;
    start();
    await turns();
    put('b', 'c');
    await turns();
    let stale = 2;
    api.intercept = ({ query }) =>
      query?.['limit'] === '500' && stale-- > 0 ? { metadata: { resourceVersion: '900' }, items: [] } : undefined;
    watch().event('ERROR', { kind: 'Status', code: 410 });
    await pass(10_000);
    expect(heard.filter((word) => word.startsWith('listed'))).toEqual(['listed a', 'listed a b c']);
  });

  test('gives others their turn while events pour in', async () => {
    start();
    await turns();
    let turn = 0;
    const count = (): void => {
      turn += 1;
      if (!stop.signal.aborted) setImmediate(count);
    };
    setImmediate(count);
    const lines = Array.from({ length: 5_000 }, (_, index) => {
      const metadata = { name: `n${index}`, namespace: 'shop', uid: 'u', resourceVersion: String(2_000 + index) };
      return `${JSON.stringify({ type: 'ADDED', object: { metadata } })}\n`;
    });
    const before = turn;
    watch().send(lines.join(''));
    await turns(100);
    expect(known.size).toBe(5_001);
    expect(turn - before).toBeGreaterThan(40);
  });
});
