/** The program of the thread that `proveFlat` starts: one question in portions, one answer. */
import { parentPort } from 'node:worker_threads';
import { QuestionReader } from '../../plan/flat/proof-data.ts';
import { prove } from '../../plan/flat/prove.ts';

const reader = new QuestionReader();
parentPort?.on('message', (portion: unknown) => {
  const question = reader.take(portion);
  if (question !== undefined) parentPort?.postMessage(prove(question.ruleset, question.list));
});
