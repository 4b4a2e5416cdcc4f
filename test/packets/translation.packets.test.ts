import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../kit/border-world.ts';
import { ControlledBorder } from './controlled-border.ts';
import {
  allow,
  basis,
  type Family,
  FAMILIES,
  Flows,
  openStage,
  PLACES,
  podAt,
  type Stage,
  translate,
} from './stage.ts';
import { sendAll, settle, type Trial } from './trials.ts';

const PLACES_IN_ORDER = ['web', 'nat', 'next'] as const;
type Place = (typeof PLACES_IN_ORDER)[number];

describe('a translation that changes under traffic', () => {
  let stage: Stage;
  let controlled: ControlledBorder;
  let flows: Flows;

  beforeAll(async () => {
    stage = await openStage();
    await stage.border.reset();
    controlled = new ControlledBorder(stage.border);
    flows = new Flows(stage);
  });
  afterAll(async () => {
    await flows.closeAll();
    await controlled.close();
    await stage.close();
  });

  const world = (...more: readonly Manifest[]): readonly Manifest[] => [
    ...basis(),
    podAt('web-1', 'web', 'web'),
    podAt('job-1', 'job', 'job'),
    allow('all', 'all()', 80, 443),
    ...more,
  ];

  /** The sources of the pod's packets as they came, repetitions left out. */
  const sources = (family: Family): readonly Place[] => {
    const found: Place[] = [];
    for (const { source, destination } of stage.sniffer.packets) {
      const place = PLACES_IN_ORDER.find((each) => PLACES[family][each] === source);
      if (place === undefined || destination !== PLACES[family].server || found.at(-1) === place) continue;
      found.push(place);
    }
    return found;
  };

  /** Begins new flows of every kind, all the time, until told to stop. */
  const traffic = (): { stop(): Promise<void> } => {
    let goes = true;
    const { inside } = stage.border;
    const keep = async (one: () => Promise<unknown>): Promise<void> => {
      while (goes) await one();
    };
    const loops = FAMILIES.flatMap((family) => {
      const { web: from, server: to } = PLACES[family];
      return [
        keep(() => inside.tcp({ from, to, port: 80, timeoutMs: 100 })),
        keep(() => inside.udp({ from, to, port: 80, timeoutMs: 100 })),
        keep(() => inside.namespace.run('ping', ['-n', '-q', '-c', '3', '-i', '0.01', '-W', '0.1', '-I', from, to])),
      ];
    });
    return {
      stop: async () => {
        goes = false;
        await Promise.all(loops);
      },
    };
  };

  const trials: readonly Trial[] = FAMILIES.flatMap((family) =>
    (['tcp', 'udp', 'icmp'] as const).map((transport) => ({
      source: PLACES[family].web,
      destination: PLACES[family].server,
      transport,
      port: transport === 'icmp' ? 0 : 443,
    })),
  );

  // One story: each step begins where the one before ended.
  test.each<[string, readonly Manifest[], Place, Place]>([
    ['added', [translate('out', "app == 'web'", 'nat')], 'web', 'nat'],
    ['changed', [translate('out', "app == 'web'", 'next')], 'nat', 'next'],
    [
      'replaced by another that goes before it',
      [
        translate('out', "app == 'web'", 'next'),
        { ...translate('out', "app == 'web'", 'nat'), metadata: { name: 'a-first' } },
      ],
      'next',
      'nat',
    ],
    ['removed', [], 'nat', 'web'],
  ])('%s: no packet has a source that it should not have', async (_, nats, before, after) => {
    if (before === 'web') await controlled.bring(...world());
    await settle(stage.border, stage.sniffer);
    stage.sniffer.clear();
    const open = [];
    for (const family of FAMILIES)
      for (const transport of ['tcp', 'udp'] as const) open.push(await flows.open(transport, family, 'web', 443));
    const neighbour = await flows.open('tcp', 4, 'job', 80);
    const going = traffic();
    await flows.moving(neighbour, []);
    await controlled.bring(...world(...nats));
    await flows.moving(neighbour, []);
    await going.stop();
    const outcomes = await sendAll(stage.border, stage.sniffer, trials, () => true);
    for (const trial of trials)
      expect(outcomes.get(trial)).toEqual({
        answered: true,
        seen: PLACES[trial.source.includes(':') ? 6 : 4][after],
      });
    // The old source, then the new one: never back, and never a third.
    for (const family of FAMILIES) expect(sources(family)).toEqual([before, after]);
    expect((await flows.state(neighbour)).state).toBe('open');
    await flows.closeAll();
    await settle(stage.border, stage.sniffer);
  });
});
