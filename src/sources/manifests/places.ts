import { type FieldPath, formatPath } from '../../api/scope.ts';
import type { ReadResource } from '../../api/resource.ts';
import { isMap } from '../../api/shape.ts';
import type { Place } from '../../base/diagnostic.ts';

/** So deep below `spec` are fields looked up one by one; drivers' settings have no more. */
const DEEPEST = 3;
/** Entries of a map or list. */
const WIDEST = 64;

/** What was read, and of a BorderFirewall where its fields stand: its driver judges them later, when the text is gone. */
export function withPlaces(read: ReadResource, raw: unknown, placeOf: (path: FieldPath) => Place): ReadResource {
  const { resource, unread } = read;
  if (resource?.type === 'BorderFirewall')
    return { ...read, resource: { ...resource, places: placesOf(raw, placeOf) } };
  if (unread === undefined) return read;
  return { ...read, unread: { ...unread, settings: { ...unread.settings, places: placesOf(raw, placeOf) } } };
}

function placesOf(raw: unknown, placeOf: (path: FieldPath) => Place): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  const look = (value: unknown, path: FieldPath): void => {
    places.set(formatPath(path), placeOf(path));
    if (path.length > DEEPEST) return;
    const entries = Array.isArray(value) ? [...value.entries()] : isMap(value) ? Object.entries(value) : [];
    for (const [key, inner] of entries.slice(0, WIDEST)) look(inner, [...path, key]);
  };
  if (isMap(raw)) look(raw['spec'], ['spec']);
  return places;
}
