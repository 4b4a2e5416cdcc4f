import { expect, test } from 'vitest';
import { PanOs, type PanOsOptions } from '../../../../simulators/panos/index.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { PATIENCE_MS } from '../../../../test/kit/runs.ts';
import { type Packet, fateOf } from '../../../../test/kit/ruleset-oracle.ts';
import { everyPacket } from '../../../../test/kit/universe.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { type AnyDriver, bring, stepsOf } from '../../contract/harness.ts';
import { ACCOUNT, FULL, commitByHand, byHand, furnish, oursOn, passingOn } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const signal = new AbortController().signal;
const { keep, connect } = closedAfterEach();

async function pairOf(options: PanOsOptions = {}): Promise<readonly [PanOs, PanOs]> {
  const pair = await PanOs.startPair({ accounts: [ACCOUNT], zones: ['k8s', 'internet'], commitMs: 0, ...options });
  for (const one of pair) keep(one);
  await furnish(pair[0]);
  return pair;
}

const connectTo = ([one, two]: readonly [PanOs, PanOs], clock: Clock = systemClock): AnyDriver =>
  connect(one, { ...FULL, peer: { address: two.url, pin: two.fingerprint ?? '' } }, { clock }) as unknown as AnyDriver;

const before = world(crowd(3, 'bank'));
const after = world({ ...crowd(2, 'bank'), '10.0.7.7': 'shop' }, [
  allowing('bank', '203.0.113.0/24', 8443),
  allowing('shop', '198.51.100.0/24', 80),
]);
const packets = everyPacket().filter(
  ({ family, protocol, destinationPort }) => family === 4 && protocol === 6 && destinationPort !== 53,
);

/** What carries the traffic does with every packet what one of these rulesets says. */
function expectBetween(pair: readonly [PanOs, PanOs], when: string, ...allowed: readonly Ruleset[]): void {
  const carries = pair.find(({ ha }) => ha.carries) ?? pair[0];
  const passing = passingOn(carries);
  for (const packet of packets) {
    const passes = passing(packet as Packet);
    if (!allowed.some((one) => fateOf(one, packet).passes === passes))
      throw new Error(`${when}: ${passes} for ${JSON.stringify(packet)}`);
  }
}

test.each([
  ['shared', true, true],
  ['each its own', false, true],
  ['each its own, and the link between them is down', false, false],
] as const)(
  'the other one takes over at every request (registered addresses: %s): what it does not hold is not done, and it gets there',
  async (_, haSharesRegistered, link) => {
    for (let at = 0, isOver = false; !isOver; at++) {
      const pair = await pairOf({ quirks: { haSharesRegistered } });
      const driver = connectTo(pair);
      await bring(driver, before);
      pair[0].ha.link = link;
      const steps = await stepsOf(driver, after);
      let arrived = 0;
      let isAway = false;
      pair[0].faults.next(
        { kind: 'slow', ms: 0 },
        {
          matches: () => {
            if (arrived++ === at) {
              isAway = true;
              pair[0].failOver();
            }
            return false;
          },
        },
      );
      for (const step of steps) {
        const code = await driver.apply(step, signal).then(
          () => 'done',
          (thrown: unknown) => (thrown instanceof SallyportError ? thrown.code : String(thrown)),
        );
        expect(['done', 'DEVICE_CHANGED', 'DEVICE_BUSY']).toContain(code);
        if (code !== 'done') break;
      }
      // Beyond the last request there is nothing to be seen.
      isOver = !isAway;
      const when = `request ${at}`;
      if (isAway) expect(pair[1].ha.carries).toBe(true);
      expectBetween(pair, when, before, after);
      pair[0].ha.link = true;
      const left = await stepsOf(driver, after);
      // What counts as done is what this one does.
      if (!left.some(({ kind }) => kind !== 'Clean')) expectBetween(pair, `${when}, done`, after);
      await bring(driver, after);
      expectBetween(pair, `${when}, brought`, after);
      for (const { locks } of pair) expect(locks.held('config')).toEqual([]);
      // And back again, whatever the first one believed of itself.
      if (isAway) pair[1].failOver();
      if (!(await stepsOf(driver, after)).some(({ kind }) => kind !== 'Clean'))
        expectBetween(pair, `${when}, back`, after);
      await bring(driver, after);
      expectBetween(pair, `${when}, back and brought`, after);
      expect(oursOn(pair[0])).toBe(oursOn(pair[1]));
    }
  },
  PATIENCE_MS,
);

/** Somebody deletes the first of our rules, on one of a pair, which hands that on. */
async function deleteRule(there: PanOs, other: PanOs): Promise<void> {
  const [, rule = ''] = /name="(sp-[^"]+)"/.exec(/<security>.*<\/security>/s.exec(there.dump())?.[0] ?? '') ?? [];
  there.accounts.put({ name: 'alice', password: 'x', role: 'superuser' });
  byHand(there, 'delete', `/rulebase/security/rules/entry[@name='${rule}']`);
  await commitByHand(there);
  expect(other.dump()).not.toContain(rule);
}

test('what one of a pair was handed while it stood by is found when it takes over', async () => {
  const pair = await pairOf();
  const driver = connectTo(pair);
  await bring(driver, before);
  pair[0].failOver();
  expect(await stepsOf(driver, before)).toEqual([]);
  await deleteRule(pair[1], pair[0]);
  pair[1].failOver();
  expect(await stepsOf(driver, before)).not.toEqual([]);
  await bring(driver, before);
  expectBetween(pair, 'brought', before);
});

test('what the one that stands by hands on is found within a minute', async () => {
  const clock = new FakeClock();
  const pair = await pairOf();
  const driver = connectTo(pair, clock);
  await bring(driver, before);
  await deleteRule(pair[1], pair[0]);
  clock.advance(60_000);
  expect(await stepsOf(driver, before)).not.toEqual([]);
  await bring(driver, before);
  expectBetween(pair, 'brought', before);
});
