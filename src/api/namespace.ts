import type { Meta, Namespace } from './resource.ts';

/** A label that the API server keeps equal to the name of every namespace, whatever is written. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** A namespace, with the label that it has in a cluster though a manifest need not show it: policies often select by it. */
export function readNamespace(meta: Meta): Namespace {
  return { ...meta, type: 'Namespace', labels: new Map(meta.labels).set(NAME_LABEL, meta.name) };
}
