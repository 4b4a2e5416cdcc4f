import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ipv4Address } from '../ip/address.ts';
import { PortSet } from '../ip/port-set.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { firstMatch } from './first-match.ts';
import { type FlowMatch, FlowSet } from './flow-set.ts';

const ADDRESSES = [1, 2, 3].map((n) => ipv4Address(n));
const PORTS = [0, 80, 81];

const rule = fc
  .record({
    action: fc.constantFrom('Allow', 'Deny', 'Pass', 'Log' as const),
    protocol: fc.constantFrom(undefined, 6, 17),
    to: fc.subarray(ADDRESSES),
    ports: fc.constantFrom(undefined, 80, 81),
  })
  .map(({ action, protocol, to, ports }) => {
    const match: FlowMatch = {
      ...(protocol === undefined ? {} : { protocol }),
      ...(to.length === 0 ? {} : { destination: PrefixSet.ofAddresses(to) }),
      ...(ports === undefined ? {} : { ports: PortSet.of(ports) }),
    };
    return { action, flows: FlowSet.matching(4, match) };
  });

test('each flow is decided by the first rule that holds it, Log aside', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 9 }), (rules) => {
      const decided = firstMatch(4, rules);
      for (const destination of ADDRESSES)
        for (const destinationPort of PORTS)
          for (const protocol of [6, 17, 47]) {
            const flow = { family: 4, destination, protocol, destinationPort } as const;
            const first = rules.find(({ action, flows }) => action !== 'Log' && flows.has(flow));
            for (const action of ['Allow', 'Deny', 'Pass'] as const)
              expect(decided[action].has(flow)).toBe(first?.action === action);
          }
    }),
  );
});
