import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Feed, Feeds } from '../../controller/feeds/feeds.ts';
import type { Fetch, FetchedPart } from '../../firewalls/feed/publication.ts';
import { answer, type ListenAddress, listening, requestLimits } from '../listening.ts';
import { Places } from '../places.ts';
import { type RenewedTls, renewedTls, type TlsFiles } from '../tls-files.ts';
import { Consumers, type FeedConsumer } from './consumers.ts';
import { type Content, contentOf, documentOf } from './content.ts';

export interface FeedServerOptions {
  readonly tls: TlsFiles;
  readonly consumers: readonly FeedConsumer[];
  readonly feeds: Feeds;
  readonly log: Log;
  readonly clock?: Clock;
}

/** More firewalls than one process has lists for. */
const MOST_CONNECTIONS = 2_000;
/** Places are for those who ask: who has not shaken hands, asked, or read on for so long gives his back. */
const QUIET_MS = { handshakeTimeout: 5_000, connectionsCheckingInterval: 5_000 };
const STALLED_MS = 30_000;
const PATHS = /^(\/filled)?\/(lists|ipv4|ipv6)\/([^/]+)\.txt(\.md5)?$/;
const KNOWN =
  '/lists/NAME.txt, /ipv4/NAME.txt, /ipv6/NAME.txt, with .md5; /generic-data-center.json; these below /filled; /lists.json';
/** Whoever is told to come back goes on with what it has. */
const AGAIN_SECONDS = '30';

/**
 * Lists over HTTPS for whatever can fetch them: `/lists/NAME.txt`, one family alone under `/ipv4/` and `/ipv6/`, `.md5` beside each,
 * `/generic-data-center.json`, all of them under `/filled` without empty families, and `/lists.json` for people. Whoever is known always gets 200 or 304 for a list that there is; while it cannot be
 * given, or another copy may keep the firewall by now, 503, which leaves firewalls what they have fetched. Resolves once it listens.
 */
export async function serveFeeds(address: ListenAddress, options: FeedServerOptions): Promise<Server> {
  const { tls, feeds, log, clock = systemClock } = options;
  const consumers = new Consumers(options.consumers, clock);
  const server = createServer(
    {
      ...requestLimits,
      ...QUIET_MS,
      requestCert: tls.clientCA !== undefined,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    },
    (request, response) => {
      respond(request, response, { feeds, consumers, renewed, places }).catch((thrown: unknown) => {
        log.warn({ error: String(thrown) }, 'a list could not be given out');
        if (response.headersSent) response.destroy();
        else unavailable(response);
      });
    },
  );
  const places = new Places(server, MOST_CONNECTIONS);
  server.timeout = STALLED_MS;
  const renewed = await renewedTls(server, tls, 'feeds', log, clock);
  await listening(server, address, 'the feeds');
  if (options.consumers.length === 0) log.warn({}, 'feeds has no consumers: nobody can fetch a list');
  return server;
}

interface Serving extends Pick<FeedServerOptions, 'feeds'> {
  readonly consumers: Consumers;
  readonly renewed: RenewedTls;
  readonly places: Places;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { consumers, feeds, renewed, places }: Serving,
): Promise<void> {
  await renewed.looked();
  const isJudgedAnew = renewed.isJudgedAnew(request.socket);
  // The next request comes by a handshake with the authorities of now; till then whoever may be known goes on with what it has.
  if (!isJudgedAnew) response.setHeader('connection', 'close');
  const consumer = await consumers.whoAsks(request, isJudgedAnew);
  if (consumer === undefined && !isJudgedAnew) return unavailable(response);
  // Strangers are not told which lists there are.
  if (consumer === undefined) {
    places.forgets(request.socket);
    response.setHeader('www-authenticate', ['Basic realm="lists", charset="UTF-8"', 'Bearer']);
    return answer(response, 401, 'credentials of a consumer are needed');
  }
  places.knows(request.socket, consumer.name);
  if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, 'only GET and HEAD');
  const feed = feeds.of(consumer.firewall);
  if (feed === undefined) return unavailable(response);
  const found = foundAt(request.url?.split('?', 1)[0] ?? '', feed, feeds.frozenSince(consumer.firewall));
  // What was not written yet is not what does not exist.
  if (!feeds.isWhole(consumer.firewall) && (found === undefined || found.isDocument)) return unavailable(response);
  if (found === undefined) return answer(response, 404, `known here: ${KNOWN}`);
  if (request.method === 'GET')
    // The last byte has been handed over. It is also told of an answer whose connection broke, and who went away has nothing.
    response.once('finish', () => {
      if (response.statusCode === 503 || request.socket.destroyed) return;
      feeds.fetched(consumer, found.fetches, response.statusCode === 304 ? 'unchanged' : 'whole');
    });
  await give(request, response, found, () => feeds.of(consumer.firewall) === feed);
}

/** What stands at a path, and what of which list whoever gets it has then. */
interface Found {
  readonly content: Content;
  /** About all lists. */
  readonly isDocument: boolean;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly fetches: readonly Omit<Fetch, 'consumer' | 'at'>[];
}

function foundAt(path: string, feed: Feed, frozenSince: number | undefined): Found | undefined {
  const { lists } = feed.publication;
  if (path === '/lists.json') return { content: documentOf('index', feed, frozenSince), isDocument: true, fetches: [] };
  if (path === '/generic-data-center.json' || path === '/filled/generic-data-center.json') {
    const document = path.startsWith('/filled') ? 'filled data centre' : 'data centre';
    const fetches = [...lists.values()].map(
      ({ list, version }) => ({ list: list.name, part: 'all', version }) as const,
    );
    return { content: documentOf(document, feed, frozenSince), isDocument: true, fetches };
  }
  const [, filled, folder, encoded = '', sum] = PATHS.exec(path) ?? [];
  const found = folder === undefined ? undefined : lists.get(decoded(encoded));
  if (found === undefined) return undefined;
  const part = (folder === 'lists' ? 'all' : folder) as FetchedPart;
  const { list, since } = found;
  const form = { part, isFilled: filled !== undefined, isSum: sum !== undefined };
  // The version of what is in it, however it is given out.
  const version = contentOf(list, { part, isFilled: false, isSum: false }).version;
  const fetches = form.isSum ? [] : [{ list: list.name, part, version }];
  return { content: contentOf(list, form), isDocument: false, since, fetches };
}

/** `mayGive`: asked at last, for to pack takes a while. */
async function give(
  request: IncomingMessage,
  response: ServerResponse,
  { content, since }: Found,
  mayGive: () => boolean,
): Promise<void> {
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(\.0+)?\s*(,|$))/i.test(String(request.headers['accept-encoding'] ?? ''));
  const tag = takesGzip ? content.tag.replace(/"$/, '-gzip"') : content.tag;
  const headers = {
    etag: tag,
    vary: 'accept-encoding',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    ...(since === undefined ? {} : { 'last-modified': new Date(since).toUTCString() }),
  };
  if (isKnown(request.headers['if-none-match'], tag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const body = takesGzip ? await content.packed() : content.body;
  if (!mayGive()) return unavailable(response);
  response.writeHead(200, {
    ...headers,
    'content-type': content.type,
    'content-length': body.length,
    ...(takesGzip ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** `If-None-Match` compares weakly (RFC 9110, 13.1.2). */
function isKnown(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
}

function unavailable(response: ServerResponse): void {
  response.setHeader('retry-after', AGAIN_SECONDS);
  answer(response, 503, 'these lists are not given out by this copy now');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
