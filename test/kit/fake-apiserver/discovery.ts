import type { Kind } from './kinds.ts';
import { type Reply, json } from './reply.ts';

/** `v1` before `v1beta2` before `v1alpha1` before whatever is no such version. */
function rank(version: string): readonly number[] {
  const [, major = '0', level, minor = '0'] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
  return [level === undefined ? 2 : level === 'beta' ? 1 : 0, Number(major), Number(minor)];
}

function newestFirst(a: string, b: string): number {
  const [one, other] = [rank(a), rank(b)];
  for (const [index, value] of one.entries()) if (value !== other[index]) return (other[index] ?? 0) - value;
  return a < b ? -1 : 1;
}

function groupOf(group: string, kinds: readonly Kind[]): object {
  const versions = [...new Set(kinds.filter((one) => one.group === group).map(({ version }) => version))];
  const [preferred, ...rest] = versions.toSorted(newestFirst).map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }));
  return { name: group, versions: [preferred, ...rest], preferredVersion: preferred };
}

function resources(kinds: readonly Kind[]): readonly object[] {
  return kinds.flatMap(({ plural, singular, namespaced, kind, shortNames, parts, review }) => [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs:
        review === true
          ? ['create']
          : ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      ...(shortNames.length === 0 ? {} : { shortNames }),
    },
    ...parts.map((part) => ({
      name: `${plural}/${part}`,
      singularName: '',
      namespaced,
      kind,
      verbs: part === 'finalize' ? ['update'] : ['get', 'patch', 'update'],
    })),
  ]);
}

/** What is served, as the paths above the collections tell it; `undefined`: no such path. */
export function discover(path: string, kinds: readonly Kind[]): Reply | undefined {
  const segments = path.split('/').filter((one) => one !== '');
  const [root, group = '', version = ''] = placeOf(segments);
  const groups = [...new Set(kinds.map((one) => one.group))].filter((one) => one !== '');
  if (path === '/api' || path === '/api/')
    return json(200, { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] });
  if (path === '/apis' || path === '/apis/')
    return json(200, { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((one) => groupOf(one, kinds)) });
  if (root === undefined || !(root === 'api' || groups.includes(group))) return undefined;
  if (root === 'apis' && version === '')
    return json(200, { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group, kinds) });
  const served = kinds.filter((one) => one.group === group && one.version === version);
  if (served.length === 0) return undefined;
  return json(200, {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: resources(served),
  });
}

/** Root, group and version of a path of no more than these. */
function placeOf(segments: readonly string[]): readonly (string | undefined)[] {
  const [root, ...rest] = segments;
  if (root === 'api' && rest.length === 1) return [root, '', rest[0]];
  if (root === 'apis' && rest.length <= 2) return [root, ...rest];
  return [undefined];
}
