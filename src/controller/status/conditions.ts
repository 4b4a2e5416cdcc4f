import { STATUS_LIMITS } from '../../api/status.ts';
import { type RawMap, isMap } from '../../api/shape.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';

/** Something that is true of an object, before it is put into a status. */
export interface Statement<T extends string = string> {
  readonly type: T;
  /** One word. */
  readonly reason: string;
  readonly message: string;
}

/** A condition as a status has it. */
export interface StatusCondition<T extends string> {
  readonly type: T;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

/** A moment as Kubernetes writes it, in whole seconds. */
export function momentText(wall: number): string {
  return `${new Date(wall).toISOString().slice(0, 19)}Z`;
}

/** A text within a limit of characters; what was cut shows. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Mistakes as one text: in full as many as there is room for, and of the others the fields. */
export function mistakesText(mistakes: readonly Pick<Diagnostic, 'path' | 'message'>[], limit: number): string {
  const texts = mistakes.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  const fields = mistakes.map(({ path }) => (path === '' ? 'the object' : path));
  for (let full = texts.length; full > 0; full--) {
    const rest = fields.slice(full);
    const text = [...texts.slice(0, full), ...(rest.length === 0 ? [] : [`and at ${rest.join(', ')}`])].join('; ');
    if (text.length <= limit) return text;
  }
  return cut(`${fields.length} mistakes, at ${fields.join(', ')}`, limit);
}

/**
 * Conditions of a status: `Ready` first, then one of each type that something was stated of, in the order of `types`. Of several statements
 * of one type the first gives the reason. `Ready` is false as soon as one of `stopping` is stated, and says the first of each.
 * `before` is the list as it stands: the time of a transition stays until `status` is another.
 */
export function conditionsFrom<T extends string>(
  statements: readonly Statement<T>[],
  ready: { readonly reason: string; readonly message: string },
  about: {
    readonly types: readonly T[];
    readonly stopping: ReadonlySet<T>;
    readonly generation: number | undefined;
    readonly now: string;
    readonly before: unknown;
  },
): StatusCondition<T | 'Ready'>[] {
  const { types, stopping, generation, now, before } = about;
  const stated = types.flatMap((type) => {
    const own = statements.filter((statement) => statement.type === type);
    const [first] = own;
    return first === undefined ? [] : [{ ...first, more: own.length - 1 }];
  });
  const stops = stated.filter(({ type }) => stopping.has(type));
  const [stop] = stops;
  const list: (Statement<T | 'Ready'> & { readonly status: 'True' | 'False' })[] = [
    stop === undefined
      ? { type: 'Ready', status: 'True', ...ready }
      : {
          type: 'Ready',
          status: 'False',
          reason: stop.reason,
          message: stops.map(({ type, message }) => `${type}: ${message}`).join('; '),
        },
    ...stated.map(({ more, message, ...one }) => ({
      ...one,
      status: 'True' as const,
      message: more > 0 ? `${cut(message, STATUS_LIMITS.message - 20)} and ${more} more` : message,
    })),
  ];
  return list.map(({ type, status, reason, message }) => ({
    type,
    status,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: since(before, 'type', type, 'status', status, 'lastTransitionTime') ?? now,
    reason: cut(reason, STATUS_LIMITS.reason),
    message: cut(message, STATUS_LIMITS.message),
  }));
}

/** The moment that the entry of a list tells, if what it is about is still the same. */
export function since(
  list: unknown,
  key: string,
  name: string,
  member: string,
  value: string,
  moment: string,
): string | undefined {
  if (!Array.isArray(list)) return undefined;
  const found = list.filter(isMap).find((entry: RawMap) => entry[key] === name);
  const at = found?.[member] === value ? found[moment] : undefined;
  return typeof at === 'string' ? at : undefined;
}
