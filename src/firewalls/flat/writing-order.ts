import { BucketMap } from '../../base/bucket-map.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { packQuestion } from '../../plan/flat/proof-data.ts';
import { type Proof, type ProvableRuleset, prove } from '../../plan/flat/prove.ts';
import type { Writing } from './writing.ts';
import { writeList } from './writing.ts';

/** Comes before a question: the list of it is to be written first, and then proved. */
export interface WritingOrder {
  readonly kind: 'Writing';
  readonly writing: Writing;
  /** Name of the BorderFirewall, for refusals. */
  readonly firewall: string;
}

/** The last portion of an answer; those before it hold the list, packed as questions are. */
export interface WritingEnd {
  readonly kind: 'Written';
  readonly refusals: readonly Diagnostic[];
}

export function isWritingOrder(message: unknown): message is WritingOrder {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'Writing';
}

export function isWritingEnd(message: unknown): message is WritingEnd {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'Written';
}

/** The proof alone where it says anything but `Equal`; else the list in portions, and the end. */
export function* writtenPortions(ruleset: ProvableRuleset, { writing, firewall }: WritingOrder): Generator<unknown> {
  const whole = {
    ...ruleset,
    firewall,
    cluster: '',
    members: BucketMap.empty<string>(),
    nats: [],
    established: 'Cut' as const,
  };
  const { list, ruleset: said, refusals } = writeList(whole, writing);
  const proof: Proof = prove(said, list);
  if (proof.kind !== 'Equal') {
    yield proof;
    return;
  }
  yield* packQuestion({ ruleset: { ...said, classes: new Map(), groups: new Map() }, list });
  yield { kind: 'Written', refusals } satisfies WritingEnd;
}
