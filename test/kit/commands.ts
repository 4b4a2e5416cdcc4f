import process from 'node:process';
import { buildProgram } from '../../src/cli/program.ts';

/** What a command came to. */
export interface Ended {
  /** Its exit code. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Both, in the order in which they were written. */
  readonly text: string;
}

/** Runs `sallyport WORDS` in this process. */
export async function command(...words: readonly string[]): Promise<Ended> {
  const [out, err, all]: [string[], string[], string[]] = [[], [], []];
  const to =
    (lines: string[]) =>
    (text: string): void => {
      lines.push(text);
      all.push(text);
    };
  const code = await buildProgram({ out: to(out), err: to(err) }).run(words);
  return { code, out: out.join('\n'), err: err.join('\n'), text: all.join('\n') };
}

/** Commands of this process remember in a folder, until what this gives back is called. */
export function rememberIn(folder: string): () => void {
  const before = process.env['STATE_DIRECTORY'];
  process.env['STATE_DIRECTORY'] = folder;
  return () => {
    if (before === undefined) delete process.env['STATE_DIRECTORY'];
    else process.env['STATE_DIRECTORY'] = before;
  };
}
