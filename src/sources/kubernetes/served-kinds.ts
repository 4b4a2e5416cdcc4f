import { CALICO, CALICO_STORAGE, type Kind, kinds } from '../../api/kinds.ts';
import { toSallyportError } from '../../base/error.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { discover } from '../../kubernetes/discovery.ts';
import type { Collection } from '../../kubernetes/resource-path.ts';

/** Where each kind is read; `absent`: it is not served; `unknown`: nobody can say at present. */
export type ServedKinds = ReadonlyMap<Kind, Collection | 'absent' | 'unknown'>;

/** Who may not ask, and who asks what is no whole API server, goes by what is served. */
const NO_ANSWER: ReadonlySet<string> = new Set(['API_FORBIDDEN', 'API_NOT_FOUND', 'API_UNAUTHORIZED']);

/** Throws while the server says that it is not ready: before that it does not name all that it will serve. */
export async function askReady(api: ApiClient, signal: AbortSignal): Promise<void> {
  const asked = new AbortController();
  const stop = (): void => asked.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await api.open({ method: 'GET', path: '/readyz', accept: '*/*' }, asked.signal);
  } catch (thrown) {
    if (!NO_ANSWER.has(toSallyportError(thrown).code)) throw thrown;
  } finally {
    signal.removeEventListener('abort', stop);
    asked.abort();
  }
}

/**
 * Asks the server which of our kinds it serves. Calico's are read through its API where that serves any of them, else from its storage,
 * never from both: they are the same objects.
 */
export async function servedKinds(api: ApiClient, signal: AbortSignal): Promise<ServedKinds> {
  const served = await discover(api, signal);
  const find = ({ plural }: Kind, group: string, versions: readonly string[]): Collection | 'absent' | 'unknown' => {
    for (const version of versions) {
      const collection = { group, version, plural };
      const answer = served.serves(collection);
      if (answer === 'yes') return collection;
      if (answer === 'unknown') return 'unknown';
    }
    return 'absent';
  };
  const isCalico = ({ group }: Kind): boolean => group === CALICO;
  const hasCalicoApi = kinds.some((kind) => isCalico(kind) && find(kind, CALICO, kind.versions) !== 'absent');
  return new Map(
    kinds.map((kind) => [
      kind,
      isCalico(kind) && !hasCalicoApi ? find(kind, CALICO_STORAGE, ['v1']) : find(kind, kind.group, kind.versions),
    ]),
  );
}
