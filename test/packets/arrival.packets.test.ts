import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ControlledBorder } from './controlled-border.ts';
import { allow, basis, FAMILIES, openStage, PLACES, podAt, type Stage, translate } from './stage.ts';
import { sendAll, type Trial } from './trials.ts';

describe('a pod that sends before its address is known', () => {
  let stage: Stage;
  let controlled: ControlledBorder;

  beforeAll(async () => {
    stage = await openStage();
  });
  afterAll(() => stage.close());
  beforeEach(async () => {
    await stage.border.reset();
    controlled = new ControlledBorder(stage.border);
  });
  afterEach(() => controlled.close());

  const policies = [allow('open', "app == 'web'", 443)];
  const early: readonly Trial[] = FAMILIES.flatMap((family) => {
    const ends = { source: PLACES[family].late, destination: PLACES[family].server };
    return (['tcp', 'udp', 'icmp'] as const).map((transport) => ({
      ...ends,
      transport,
      port: transport === 'icmp' ? 0 : 443,
    }));
  });
  const send = async (passes: boolean): Promise<readonly (string | undefined)[]> => {
    const outcomes = await sendAll(stage.border, stage.sniffer, early, () => passes);
    return early.map((trial) => {
      const outcome = outcomes.get(trial);
      return outcome?.answered === true ? outcome.seen : undefined;
    });
  };
  const everyone = (place: 'late' | 'nat'): readonly string[] =>
    early.map(({ source }) => PLACES[source.includes(':') ? 6 : 4][place]);
  const nobody = early.map(() => undefined);

  test('unknown: Drop; it is dropped, and passes once it is known', async () => {
    const world = [...basis(), ...policies, podAt('web-1', 'web', 'web')];
    await controlled.bring(...world);
    stage.sniffer.clear();
    expect(await send(false)).toEqual(nobody);
    const late = everyone('late');
    expect(stage.sniffer.packets.filter(({ source }) => late.includes(source))).toEqual([]);
    await controlled.bring(...world, podAt('late-1', 'web', 'late'));
    expect(await send(true)).toEqual(late);
  });

  test('a connection that it began too early is made as soon as it is known', async () => {
    const world = [...basis(), ...policies, podAt('web-1', 'web', 'web'), translate('out', 'all()', 'nat')];
    await controlled.bring(...world);
    const { inside } = stage.border;
    stage.sniffer.clear();
    const tries = FAMILIES.map((family) => {
      const { late: from, server: to } = PLACES[family];
      return inside.tcp({ from, to, port: 443, timeoutMs: 60_000 });
    });
    // A question that comes after them is answered after them: they have been sent by then.
    await inside.arrived();
    await controlled.bring(...world, podAt('late-1', 'web', 'late'));
    expect(await Promise.all(tries)).toMatchObject(FAMILIES.map((family) => ({ source: PLACES[family].nat })));
    expect(await send(true)).toEqual(everyone('nat'));
    const untranslated = stage.sniffer.packets.filter(({ source }) => everyone('late').includes(source));
    expect(untranslated).toEqual([]);
  });

  test('unknown: Ignore; it passes, and is judged once it is known', async () => {
    const world = [...basis({ unknown: 'Ignore' }), ...policies, podAt('web-1', 'web', 'web')];
    await controlled.bring(...world);
    expect(await send(true)).toEqual(everyone('late'));
    await controlled.bring(...world, allow('closed', "app == 'other'", 80), podAt('late-1', 'other', 'late'));
    const { inside } = stage.border;
    for (const family of FAMILIES) {
      const ends = { from: PLACES[family].late, to: PLACES[family].server };
      expect(await inside.tcp({ ...ends, port: 80, timeoutMs: 5_000 })).toMatchObject({ source: ends.from });
      expect(await inside.tcp({ ...ends, port: 443, timeoutMs: 200 })).toEqual({ outcome: 'silence' });
    }
  });
});
