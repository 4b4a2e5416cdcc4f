import fc from 'fast-check';

// The few names, labels, addresses and ports that random clusters draw from, so that they meet.

export const namespace = fc.constantFrom('a', 'b');
export const rarely = fc.oneof(
  { weight: 9, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);
export const labelValue = fc.constantFrom('x', 'x', 'y', 'y', '', 'xy');
export const key = fc.constantFrom('app', 'role', '__proto__');
export const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
/** Seldom enough that what it is given to mostly stands alone. */
export const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
export const list = <T>(arbitrary: fc.Arbitrary<T>, maxLength = 2): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { maxLength });

/** `__proto__` has to be a property of its own. */
export const labels = fc
  .uniqueArray(fc.tuple(key, labelValue), { maxLength: 2, selector: ([name]) => name })
  .map((entries) => entriesToRecord(entries));
export const namespaceLabels = fc
  .uniqueArray(fc.tuple(fc.constantFrom('env', 'team'), labelValue), { maxLength: 2, selector: ([name]) => name })
  .map((entries) => entriesToRecord(entries));

export function entriesToRecord(entries: readonly (readonly [string, string])[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (const [name, value] of entries)
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  return record;
}

export const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.1.4', 'fd00::1', 'fd00::2'];
export const OUTSIDE = ['198.51.100.7', '203.0.113.9', '2001:db8::9'];
export const address4 = fc.constantFrom(...ADDRESSES.filter((text) => !text.includes(':')));
export const address6 = fc.constantFrom(...ADDRESSES.filter((text) => text.includes(':')));
export const NETS = {
  4: ['10.0.0.0/8', '10.0.0.2/32', '10.0.1.0/24', '198.51.100.0/24', '203.0.113.8/31'],
  6: ['fd00::/64', 'fd00::2/128', '2001:db8::/32'],
};
export const PORT_NAMES = ['web', 'dns', 'nobody'];

export function without<T extends object>(written: T): T {
  return Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined)) as T;
}
