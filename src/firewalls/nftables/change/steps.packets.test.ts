import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Namespace, Namespaces } from '../../../../test/kit/netns.ts';
import { rulesetPairs } from '../../../../test/kit/rulesets.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import { MOST_NESTED_STAGES } from '../table/classes.ts';
import { netnsTransport } from '../reach/local-transport.ts';
import type { NftTable } from '../table/model.ts';
import { Nft } from '../reach/nft.ts';
import { readEverything } from '../reading/read.ts';
import { renderTable } from '../table/render.ts';
import { renderStep, stepsTo } from './steps.ts';
import { translate } from '../table/translate.ts';
import { tries } from '../../../../test/kit/runs.ts';

const signal = new AbortController().signal;

describe('steps in the kernel', () => {
  let world: Namespaces;
  let firewall: Namespace;
  let nft: Nft;
  let directory: string;

  beforeAll(async () => {
    world = await Namespaces.open();
    firewall = await world.add('fw');
    directory = mkdtempSync(join(tmpdir(), 'sallyport-steps-'));
    nft = new Nft(netnsTransport(firewall.name, directory));
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await world.close();
  });

  async function read(): Promise<NftTable | undefined> {
    const { present, table } = await readEverything(nft, signal);
    return present ? table : undefined;
  }

  function text(table: NftTable | undefined): string {
    return table === undefined ? 'none' : renderTable(table);
  }

  /** Takes every step to a ruleset and compares what the kernel holds after each with what the step promised. */
  async function follow(ruleset: Ruleset): Promise<void> {
    const wanted = translate(ruleset);
    const actual = await read();
    for (const step of stepsTo(actual, wanted)) {
      if (step.does === 'judge') continue;
      const script = renderStep(step) ?? '';
      await nft.run(script, signal);
      expect(text(await read())).toBe(text(step.after));
    }
    expect(stepsTo(await read(), wanted)).toEqual([]);
    expect(text(await read())).toBe(text(wanted.table));
  }

  test('the kernel takes every step and holds what it promised', async () => {
    await fc.assert(
      fc.asyncProperty(rulesetPairs({ hostile: true }), async ([before, after]) => {
        await nft.run('flush ruleset', signal);
        await follow(before);
        await follow(after);
      }),
      tries(12),
    );
  });

  const big = (count: number, nets: number): Ruleset => ({
    firewall: 'edge-1',
    cluster: 'lab',
    destinations: PrefixSet.all,
    inside: PrefixSet.parse(['10.0.0.0/8']),
    networks: PrefixSet.parse(['10.0.0.0/8']),
    classes: new Map([
      [
        'c',
        {
          id: 'c',
          family: 4,
          parts: [
            {
              id: 'p',
              stages: [
                {
                  id: 's',
                  layer: 'ClusterBorderPolicy',
                  name: 'ClusterBorderPolicy',
                  rules: [
                    {
                      origin: { policy: 'ClusterBorderPolicy/bank', rule: 0 },
                      family: 4,
                      action: 'Allow',
                      outside: { groups: ['g'], notGroups: [], domains: [] },
                      widen: false,
                    },
                  ],
                  end: 'Deny',
                  endOrigin: { policy: 'layer/ClusterBorderPolicy' },
                },
              ],
              otherwise: 'Allow',
              otherwiseOrigin: { policy: 'unselected' },
            },
          ],
          widened: [],
        },
      ],
    ]),
    members: BucketMap.from(
      Array.from({ length: count }, (_, i) => [`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 'c'] as const),
    ),
    groups: new Map([
      [
        'g',
        {
          id: 'g',
          kind: 'Outside',
          family: 4,
          selector: 'role == "bank"',
          nets: PrefixSet.parse(Array.from({ length: nets }, (_, i) => `198.18.${i >> 8}.${(i & 127) * 2}/32`)),
        },
      ],
    ]),
    nats: [],
    established: 'Cut',
  });

  test('a large set of networks is made anew, and the form of dispatch changes in place', async () => {
    await nft.run('flush ruleset', signal);
    await follow(big(10, 120));
    await follow(big(10, 20));
    await follow(big(20_001, 20));
    await follow(big(10, 20));
  });

  test('the kernel nests the chains of a shared address as deep as we let them', async () => {
    await nft.run('flush ruleset', signal);
    const one = big(1, 1);
    const of = one.classes.get('c');
    const [first] = of?.parts ?? [];
    const [stage] = first?.stages ?? [];
    if (of === undefined || first === undefined || stage === undefined) throw new Error('no stage');
    const stages = Array.from({ length: MOST_NESTED_STAGES }, (_, i) => ({
      ...stage,
      id: `s${i}`,
      end: i === MOST_NESTED_STAGES - 1 ? ('Deny' as const) : ('Next' as const),
    }));
    const parts = [{ ...first, id: 'deep', stages }, first];
    const deep = { ...one, classes: new Map([['c', { ...of, parts }]]) };
    expect(translate(deep).refusals).toEqual([]);
    await follow(deep);
  });
});
