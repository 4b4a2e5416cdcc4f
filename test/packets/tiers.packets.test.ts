import process from 'node:process';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluate } from '../../src/border/evaluate.ts';
import { loadWorld, worldOf } from '../../src/engine/world.ts';
import { Border } from '../kit/border.ts';
import { type Manifest, packet } from '../kit/border-world.ts';
import { TIER_ADDRESSES, type TierWorld, tierWorlds } from '../kit/random-tiers.ts';
import { SlowBorder } from '../kit/slow-border.ts';
import { ControlledBorder, EDGE } from './controlled-border.ts';
import { Sniffer } from './sniffer.ts';
import { sendAll, textOf, type Trial, trialOf } from './trials.ts';
import { tries } from '../kit/runs.ts';

const SERVICES = [
  ['tcp', 443],
  ['tcp', 80],
  ['udp', 53],
  ['udp', 80],
  ['icmp', 0],
] as const;
const TRIALS: readonly Trial[] = TIER_ADDRESSES.inside.flatMap((source) =>
  TIER_ADDRESSES.outside
    .filter((destination) => destination.includes(':') === source.includes(':'))
    .flatMap((destination) => SERVICES.map(([transport, port]) => ({ source, destination, transport, port }))),
);

/** `SALLYPORT_SEED=… npx tsx scripts/packets.ts test/packets/tiers` plays what a failure printed again. */
const { numRuns } = tries(3);
const seed = Number(process.env['SALLYPORT_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));

let border: Border;
let sniffer: Sniffer;

beforeAll(async () => {
  border = await Border.open(
    {
      pods: TIER_ADDRESSES.inside,
      podNets: ['10.0.0.0/16', 'fd00::/64'],
      outside: TIER_ADDRESSES.outside,
      translated: [],
    },
    [443, 80, 53],
  );
  sniffer = await Sniffer.open(border.outside.namespace, 'out0');
});
afterAll(async () => {
  sniffer.stop();
  await border.close();
});

function flowOf({ source: src, destination: dst, transport, port }: Trial): Parameters<SlowBorder['fate']>[0] {
  const echo = dst.includes(':') ? { proto: 58, icmpType: 128 } : { proto: 1, icmpType: 8 };
  // No rule of these worlds asks for source ports that a client is given.
  const ends = { src, dst, sport: 40_000 };
  if (transport === 'icmp') return { ...ends, ...echo, icmpCode: 0 };
  return { ...ends, proto: transport === 'tcp' ? 6 : 17, dport: port };
}

/** What became of each trial is what the ruleset says, and the layers of the design around the cluster's own verdict; nothing else left. */
async function compare(controlled: ControlledBorder, { manifests, repeatsAll }: TierWorld): Promise<void> {
  const ruleset = controlled.ruleset();
  const passes = (trial: Trial): boolean => {
    const { proto, dport, icmpType, icmpCode } = flowOf(trial);
    const icmp = icmpType === undefined ? {} : { icmpType, icmpCode: icmpCode ?? 0 };
    const what = { protocol: Number(proto), destinationPort: dport as never, ...icmp };
    return evaluate(ruleset, packet(trial.source, trial.destination, what)).passes;
  };
  const slow = new SlowBorder(manifests, EDGE);
  const engine = new SlowBorder(manifests, EDGE, loadWorld);
  const running = new SlowBorder(manifests, EDGE, () => worldOf(controlled.engine));
  const owners = (source: string): number =>
    manifests.filter((each) => each['kind'] === 'Pod' && JSON.stringify(each['status']).includes(`"${source}"`)).length;

  sniffer.clear();
  const outcomes = await sendAll(border, sniffer, TRIALS, passes);
  const wrong: string[] = [];
  for (const trial of TRIALS) {
    const real = outcomes.get(trial)?.answered === true;
    if (real !== passes(trial)) wrong.push(`${textOf(trial)}: answered: ${real}, by the ruleset: ${passes(trial)}`);
    // The cluster takes an address for that of each of its owners where a rule matches the source; a border asks what each may by itself.
    const oracles = { slow, engine, ...(repeatsAll && owners(trial.source) === 1 ? { running } : {}) };
    for (const [whose, oracle] of Object.entries(oracles)) {
      const fate = oracle.fate(flowOf(trial));
      if (real !== fate.passes)
        wrong.push(`${textOf(trial)}: answered: ${real}, by ${whose}: ${fate.passes} (${fate.why})`);
    }
  }
  const left = sniffer.packets.flatMap((each) => {
    const trial = trialOf(each);
    return trial === undefined || !TIER_ADDRESSES.outside.includes(trial.destination) ? [] : [textOf(trial)];
  });
  expect(wrong).toEqual([]);
  expect([...new Set(left)].sort()).toEqual(TRIALS.filter(passes).map(textOf).sort());
}

test('what cluster policies of repeated tiers say, a border enforces', { timeout: numRuns * 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(tierWorlds, { minLength: 3, maxLength: 3 }), async (worlds) => {
      await border.reset();
      const controlled = new ControlledBorder(border);
      try {
        // One after the other on the same border: what is left of a world must not show in the next.
        for (const world of worlds) {
          await controlled.bring(...(world.manifests as readonly Manifest[]));
          await compare(controlled, world);
        }
      } finally {
        await controlled.close();
      }
    }),
    { seed, numRuns, endOnFailure: true },
  );
});
