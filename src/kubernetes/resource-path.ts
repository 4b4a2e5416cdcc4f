import { SallyportError } from '../base/error.ts';

/** What is needed of a kind to name its objects in the API. */
export interface Collection {
  /** `''` is the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/**
 * The path of a collection, of one namespace's part of it, of an object in it, or of an object's sub-resource.
 * @example
 * resourcePath({ group: 'sallyport.dev', version: 'v1alpha1', plural: 'borderfirewalls' }, { name: 'edge-1', part: 'status' });
 * // '/apis/sallyport.dev/v1alpha1/borderfirewalls/edge-1/status'
 * @throws SallyportError `INTERNAL` for `.` and `..`, which no encoding keeps from leading to another place.
 */
export function resourcePath(
  { group, version, plural }: Collection,
  {
    namespace = '',
    name = '',
    part = '',
  }: { readonly namespace?: string; readonly name?: string; readonly part?: string } = {},
): string {
  const wayward = [namespace, name, part].find((segment) => segment === '.' || segment === '..');
  if (wayward !== undefined) throw new SallyportError('INTERNAL', `"${wayward}" was taken for a name`);
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const within = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const segments = [plural, name, part].filter((segment) => segment !== '').map(encodeURIComponent);
  return `${root}${within}/${segments.join('/')}`;
}
