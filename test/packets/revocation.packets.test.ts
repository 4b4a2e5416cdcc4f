import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Manifest } from '../kit/border-world.ts';
import { ControlledBorder } from './controlled-border.ts';
import { allow, basis, type Flow, FAMILIES, Flows, openStage, PLACES, podAt, type Stage, translate } from './stage.ts';

const still = { in: false, out: false };
const moves = { in: true, out: true };
const listens = { in: true, out: false };

describe('a right that is taken back under open connections', () => {
  let stage: Stage;
  let controlled: ControlledBorder;
  let flows: Flows;

  beforeAll(async () => {
    stage = await openStage();
  });
  afterAll(() => stage.close());
  beforeEach(async () => {
    await stage.border.reset();
    controlled = new ControlledBorder(stage.border);
    flows = new Flows(stage);
  });
  afterEach(async () => {
    await flows.closeAll();
    await controlled.close();
  });

  const world = (app: string, spec: Manifest, ...more: readonly Manifest[]): readonly Manifest[] => [
    ...basis(spec),
    podAt('web-1', app, 'web'),
    podAt('job-1', 'job', 'job'),
    allow('job', "app == 'job'", 80, 443),
    ...more,
  ];
  const withoutPod = (manifests: readonly Manifest[]): readonly Manifest[] =>
    manifests.filter((each) => !JSON.stringify(each).includes('web-1'));
  const wide = allow('web', "app == 'web'", 80, 443);
  const narrow = allow('web', "app == 'web'", 443);
  const former = allow('former', "app == 'former'", 443);

  const open = async (): Promise<Record<'gone' | 'pushed' | 'stays', Flow[]> & { neighbour: Flow }> => {
    const all = { gone: [] as Flow[], pushed: [] as Flow[], stays: [] as Flow[] };
    for (const family of FAMILIES)
      for (const transport of ['tcp', 'udp'] as const) {
        all.gone.push(await flows.open(transport, family, 'web', 80));
        all.pushed.push(await flows.open(transport, family, 'web', 80, 'silent'));
        all.stays.push(await flows.open(transport, family, 'web', 443));
      }
    return { ...all, neighbour: await flows.open('tcp', 4, 'job', 80) };
  };
  /** Under which sources and ports a flow's packets arrived: one, if it is still the same connection. */
  const identities = (flow: Flow): readonly string[] => [
    ...new Set(flows.packets(flow).map(({ source, sourcePort }) => `${source} ${sourcePort}`)),
  ];

  describe.each([
    ['its own address', []],
    ['a translated address', [translate('out', "app in {'web', 'former'}", 'nat')]],
  ])('with %s', (_, nats) => {
    test.each([
      ['a rule goes', world('web', {}, narrow, ...nats)],
      ['the pod gets another label', world('former', {}, wide, former, ...nats)],
    ])('%s: exactly what is no longer allowed ends, in both directions', async (__, after) => {
      await controlled.bring(...world('web', {}, wide, former, ...nats));
      stage.sniffer.clear();
      const { gone, pushed, stays, neighbour } = await open();
      expect(await flows.moving(neighbour, [...gone, ...stays])).toEqual([...gone, ...stays].map(() => moves));
      // A TCP peer that hears acknowledges.
      expect(await flows.moving(neighbour, pushed)).toEqual(
        pushed.map((flow) => (flow.transport === 'tcp' ? moves : listens)),
      );

      await controlled.bring(...after);
      expect(await flows.moving(neighbour, [...gone, ...pushed])).toEqual([...gone, ...pushed].map(() => still));
      expect(await flows.moving(neighbour, stays)).toEqual(stays.map(() => moves));
      for (const flow of stays) {
        expect((await flows.state(flow)).state).toBe('open');
        expect(identities(flow)).toHaveLength(1);
      }
      for (const family of FAMILIES) {
        const ends = { from: PLACES[family].web, to: PLACES[family].server, timeoutMs: 200 };
        expect(await stage.border.inside.tcp({ ...ends, port: 80 })).toEqual({ outcome: 'silence' });
        expect(await stage.border.inside.udp({ ...ends, port: 80 })).toEqual({ outcome: 'silence' });
      }
    });

    test('a thousand connections of one pod end as surely as one', async () => {
      await controlled.bring(...world('web', {}, wide, ...nats));
      const { web: from, server: to } = PLACES[4];
      const once = (localPort: number): Promise<unknown> =>
        stage.border.inside.udp({ from, to, port: 80, localPort, timeoutMs: 5_000 });
      for (let first = 20_000; first < 21_000; first += 100)
        await Promise.all(Array.from({ length: 100 }, (_, index) => once(first + index)));
      const { gone, pushed, stays, neighbour } = await open();
      await controlled.bring(...world('web', {}, narrow, ...nats));
      expect(await flows.moving(neighbour, [...gone, ...pushed])).toEqual([...gone, ...pushed].map(() => still));
      expect(await flows.moving(neighbour, stays)).toEqual(stays.map(() => moves));
    });

    test('the pod goes: everything of it ends, and its neighbour talks on', async () => {
      await controlled.bring(...world('web', {}, wide, ...nats));
      const { gone, pushed, stays, neighbour } = await open();
      const all = [...gone, ...pushed, ...stays];
      await controlled.bring(...withoutPod(world('web', {}, wide, ...nats)));
      expect(await flows.moving(neighbour, all)).toEqual(all.map(() => still));
      expect((await flows.state(neighbour)).state).toBe('open');
    });

    test.each([
      ['a rule goes', world('web', {}, narrow, ...nats)],
      ['the pod gets another label', world('former', {}, wide, former, ...nats)],
      ['the pod goes', withoutPod(world('web', {}, wide, ...nats))],
    ])('%s while a server sends all it can: nothing more gets through', async (__, after) => {
      await controlled.bring(...world('web', {}, wide, ...nats));
      const neighbour = await flows.open('tcp', 4, 'job', 80);
      const flooded: Flow[] = [];
      for (const family of FAMILIES)
        for (let n = 0; n < 3; n++) flooded.push(await flows.open('udp', family, 'web', 80, 'flooded'));
      expect(await flows.moving(neighbour, flooded)).toEqual(flooded.map(() => listens));
      await controlled.bring(...after);
      expect(await flows.moving(neighbour, flooded)).toEqual(flooded.map(() => still));
    });

    test('established: Keep leaves them, and takes no new one', async () => {
      const keep = { established: 'Keep' };
      await controlled.bring(...world('web', keep, wide, ...nats));
      const { gone, stays, neighbour } = await open();
      await controlled.bring(...world('web', keep, narrow, ...nats));
      const all = [...gone, ...stays];
      expect(await flows.moving(neighbour, all)).toEqual(all.map(() => moves));
      for (const family of FAMILIES) {
        const ends = { from: PLACES[family].web, to: PLACES[family].server };
        expect(await stage.border.inside.tcp({ ...ends, port: 80, timeoutMs: 200 })).toEqual({ outcome: 'silence' });
        expect(await stage.border.inside.tcp({ ...ends, port: 443, timeoutMs: 5_000 })).toMatchObject({
          outcome: 'passed',
        });
      }
    });
  });
});
