/** The fields of a JSON object that somebody else wrote. */
export type Fields = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of an object that has this key and no other; `undefined` otherwise. */
export function onlyKey(value: unknown, key: string): unknown {
  return isRecord(value) && key in value && Object.keys(value).length === 1 ? value[key] : undefined;
}

/** An integer within the bounds. */
export function numberIn(value: unknown, low: number, high: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high ? value : undefined;
}
