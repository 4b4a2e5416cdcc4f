import fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { execute } from '../../../../test/kit/nft-kernel.ts';
import { moved } from '../../../../test/kit/moved.ts';
import { rulesets } from '../../../../test/kit/rulesets.ts';
import { PATIENCE_MS, tries } from '../../../../test/kit/runs.ts';
import { packets } from '../../../../test/kit/universe.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import type { Flow } from '../../../engine/flows/flow-set.ts';
import { formatAddress, parseAddress } from '../../../ip/address.ts';
import { judge } from './judge.ts';
import { Judged } from './judged.ts';
import type { NftTable } from '../table/model.ts';
import { type JudgeStep, type NftStep, ownerOfTable, type TransactionStep, stepsTo } from '../change/steps.ts';
import { together } from '../change/together.ts';
import { translate } from '../table/translate.ts';
import { decide, firstPacket } from '../meaning/walk.ts';

interface Connection {
  readonly flow: Flow;
  readonly source: string;
  /** Its pod sends now and then. */
  readonly talks: boolean;
  state: 'live' | 'dead' | 'none';
  answersTo: string;
}

const flows = fc.array(packets(), { minLength: 12, maxLength: 12 }).map((list) =>
  list.map((packet): Flow => {
    const [source, destination] = [parseAddress(packet.source), parseAddress(packet.destination)];
    if (source === undefined || destination === undefined) throw new Error('the universe has a bad address');
    return { ...packet, source, destination };
  }),
);

/** A table, the connections through it, and rounds over them that may end late. */
class Border {
  readonly connections: readonly Connection[];
  readonly judged = new Judged();
  table: NftTable | undefined;
  #finish: (() => void) | undefined;
  #round: Promise<void> | undefined;

  constructor(flows: readonly Flow[]) {
    this.connections = flows.map((flow, at) => ({
      flow,
      source: formatAddress(flow.source),
      talks: at % 2 === 0,
      state: 'none',
      answersTo: '',
    }));
  }

  async transaction(step: TransactionStep): Promise<void> {
    if (!step.urgent) {
      let apart = false;
      const waits = this.judged.apart(step.touches).then(() => (apart = true));
      await setImmediate();
      if (!apart) await this.finish();
      await waits;
    }
    this.judged.touched(step.touches);
    this.table = execute(this.table, step.operations);
    this.#traffic();
    this.#check();
  }

  /** As the driver and the carrier have it: the silence with what comes after it, where nobody waits for it. */
  inOneGo(steps: readonly NftStep[]): readonly NftStep[] {
    const [first, second, ...rest] = steps;
    const both = first === undefined || second === undefined ? undefined : together(first, second);
    return both === undefined || !this.judged.isApart(both.touches) ? steps : [both, ...rest];
  }

  get isJudging(): boolean {
    return this.#finish !== undefined;
  }

  /** Begins a round; what it does is done when it is finished. */
  begin({ scope, table }: JudgeStep): void {
    const gate = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    const work = async (): Promise<void> => {
      await gate;
      for (const one of this.connections) {
        if (one.state === 'none' || (scope !== 'everyone' && !scope.includes(one.source))) continue;
        const { flow, answersTo } = one;
        const judgement = judge(table, { flow, answersTo, dead: one.state === 'dead' });
        if (judgement === 'Cut') one.state = 'dead';
        if (judgement === 'Forget' || judgement === 'Restart') one.state = 'none';
      }
    };
    this.#round = scope === 'everyone' ? work() : this.judged.round(scope, work);
  }

  async finish(): Promise<void> {
    this.#finish?.();
    this.#finish = undefined;
    await this.#round;
    this.#round = undefined;
    this.judged.among(this.table);
    this.#check();
  }

  #traffic(): void {
    const { table } = this;
    if (table === undefined) return;
    for (const one of this.connections) {
      if (one.state === 'none') {
        const { passes, leavesAs } = decide(table, firstPacket(one.flow));
        if (passes) Object.assign(one, { state: 'live', answersTo: leavesAs });
      } else if (one.talks) {
        const packet = { ...firstPacket(one.flow), state: 'established', dead: one.state === 'dead' } as const;
        if (decide(table, packet).marked) one.state = 'dead';
      }
    }
  }

  /** Whoever is in neither set has no connection that the table would not let him have. */
  #check(): void {
    const { table } = this;
    if (table === undefined || ownerOfTable(table)?.judge === 'all') return;
    for (const { flow, source, state, answersTo } of this.connections) {
      const pending = [`recheck${flow.family}`, `gone${flow.family}`].some((name) =>
        table.sets.get(name)?.elements.has(source),
      );
      if (state === 'live' && !pending)
        expect([source, formatAddress(flow.destination), judge(table, { flow, answersTo, dead: false })]).toEqual([
          source,
          formatAddress(flow.destination),
          'Keep',
        ]);
    }
  }
}

