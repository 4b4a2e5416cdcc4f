import { createInterface } from 'node:readline';
import process from 'node:process';
import { toSallyportError } from '../base/error.ts';
import { type ExitCode, exit } from './exit.ts';
import type { Terminal } from './terminal.ts';
import { usage } from './usage.ts';

/** Standard input can hold the world or the questions, not both: the first reader would leave nothing to the other. */
export function refuseTwoReaders(options: { readonly stdin?: boolean; readonly filename?: readonly string[] }): void {
  if (options.stdin === true && options.filename?.includes('-') === true)
    throw usage('--stdin reads questions from standard input, and -f - the world; give the world as a file or folder');
}

/** Longest line that is read; a question is far shorter. */
const LINE_LIMIT = 1 << 20;

/**
 * One JSON object a line in and one out, in order: `answer` gets each object and gives the data of its line and whether the answer is a
 * plain yes. A line that is wrong answers with `{"error": {code, message}}` and the rest goes on. The exit code is the worst of all lines.
 */
export async function answerLines(
  terminal: Terminal,
  answer: (question: Readonly<Record<string, unknown>>) => { readonly data: object; readonly code: ExitCode },
): Promise<ExitCode> {
  let worst: ExitCode = exit.done;
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === '') continue;
    try {
      const { data, code } = answer(readQuestion(line));
      terminal.out(JSON.stringify(data));
      if (worst !== exit.wrong && code !== exit.done) worst = code;
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      terminal.out(JSON.stringify({ error: { code, message } }));
      worst = exit.wrong;
    }
  }
  return worst;
}

function readQuestion(line: string): Readonly<Record<string, unknown>> {
  if (line.length > LINE_LIMIT) throw usage(`a line has at most ${LINE_LIMIT} characters`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw usage('the line is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw usage('the line is no JSON object');
  return value as Readonly<Record<string, unknown>>;
}
