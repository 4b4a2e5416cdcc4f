import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Authority, type Issued } from '../../../test/kit/certificates.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { Feeds } from '../../controller/feeds/feeds.ts';
import type { ConfiguredConsumer } from '../../controller/configuration/feeds-configuration.ts';
import type { FeedList } from '../../firewalls/feed/feed-list.ts';
import { FeedStore } from '../../firewalls/feed/feed-store.ts';
import { Publication } from '../../firewalls/feed/publication.ts';
import { documentOf } from './content.ts';
import { openFeeds } from './open-feeds.ts';

let folder: string;
let authority: Authority;
let strangers: Authority;
let server: Issued;
let client: Issued;
let feeds: Feeds;
let publication: Publication;
let running: Server;
let base: string;
/** Whether this process has the right to write. */
let holds: boolean;
const agents: Agent[] = [];

const PAYMENTS: FeedList = {
  name: 'payments',
  resource: 'AddressGroup/payments',
  use: 'Allow',
  addresses: { 4: ['10.0.0.2', '10.0.0.10'], 6: ['fd00::1'] },
};
const HOSTILE: FeedList = { ...PAYMENTS, name: '../a b/%2e?#ü', addresses: { 4: ['10.0.0.3'], 6: [] } };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-feeds-'));
  authority = new Authority(folder, 'feed CA');
  strangers = new Authority(folder, 'strange CA');
  server = authority.issue('/CN=feeds', { names: 'IP:127.0.0.1' });
  client = authority.issue('/CN=edge-3', { names: 'DNS:edge-3.example' });
});
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  holds = true;
  const token = join(folder, 'token');
  writeFileSync(token, 't0ken\n');
  writeFileSync(join(folder, 'password'), 'p4ss');
  const consumers: readonly ConfiguredConsumer[] = [
    {
      name: 'panos',
      firewall: 'edge-1',
      auth: { kind: 'Basic', username: { text: 'fw1' }, password: { text: 'p:ä' } },
    },
    { name: 'bearer', firewall: 'edge-1', auth: { kind: 'Bearer', token: { file: token } } },
    { name: 'other', firewall: 'edge-2', auth: { kind: 'Bearer', token: { text: 'of-edge-2' } } },
    { name: 'mutual', firewall: 'edge-1', auth: { kind: 'Certificate', subject: 'edge-3.example' } },
    {
      name: 'emptied',
      firewall: 'edge-1',
      auth: { kind: 'Basic', username: { text: 'fw2' }, password: { file: join(folder, 'password') } },
    },
    { name: 'without', firewall: 'edge-1', auth: { kind: 'Basic', username: { text: 'fw3' }, password: { text: '' } } },
    { name: 'same', firewall: 'edge-1', auth: { kind: 'Bearer', token: { text: 'shared' } } },
    { name: 'same too', firewall: 'edge-2', auth: { kind: 'Bearer', token: { text: 'shared' } } },
    { name: 'unset', firewall: 'edge-1', auth: { kind: 'Bearer', token: { text: '' } } },
  ];
  feeds = new Feeds({ clock: systemClock });
  publication = publish('edge-1');
  await publication.put(PAYMENTS);
  await publication.put(HOSTILE);
  running = await openFeeds(
    {
      host: '127.0.0.1',
      port: 0,
      tls: { cert: server.certificateFile, key: server.keyFile, clientCA: authority.file },
      consumers,
    },
    feeds,
    silentLog,
  );
  base = `https://127.0.0.1:${(running.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.destroy()));
  running.closeAllConnections();
  await new Promise((resolve) => running.close(resolve));
  for (const name of publication.lists.keys()) await publication.remove(name);
});

function publish(firewall: string): Publication {
  const owner = { cluster: 'lab', firewall };
  const made = new Publication(new FeedStore(join(folder, 'feeds', firewall), owner), systemClock);
  feeds.give(firewall, { owner, publication: made, holds: () => holds });
  feeds.confirmed(firewall);
  return made;
}

const basic = (text: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(text).toString('base64')}`,
});
const BASIC = basic('fw1:p:ä');
const BEARER = { authorization: 'Bearer t0ken' };

