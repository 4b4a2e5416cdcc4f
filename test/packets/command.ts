import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { bundle } from '../../scripts/build.ts';

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** The command as users have it: bundled, with a state folder and a folder for temporary files of its own. */
export class Command {
  // Not in /run, where the temporary files of tests are: the lab has a /run of its own.
  readonly root = mkdtempSync('/tmp/sallyport-command-');
  readonly temporary = mkdtempSync(join(this.root, 'tmp-'));
  /** Path of the bundle. */
  readonly program = join(this.root, 'dist', 'sallyport.js');

  static async build(): Promise<Command> {
    const command = new Command();
    await bundle(join(command.root, 'dist'));
    return command;
  }

  /** Starts it; it dies with this process. What it says is read line by line. `rights`: with `None` it has no capability, whoever its user is. */
  start(
    words: readonly string[],
    heard: (line: string) => void = () => undefined,
    environment: Readonly<Record<string, string>> = {},
    rights: 'Whole' | 'None' = 'Whole',
  ): ChildProcess {
    const without = rights === 'Whole' ? [] : ['--inh-caps=-all', '--bounding-set=-all'];
    const options = ['--pdeathsig', 'KILL', ...without, '--'];
    const child = spawn('setpriv', [...options, process.execPath, this.program, ...words], {
      env: { ...process.env, STATE_DIRECTORY: join(this.root, 'state'), TMPDIR: this.temporary, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', heard);
    return child;
  }

  /** Runs it to its end. */
  async run(...words: readonly string[]): Promise<Ended> {
    const lines: string[] = [];
    const code = await ended(this.start(words, (line) => void lines.push(line)));
    return { code, said: lines.join('\n') };
  }

  /** Writes a configuration for `run` on a folder of manifests. */
  configure(manifests: string): string {
    const file = join(this.root, 'configuration.json');
    const content = {
      cluster: 'packets',
      sources: { folder: { manifests } },
      controllers: { border: { source: 'folder' } },
    };
    writeFileSync(file, JSON.stringify(content));
    return file;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** The exit code; `null` for what was killed. */
export function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code));
  });
}
