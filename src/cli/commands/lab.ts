import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { probe, serve } from '../../../lab/agent.ts';
import { namespaceWrapper, runInside } from '../../../lab/inside.ts';
import { Lab } from '../../../lab/lab.ts';
import { parseStory, type Story } from '../../../lab/story.ts';
import { makeRunFolder, removeRunFolder } from '../../../lab/run-folder.ts';
import { storyBeside, WorldFiles } from '../../../lab/world-files.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import { openDevice } from '../../controller/devices.ts';
import { type ExitCode, exit } from '../exit.ts';
import { printDiagnostics, type Terminal } from '../terminal.ts';

interface LabCommandOptions {
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
  if (options.folder !== undefined) return await tell(terminal, options, options.folder);
  const folder = await makeRunFolder();
  try {
    if (!options.packets) return await tell(terminal, options, folder);
    const wrapper = namespaceWrapper();
    if (wrapper.kind === 'unavailable') throw new SallyportError('NO_NAMESPACES', wrapper.why);
    const words = process.argv.slice(process.argv.indexOf('lab') + 1);
    const code = await runInside(wrapper.command, ['lab', ...words, '--folder', folder]);
    return code === 0 ? exit.done : exit.wrong;
  } finally {
    await removeRunFolder(folder);
  }
}

/** Tells the story in this process; `folder` is this run's own. */
async function tell(terminal: Terminal, options: LabCommandOptions, folder: string): Promise<ExitCode> {
  const story = await readStory(terminal, options);
  const { files, diagnostics } = await WorldFiles.copy(options.filename, join(folder, 'world'));
  printDiagnostics(terminal, diagnostics);
  if (diagnostics.some(({ severity }) => severity === 'error'))
    throw new SallyportError('WORLD_INCOMPLETE', 'the manifests cannot be read as a whole');
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  const running = await Lab.start({
    files,
    story,
    packets: options.packets,
    agent: [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'lab', '--agent'],
    open: (firewall) => openDevice(firewall, { log: silentLog, stateFolder: join(folder, 'state') }),
    say: (line) => terminal.out(line),
  });
  try {
    const acts = [() => running.look(), ...story.steps.map((step, index) => () => running.play(step, index + 3))];
    for (const act of acts) if (!stop.signal.aborted) await act();
    const { failures, tried } = running;
    terminal.out('');
    terminal.out(
      failures === 0
        ? `All ${tried} flows did what they should.`
        : `${failures} of ${tried} flows did NOT do what they should.`,
    );
    const stays = options.once !== true && process.stdout.isTTY && !stop.signal.aborted;
    if (stays) await running.stay(stop.signal);
    return failures === 0 ? exit.done : exit.wrong;
  } finally {
    await running.close();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal);
  }
}

async function readStory(terminal: Terminal, options: LabCommandOptions): Promise<Story> {
  const found =
    options.story === undefined
      ? await storyBeside(options.filename)
      : { text: await readFile(options.story, 'utf8'), file: options.story };
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
