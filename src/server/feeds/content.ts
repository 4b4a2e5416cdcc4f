import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip as gzipWith } from 'node:zlib';
import { type FeedList, filledList, listText, listUuid } from '../../firewalls/feed/feed-list.ts';
import type { FeedOwner } from '../../firewalls/feed/feed-store.ts';
import { type FetchedPart, PART_FAMILIES, type PublishedList } from '../../firewalls/feed/publication.ts';
import type { Feed } from '../../controller/feeds/feeds.ts';

const gzip = promisify(gzipWith);

/** A body and its names. */
export interface Content {
  readonly type: string;
  readonly body: Buffer;
  /** SHA-256 of the body in hexadecimal digits. */
  readonly version: string;
  /** Strong, in quotes; of the packed body it ends in `-gzip`. */
  readonly tag: string;
  /** Packed by a thread of Node's own; made when it is first asked for. */
  packed(): Promise<Buffer>;
}

/** Forms of one list: of both families or one, without empty families; with the MD5 of its text beside it, which Cisco asks before it fetches. */
export interface Form {
  readonly part: FetchedPart;
  readonly isFilled: boolean;
  readonly isSum: boolean;
}

const PLAIN = 'text/plain; charset=utf-8';

const made = new WeakMap<FeedList, Map<string, Content>>();

/** A list in a form; made once. */
export function contentOf(list: FeedList, asked: Form): Content {
  const isFilled = asked.isFilled && filledList(list, PART_FAMILIES[asked.part]) !== list;
  const form = { ...asked, isFilled };
  const forms = made.get(list) ?? new Map<string, Content>();
  made.set(list, forms);
  const key = JSON.stringify([form.part, form.isFilled, form.isSum]);
  const known = forms.get(key) ?? contentFrom(bodyOf(list, form), PLAIN);
  forms.set(key, known);
  return known;
}

function bodyOf(list: FeedList, form: Form): string {
  if (form.isSum)
    return `${createHash('md5')
      .update(contentOf(list, { ...form, isSum: false }).body)
      .digest('hex')}
`;
  const families = PART_FAMILIES[form.part];
  return listText(form.isFilled ? filledList(list, families) : list, families);
}

/** Documents about all lists of a firewall. */
export type Document = 'data centre' | 'filled data centre' | 'index';

interface MadeDocument {
  readonly of: string;
  readonly content: Content;
}

const madeDocuments = new WeakMap<Feed['publication'], Map<Document, MadeDocument>>();

/** A document as the lists are now; made once for each of their versions. */
export function documentOf(document: Document, { owner, publication }: Feed, frozenSince: number | undefined): Content {
  const made = madeDocuments.get(publication) ?? new Map<Document, MadeDocument>();
  madeDocuments.set(publication, made);
  const of = document === 'index' ? `${publication.changes} ${frozenSince ?? ''}` : `${publication.changes}`;
  const known = made.get(document);
  if (known?.of === of) return known.content;
  const lists = publication.lists.values();
  const isFilled = document === 'filled data centre';
  const content = document === 'index' ? indexContent(lists, frozenSince) : dataCenterContent(owner, lists, isFilled);
  made.set(document, { of, content });
  return content;
}

/**
 * All lists as Check Point's generic data centre reads them (sk167210): one object a list, with an id that stays.
 * An object without ranges is an empty group.
 */
function dataCenterContent(
  { cluster, firewall }: FeedOwner,
  lists: Iterable<PublishedList>,
  isFilled: boolean,
): Content {
  const objects = [...lists].map(({ list }) => {
    const { name, resource, addresses } = isFilled ? filledList(list) : list;
    return {
      name,
      id: listUuid(cluster, firewall, name),
      description: resource,
      ranges: [...addresses[4], ...addresses[6]],
    };
  });
  const document = { version: '1.0', description: `${cluster} ${firewall}`, objects };
  return contentFrom(JSON.stringify(document), 'application/json');
}

/** What there is to fetch, for people. */
function indexContent(lists: Iterable<PublishedList>, frozenSince: number | undefined): Content {
  const document = [...lists].map(({ list: { name, resource, use, addresses }, version, since }) => ({
    name,
    resource,
    use,
    ipv4: addresses[4].length,
    ipv6: addresses[6].length,
    version,
    since: new Date(since).toISOString(),
  }));
  const frozen = frozenSince === undefined ? {} : { frozenSince: new Date(frozenSince).toISOString() };
  return contentFrom(JSON.stringify({ ...frozen, lists: document }), 'application/json');
}

function contentFrom(text: string, type: string): Content {
  const body = Buffer.from(text);
  const version = createHash('sha256').update(body).digest('hex');
  let packed: Promise<Buffer> | undefined;
  return {
    type,
    body,
    version,
    tag: `"${version.slice(0, 32)}"`,
    packed: () => (packed ??= gzip(body)),
  };
}
