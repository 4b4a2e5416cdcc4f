/** The program of the thread that `proveFlat` and `writeProved` start: one question in portions, one answer. */
import { parentPort } from 'node:worker_threads';
import { QuestionReader } from '../../plan/flat/proof-data.ts';
import { prove } from '../../plan/flat/prove.ts';
import { isWritingOrder, writtenPortions } from './writing-order.ts';

const reader = new QuestionReader();
let order: Parameters<typeof writtenPortions>[1] | undefined;
parentPort?.on('message', (portion: unknown) => {
  if (isWritingOrder(portion)) {
    order = portion;
    return;
  }
  const question = reader.take(portion);
  if (question === undefined) return;
  if (order === undefined) parentPort?.postMessage(prove(question.ruleset, question.list));
  else for (const told of writtenPortions(question.ruleset, order)) parentPort?.postMessage(told);
});
