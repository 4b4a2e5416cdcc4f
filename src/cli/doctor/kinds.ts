import { CALICO, CALICO_STORAGE, kinds, OUR_GROUP } from '../../api/kinds.ts';
import { customResourceDefinitions } from '../../api/crd.ts';
import { isMap } from '../../api/shape.ts';
import { toSallyportError } from '../../base/error.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import type { Served } from '../../kubernetes/discovery.ts';
import { getObject } from '../../kubernetes/objects.ts';
import type { Check } from './checks.ts';

const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
const ADMIN = 'policy.networking.k8s.io';
const INSTALL = 'kubectl apply --server-side -f deploy/crds';

/** Which API groups, versions and definitions there are, and what follows. */
export async function checkKinds(api: ApiClient, served: Served, signal: AbortSignal): Promise<readonly Check[]> {
  return [await checkOurs(api, served, signal), checkCalico(served), ...checkAdmin(served), ...checkSilent(served)];
}

async function checkOurs(api: ApiClient, served: Served, signal: AbortSignal): Promise<Check> {
  const about = { check: 'kinds', subject: OUR_GROUP } as const;
  const own = kinds.filter(({ ours }) => ours);
  const absent = own.filter(
    ({ group, versions, plural }) => !versions.some((version) => served.serves({ group, version, plural }) !== 'no'),
  );
  if (absent.length > 0)
    return {
      ...about,
      result: 'Error',
      message: `not installed: ${absent.map(({ plural }) => plural).join(', ')}`,
      fix: `Install the definitions: ${INSTALL}`,
    };
  const different: string[] = [];
  try {
    for (const { metadata, spec } of customResourceDefinitions()) {
      const there = await getObject(api, DEFINITIONS, { name: metadata.name }, signal);
      if (!isSame(schemasOf({ spec }), schemasOf(there))) different.push(metadata.name.split('.', 1)[0] ?? '');
    }
  } catch (thrown) {
    const { message } = toSallyportError(thrown);
    return {
      ...about,
      result: 'Skipped',
      message: `all ${own.length} kinds are served; their definitions cannot be compared (${message})`,
    };
  }
  if (different.length === 0)
    return { ...about, result: 'OK', message: `all ${own.length} kinds are served, as this version defines them` };
  return {
    ...about,
    result: 'Warning',
    message: `another version's definitions: ${different.join(', ')}; fields that only one of the two knows are refused or dropped`,
    fix: `If this Sallyport is the newer one: ${INSTALL}`,
  };
}

/** By version: the schema of a definition. */
function schemasOf(definition: unknown): unknown {
  const spec = isMap(definition) && isMap(definition['spec']) ? definition['spec'] : {};
  const versions = Array.isArray(spec['versions']) ? (spec['versions'] as readonly unknown[]) : [];
  return versions.flatMap((version) => (isMap(version) ? [{ name: version['name'], schema: version['schema'] }] : []));
}

/** Whatever the order of keys. */
function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((entry, index) => isSame(entry, b[index]));
  if (!isMap(a) || !isMap(b)) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && isSame(a[key], b[key]));
}

function checkCalico(served: Served): Check {
  const about = { check: 'kinds', subject: 'Calico' } as const;
  const isRead = (group: string, versions: (own: readonly string[]) => readonly string[]): boolean =>
    kinds.some(
      ({ group: of, versions: own, plural }) =>
        of === CALICO && versions(own).some((version) => served.serves({ group, version, plural }) !== 'no'),
    );
  if (isRead(CALICO, (own) => own)) return { ...about, result: 'OK', message: `${CALICO}/v3 is served, and read` };
  if (isRead(CALICO_STORAGE, () => ['v1']))
    return { ...about, result: 'OK', message: `no Calico API server; its storage (${CALICO_STORAGE}/v1) is read` };
  return {
    ...about,
    result: 'OK',
    message: 'none is served: no IP pools, so each BorderFirewall has to say what it `sees`',
  };
}

/** Versions of administrators' policies that this version cannot read. */
function checkAdmin(served: Served): readonly Check[] {
  const versions = served.versions(ADMIN);
  const about = { check: 'kinds', subject: ADMIN } as const;
  if (versions.length === 0) return [{ ...about, result: 'OK', message: 'none is served' }];
  const isReadable = kinds.some(
    ({ group, versions: own, plural }) =>
      group === ADMIN && own.some((version) => served.serves({ group, version, plural }) === 'yes'),
  );
  const list = versions.join(', ');
  if (isReadable) return [{ ...about, result: 'OK', message: `served and read: ${list}` }];
  const read = [...new Set(kinds.flatMap((kind) => (kind.group === ADMIN ? kind.versions : [])))].join(', ');
  return [
    {
      ...about,
      result: 'Warning',
      message: `served in ${list}, read in ${read}: none of these policies is known to Sallyport`,
      fix: 'Where firewalls repeat tiers, say what these policies say in Calico policies or border policies.',
    },
  ];
}

/** API services that do not answer: nothing is delivered while one of them feeds us. */
function checkSilent(served: Served): readonly Check[] {
  const groups = new Set(
    kinds.flatMap(({ group, versions, plural }) =>
      versions.some((version) => served.serves({ group, version, plural }) === 'unknown') ? [group] : [],
    ),
  );
  return [...groups].map((group) => ({
    check: 'kinds',
    subject: group,
    result: 'Error',
    message: 'whoever serves this group behind the API server does not answer, so nothing is planned',
    fix: `Mend it: kubectl get apiservices | grep ${group}`,
  }));
}
