import { strategicKey } from './merging.ts';
import { equal, isMap } from './object.ts';
import { Refusal, badRequest } from './status.ts';

/** RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const result: Record<string, unknown> = isMap(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/** Kubernetes' own: lists with a key are merged by it; `$patch: delete` and `$patch: replace` are understood. */
export function strategicMergePatch(target: unknown, patch: unknown, path: readonly string[] = []): unknown {
  if (Array.isArray(patch)) return strategicList(target, patch, path);
  if (!isMap(patch)) return patch;
  const { $patch: directive, ...rest } = patch;
  if (directive === 'replace') return rest;
  const result: Record<string, unknown> = isMap(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(rest)) {
    if (key.startsWith('$')) throw badRequest(`the directive ${key} is not understood by this server`);
    if (value === null) delete result[key];
    else result[key] = strategicMergePatch(result[key], value, [...path, key]);
  }
  return result;
}

function strategicList(target: unknown, patch: readonly unknown[], path: readonly string[]): unknown {
  const key = strategicKey(path);
  if (path.at(-1) === 'finalizers')
    return [...new Set([...((target as readonly unknown[] | undefined) ?? []), ...patch])];
  if (key === undefined || !Array.isArray(target)) return patch.filter((one) => !(isMap(one) && '$patch' in one));
  const result = [...(target as readonly unknown[])];
  for (const one of patch) {
    if (!isMap(one)) throw badRequest('a list that is merged by key holds something that is no object');
    const index = result.findIndex((other) => isMap(other) && equal(other[key], one[key]));
    if (one['$patch'] === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (index < 0) result.push(one);
    else result[index] = strategicMergePatch(result[index], one, path);
  }
  return result;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

const segmentsOf = (pointer: string): readonly string[] =>
  pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((one) => one.replaceAll('~1', '/').replaceAll('~0', '~'));

const unprocessable = (message: string): Refusal => new Refusal(422, 'Invalid', message, {});

/** RFC 6902; a test that fails or a path that is not there refuses the whole patch. */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch is a list of operations');
  let result = structuredClone(target);
  for (const { op, path, from, value } of patch as readonly Operation[]) {
    const refuse = (): Refusal => unprocessable('the server rejected our request due to an error in our request');
    const edit = (pointer: string, act: (holder: Record<string, unknown> | unknown[], last: string) => void): void => {
      const segments = segmentsOf(pointer);
      const last = segments.at(-1);
      let holder: unknown = result;
      for (const segment of segments.slice(0, -1))
        holder = Array.isArray(holder)
          ? (holder as unknown[])[Number(segment)]
          : isMap(holder)
            ? holder[segment]
            : undefined;
      if (last === undefined || !(Array.isArray(holder) || isMap(holder))) throw refuse();
      act(holder as Record<string, unknown> | unknown[], last);
    };
    const read = (pointer: string): unknown => {
      let found: unknown;
      edit(pointer, (holder, last) => {
        found = Array.isArray(holder) ? holder[Number(last)] : holder[last];
      });
      if (found === undefined) throw refuse();
      return found;
    };
    const add = (what: unknown): void =>
      edit(path, (holder, last) => {
        if (!Array.isArray(holder)) holder[last] = what;
        else if (last === '-') holder.push(what);
        else holder.splice(Number(last), 0, what);
      });
    const remove = (pointer: string): void => {
      read(pointer);
      edit(pointer, (holder, last) => {
        if (Array.isArray(holder)) holder.splice(Number(last), 1);
        else delete holder[last];
      });
    };
    switch (op) {
      case 'add':
        add(value);
        break;
      case 'remove':
        remove(path);
        break;
      case 'replace':
        read(path);
        edit(path, (holder, last) => {
          (holder as Record<string, unknown>)[last] = value;
        });
        break;
      case 'copy':
        add(structuredClone(read(from ?? '')));
        break;
      case 'move': {
        const moved = read(from ?? '');
        remove(from ?? '');
        add(moved);
        break;
      }
      case 'test':
        if (!equal(read(path), value)) throw refuse();
        break;
      default:
        throw refuse();
    }
  }
  return result as unknown;
}
