import { kinds } from './kinds.ts';
import type { Scope } from './scope.ts';
import { type RawMap, isMap, show } from './shape.ts';

/** Where Calico keeps an object's metadata as its users know it, as JSON (calico.md 1.1). */
export const STORAGE_ANNOTATION = 'projectcalico.org/metadata';

/**
 * An object of `crd.projectcalico.org/v1`, Calico's storage without its API server, as the `projectcalico.org/v3` object that it stores:
 * real name, labels and uid come from its annotation, stored names of policies lose the prefix of the default tier. The spec has the same
 * form in both; its defaults are applied by whoever reads it. Namespaces are the stored object's own.
 */
export function fromStorageForm(raw: RawMap, scope: Scope): RawMap {
  const stored = raw['metadata'];
  if (!isMap(stored)) return raw;
  const annotations = isMap(stored['annotations']) ? stored['annotations'] : {};
  const real = readAnnotation(annotations[STORAGE_ANNOTATION], scope.at('metadata', 'annotations', STORAGE_ANNOTATION));
  const { [STORAGE_ANNOTATION]: _, ...others } = annotations;
  const version = kinds.find((kind) => kind.group === 'projectcalico.org')?.versions[0] ?? 'v3';
  return {
    ...raw,
    apiVersion: `projectcalico.org/${version}`,
    metadata: {
      ...stored,
      name: realName(raw, stored['name'], real, scope),
      annotations: isMap(real?.['annotations']) ? { ...others, ...real['annotations'] } : others,
      // Labels of the storage object are Calico's own bookkeeping where the annotation is there.
      ...(real === undefined ? {} : { labels: real['labels'] }),
      ...(typeof real?.['uid'] === 'string' ? { uid: real['uid'] } : {}),
    },
  };
}

function readAnnotation(text: unknown, scope: Scope): RawMap | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const read: unknown = JSON.parse(text);
    if (isMap(read)) return read;
  } catch {
    // Said below, as for JSON that is no map.
  }
  scope.warning('STORAGE_METADATA', 'this is no map in JSON; the name and labels of the stored object are used');
  return undefined;
}

/** Kinds whose stored names have carried their tier. */
const PREFIXED: ReadonlySet<string> = new Set([
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedGlobalNetworkPolicy',
]);

function realName(raw: RawMap, stored: unknown, real: RawMap | undefined, scope: Scope): unknown {
  if (typeof stored !== 'string' || !PREFIXED.has(String(raw['kind']))) return stored;
  const spec = isMap(raw['spec']) ? raw['spec'] : {};
  const tier = typeof spec['tier'] === 'string' && spec['tier'] !== '' ? spec['tier'] : 'default';
  const prefix = `${tier}.`;
  const bare = stored.startsWith(prefix) ? stored.slice(prefix.length) : stored;
  const claimed = real?.['name'];
  if (typeof claimed === 'string') {
    // Any other name could be that of another object, which would then be lost.
    if (claimed === stored || claimed === bare) return claimed;
    scope.warning(
      'STORAGE_METADATA',
      `the annotation names the object ${show(claimed)}, which does not fit the stored name; the stored one is used`,
      'metadata',
      'annotations',
      STORAGE_ANNOTATION,
    );
    return stored;
  }
  // Policies of the default tier came back without their prefix whichever way they were written (calico.md 1.2).
  return tier === 'default' && bare !== '' ? bare : stored;
}
