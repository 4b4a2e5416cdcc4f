import { isMap } from '../api/shape.ts';
import { SallyportError } from '../base/error.ts';
import type { ApiClient } from './api-client.ts';
import { FIELD_MANAGER, getObject } from './objects.ts';
import { type Collection, resourcePath } from './resource-path.ts';

/** Others write statuses of the object all the time; each makes another version of it. */
const MOST_TRIES = 8;

/**
 * Puts a finalizer on an object, or takes it off; nothing else of the object is sent, and other finalizers stay as they are. The object is the
 * one with this uid: of a successor of the same name nothing is changed, and one that is being deleted gets no finalizer. Nothing is sent
 * where it is as wanted. Rejects with the `API_…` codes: API_CONFLICT where it never stood still.
 */
export async function setFinalizer(
  client: ApiClient,
  collection: Collection,
  { name, uid }: { readonly name: string; readonly uid: string },
  finalizer: string,
  wanted: boolean,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const found = await getObject(client, collection, { name }, signal);
    const metadata = isMap(found) && isMap(found['metadata']) ? found['metadata'] : {};
    if (metadata['uid'] !== uid) return;
    if (wanted && (metadata['deletionTimestamp'] ?? undefined) !== undefined) return;
    const list = metadata['finalizers'];
    const before: readonly unknown[] = Array.isArray(list) ? list : [];
    if (before.includes(finalizer) === wanted) return;
    const finalizers = wanted ? [...before, finalizer] : before.filter((one) => one !== finalizer);
    const { resourceVersion } = metadata;
    try {
      await client.call(
        {
          method: 'PATCH',
          path: resourcePath(collection, { name }),
          query: { fieldManager: FIELD_MANAGER },
          // The list goes whole, and only over the version that it was made from.
          contentType: 'application/merge-patch+json',
          body: { metadata: { uid, resourceVersion, finalizers } },
        },
        signal,
      );
      return;
    } catch (thrown) {
      const isOutdated = thrown instanceof SallyportError && thrown.code === 'API_CONFLICT';
      if (!isOutdated || tries === MOST_TRIES) throw thrown;
    }
  }
}
