import { SallyportError } from '../../base/error.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { formatAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { FlatList } from '../../plan/flat/flat-list.ts';
import { QuestionReader, packQuestion } from '../../plan/flat/proof-data.ts';
import type { FlatWitness } from '../../plan/flat/prove.ts';
import { type ThreadLimits, askThread, proofProgram } from './ask-thread.ts';
import { isProof } from './prove-flat.ts';
import type { Writing } from './writing.ts';
import { isWritingEnd } from './writing-order.ts';

/** A list that was proved to do what the ruleset says, but for what the refusals tell. */
export interface WrittenList {
  readonly list: FlatList;
  readonly refusals: readonly Diagnostic[];
}

/** For questions that are about a ruleset alone. */
export const NO_LIST: Omit<FlatList, 'layout' | 'form'> = {
  rules: [],
  sources: new Map(),
  groups: new Map(),
  assumes: { outside: PrefixSet.empty, domains: [] },
};

/**
 * Writes the list of a ruleset and proves it, both in a thread of its own. Rejects with FLAT_NOT_PROVED, and the flow that differs where
 * there is one: then nothing may be sent.
 */
export async function writeProved(ruleset: Ruleset, writing: Writing, limits: ThreadLimits): Promise<WrittenList> {
  const { layout, form } = writing;
  const reader = new QuestionReader();
  let list: FlatList | undefined;
  const refusals = await askThread(
    proofProgram(),
    (function* (): Generator<unknown> {
      yield { kind: 'Writing', writing, firewall: ruleset.firewall };
      yield* packQuestion({ ruleset, list: { ...NO_LIST, layout, form } });
    })(),
    limits,
    (told): readonly Diagnostic[] | undefined => {
      if (isWritingEnd(told)) return told.refusals;
      if (isProof(told)) throw notEqual(told.kind === 'Different' ? told.witness : undefined, told);
      list = reader.take(told)?.list ?? list;
      return undefined;
    },
  );
  if (list === undefined) throw new SallyportError('FLAT_NOT_PROVED', 'the list did not come');
  return { list, refusals };
}

function notEqual(witness: FlatWitness | undefined, told: object): SallyportError {
  if (witness === undefined)
    return new SallyportError('FLAT_NOT_PROVED', 'reason' in told ? String(told.reason) : 'no answer');
  const { flow } = witness;
  const port = flow.destinationPort === undefined ? '' : ` port ${flow.destinationPort}`;
  return new SallyportError(
    'FLAT_NOT_PROVED',
    `protocol ${flow.protocol}${port} from ${formatAddress(flow.source)} to ${formatAddress(flow.destination)} is ${witness.ruleset} by the policies and ${witness.list} by the list`,
  );
}
