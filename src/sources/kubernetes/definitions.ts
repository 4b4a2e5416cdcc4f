import { CALICO, CALICO_STORAGE, type Kind } from '../../api/kinds.ts';
import { isMap } from '../../api/shape.ts';
import { type SallyportError, toSallyportError } from '../../base/error.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { resourcePath } from '../../kubernetes/resource-path.ts';
import type { Definition } from './feed.ts';

const metadataOnly = (kind: string): string => `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`;

/** Only names and times are needed, not the schemas; servers that cannot leave them out send all. */
export const METADATA_ONLY = metadataOnly('PartialObjectMetadata');
/** The same of a list: a server that is asked for a single object where a list is refuses. */
export const METADATA_LIST_ONLY = metadataOnly('PartialObjectMetadataList');

export const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };

const BUILT_IN: ReadonlySet<string> = new Set(['', 'discovery.k8s.io', 'networking.k8s.io']);

/** Whether a kind is part of every API server, so that nobody can take its definition away. */
export function isBuiltIn({ group }: Pick<Kind, 'group'>): boolean {
  return BUILT_IN.has(group);
}

/**
 * What became of the definition of a kind. Deleting it deletes every object of the kind with it, each with an event of its own; the
 * definition is marked before the first of them goes, so whoever asks after such an event knows. Behind Calico's API server stands the
 * definition of its storage, or none where it stores elsewhere; every other kind has one as long as it is served. Without the right to
 * ask nobody knows, and `forbidden` is called.
 */
export async function askDefinition(
  api: ApiClient,
  { group, plural }: Pick<Kind, 'group' | 'plural'>,
  signal: AbortSignal,
  forbidden: (error: SallyportError) => void,
): Promise<Definition> {
  for (const owner of group === CALICO ? [CALICO, CALICO_STORAGE] : [group]) {
    const path = resourcePath(DEFINITIONS, { name: `${plural}.${owner}` });
    let answer: unknown;
    try {
      answer = await api.call({ method: 'GET', path, accept: METADATA_ONLY }, signal);
    } catch (thrown) {
      const error = toSallyportError(thrown);
      if (error.code === 'API_NOT_FOUND') continue;
      if (error.code !== 'API_FORBIDDEN') throw thrown;
      forbidden(error);
      return { kind: 'Unknown' };
    }
    const metadata = isMap(answer) && isMap(answer['metadata']) ? answer['metadata'] : {};
    const { uid, deletionTimestamp } = metadata;
    const isGoing = deletionTimestamp !== undefined && deletionTimestamp !== null;
    return isGoing || typeof uid !== 'string' ? { kind: 'Gone' } : { kind: 'There', uid };
  }
  return { kind: group === CALICO ? 'None' : 'Gone' };
}
