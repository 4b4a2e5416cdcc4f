import type { Merging, Schema } from './fields.ts';

const byKey = (...keys: readonly string[]): Merging => ({ type: 'map', keys, defaults: { protocol: 'TCP' } });
const atomic: Merging = { type: 'atomic' };
export const granular: Merging = { type: 'granular' };

/** Of built-in kinds, by the last name of the path: their published schemas agree on these wherever the name appears. */
const byName: Readonly<Record<string, Merging>> = {
  finalizers: { type: 'set' },
  ownerReferences: byKey('uid'),
  conditions: byKey('type'),
  containers: byKey('name'),
  initContainers: byKey('name'),
  volumes: byKey('name'),
  env: byKey('name'),
  volumeMounts: byKey('mountPath'),
  ports: byKey('containerPort', 'protocol'),
  imagePullSecrets: byKey('name'),
  podIPs: byKey('ip'),
  hostIPs: byKey('ip'),
  addresses: byKey('type'),
  webhooks: byKey('name'),
  hostAliases: byKey('ip'),
  selector: atomic,
  podSelector: atomic,
  namespaceSelector: atomic,
  objectSelector: atomic,
  nodeSelector: atomic,
  fieldRef: atomic,
  secretRef: atomic,
  involvedObject: atomic,
};

/** How fields of a built-in kind are merged. */
export function builtInSchema(group: string, kind: string): Schema {
  return (path) => {
    const name = path.at(-1) ?? '';
    if (path.length === 0) return granular;
    if (kind === 'Service' && path.join('.') === 'spec.ports') return byKey('port', 'protocol');
    if (kind === 'Service' && path.join('.') === 'spec.selector') return atomic;
    if (group === 'discovery.k8s.io' || group === 'networking.k8s.io') {
      // Their lists are atomic, but for conditions and metadata.
      if (!['finalizers', 'ownerReferences', 'conditions'].includes(name) && name !== 'podSelector') return granular;
    }
    return byName[name] ?? granular;
  };
}

/** Under which key a strategic merge patch merges a list; `undefined`: it replaces it. */
export function strategicKey(path: readonly string[]): string | undefined {
  const merging = byName[path.at(-1) ?? ''];
  return merging?.type === 'map' ? merging.keys[0] : undefined;
}