/** Addresses of one list, in order. */
const many = (from: number, count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => from + at).map((at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`);

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
}

async function get(
  path: string,
  headers: Readonly<Record<string, string>> = BEARER,
  { method = 'GET', shows }: { readonly method?: 'GET' | 'HEAD' | 'POST'; readonly shows?: Issued } = {},
): Promise<Got> {
  const identity = shows === undefined ? {} : { cert: shows.certificate, key: shows.key };
  const agent = new Agent({ connect: { ca: authority.certificate, ...identity } });
  agents.push(agent);
  const answer = await request(base + path, { dispatcher: agent, method, headers });
  const body = Buffer.from(await answer.body.arrayBuffer());
  return { status: answer.statusCode, headers: answer.headers, body, text: body.toString() };
}

describe('what is given out', () => {
  test('one address a line, in order, every line ended; one family alone; an empty list is empty', async () => {
    expect((await get('/lists/payments.txt')).text).toBe('10.0.0.2\n10.0.0.10\nfd00::1\n');
    expect((await get('/ipv4/payments.txt')).text).toBe('10.0.0.2\n10.0.0.10\n');
    expect((await get('/ipv6/payments.txt')).text).toBe('fd00::1\n');
    await publication.put({ ...PAYMENTS, addresses: { 4: [], 6: [] } });
    expect(await get('/lists/payments.txt')).toMatchObject({ status: 200, text: '' });
  });

  test('a name that holds anything is one list of one path', async () => {
    expect((await get(`/lists/${encodeURIComponent(HOSTILE.name)}.txt`)).text).toBe('10.0.0.3\n');
    for (const path of [
      '/lists/../../etc/passwd',
      '/lists/%2e%2e%2fpayments.txt',
      '/lists/payments',
      '/lists/.txt',
      '/',
    ])
      expect((await get(path)).status).toBe(404);
  });

  test('the MD5 of each text stands beside it', async () => {
    for (const path of ['/lists/payments.txt', '/ipv4/payments.txt', '/ipv6/payments.txt']) {
      const { body } = await get(path);
      expect((await get(`${path}.md5`)).text).toBe(`${createHash('md5').update(body).digest('hex')}\n`);
    }
  });

  test('below /filled no family is empty, with sums of its own, and what was fetched is the list', async () => {
    expect((await get('/filled/lists/payments.txt')).text).toBe('10.0.0.2\n10.0.0.10\nfd00::1\n');
    await publication.put({ ...PAYMENTS, addresses: { 4: [], 6: ['fd00::1'] } });
    expect((await get('/filled/lists/payments.txt')).text).toBe('192.0.2.1\nfd00::1\n');
    expect((await get('/filled/ipv4/payments.txt')).text).toBe('192.0.2.1\n');
    expect((await get('/filled/ipv6/payments.txt')).text).toBe('fd00::1\n');
    await publication.put({ ...PAYMENTS, addresses: { 4: [], 6: [] } });
    const { body, headers } = await get('/filled/lists/payments.txt', BASIC);
    expect(body.toString()).toBe('192.0.2.1\n2001:db8::1\n');
    expect((await get('/filled/lists/payments.txt.md5')).text).toBe(
      `${createHash('md5').update(body).digest('hex')}\n`,
    );
    expect((await get('/lists/payments.txt')).headers['etag']).not.toBe(headers['etag']);
    expect((await get('/lists/payments.txt')).text).toBe('');
    await expect
      .poll(() => publication.fetches().find(({ consumer, part }) => consumer === 'panos' && part === 'all')?.version)
      .toBe(publication.versionOf('payments', 'all'));
    const filled: unknown = JSON.parse((await get('/filled/generic-data-center.json')).text);
    expect(Reflect.get(filled as object, 'objects')).toContainEqual(
      expect.objectContaining({ name: 'payments', ranges: ['192.0.2.1', '2001:db8::1'] }),
    );
  });

  test('all lists as a generic data centre, each with an id that stays', async () => {
    const read = async (): Promise<{ objects: { name: string; id: string; ranges: string[] }[] }> =>
      JSON.parse((await get('/generic-data-center.json')).text) as never;
    const { objects } = await read();
    expect(objects.map(({ name, ranges }) => [name, ranges])).toEqual(
      expect.arrayContaining([
        ['payments', ['10.0.0.2', '10.0.0.10', 'fd00::1']],
        [HOSTILE.name, ['10.0.0.3']],
      ]),
    );
    const [first] = objects;
    expect(first?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await publication.put({ ...PAYMENTS, addresses: { 4: ['10.0.0.9'], 6: [] } });
    expect((await read()).objects.map(({ id }) => id).toSorted()).toEqual(objects.map(({ id }) => id).toSorted());
  });

  test('packed for whoever takes that, and the same unpacked', async () => {
    const plain = await get('/lists/payments.txt');
    const packed = await get('/lists/payments.txt', { ...BEARER, 'accept-encoding': 'br, gzip' });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.body)).toEqual(plain.body);
    expect(packed.headers['etag']).not.toBe(plain.headers['etag']);
    const refused = await get('/lists/payments.txt', { ...BEARER, 'accept-encoding': 'gzip;q=0' });
    expect(refused.headers['content-encoding']).toBeUndefined();
  });

  test('what is known already is not sent again, until it changes', async () => {
    const { headers } = await get('/lists/payments.txt');
    const again = { ...BEARER, 'if-none-match': `"other", W/${String(headers['etag'])}` };
    expect(await get('/lists/payments.txt', again)).toMatchObject({ status: 304, text: '' });
    await publication.put({ ...PAYMENTS, addresses: { 4: ['10.0.0.2'], 6: [] } });
    expect(await get('/lists/payments.txt', again)).toMatchObject({ status: 200, text: '10.0.0.2\n' });
    await publication.put({ ...PAYMENTS, addresses: { ...PAYMENTS.addresses } });
    expect((await get('/lists/payments.txt', again)).status).toBe(304);
  });

  test('HEAD tells the same without a body; nothing else is a method', async () => {
    const head = await get('/lists/payments.txt', BEARER, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers['content-length']).toBe('27');
    expect((await get('/lists/payments.txt', BEARER, { method: 'POST' })).status).toBe(405);
  });

  test('who has fetched which version is remembered', async () => {
    const { headers } = await get('/lists/payments.txt');
    await get('/lists/payments.txt', { ...BASIC, 'if-none-match': String(headers['etag']) });
    await get('/ipv4/payments.txt.md5', {}, { shows: client });
    await get('/ipv4/payments.txt', { connection: 'close' }, { shows: client });
    await get('/lists/payments.txt', { authorization: 'Bearer t0ken' }, { method: 'HEAD', shows: client });
    await get('/lists/none.txt');
    const version = publication.lists.get('payments')?.version;
    const ofFour = createHash('sha256').update('10.0.0.2\n10.0.0.10\n').digest('hex');
    await expect.poll(() => publication.fetches()).toHaveLength(3);
    expect(
      publication.fetches().map(({ consumer, list, part, version: had }) => ({ consumer, list, part, had })),
    ).toEqual(
      expect.arrayContaining([
        { consumer: 'panos', list: 'payments', part: 'all', had: version },
        { consumer: 'bearer', list: 'payments', part: 'all', had: version },
        { consumer: 'mutual', list: 'payments', part: 'ipv4', had: ofFour },
      ]),
    );
  });

  test('a look with HEAD, and an answer that was not taken to its end, are no fetch', async () => {
    await get('/lists/payments.txt', BEARER, { method: 'HEAD' });
    // More than the buffers of both ends take.
    await publication.put({ ...PAYMENTS, addresses: { 4: many(0, 1_300_000), 6: [] } });
    const agent = new Agent({ connect: { ca: authority.certificate } });
    agents.push(agent);
    const { body } = await request(`${base}/lists/payments.txt`, { dispatcher: agent, headers: BEARER });
    await once(body, 'readable');
    body.destroy();
    await publication.put(PAYMENTS);
    await get('/lists/payments.txt', BASIC);
    await expect.poll(() => publication.fetches()).toHaveLength(1);
    expect(publication.fetches()).toMatchObject([{ consumer: 'panos' }]);
  });

  test('what was fetched is what was given, whatever the lists have become meanwhile', async () => {
    await publication.put({ ...PAYMENTS, addresses: { 4: many(0, 50_000), 6: [] } });
    const before = publication.lists.get('payments')?.version;
    const asked = get('/generic-data-center.json', { ...BEARER, 'accept-encoding': 'gzip' });
    // Packing it is under way.
    await sleep(5);
    const put = publication.put(PAYMENTS);
    const got = await asked;
    await put;
    const inIt = gunzipSync(got.body).toString().includes('"10.0.195.79"');
    await expect.poll(() => publication.fetches().some(({ list }) => list === 'payments')).toBe(true);
    const fetch = publication.fetches().find(({ list }) => list === 'payments');
    expect(fetch?.version === before).toBe(inIt);
  });

  test('documents about all lists are made once for each of their versions', async () => {
    const feed = { owner: { cluster: 'lab', firewall: 'edge-1' }, publication, holds: () => true };
    const first = documentOf('data centre', feed, undefined);
    expect(documentOf('data centre', feed, undefined)).toBe(first);
    const index = documentOf('index', feed, undefined);
    expect(documentOf('index', feed, 1_000)).not.toBe(index);
    await publication.put({ ...PAYMENTS, addresses: { 4: [], 6: [] } });
    expect(documentOf('data centre', feed, undefined)).not.toBe(first);
  });

  test('since when the source has been lost stands in the list of lists', async () => {
    const frozen = { kind: 'frozen', reason: 'lost', sinceMs: Date.UTC(2026, 0, 5) } as const;
    feeds.source(frozen, () => false);
    expect(JSON.parse((await get('/lists.json')).text)).not.toHaveProperty('frozenSince');
    feeds.source(frozen, () => true);
    expect(JSON.parse((await get('/lists.json')).text)).toMatchObject({ frozenSince: '2026-01-05T00:00:00.000Z' });
  });
});

describe('who gets it', () => {
  test.each<[string, () => Promise<Got>]>([
    ['a name and a password, with colons and umlauts', () => get('/lists/payments.txt', BASIC)],
    ['a token, however its scheme is written', () => get('/lists/payments.txt', { authorization: 'bearer  t0ken' })],
    ['a certificate', () => get('/lists/payments.txt', {}, { shows: client })],
  ])('whoever shows %s', async (_, ask) => {
    expect(await ask()).toMatchObject({ status: 200, text: '10.0.0.2\n10.0.0.10\nfd00::1\n' });
  });

  test.each<[string, () => Promise<Got>]>([
    ['nothing', () => get('/lists/payments.txt', {})],
    ['another token', () => get('/lists/payments.txt', { authorization: 'Bearer t0kem' })],
    ['an empty token', () => get('/lists/payments.txt', { authorization: 'Bearer ' })],
    ['a token as a password', () => get('/lists/payments.txt', { authorization: 'Basic t0ken' })],
    ['no password, where there shall be none', () => get('/lists/payments.txt', basic('fw3:'))],
    [
      'another password',
      () => get('/lists/payments.txt', { authorization: `Basic ${Buffer.from('fw1:x').toString('base64')}` }),
    ],
    [
      'a certificate of another authority',
      () => get('/lists/payments.txt', {}, { shows: strangers.issue('/CN=edge-3.example') }),
    ],
    ['a certificate of another name', () => get('/lists/payments.txt', {}, { shows: authority.issue('/CN=edge-4') })],
    ['a list that is not there', () => get('/lists/none.txt', {})],
  ])('not whoever shows %s, and it is not told what there is', async (_, ask) => {
    expect(await ask()).toMatchObject({ status: 401, text: 'credentials of a consumer are needed\n' });
  });

  test('a consumer gets the lists of its firewall alone', async () => {
    const other = publish('edge-2');
    await other.put({ ...PAYMENTS, name: 'shop', resource: 'AddressGroup/shop' });
    const theirs = { authorization: 'Bearer of-edge-2' };
    expect((await get('/lists/shop.txt', theirs)).status).toBe(200);
    expect((await get('/lists/payments.txt', theirs)).status).toBe(404);
    expect((await get('/lists/shop.txt')).status).toBe(404);
    expect((await get('/lists.json', theirs)).text).not.toContain('payments');
  });

  test('a token that is replaced in its file counts from then on, and the one before does not', async () => {
    expect((await get('/lists/payments.txt')).status).toBe(200);
    writeFileSync(join(folder, 'token'), 'renewed\n');
    await expect
      .poll(async () => (await get('/lists/payments.txt', { authorization: 'Bearer renewed' })).status)
      .toBe(200);
    expect((await get('/lists/payments.txt')).status).toBe(401);
  });

  test('a file that is empty for a moment lets nobody in, and turns nobody away for good', async () => {
    const rightful = async (): Promise<number> => (await get('/lists/payments.txt', basic('fw2:p4ss'))).status;
    expect(await rightful()).toBe(200);
    writeFileSync(join(folder, 'password'), '');
    await expect.poll(rightful).toBe(503);
    expect((await get('/lists/payments.txt', basic('fw2:'))).status).toBe(503);
    // It is nobody else's bad day.
    expect((await get('/lists/payments.txt', BASIC)).status).toBe(200);
    writeFileSync(join(folder, 'password'), 'renewed');
    await expect.poll(async () => (await get('/lists/payments.txt', basic('fw2:renewed'))).status).toBe(200);
  });

  test('who may be either of two of different firewalls gets the lists of neither', async () => {
    expect((await get('/lists/payments.txt', { authorization: 'Bearer shared' })).status).toBe(503);
    const both = { authorization: 'Bearer of-edge-2' };
    expect((await get('/lists/payments.txt', both, { shows: client })).status).toBe(503);
  });

  test('what this copy does not keep is not given out: firewalls go on with what they have', async () => {
    feeds = new Feeds({ clock: systemClock });
    const { status, headers } = await get('/lists/shop.txt', { authorization: 'Bearer of-edge-2' });
    expect([status, headers['retry-after']]).toEqual([503, '30']);
  });

  test('nor is said that a list does not exist before it is known which do', async () => {
    const owner = { cluster: 'lab', firewall: 'edge-2' };
    const empty = new Publication(new FeedStore(join(folder, 'feeds', 'fresh'), owner), systemClock);
    feeds.give('edge-2', { owner, publication: empty, holds: () => true });
    const theirs = { authorization: 'Bearer of-edge-2' };
    const paths = ['/lists/shop.txt', '/generic-data-center.json', '/lists.json'];
    for (const path of paths) expect((await get(path, theirs)).status).toBe(503);
    feeds.confirmed('edge-2');
    expect(await Promise.all(paths.map(async (path) => (await get(path, theirs)).status))).toEqual([404, 200, 200]);
  });

  test('nor what another copy may keep by now, from one request to the next, not even as unchanged', async () => {
    const { headers: had } = await get('/lists/payments.txt');
    holds = false;
    for (const more of [{}, { 'if-none-match': String(had['etag']) }])
      expect(await get('/lists/payments.txt', { ...BEARER, ...more })).toMatchObject({
        status: 503,
        headers: { 'retry-after': '30' },
      });
    holds = true;
    expect((await get('/lists/payments.txt')).status).toBe(200);
  });
});
