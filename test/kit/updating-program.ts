/** A program that keeps itself up to date, for tests of that: what `run` is to updates, with nothing else in it. Bundled into one file for each version. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { background } from '../../src/base/background.ts';
import { systemClock } from '../../src/base/clock.ts';
import { textLog } from '../../src/controller/configuration/logs.ts';
import type { ExporterUpdate } from '../../src/controller/machine/update/exporter-update.ts';
import { Fetching } from '../../src/controller/machine/update/fetching.ts';
import { MachineUpdates, updateKey } from '../../src/controller/machine/update/machine-updates.ts';
import { UpdateRecord } from '../../src/controller/machine/update/record.ts';
import { SelfUpdate } from '../../src/controller/machine/update/self-update.ts';
import { type Beat, reportTrial } from '../../src/controller/machine/update/trial.ts';
import { readFirewallSpec } from '../../src/machine/kinds/firewall.ts';

declare const VERSION: string;
declare const BEHAVIOUR: 'good' | 'ends' | 'hangs' | 'hangs later' | 'never ready' | 'mute';

/** What a test says to every version, in the file that the environment names. */
export interface UpdatingSettings {
  readonly folder: string;
  readonly key?: string;
  readonly times: { readonly until: number; readonly settle: number; readonly silence: number; readonly end: number };
  /** Longest times of fetching; absent: nobody runs into them. */
  readonly fetching?: { readonly silence: number; readonly text: number; readonly file: number };
  /** Where the process kills itself, once: a call of a collaborator, `before` it or `after` it. */
  readonly dieAt?: string;
}

if (process.argv.includes('--version')) {
  process.stdout.write(`${VERSION}\n`);
  process.exit(BEHAVIOUR === 'mute' ? 3 : 0);
}
const settings = JSON.parse(readFileSync(process.env['UPDATING'] ?? '', 'utf8')) as UpdatingSettings;
const inFolder = (name: string): string => join(settings.folder, name);
const say = (line: string): void => appendFileSync(inFolder('journal'), `${VERSION} ${line}\n`);

function die(at: string): void {
  if (settings.dieAt !== at || existsSync(inFolder('died'))) return;
  writeFileSync(inFolder('died'), at);
  process.kill(process.pid, 'SIGKILL');
}

/** The same object, dying before and after each call of the named methods; calls are counted. */
function mortal<T extends object>(object: T, methods: readonly (keyof T & string)[]): T {
  for (const method of methods) {
    const call = (object[method] as (...given: unknown[]) => Promise<unknown>).bind(object);
    let count = 0;
    const dying = async (...given: unknown[]): Promise<unknown> => {
      count += 1;
      const at = `${method} ${count}`;
      die(`before ${at}`);
      const answer = await call(...given);
      die(`after ${at}`);
      return answer;
    };
    Object.defineProperty(object, method, { value: dying });
  }
  return object;
}

async function main(): Promise<void> {
  say(process.env['SALLYPORT_TRIAL'] === undefined ? 'started' : 'on trial');
  if (BEHAVIOUR === 'ends') process.exit(1);
  let beat: Beat = 'running';
  const stop = new AbortController();
  const trial = reportTrial(
    process.env,
    () => beat,
    () => stop.abort(),
  );
  process.once('SIGTERM', () => stop.abort());
  const hang = (): void => {
    for (;;);
  };
  if (BEHAVIOUR === 'hangs') hang();
  if (BEHAVIOUR !== 'never ready') beat = 'ready';
  if (BEHAVIOUR === 'hangs later') setTimeout(hang, 1_500);
  if (trial.isOn) {
    await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
    say('off trial');
    trial.stop();
    return;
  }
  const log = textLog((line) => appendFileSync(inFolder('log'), `${VERSION} ${line}\n`), systemClock);
  const program = inFolder('program');
  const self = new SelfUpdate({
    program,
    running: program,
    version: VERSION,
    record: mortal(new UpdateRecord(() => inFolder('update.json'), log), ['write']),
    key: updateKey(() => settings),
    fetching: mortal(
      new Fetching({}, { times: settings.fetching ?? { silence: 60_000, text: 60_000, file: 60_000 } }),
      ['text', 'file'],
    ),
    clock: systemClock,
    log,
    times: settings.times,
  });
  const updates = new MachineUpdates({
    firewall: () => {
      const subject = { object: undefined, place: {}, locate: undefined, base: [] };
      const raw: unknown = JSON.parse(readFileSync(inFolder('firewall.json'), 'utf8'));
      return readFirewallSpec(raw, { raw: undefined, path: [] }, subject, []);
    },
    self,
    exporter: { look: () => Promise.resolve([]) } as unknown as ExporterUpdate,
    tell: (reason, { type, note }) => say(`${reason} ${type}: ${note}`),
    clock: systemClock,
    log,
  });
  const work = setInterval(() => undefined, 1_000);
  const candidate = await updates.run(stop.signal);
  clearInterval(work);
  if (candidate === undefined) return;
  const how = { words: ['run'], environment: process.env, wasReady: beat === 'ready' };
  say(await self.conclude(candidate, how, stop.signal));
}

background(
  'program',
  main(),
  textLog((line) => say(line), systemClock),
);
