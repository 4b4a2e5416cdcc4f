import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import type { Pod } from '../../api/resource.ts';
import { ipv4Address, ipv6Address } from '../../ip/address.ts';
import { samePod } from './same-pod.ts';

const text = fc.constantFrom('a', 'b');
const texts = fc.dictionary(text, text).map((object) => new Map(Object.entries(object)));
const optional = fc.option(text, { nil: undefined });
const address = fc.constantFrom(ipv4Address(1), ipv4Address(2), ipv6Address(1n), 'nonsense');
const fields = {
  type: fc.constant('Pod' as const),
  namespace: fc.constant('shop'),
  name: fc.constant('web'),
  uid: text,
  labels: texts,
  annotations: texts,
  deleting: fc.boolean(),
  place: fc.constant({ file: 'cluster' }),
  nodeName: optional,
  serviceAccountName: optional,
  owner: optional,
  hostNetwork: fc.boolean(),
  phase: text,
  podIPs: fc.array(address, { maxLength: 2 }),
  ports: fc.array(
    fc.record({ name: text, port: fc.constantFrom(1, 2), protocol: fc.constantFrom('TCP' as const, 'UDP' as const) }),
    { maxLength: 2 },
  ),
  gate: fc.option(fc.record({ status: text, reason: text, message: text }), { nil: undefined }),
};
const pod: fc.Arbitrary<Pod> = fc.record(fields);

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/** By everything that is there, whatever it is called. */
const written = (one: Pod): string =>
  JSON.stringify(Object.entries(one).toSorted(byKey), (_, value: unknown) => {
    if (value instanceof Map) return [...(value as Map<string, string>)].toSorted(byKey);
    return typeof value === 'bigint' ? `n${value}` : value;
  });

test('two pods are the same if nothing that is read differs', () => {
  fc.assert(
    fc.property(pod, pod, (a, b) => {
      expect(samePod(a, b)).toBe(written(a) === written(b));
      expect(samePod(a, structuredClone(a))).toBe(true);
    }),
    tries(1_000, 200),
  );
});

test('any one difference is seen', () => {
  fc.assert(
    fc.property(pod, pod, fc.constantFrom(...(Object.keys(fields) as (keyof Pod)[])), (a, b, field) => {
      const other = { ...a, [field]: b[field] };
      expect(samePod(a, other)).toBe(written(a) === written(other));
    }),
    tries(2_000, 400),
  );
});
