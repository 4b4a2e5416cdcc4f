import { describe, expect, test } from 'vitest';
import type { Evaluation } from '../border/evaluate.ts';
import type { WayExplanation } from '../border/explain.ts';
import type { ForeignRule } from '../plan/foreign.ts';
import { packetOf } from '../engine/packet.ts';
import type { Decider, Passage } from '../firewalls/passage/passage.ts';
import { amongOthers as amongRules, leavingBy, whatWouldChange } from './flow-answer.ts';
import { passageLines } from './passage-text.ts';

const evaluation = (passes: boolean, reason: Evaluation['reason'] = 'rule'): Evaluation => ({
  passes,
  reason,
  logged: [],
  seenSource: '10.1.0.1',
  leavesAs: '10.1.0.1',
});
const way = (outcome: WayExplanation['outcome'], ...hops: readonly Evaluation[]): WayExplanation => ({
  exit: `edge-${hops.length}`,
  hops: hops.map((each, at) => ({ firewall: `edge-${at + 1}`, seenSource: each.seenSource, evaluation: each })),
  outcome,
  ...(outcome === 'passes' ? { leavesAs: '10.1.0.1' } : {}),
});
const theirs: ForeignRule = { where: 'inet theirs forward', text: 'policy drop', effect: 'before ours' };

const flow = packetOf({ src: '10.1.0.1', dst: '203.0.113.7', proto: 'tcp', dport: 443 });
/** Rules of others that nobody works out. */
const amongOthers = (asked: WayExplanation, others: ReadonlyMap<string, readonly ForeignRule[]>) =>
  amongRules(asked, new Map([...others].map(([name, foreign]) => [name, { foreign }])), flow);

describe('the sum is never better than its weakest part', () => {
  test('where nobody else has rules, it is what our block says', () => {
    const alone = new Map([['edge-1', []]]);
    expect(amongOthers(way('passes', evaluation(true)), alone).outcome).toBe('passes');
    expect(amongOthers(way('drops', evaluation(false)), alone).outcome).toBe('drops');
  });

  test('rules of others may drop what passes here, and cannot save what is dropped', () => {
    const crowded = new Map([['edge-1', [theirs]]]);
    const answer = amongOthers(way('passes', evaluation(true)), crowded);
    expect(answer).toMatchObject({ outcome: 'unknown', hops: [{ others: [theirs] }] });
    expect(answer).not.toHaveProperty('leavesAs');
    expect(amongOthers(way('drops', evaluation(false)), crowded).outcome).toBe('drops');
  });

  test('one firewall of several is enough, and one that does not answer is no better', () => {
    const both = way('passes', evaluation(true), evaluation(true));
    expect(
      amongOthers(
        both,
        new Map([
          ['edge-1', []],
          ['edge-2', [theirs]],
        ]),
      ).outcome,
    ).toBe('unknown');
    expect(amongOthers(both, new Map([['edge-1', []]]))).toMatchObject({
      outcome: 'unknown',
      hops: [{ others: [] }, { others: null }],
    });
  });

  test('what others may translate leaves with a source that nobody knows, and the rest of its way is not known', () => {
    const decided = { outcome: 'passes', deciders: [{ by: 'ours', passes: true, because: [] }] } as const;
    const other = { ...decided, retranslated: true } as const;
    const asked = (asOne: WayExplanation, passage: Passage) =>
      amongRules(
        asOne,
        new Map(['edge-1', 'edge-2'].map((name) => [name, { foreign: [], passages: { of: () => passage } }])),
        flow,
      );
    const both = way('passes', evaluation(true), evaluation(true));
    expect(asked(both, decided)).toMatchObject({ outcome: 'passes', leavesAs: '10.1.0.1' });
    expect(asked(both, other).outcome).toBe('unknown');
    const last = asked(way('passes', evaluation(true)), other);
    expect(last.outcome).toBe('passes');
    expect(last).not.toHaveProperty('leavesAs');
    expect(passageLines(other).map(([, text]) => text)).toEqual([
      'passes by our block',
      'translations of others may give it another source',
    ]);
    expect(passageLines({ ...other, outcome: 'drops' })).toHaveLength(1);
  });

  test('what others surely translate goes on with the source that they give', () => {
    const leaves = { source: '192.0.2.66', by: 'vsys1 "their nat"' };
    const rule = { by: 'rule', rule: theirs, passes: true, because: [] } as const;
    const passage: Passage = { outcome: 'passes', deciders: [rule], leaves };
    const others = new Map(
      ['edge-1', 'edge-2'].map((name) => [name, { foreign: [], passages: { of: () => passage } }]),
    );
    const both = amongRules(way('passes', evaluation(true), evaluation(true)), others, flow);
    expect(both).toMatchObject({ outcome: 'passes', leavesAs: '192.0.2.66' });
    expect(passageLines(passage).map(([, text]) => text)).toEqual([
      expect.stringMatching(/^passes by inet theirs/),
      'leaves as 192.0.2.66, by the translation of vsys1 "their nat"',
    ]);
    expect(passageLines({ ...passage, outcome: 'drops' })).toHaveLength(1);
    const hop = { firewall: 'edge-1', seenSource: '10.1.0.1', evaluation: evaluation(true) };
    expect(leavingBy(others, flow)(hop)).toBe('192.0.2.66');
    expect(leavingBy(others, flow)({ ...hop, firewall: 'edge-9' })).toBeUndefined();
    expect(leavingBy(others, flow)({ ...hop, evaluation: evaluation(true, 'not-governed') })).toBeUndefined();
  });

  test('a firewall that is not asked about the flow has no say', () => {
    const inside = way('passes', evaluation(true, 'not-governed'));
    expect(amongOthers(inside, new Map([['edge-1', [theirs]]])).outcome).toBe('passes');
  });
});

