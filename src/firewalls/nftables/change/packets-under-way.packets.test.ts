import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Border } from '../../../../test/kit/border.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { BorderRule, Ruleset } from '../../../border/ruleset.ts';
import { PortSet } from '../../../ip/port-set.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import { netnsTransport } from '../reach/local-transport.ts';
import { Nft } from '../reach/nft.ts';
import type { NftTable } from '../table/model.ts';
import { translate } from '../table/translate.ts';
import { renderStep, stepsTo } from './steps.ts';

const signal = new AbortController().signal;
const POD = '10.0.0.1';
const SERVER = '203.0.113.1';
const PORT = 9;
const FLOOD = join(import.meta.dirname, '../../../../test/kit/flood.mjs');
const nowhere = { groups: [], notGroups: [], domains: [] };

/** A class of the pod with these rules. `id`: classes of other names have chains of their own. */
function ruleset(
  id: string,
  rules: readonly BorderRule[],
  end: 'Deny' | 'Next',
  nets: readonly string[] = [],
): Ruleset {
  const stage = {
    id,
    layer: 'ClusterBorderPolicy',
    name: 'ClusterBorderPolicy',
    rules,
    end,
    endOrigin: { policy: 'layer/ClusterBorderPolicy' },
  } as const;
  const part = { id, stages: [stage], otherwise: 'Allow', otherwiseOrigin: { policy: 'unselected' } } as const;
  return {
    firewall: 'edge-1',
    cluster: 'lab',
    destinations: PrefixSet.all,
    inside: PrefixSet.parse(['10.0.0.0/8']),
    networks: PrefixSet.parse(['10.0.0.0/8']),
    classes: new Map([[id, { id, family: 4, parts: [part], widened: [] }]]),
    members: BucketMap.from([[POD, id]]),
    groups: new Map(
      nets.length === 0
        ? []
        : [
            [
              'g',
              { id: 'g', kind: 'Outside', family: 4, selector: "risk == 'high'", nets: PrefixSet.parse([...nets]) },
            ],
          ],
    ),
    nats: [],
    established: 'Cut',
  };
}

describe('packets that are judged while a transaction is committed', () => {
  let border: Border;
  let nft: Nft;
  let directory: string;
  let table: NftTable | undefined;

  beforeAll(async () => {
    const addresses = { pods: [POD], podNets: ['10.0.0.0/8'], outside: [SERVER], translated: [] };
    border = await Border.open(addresses, []);
    directory = mkdtempSync(join(tmpdir(), 'sallyport-under-way-'));
    nft = new Nft(netnsTransport(border.firewall.name, directory));
    await border.outside.namespace.must('nft', ['add table ip probe']);
    // Nobody answers, so that each datagram is judged as the first of its flow.
    await border.outside.namespace.must('nft', [
      `add chain ip probe arrived { type filter hook input priority 0; }; add rule ip probe arrived udp dport ${PORT} counter drop`,
    ]);
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await border.close();
  });
  beforeEach(async () => {
    await border.reset();
    table = undefined;
  });

  async function follow(wanted: Ruleset): Promise<void> {
    for (const step of stepsTo(table, translate(wanted))) {
      if (step.does !== 'transaction') continue;
      await nft.run(renderStep(step) ?? '', signal);
      table = step.after;
    }
  }

  /** What the rules of a chain counted, all together. */
  async function counted(where: 'denied' | 'arrived'): Promise<number> {
    const [namespace, chain] =
      where === 'denied'
        ? ([border.firewall, ['inet', 'sallyport', 'denied']] as const)
        : ([border.outside.namespace, ['ip', 'probe', 'arrived']] as const);
    const text = await namespace.must('nft', ['list', 'chain', ...chain]);
    return [...text.matchAll(/packets (\d+)/g)].reduce((sum, [, packets]) => sum + Number(packets), 0);
  }

  /** Does it while the pod sends all it can. */
  async function flooded(change: () => Promise<void>): Promise<void> {
    const flood = border.inside.namespace.start(process.execPath, [FLOOD, POD, SERVER, String(PORT)]);
    try {
      if (flood.stdout === null) throw new Error('the flood says nothing');
      await once(flood.stdout, 'data');
      await change();
    } finally {
      flood.kill();
      await once(flood, 'close');
    }
  }

  test('what every ruleset allows is never denied, and so nothing of it is cut', async () => {
    const allows = (first: number): Ruleset => {
      const rule = (index: number, ...ports: readonly number[]): BorderRule => {
        const origin = { policy: 'ClusterBorderPolicy/web', rule: index };
        return {
          origin,
          family: 4,
          action: 'Allow',
          protocol: 17,
          ports: PortSet.of(...ports),
          outside: nowhere,
          widen: false,
        };
      };
      // The more there is in a transaction, the longer it takes.
      const others = Array.from({ length: 50 }, (_, at) => rule(at, first + 2 * at));
      return ruleset(`web-${first}`, [...others, rule(50, PORT, first)], 'Deny');
    };
    await follow(allows(1_000));
    const before = await counted('arrived');
    await flooded(async () => {
      for (let first = 1_001; first <= 1_050; first++) await follow(allows(first));
    });
    expect(await counted('arrived')).toBeGreaterThan(before);
    expect(await counted('denied')).toBe(0);
  });

  const denies = (last: number): Ruleset => {
    const origin = { policy: 'ClusterBorderPolicy/feed', rule: 0 };
    const outside = { ...nowhere, groups: ['g'] };
    const rule = { origin, family: 4, action: 'Deny', outside, widen: false } as const;
    const others = Array.from({ length: 3_000 }, (_, at) => `198.18.${at >> 6}.${(at & 63) * 4 + last}/32`);
    return ruleset('feed', [rule], 'Next', [`${SERVER}/32`, ...others]);
  };

  test('what every ruleset denies never passes, also while most of a large set of networks is replaced', async () => {
    await follow(denies(0));
    const before = await counted('arrived');
    await flooded(async () => {
      for (const last of [2, 0, 2, 0, 2, 0, 2, 0]) await follow(denies(last));
    });
    expect(await counted('denied')).toBeGreaterThan(0);
    expect(await counted('arrived')).toBe(before);
  });

  test('what every ruleset denies never passes, also where the rules about a set of networks change with it', async () => {
    const outside = { ...nowhere, groups: ['g'] };
    const rule = (action: 'Allow' | 'Deny'): BorderRule => {
      const origin = { policy: 'ClusterBorderPolicy/feed', rule: 0 };
      return { origin, family: 4, action, outside, widen: false };
    };
    // The more there is in a transaction, the longer it takes until the set holds what it should.
    const others = (last: number): readonly string[] =>
      Array.from({ length: 40 }, (_, at) => `198.18.0.${at * 4 + last}/32`);
    const allowed = ruleset('feed', [rule('Allow')], 'Deny', others(0));
    const denied = ruleset('feed', [rule('Deny')], 'Next', [`${SERVER}/32`, ...others(2)]);
    await follow(allowed);
    const before = await counted('arrived');
    await flooded(async () => {
      for (let round = 0; round < 30; round++) {
        await follow(denied);
        await follow(allowed);
      }
    });
    expect(await counted('denied')).toBeGreaterThan(0);
    expect(await counted('arrived')).toBe(before);
  });

  test('nothing passes while the whole table is made anew', async () => {
    await follow(denies(0));
    const before = await counted('arrived');
    await flooded(async () => {
      for (let round = 0; round < 12; round++) {
        if (table === undefined) throw new Error('no table');
        table = { ...table, foreign: ['counter mine'] };
        await follow(denies(0));
      }
    });
    expect(await counted('arrived')).toBe(before);
  });
});
