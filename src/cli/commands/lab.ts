import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { probe, serve } from '../../../lab/agent.ts';
import { namespaceWrapper, runInside } from '../../../lab/inside.ts';
import { Lab } from '../../../lab/lab.ts';
import { parseStory, type Story } from '../../../lab/story.ts';
import { howToInstall, missingPackages } from '../../../lab/programs.ts';
import { makeRunFolder } from '../../../lab/run-folder.ts';
import { storyBeside, WorldFiles } from '../../../lab/world-files.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import { removePrivateFolder } from '../../controller/state/private-folder.ts';
import { openDevice } from '../../controller/devices/devices.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions } from '../options.ts';
import { printDiagnostics, printResult, type Terminal } from '../terminal.ts';

/** What people and systems end a program with. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface LabCommandOptions extends OutputOptions {
  readonly filename: string;
  readonly story?: string;
  readonly once?: boolean;
  readonly packets: boolean;
  /** This run's folder: given to the process that was started again inside namespaces. */
  readonly folder?: string;
  readonly agent?: 'serve' | 'probe';
}

/** `sallyport lab`: the border of namespaces. Starts itself again inside them; exit code 1 if any flow did not do what it should. */
export async function lab(terminal: Terminal, options: LabCommandOptions): Promise<ExitCode> {
  if (options.agent !== undefined) {
    await (options.agent === 'serve' ? serve() : probe());
    return exit.done;
  }
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await run(terminal, options, stop.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

async function run(terminal: Terminal, options: LabCommandOptions, stop: AbortSignal): Promise<ExitCode> {
  if (options.folder !== undefined) return await tell(terminal, options, options.folder, stop);
  const folder = makeRunFolder();
  try {
    if (!options.packets) return await tell(terminal, options, folder, stop);
    const missing = missingPackages();
    if (missing.length > 0) throw new SallyportError('PROGRAM_MISSING', howToInstall(missing));
    const wrapper = namespaceWrapper();
    if (wrapper.kind === 'unavailable') throw new SallyportError('NO_NAMESPACES', wrapper.why);
    const words = process.argv.slice(process.argv.indexOf('lab') + 1);
    const code = await runInside(wrapper.command, ['lab', ...words, '--folder', folder]);
    return code === 0 ? exit.done : exit.wrong;
  } finally {
    removePrivateFolder(folder);
  }
}

/** Tells the story in this process; `folder` is this run's own. */
async function tell(
  terminal: Terminal,
  options: LabCommandOptions,
  folder: string,
  stop: AbortSignal,
): Promise<ExitCode> {
  const { files, diagnostics } = await WorldFiles.copy(options.filename, join(folder, 'world'));
  printDiagnostics(terminal, diagnostics);
  if (diagnostics.some(({ severity }) => severity === 'error'))
    throw new SallyportError('WORLD_INCOMPLETE', 'the manifests cannot be read as a whole');
  const story = await readStory(terminal, options);
  if (stop.aborted) return exit.done;
  // Data alone goes to standard output; the story is for people.
  const say = (line: string): void => (options.output === 'table' ? terminal.out(line) : terminal.err(line));
  const stopped = new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()));
  const running = await Lab.start({
    files,
    story,
    packets: options.packets,
    agent: [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'lab', '--agent'],
    open: (firewall) =>
      openDevice(firewall, { log: silentLog, cluster: 'lab', stateFolder: join(folder, 'state'), by: 'lab' }),
    say: (line) => {
      if (!stop.aborted) say(line);
    },
  });
  const acts = [() => running.look(), ...story.steps.map((step, index) => () => running.play(step, index + 3))];
  const play = async (): Promise<void> => {
    for (const act of acts) if (!stop.aborted) await act();
  };
  const playing = play();
  try {
    // Whoever wants to leave does not wait for the end of an act: closing the lab ends it.
    await Promise.race([playing, stopped]);
    const { failures, tried } = running;
    const code = failures === 0 ? exit.done : exit.wrong;
    if (stop.aborted) {
      terminal.err('stopped before the end');
      return code;
    }
    printResult(
      terminal,
      options.output,
      'LabSummary',
      { packets: options.packets, tried, failures },
      () =>
        `\n${failures === 0 ? `All ${tried} flows did what they should.` : `${failures} of ${tried} flows did NOT do what they should.`}`,
    );
    if (options.once !== true && process.stdout.isTTY) await Promise.race([running.stay(stop), stopped]);
    return code;
  } finally {
    await running.close();
    await playing.catch(() => undefined); // it was told already, or is of no interest to who left
  }
}

async function readStory(terminal: Terminal, options: LabCommandOptions): Promise<Story> {
  const found = options.story === undefined ? await storyBeside(options.filename) : await storyIn(options.story);
  if (found === undefined)
    throw new SallyportError(
      'NOT_FOUND',
      `there is no story beside ${options.filename}; write ${options.filename.replace(/\/+$/, '')}.lab.yaml (examples/shop.lab.yaml shows how)`,
    );
  const { value, diagnostics } = parseStory(found.text, found.file);
  printDiagnostics(terminal, diagnostics);
  if (value === undefined) throw new SallyportError('CONFIG_VALUE', `${found.file} has mistakes`);
  return value;
}

async function storyIn(file: string): Promise<{ readonly text: string; readonly file: string }> {
  try {
    return { text: await readFile(file, 'utf8'), file };
  } catch (thrown) {
    const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    throw new SallyportError('NOT_FOUND', `the story ${file} cannot be opened (${reason})`, {}, thrown);
  }
}