describe('where rules of others are worked out', () => {
  const passage = (outcome: Passage['outcome'], by: Decider['by']): Passage => ({
    outcome,
    deciders: [{ by, ...(outcome === 'unknown' ? {} : { passes: outcome === 'passes' }), because: [] }],
  });
  const amongDevices = (asked: WayExplanation, ...devices: readonly Passage[]) =>
    amongRules(
      asked,
      new Map(devices.map((each, at) => [`edge-${at + 1}`, { foreign: [theirs], passages: { of: () => each } }])),
      flow,
    );
  const ours = passage('passes', 'ours');
  const rule = passage('passes', 'rule');

  test('the device says what becomes of a flow, whatever our block says', () => {
    expect(amongDevices(way('passes', evaluation(true)), ours)).toMatchObject({
      outcome: 'passes',
      leavesAs: '10.1.0.1',
    });
    expect(amongDevices(way('passes', evaluation(true)), passage('drops', 'rule')).outcome).toBe('drops');
    expect(amongDevices(way('drops', evaluation(false)), rule).outcome).toBe('passes');
    expect(amongDevices(way('passes', evaluation(true)), passage('unknown', 'device')).outcome).toBe('unknown');
  });

  test('what rules of others let through leaves with a source that nobody knows', () => {
    const answer = amongDevices(way('passes', evaluation(true)), rule);
    expect(answer.outcome).toBe('passes');
    expect(answer).not.toHaveProperty('leavesAs');
    // The next firewall was asked about another source.
    const both = way('passes', evaluation(true), evaluation(true));
    expect(amongDevices(both, ours, ours).outcome).toBe('passes');
    expect(amongDevices(both, rule, ours).outcome).toBe('unknown');
    expect(amongDevices(both, ours, rule).outcome).toBe('passes');
    expect(amongDevices(both, ours, passage('drops', 'end')).outcome).toBe('drops');
  });

  test('behind a firewall at which our block drops the flow nobody was asked', () => {
    const cut = { ...way('drops', evaluation(false)), exit: 'edge-2' };
    expect(amongDevices(cut, rule).outcome).toBe('unknown');
    expect(amongDevices(cut, ours).outcome).toBe('unknown');
  });

  test('a firewall that does not govern the flow is not asked', () => {
    const inside = way('passes', evaluation(true, 'not-governed'));
    expect(amongDevices(inside, passage('drops', 'end')).outcome).toBe('passes');
  });

  test('nothing is to be changed where the device lets through what our block would drop', () => {
    const dropped = way('drops', evaluation(false, 'end'));
    const remedies = (device: Passage) => whatWouldChange({} as never, [amongDevices(dropped, device)]);
    expect(remedies(rule)).toEqual([]);
    expect(remedies(passage('drops', 'ours'))).toEqual(['at edge-1: an Allow in  that selects the workload']);
    expect(remedies(passage('drops', 'end'))).toHaveLength(2);
  });
});
