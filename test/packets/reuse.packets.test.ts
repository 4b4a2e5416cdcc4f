import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Manifest } from '../kit/border-world.ts';
import { ControlledBorder } from './controlled-border.ts';
import { allow, basis, FAMILIES, Flows, openStage, PLACES, podAt, type Stage, translate } from './stage.ts';
import { settle, textOf, trialOf } from './trials.ts';

describe('an address that another pod gets', () => {
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

  const world = (...pods: readonly Manifest[]): readonly Manifest[] => [
    ...basis(),
    podAt('job-1', 'job', 'job'),
    allow('job', "app == 'job'", 80),
    allow('first', "app == 'first'", 80),
    allow('second', "app == 'second'", 443),
    translate('first', "app == 'first'", 'nat'),
    translate('second', "app == 'second'", 'next'),
    ...pods,
  ];
  const first = podAt('first-1', 'first', 'web');
  const second = podAt('second-1', 'second', 'web');

  /** What of TCP and UDP from the address is answered now, by the source that the server saw. */
  const rights = async (passes: 'first' | 'second' | 'nobody'): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const family of FAMILIES)
      for (const transport of ['tcp', 'udp'] as const)
        for (const port of [80, 443]) {
          const isAwaited = (passes === 'first' && port === 80) || (passes === 'second' && port === 443);
          const ends = { from: PLACES[family].web, to: PLACES[family].server };
          const { source } = await stage.border.inside[transport]({
            ...ends,
            port,
            timeoutMs: isAwaited ? 5_000 : 150,
          });
          if (source !== undefined) found.push(`${transport} ${port} ${source}`);
        }
    return found;
  };
  const all = (port: number, place: 'nat' | 'next'): readonly string[] =>
    FAMILIES.flatMap((family) => ['tcp', 'udp'].map((transport) => `${transport} ${port} ${PLACES[family][place]}`));

  test.each([
    ['after a moment without an owner', [world(), world(second)]],
    ['in one step', [world(second)]],
    ['while both have it', [world(first, second), world(second)]],
  ])('%s: connections of the old one end, and the new one has its own rights alone', async (_, steps) => {
    await controlled.bring(...world(first));
    stage.sniffer.clear();
    const old = [];
    for (const family of FAMILIES)
      for (const transport of ['tcp', 'udp'] as const) {
        old.push(await flows.open(transport, family, 'web', 80));
        old.push(await flows.open(transport, family, 'web', 80, 'silent'));
      }
    const neighbour = await flows.open('tcp', 4, 'job', 80);
    expect(await rights('first')).toEqual(all(80, 'nat'));

    for (const [index, step] of steps.entries()) {
      await controlled.bring(...step);
      // Two owners at once: neither may do what the other may not.
      if (index < steps.length - 1) expect(await rights('nobody')).toEqual([]);
      expect(await flows.moving(neighbour, old)).toEqual(old.map(() => ({ in: false, out: false })));
    }
    expect(await rights('second')).toEqual(all(443, 'next'));
    expect(await flows.moving(neighbour, old)).toEqual(old.map(() => ({ in: false, out: false })));
    expect((await flows.state(neighbour)).state).toBe('open');

    // Of all that ever left, nothing was more than one owner's right.
    await settle(stage.border, stage.sniffer);
    const left = stage.sniffer.packets.flatMap((packet) => {
      const trial = trialOf(packet);
      return trial === undefined || trial.transport === 'icmp' || packet.isReset === true ? [] : [textOf(trial)];
    });
    const may = FAMILIES.flatMap((family) => {
      const { nat, next, job, server } = PLACES[family];
      return ['tcp', 'udp'].flatMap((transport) =>
        [`${job} -> ${server} 80`, `${nat} -> ${server} 80`, `${next} -> ${server} 443`].map(
          (each) => `${transport} ${each}`,
        ),
      );
    });
    expect(left.filter((each) => !may.includes(each))).toEqual([]);
  });

  // Nothing of what the border holds is other than before; but whoever talked to the old one is no business of the heir.
  test('an heir with the same rights, in one step: connections of the old one end', async () => {
    await controlled.bring(...world(first));
    const old = [];
    // The far side alone goes on: the old pod is gone, and what is sent from inside now is the heir's own, and his right.
    for (const family of FAMILIES)
      for (const transport of ['tcp', 'udp'] as const)
        old.push(await flows.open(transport, family, 'web', 80, 'silent'));
    const neighbour = await flows.open('tcp', 4, 'job', 80);
    await controlled.bring(...world(podAt('first-2', 'first', 'web')));
    expect(await flows.moving(neighbour, old)).toEqual(old.map(() => ({ in: false, out: false })));
    expect((await flows.state(neighbour)).state).toBe('open');
    expect(await rights('first')).toEqual(all(80, 'nat'));
  });
});
