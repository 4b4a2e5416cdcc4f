import { z } from 'zod';
import { SallyportError } from '../base/error.ts';
import type { ApiClient } from './api-client.ts';
import { type Collection, resourcePath } from './resource-path.ts';

/** What an API server serves. Immutable. */
export interface Served {
  /** `unknown`: whoever serves the group behind the API server does not answer, so nobody can say. */
  serves(collection: Collection): 'yes' | 'no' | 'unknown';
  /** The versions of a group, the preferred one first; empty: the group is not served. */
  versions(group: string): readonly string[];
}

/** Both forms in one question: old servers give the last, lists of groups alone. */
const ACCEPT = ['v2', 'v2beta1']
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat('application/json')
  .join(',');

const name = z.string();
const aggregatedList = z.object({
  kind: z.literal('APIGroupDiscoveryList'),
  items: z.array(
    z.object({
      metadata: z.object({ name: name.optional() }).optional(),
      versions: z.array(
        z.object({
          version: name,
          resources: z.array(z.object({ resource: name })).optional(),
          freshness: name.optional(),
        }),
      ),
    }),
  ),
});
const groupList = z.object({
  kind: z.literal('APIGroupList'),
  groups: z.array(
    z.object({
      name,
      versions: z.array(z.object({ version: name })),
      preferredVersion: z.object({ version: name }).optional(),
    }),
  ),
});
const coreVersions = z.object({ kind: z.literal('APIVersions'), versions: z.array(name) });
const resourceList = z.object({ kind: z.literal('APIResourceList'), resources: z.array(z.object({ name })) });

/** The plurals of one version of a group; `undefined`: unknown. */
type Plurals = ReadonlySet<string> | undefined;
/** By group, then by version, the preferred one first. */
type Groups = Map<string, Map<string, Plurals>>;

/**
 * Asks what is served: two requests where the server gives everything at once (1.27 and later), else one more for each version of a group.
 * @see https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
 */
export async function discover(client: ApiClient, signal: AbortSignal): Promise<Served> {
  const groups: Groups = new Map();
  for (const root of ['/api', '/apis']) {
    const answer = await client.call({ method: 'GET', path: root, accept: ACCEPT }, signal);
    const whole = aggregatedList.safeParse(answer);
    if (whole.success) addAggregated(whole.data.items, groups);
    else await addOneByOne(client, root, answer, groups, signal);
  }
  return new ServedGroups(groups);
}

/** Whether one collection is served: one small request, for those who ask again and again. */
export async function isServed(client: ApiClient, collection: Collection, signal: AbortSignal): Promise<boolean> {
  const plurals = await pluralsOf(client, collection.group, collection.version, signal);
  return plurals.has(collection.plural);
}

/** The version of the server: `v1.33.1`. */
export async function serverVersion(client: ApiClient, signal: AbortSignal): Promise<string> {
  const shape = z.object({ gitVersion: name });
  return parsed(shape, await client.call({ method: 'GET', path: '/version' }, signal), '/version').gitVersion;
}

/** What a cluster is called where nobody has named it: the first eight digits of the UID of its namespace kube-system, which never changes. */
export async function clusterNameOf(client: ApiClient, signal: AbortSignal): Promise<string> {
  const path = resourcePath({ group: '', version: 'v1', plural: 'namespaces' }, { name: 'kube-system' });
  const shape = z.object({ metadata: z.object({ uid: z.string().regex(/^[0-9a-f]{8}/) }) });
  return parsed(shape, await client.call({ method: 'GET', path }, signal), path).metadata.uid.slice(0, 8);
}

function addAggregated(items: z.infer<typeof aggregatedList>['items'], groups: Groups): void {
  for (const { metadata, versions } of items) {
    const known = new Map<string, Plurals>();
    // Stale: whoever serves it does not answer; what was true once is nothing to act on.
    for (const { version, resources = [], freshness } of versions)
      known.set(version, freshness === 'Stale' ? undefined : new Set(resources.map(({ resource }) => resource)));
    groups.set(metadata?.name ?? '', known);
  }
}

async function addOneByOne(
  client: ApiClient,
  root: string,
  answer: unknown,
  groups: Groups,
  signal: AbortSignal,
): Promise<void> {
  const listed =
    root === '/api'
      ? [{ group: '', versions: parsed(coreVersions, answer, root).versions }]
      : parsed(groupList, answer, root).groups.map((group) => ({
          group: group.name,
          versions: group.versions
            .map(({ version }) => version)
            .toSorted((a, b) => rank(b, group.preferredVersion) - rank(a, group.preferredVersion)),
        }));
  for (const { group, versions } of listed) {
    const known = new Map<string, Plurals>();
    for (const version of versions) known.set(version, await pluralsIfKnown(client, group, version, signal));
    groups.set(group, known);
  }
}

function rank(version: string, preferred: { readonly version: string } | undefined): number {
  return version === preferred?.version ? 1 : 0;
}

/** `undefined` where the server that stands behind a group fails; every other failure is one of the whole. */
async function pluralsIfKnown(
  client: ApiClient,
  group: string,
  version: string,
  signal: AbortSignal,
): Promise<Plurals> {
  try {
    return await pluralsOf(client, group, version, signal);
  } catch (thrown) {
    const isTransient = thrown instanceof SallyportError && thrown.blame === 'transient';
    if (isTransient && thrown.details['status'] !== undefined) return undefined;
    throw thrown;
  }
}

/** The plurals of a version of a group; none if it is not served. */
async function pluralsOf(
  client: ApiClient,
  group: string,
  version: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  try {
    const { resources } = parsed(resourceList, await client.call({ method: 'GET', path }, signal), path);
    return new Set(resources.map((resource) => resource.name));
  } catch (thrown) {
    if (thrown instanceof SallyportError && thrown.code === 'API_NOT_FOUND') return new Set();
    throw thrown;
  }
}

function parsed<T>(shape: z.ZodType<T>, answer: unknown, path: string): T {
  const { data, success } = shape.safeParse(answer);
  if (!success) throw new SallyportError('API_FAILED', `${path}: the answer is not what an API server says there`);
  return data;
}

class ServedGroups implements Served {
  readonly #groups: Groups;

  constructor(groups: Groups) {
    this.#groups = groups;
  }

  serves({ group, version, plural }: Collection): 'yes' | 'no' | 'unknown' {
    const versions = this.#groups.get(group);
    if (versions?.has(version) !== true) return 'no';
    const plurals = versions.get(version);
    if (plurals === undefined) return 'unknown';
    return plurals.has(plural) ? 'yes' : 'no';
  }

  versions(group: string): readonly string[] {
    return [...(this.#groups.get(group)?.keys() ?? [])];
  }
}
