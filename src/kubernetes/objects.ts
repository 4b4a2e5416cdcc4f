import { SallyportError } from '../base/error.ts';
import type { ApiClient } from './api-client.ts';
import { type Collection, resourcePath } from './resource-path.ts';

/** Who owns the fields that we write, in `managedFields`. */
export const FIELD_MANAGER = 'sallyport';

/** Which object of a collection, or which part of it. */
export interface Which {
  readonly namespace?: string;
  readonly name: string;
  /** A sub-resource: `status`. */
  readonly part?: string;
}

/** The object; `undefined` if there is none of this name. A kind that is not served is an error (`API_NOT_FOUND`). */
export async function getObject(
  client: ApiClient,
  collection: Collection,
  which: Which,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    return await client.call({ method: 'GET', path: resourcePath(collection, which) }, signal);
  } catch (thrown) {
    if (isGone(thrown)) return undefined;
    throw thrown;
  }
}

/** Creates an object that is not there yet; `API_CONFLICT` if it is. */
export function createObject(
  client: ApiClient,
  collection: Collection,
  where: { readonly namespace?: string },
  body: object,
  signal: AbortSignal,
): Promise<unknown> {
  const query = { fieldManager: FIELD_MANAGER };
  return client.call({ method: 'POST', path: resourcePath(collection, where), query, body }, signal);
}

/**
 * Puts a whole object in the place of the version that its `metadata.resourceVersion` names; `API_CONFLICT` if it is another one by now. A body
 * without that version would overwrite whatever is there, and is refused here.
 */
export async function replaceObject(
  client: ApiClient,
  collection: Collection,
  which: Which,
  body: { readonly metadata: { readonly resourceVersion: string } },
  signal: AbortSignal,
): Promise<unknown> {
  if (body.metadata.resourceVersion === '')
    throw new SallyportError('INTERNAL', 'an object would be replaced without the version that it was made from');
  const query = { fieldManager: FIELD_MANAGER };
  return await client.call({ method: 'PUT', path: resourcePath(collection, which), query, body }, signal);
}

/**
 * Server-side apply: the fields of `body` become ours and have these values; fields that were ours and are not in it go. Creates what is not
 * there, except a part. `force` takes fields from others; without it they are `API_CONFLICT`.
 * @example
 * await apply(client, borderFirewalls, { name: 'edge-1', part: 'status' }, status, { force: true }, signal);
 */
export function apply(
  client: ApiClient,
  collection: Collection,
  which: Which,
  body: object,
  { force }: { readonly force: boolean },
  signal: AbortSignal,
): Promise<unknown> {
  return client.call(
    {
      method: 'PATCH',
      path: resourcePath(collection, which),
      query: { fieldManager: FIELD_MANAGER, force: String(force) },
      contentType: 'application/apply-patch+yaml',
      body,
    },
    signal,
  );
}

/** Deletes the object that was seen, no other of its name: `API_CONFLICT` if it is another one, or another version. One that is gone is no error. */
export async function deleteObject(
  client: ApiClient,
  collection: Collection,
  which: Which,
  preconditions: { readonly uid: string; readonly resourceVersion?: string },
  signal: AbortSignal,
): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
  try {
    await client.call({ method: 'DELETE', path: resourcePath(collection, which), body }, signal);
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown;
  }
}

/** Whether an object was not found, where its kind is served: the server says so in a `Status`, and for unknown paths in none. */
function isGone(thrown: unknown): boolean {
  return thrown instanceof SallyportError && thrown.code === 'API_NOT_FOUND' && thrown.details['reason'] === 'NotFound';
}
