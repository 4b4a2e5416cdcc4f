import { toSallyportError } from '../../base/error.ts';
import { type ProofQuestion, packQuestion } from '../../plan/flat/proof-data.ts';
import type { Proof } from '../../plan/flat/prove.ts';
import { type ThreadLimits, askThread, proofProgram } from './ask-thread.ts';

/**
 * `prove` in a thread of its own, so that a long proof stops nothing. It never throws: an answer that does not come, a thread that dies
 * or a signal that is raised is `NotProved`, like everything else that is not `Equal` with certainty.
 */
export function proveFlat(question: ProofQuestion, limits: ThreadLimits): Promise<Proof> {
  return answerOf(proofProgram(), packQuestion(question), limits);
}

/** The answer of the program in `file`; apart from `proveFlat` for the sake of programs that misbehave. */
export async function answerOf(file: URL, portions: Iterable<unknown>, limits: ThreadLimits): Promise<Proof> {
  try {
    return await askThread(file, portions, limits, (told) => (isProof(told) ? told : notProved('no answer')));
  } catch (thrown) {
    return notProved(toSallyportError(thrown).message);
  }
}

function notProved(reason: string): Proof {
  return { kind: 'NotProved', reason };
}

export function isProof(answer: unknown): answer is Proof {
  if (typeof answer !== 'object' || answer === null || !('kind' in answer)) return false;
  return answer.kind === 'Equal' || answer.kind === 'Different' || answer.kind === 'NotProved';
}
