import { basename } from 'node:path';

/** One line of a scenario that does or expects something. */
export interface Command {
  /** In the file, from 1. */
  readonly line: number;
  readonly words: readonly string[];
}

/** A story as it is written: what it is about, what happens, and the files that it speaks of. */
export interface Scenario {
  readonly file: string;
  /** The file's name and the first comment's first line. */
  readonly name: string;
  readonly commands: readonly Command[];
  readonly files: ReadonlyMap<string, string>;
}

const SECTION = /^-- (\S+) --$/;

/** Words are separated by spaces; a part in double quotes keeps its spaces. */
export function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', ''));
}

/**
 * Commands first, one a line, `#` begins a comment; then files, each after a line `-- NAME --`, up to the next such line.
 * Throws where the text does not hold to that.
 */
export function scenarioOf(file: string, text: string): Scenario {
  const lines = text.split('\n');
  const commands: Command[] = [];
  const files = new Map<string, string[]>();
  let section: string[] | undefined;
  for (const [index, line] of lines.entries()) {
    const name = SECTION.exec(line)?.[1];
    if (name !== undefined) {
      if (files.has(name)) throw new Error(`${file}:${index + 1}: a second file ${name}`);
      files.set(name, (section = []));
    } else if (section !== undefined) section.push(line);
    else {
      const words = wordsOf(line.replace(/(^|\s)#.*$/, ''));
      if (words.length > 0) commands.push({ line: index + 1, words });
    }
  }
  const [first = ''] = lines;
  if (!first.startsWith('# '))
    throw new Error(`${file}:1: a scenario begins with a comment that says what it is about`);
  return {
    file,
    name: `${basename(file)}: ${first.slice(2)}`,
    commands,
    files: new Map([...files].map(([name, text]) => [name, text.join('\n')])),
  };
}
