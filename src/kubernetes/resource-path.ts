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
 */
export function resourcePath(
  { group, version, plural }: Collection,
  {
    namespace = '',
    name = '',
    part = '',
  }: { readonly namespace?: string; readonly name?: string; readonly part?: string } = {},
): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const within = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const segments = [plural, name, part].filter((segment) => segment !== '').map(encodeURIComponent);
  return `${root}${within}/${segments.join('/')}`;
}
