import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BorderWorld, type Manifest, packet } from '../../test/kit/border-world.ts';
import { DESTINATIONS, worlds } from '../../test/kit/random-border.ts';
import { PATIENCE_MS, tries } from '../../test/kit/runs.ts';
import { SlowBorder } from '../../test/kit/slow-border.ts';
import { evaluate } from './evaluate.ts';

const SOURCES = {
  4: [
    '10.1.0.1',
    '10.1.0.2',
    '10.1.0.3',
    '10.2.0.1',
    '10.2.0.2',
    '10.3.0.1',
    '192.168.9.9',
    '172.18.0.1',
    '172.18.0.2',
    '172.18.9.9',
  ],
  6: ['fd01::1', 'fd01::2', 'fd02::1', 'fd18::1', 'fd18::2'],
};

const protocols = fc.constantFrom(
  { protocol: 6, destinationPort: 443 },
  { protocol: 6, destinationPort: 80 },
  { protocol: 17, destinationPort: 53 },
  { protocol: 17, destinationPort: 9 },
  { protocol: 1, icmpType: 8, icmpCode: 0 },
  { protocol: 58, icmpType: 128, icmpCode: 0 },
  { protocol: 58, icmpType: 1, icmpCode: 0 },
);

const flows = fc.constantFrom<4 | 6>(4, 4, 6).chain((family) =>
  fc.record({
    source: fc.constantFrom(...SOURCES[family]),
    destination: fc.constantFrom(...DESTINATIONS[family]),
    what: protocols,
  }),
);

/** The last of each name, and one firewall that stands alone and never widens. */
function settled(
  manifests: readonly Manifest[],
  has: { readonly pools: boolean; readonly b: boolean },
): readonly Manifest[] {
  const byKey = new Map<string, Manifest>();
  for (const manifest of manifests) {
    const { kind, metadata } = manifest as { kind: string; metadata: { name: string; namespace?: string } };
    if (kind === 'BorderFirewall' && metadata.name !== 'edge') continue;
    if (kind === 'IPPool' && !has.pools) continue;
    if (kind === 'Namespace' && metadata.name === 'b' && !has.b) continue;
    byKey.set(`${kind}/${metadata.namespace ?? ''}/${metadata.name}`, manifest);
  }
  return [...byKey.values()].map((manifest) => {
    const { kind, spec } = manifest as { kind: string; spec: object };
    return kind === 'BorderFirewall' ? { ...manifest, spec: { ...spec, blind: 'Refuse' } } : manifest;
  });
}

test(
  'does to every packet what the design says',
  () => {
    const seen = new Map<string, number>();
    const asDesigned = fc.property(
      worlds,
      fc.nat(6),
      fc.array(flows, { minLength: 40, maxLength: 40 }),
      (manifests, without, sent) => {
        const objects = settled(manifests, { pools: without > 0, b: without % 3 !== 2 });
        const world = new BorderWorld(...objects);
        const oracle = new SlowBorder(objects, 'edge');
        const owned = objects.flatMap((each) => (each['kind'] === 'Pod' ? JSON.stringify(each['status']) : []));
        for (const { source, destination, what } of sent) {
          // A disabled pool is outside, and pods in it are what no border can name as destinations.
          if (owned.some((text) => text.includes(`"${destination}"`))) continue;
          const result = evaluate(
            world.ruleset(),
            packet(source, destination, { destinationPort: undefined as never, ...what }),
          );
          const fate = oracle.fate({
            src: source,
            dst: destination,
            proto: what.protocol,
            sport: 40_000,
            ...('destinationPort' in what ? { dport: what.destinationPort } : { icmpType: what.icmpType, icmpCode: 0 }),
          });
          const told = `${source} to ${destination} ${JSON.stringify(what)}: ${JSON.stringify(fate)}, ${JSON.stringify(result)}`;
          // Two owners of one address leave only if they would leave alike; which of several addresses each has, the oracle does not know.
          if (fate.passes && fate.from.length > 1 && result.reason === 'translation-held') continue;
          expect(result.passes, told).toBe(fate.passes);
          if (fate.passes) expect(fate.from, told).toContain(result.leavesAs);
          seen.set(result.reason, (seen.get(result.reason) ?? 0) + 1);
        }
      },
    );
    // That these worlds meet every reason must not be up to chance.
    fc.assert(asDesigned, { ...tries(35), seed: 4 });
    for (const reason of [
      'not-governed',
      'not-ours',
      'unknown-source',
      'unselected',
      'rule',
      'end',
      'translation-held',
    ])
      expect(seen.get(reason) ?? 0, reason).toBeGreaterThan(0);
    fc.assert(asDesigned, tries(35, 12));
  },
  PATIENCE_MS,
);
