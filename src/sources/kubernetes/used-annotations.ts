import { ADDRESS_ANNOTATIONS } from '../../api/pod.ts';
import { type RawMap, isMap } from '../../api/shape.ts';
import { STORAGE_ANNOTATION } from '../../api/storage-form.ts';

/** Annotations that are read; the others, which tools fill with whole manifests, would take most of the memory. */
export const USED_ANNOTATIONS: ReadonlySet<string> = new Set([...ADDRESS_ANNOTATIONS, STORAGE_ANNOTATION]);

/**
 * The metadata with those of its annotations that are read. What is no map of annotations stays, for its mistake to be told. Addresses in
 * annotations are read as long as the kubelet has told none, and again when the pod dies.
 */
export function usedAnnotations(metadata: RawMap, status: unknown): RawMap {
  const written = metadata['annotations'];
  if (!isMap(written)) return metadata;
  const isShown = isMap(status) && (hasItems(status['podIPs']) || (status['podIP'] ?? '') !== '');
  const isDeleting = (metadata['deletionTimestamp'] ?? undefined) !== undefined;
  const isSpent = (name: string): boolean => isShown && !isDeleting && name !== STORAGE_ANNOTATION;
  const used = Object.entries(written).filter(([name]) => USED_ANNOTATIONS.has(name) && !isSpent(name));
  const { annotations: _, ...others } = metadata;
  return used.length === 0 ? others : { ...others, annotations: Object.fromEntries(used) };
}

function hasItems(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
