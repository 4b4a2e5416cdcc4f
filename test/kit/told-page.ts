import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { type Fence, splitMarkdown } from './markdown.ts';

const root = resolve(import.meta.dirname, '../..');
/** How long something that goes on may take to print what the page shows. */
const PATIENCE_MS = 20_000;
/** Characters of output that a complaint shows, from its end. */
const LONGEST_COMPLAINT = 2_000;

interface Ended {
  readonly output: string;
  readonly code: number | null;
}

/**
 * Does what a page tells its reader to do, in a folder of its own, and collects where it went otherwise. Notes before a fence say
 * what it is: `file: PATH` is written there; `background` goes on until `<!-- stop -->`, and `background, goes on` shows more of its
 * output. Of other fences only those of language `console` are run: a line after `$ ` is typed, the lines below have to be printed, in
 * that order among others; `…` stands for anything.
 */
export class ToldPage {
  readonly complaints: string[] = [];
  readonly #folder: string;
  readonly #page: string;
  /** What a page calls `sallyport`, as a shell writes it. */
  readonly #program: string;
  #background: Background | undefined;

  /** `build`: the folder that Sallyport was bundled into. */
  constructor(page: string, folder: string, build: string) {
    this.#page = page;
    this.#folder = folder;
    this.#program = `'${process.execPath}' '${join(build, 'sallyport.js')}'`;
    symlinkSync(join(root, 'examples'), join(folder, 'examples'));
    symlinkSync(build, join(folder, 'dist'));
  }

  async follow(): Promise<void> {
    const text = readFileSync(join(root, this.#page), 'utf8');
    const stops = text.split('\n').flatMap((line, index) => (line.trim() === '<!-- stop -->' ? [index + 1] : []));
    try {
      for (const fence of splitMarkdown(text).fences) {
        while (stops[0] !== undefined && stops[0] < fence.line) {
          stops.shift();
          await this.#stop();
        }
        await this.#do(fence);
      }
    } finally {
      await this.#stop();
    }
  }

  async #do(fence: Fence): Promise<void> {
    const file = /^file: ([^,]+)/.exec(fence.note)?.[1];
    if (file !== undefined) {
      mkdirSync(dirname(join(this.#folder, file)), { recursive: true });
      writeFileSync(join(this.#folder, file), `${fence.text}\n`);
    } else if (fence.language !== 'console') return;
    else if (fence.note === 'background') await this.#begin(fence);
    else if (fence.note === 'background, goes on') await this.#expectMore(fence, fence.text.split('\n'));
    else for (const [command, lines] of typed(fence.text)) this.#judge(fence, command, lines, await this.#run(command));
  }

  async #begin(fence: Fence): Promise<void> {
    const [[command, lines] = ['', []]] = typed(fence.text);
    // `exec`, so that the signal at the end reaches the program itself.
    this.#background = new Background(this.#spawn(`exec ${command.replace(/^sallyport /, `${this.#program} `)}`));
    await this.#expectMore(fence, lines);
  }

  async #expectMore(fence: Fence, lines: readonly string[]): Promise<void> {
    const missing = await this.#background?.await(lines);
    if (missing !== undefined) this.#complain(fence, `did not go on with: ${missing}`, this.#background?.output ?? '');
  }

  async #stop(): Promise<void> {
    const background = this.#background;
    this.#background = undefined;
    const code = await background?.stop();
    if (background !== undefined && code !== 0)
      this.complaints.push(`${this.#page}: what ran in the background ended with ${code}\n${background.output}`);
  }

  #spawn(command: string): ChildProcess {
    return spawn('bash', ['-c', `sallyport() { ${this.#program} "$@"; }\n${command}`], {
      cwd: this.#folder,
      env: { ...process.env, STATE_DIRECTORY: join(this.#folder, 'state') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async #run(command: string): Promise<Ended> {
    const background = new Background(this.#spawn(command));
    const code = await background.ended;
    return { output: background.output, code };
  }

  #judge(fence: Fence, command: string, lines: readonly string[], { output, code }: Ended): void {
    const expectedCode = Number(/^\[exit code (\d+)\]$/.exec(lines.at(-1) ?? '')?.[1] ?? 0);
    const expected = lines.filter((line) => !line.startsWith('[exit code '));
    const missing = firstMissing(expected, output).line;
    if (missing !== undefined) this.#complain(fence, `$ ${command}\ndid not print: ${missing}`, output);
    if (code !== expectedCode) this.#complain(fence, `$ ${command}\nended with ${code}, not ${expectedCode}`, output);
  }

  #complain(fence: Fence, what: string, output: string): void {
    this.complaints.push(`${this.#page}:${fence.line} ${what}\nbut:\n${output.slice(-LONGEST_COMPLAINT)}`);
  }
}

class Background {
  output = '';
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #seen = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    this.ended = new Promise((resolveEnd) => child.once('close', (code) => resolveEnd(code)));
  }

  /** Waits until the lines were printed after those that were awaited before; gives the first one that never was. */
  async await(lines: readonly string[]): Promise<string | undefined> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const { line, after } = firstMissing(lines, this.output.slice(this.#seen));
      if (line === undefined) this.#seen += after;
      if (line === undefined || performance.now() > end) return line;
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  stop(): Promise<number | null> {
    this.#child.kill('SIGINT');
    return this.ended;
  }
}

/** What is typed, each with the lines that it prints. */
function typed(text: string): readonly (readonly [command: string, lines: readonly string[]])[] {
  const commands: [string, string[]][] = [];
  for (const line of text.split('\n'))
    if (line.startsWith('$ ')) commands.push([line.slice(2), []]);
    else commands.at(-1)?.[1].push(line);
  return commands;
}

/** The first expected line that does not follow the ones before it, and where the last one that does ends. */
function firstMissing(expected: readonly string[], output: string): { readonly line?: string; readonly after: number } {
  let after = 0;
  for (const line of expected) {
    if (line.trim() === '') continue;
    const pattern = line
      .split('…')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*');
    const found = new RegExp(`^${pattern}$`, 'm').exec(output.slice(after));
    if (found === null) return { line, after };
    after += found.index + found[0].length;
  }
  return { after };
}
