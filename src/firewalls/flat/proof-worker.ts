/** The program of the thread that `proveFlat` starts: one question, one answer. */
import { parentPort, workerData } from 'node:worker_threads';
import { unpackQuestion } from '../../plan/flat/proof-data.ts';
import { prove } from '../../plan/flat/prove.ts';

const { ruleset, list } = unpackQuestion(workerData);
parentPort?.postMessage(prove(ruleset, list));
