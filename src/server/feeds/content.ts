import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip as gzipWith } from 'node:zlib';
import { type FeedList, listText, listUuid } from '../../firewalls/feed/feed-list.ts';
import type { FeedOwner } from '../../firewalls/feed/feed-store.ts';
import type { PublishedList } from '../../firewalls/feed/publication.ts';

const gzip = promisify(gzipWith);

/** A body and its names. */
export interface Content {
  readonly type: string;
  readonly body: Buffer;
  /** Strong, in quotes; of the packed body it ends in `-gzip`. */
  readonly tag: string;
  /** Packed by a thread of Node's own; made when it is first asked for. */
  packed(): Promise<Buffer>;
}

/** Forms of one list: of both families or one; with the MD5 of its text beside it, which Cisco asks before it fetches. */
export type Form = 'all' | 'ipv4' | 'ipv6' | 'all.md5' | 'ipv4.md5' | 'ipv6.md5';

const FAMILIES = { all: [4, 6], ipv4: [4], ipv6: [6] } as const;
const PLAIN = 'text/plain; charset=utf-8';

const made = new WeakMap<FeedList, Map<Form, Content>>();

/** A list in a form; made once. */
export function contentOf(list: FeedList, form: Form): Content {
  const forms = made.get(list) ?? new Map<Form, Content>();
  made.set(list, forms);
  const known = forms.get(form) ?? contentFrom(bodyOf(list, form), PLAIN);
  forms.set(form, known);
  return known;
}

function bodyOf(list: FeedList, form: Form): string {
  const [families, sum] = form.split('.') as [keyof typeof FAMILIES, string | undefined];
  if (sum === undefined) return listText(list, FAMILIES[families]);
  return `${createHash('md5').update(contentOf(list, families).body).digest('hex')}\n`;
}

/**
 * All lists as Check Point's generic data centre reads them (sk167210): one object a list, with an id that stays.
 * An object without ranges is an empty group.
 */
export function dataCenterContent({ cluster, firewall }: FeedOwner, lists: Iterable<PublishedList>): Content {
  const objects = [...lists].map(({ list: { name, resource, addresses } }) => ({
    name,
    id: listUuid(cluster, firewall, name),
    description: resource,
    ranges: [...addresses[4], ...addresses[6]],
  }));
  const document = { version: '1.0', description: `${cluster} ${firewall}`, objects };
  return contentFrom(JSON.stringify(document), 'application/json');
}

/** What there is to fetch, for people. */
export function indexContent(lists: Iterable<PublishedList>): Content {
  const document = [...lists].map(({ list: { name, resource, use, addresses }, version, since }) => ({
    name,
    resource,
    use,
    ipv4: addresses[4].length,
    ipv6: addresses[6].length,
    version,
    since: new Date(since).toISOString(),
  }));
  return contentFrom(JSON.stringify({ lists: document }), 'application/json');
}

function contentFrom(text: string, type: string): Content {
  const body = Buffer.from(text);
  let packed: Promise<Buffer> | undefined;
  return {
    type,
    body,
    tag: `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`,
    packed: () => (packed ??= gzip(body)),
  };
}