describe('connections that are judged beside newer plans', () => {
  test('nobody leaves recheck or gone with a connection that he may not have', { timeout: PATIENCE_MS }, async () => {
    const choices = fc.array(fc.nat(5), { minLength: 30, maxLength: 30 });
    let cleanedBeside = 0;
    let silencedWithOthers = 0;
    await fc.assert(
      fc.asyncProperty(
        rulesets(),
        fc.array(fc.nat(1_000), { minLength: 2, maxLength: 7 }),
        flows,
        choices,
        async (drawn, seeds, drawnFlows, chosen) => {
          const ruleset: Ruleset = { ...drawn, established: 'Cut' };
          const border = new Border(drawnFlows);
          let at = 0;
          const choose = (): number => chosen[at++ % chosen.length] ?? 0;
          const plans = [ruleset, ...seeds.map((seed) => moved(ruleset, seed)), ruleset];
          for (const [index, wanted] of plans.entries()) {
            const isLast = index === plans.length - 1;
            if (isLast || choose() === 0) await border.finish();
            const steps = stepsTo(border.table, translate(wanted), border.judged.senders);
            for (const step of choose() > 2 ? steps : border.inOneGo(steps)) {
              if (!steps.includes(step)) silencedWithOthers++;
              if (step.does === 'transaction') {
                if (border.judged.senders.size > 0 && !step.urgent) cleanedBeside++;
                await border.transaction(step);
                if (!isLast && choose() === 0) break;
              } else {
                // As the carrier has it: one round at a time, and what is about everybody is waited for.
                if (border.isJudging) {
                  if (step.beside === true) break;
                  await border.finish();
                }
                border.begin(step);
                if (step.beside === true && !isLast && choose() > 1) break;
                await border.finish();
              }
            }
          }
          const wanted = translate(ruleset).table;
          expect([...(border.table?.sets.get('gone4')?.elements.keys() ?? [])]).toEqual([]);
          expect(stepsTo(border.table, translate(ruleset))).toEqual([]);
          for (const { flow, state, answersTo } of border.connections)
            if (state === 'live') expect(judge(wanted, { flow, answersTo, dead: false })).toBe('Keep');
        },
      ),
      tries(12),
    );
    expect(cleanedBeside).toBeGreaterThan(0);
    expect(silencedWithOthers).toBeGreaterThan(0);
  });

  test('what changes for a sender waits for the round over his connections, or is judged after it', async () => {
    const judged = new Judged();
    let end = (): void => undefined;
    const round = judged.round(['10.0.0.1', '10.0.0.2'], () => new Promise((resolve) => (end = resolve)));
    await judged.apart(['10.0.0.3']);
    let waited = false;
    const apart = judged.apart(['10.0.0.1', '10.0.0.3']).then(() => (waited = true));
    await setImmediate();
    expect(waited).toBe(false);
    judged.touched(['10.0.0.1']);
    end();
    await Promise.all([round, apart]);
    expect([...judged.senders]).toEqual(['10.0.0.2']);
    judged.touched(['10.0.0.4']);
    expect([...judged.senders]).toEqual(['10.0.0.2']);
    judged.touched(['10.0.0.2']);
    expect(judged.senders.size).toBe(0);
  });

  test('a round that fails has judged nobody', async () => {
    const judged = new Judged();
    await expect(judged.round(['10.0.0.1'], () => Promise.reject(new Error('no answer')))).rejects.toThrow('no answer');
    expect(judged.senders.size).toBe(0);
    await judged.apart('everyone');
  });
});

test('what changes for everybody leaves nobody judged, nor those of the round under way', async () => {
  const judged = new Judged();
  await judged.round(['10.0.0.1'], () => Promise.resolve());
  expect([...judged.senders]).toEqual(['10.0.0.1']);
  let end = (): void => {};
  const round = judged.round(['10.0.0.2'], () => new Promise((resolve) => (end = resolve)));
  judged.touched('everyone');
  expect([...judged.senders]).toEqual([]);
  end();
  await round;
  expect([...judged.senders]).toEqual([]);
});
