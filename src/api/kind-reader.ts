import type { Meta, Resource } from './resource.ts';
import type { Scope } from './scope.ts';
import type { RawMap } from './shape.ts';

/**
 * Reads what one kind has besides its metadata. `scope` is the whole object. Nothing is returned when no safe reading of the object
 * exists; every mistake has been noted then.
 */
export type KindReader = (meta: Meta, raw: RawMap, scope: Scope) => Resource | undefined;
