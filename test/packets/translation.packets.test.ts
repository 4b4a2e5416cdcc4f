import { setTimeout as pause } from 'node:timers/promises';
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
import { fromNowOn } from './sniffer.ts';
import { sendAll, settle, type Trial, trialOf } from './trials.ts';

const PLACES_IN_ORDER = ['web', 'nat', 'next'] as const;
/** Between one flow and the next of its kind. */
const PAUSE_MS = 150;
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

  interface Sighting {
    /** Which of the places the packet came from, by its source; `other`: none of them. */
    readonly place: Place | 'other';
    /** As `Seen.at`. */
    readonly at: number;
    /** What stays the same for all packets of a flow, whatever is translated. */
    readonly flow: string;
  }

  /** The packets of a family that arrived at the server, in their order; those of the neighbour left out. */
  const sightings = (family: Family, since = 0): readonly Sighting[] => {
    const { server, job } = PLACES[family];
    return stage.sniffer.packets.flatMap((each) => {
      if (each.at < since || each.destination !== server || each.source === job || trialOf(each) === undefined)
        return [];
      const place = PLACES_IN_ORDER.find((one) => PLACES[family][one] === each.source) ?? 'other';
      return [
        { place, at: each.at, flow: `${each.protocol} ${each.sourcePort ?? each.icmpId} ${each.destinationPort}` },
      ];
    });
  };

  /**
   * Flows that went back to the old source, or began with it after the change was confirmed. Before that one flow may begin with the old source behind
   * another with the new one: a packet that was translated before the commit waits behind the border for its processor, and others do not.
   */
  const stragglers = (family: Family, before: Place, after: Place, confirmed: number): readonly string[] => {
    const latest = new Map<string, Place | 'other'>();
    const wrong: string[] = [];
    for (const { place, flow, at } of sightings(family)) {
      const last = latest.get(flow);
      latest.set(flow, place);
      const begins = last === undefined && at < confirmed;
      if (place === after || (place === before && (last === before || begins))) continue;
      wrong.push(`${flow} as ${place} after ${last ?? 'the change'}`);
    }
    return wrong;
  };

  /** Begins new flows of every kind, all the time, until told to stop. */
  const traffic = (): { stop(): Promise<void> } => {
    let goes = true;
    const { inside } = stage.border;
    const keep = async (one: () => Promise<unknown>): Promise<void> => {
      while (goes) {
        await one();
        await pause(PAUSE_MS);
      }
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
    for (const family of FAMILIES)
      for (const transport of ['tcp', 'udp'] as const) await flows.open(transport, family, 'web', 443, 'asks');
    const neighbour = await flows.open('tcp', 4, 'job', 80);
    const going = traffic();
    let since = 0;
    try {
      await flows.moving(neighbour, []);
      await controlled.bring(...world(...nats));
      since = fromNowOn();
      await flows.moving(neighbour, []);
      const late = FAMILIES.flatMap((family) => sightings(family, since));
      // Without a translation of ours a connection may have one of somebody else's: it stays as it was.
      if (after !== 'web') expect(late.filter(({ place }) => place !== after)).toEqual([]);
      expect(late.length).toBeGreaterThan(0);
    } finally {
      await going.stop();
    }
    const outcomes = await sendAll(stage.border, stage.sniffer, trials, () => true);
    for (const trial of trials)
      expect(outcomes.get(trial)).toEqual({
        answered: true,
        seen: PLACES[trial.source.includes(':') ? 6 : 4][after],
      });
    for (const family of FAMILIES) expect(stragglers(family, before, after, since)).toEqual([]);
    expect((await flows.state(neighbour)).state).toBe('open');
    await flows.closeAll();
    await settle(stage.border, stage.sniffer);
  });
});
