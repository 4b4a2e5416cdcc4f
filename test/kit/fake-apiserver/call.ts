import type { IncomingHttpHeaders } from 'node:http';
import type { Kind } from './kinds.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** Who asks. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** One request as the server understood it. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Of paths that are no resource (`/version`): the method in lower case. */
  readonly verb: Verb | 'post' | 'put' | 'head' | 'options';
  /** `''` where the path is no resource. */
  readonly group: string;
  readonly version: string;
  /** The plural; `''` where the path is no resource. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** The sub-resource. */
  readonly part: string;
  readonly body: Buffer;
}

/** A call to a kind that is served. */
export interface KindCall extends Call {
  readonly kind: Kind;
  readonly user: User;
}

const yes = (value: string | null): boolean => value === '1' || value === 'true';

/** Of `watch`, `allowWatchBookmarks` and the like. */
export const flag = (query: URLSearchParams, name: string): boolean => yes(query.get(name));

interface Target {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly part: string;
}

const nowhere: Target = { group: '', version: '', resource: '', namespace: '', name: '', part: '' };

/** Namespaces are a resource themselves, and these are their sub-resources. */
const ofNamespaces = new Set(['', 'status', 'finalize']);

function target(path: string): Target {
  const [root, ...rest] = path.split('/').slice(1).map(decodeURIComponent);
  if (root !== 'api' && root !== 'apis') return nowhere;
  const group = root === 'apis' ? (rest.shift() ?? '') : '';
  const [version = '', ...segments] = rest;
  if (segments.length === 0) return nowhere;
  let namespace = '';
  if (segments[0] === 'namespaces' && segments.length > 2 && !ofNamespaces.has(segments[2] ?? '')) {
    namespace = segments[1] ?? '';
    segments.splice(0, 2);
  }
  const [resource = '', name = '', ...part] = segments;
  // Asked by its name, a namespace is inside itself: so rights in it count.
  if (resource === 'namespaces' && group === '' && name !== '') namespace = name;
  return { group, version, resource, namespace, name, part: part.join('/') };
}

const verbs: Readonly<Record<string, readonly [object: Verb, collection: Verb]>> = {
  GET: ['get', 'list'],
  HEAD: ['get', 'list'],
  POST: ['create', 'create'],
  PUT: ['update', 'update'],
  PATCH: ['patch', 'patch'],
  DELETE: ['delete', 'deletecollection'],
};

/** Understands a request; throws `URIError` on a path that cannot be decoded. */
export function readCall(method: string, url: string, headers: IncomingHttpHeaders, body: Buffer): Call {
  const { pathname: path, searchParams: query } = new URL(url, 'http://fake');
  const at = target(path);
  const [object, collection] = verbs[method] ?? ['get', 'get'];
  const verb =
    at.resource === ''
      ? (method.toLowerCase() as Call['verb'])
      : at.name !== ''
        ? object
        : collection === 'list' && flag(query, 'watch')
          ? 'watch'
          : collection;
  return { method, path, query, headers, verb, ...at, body };
}
