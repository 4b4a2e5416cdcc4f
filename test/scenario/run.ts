import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type Story, actions } from './actions.ts';
import { expectations } from './expectations.ts';
import { Stage } from './stage.ts';
import { Nonsense } from './nonsense.ts';
import { type Command, type Scenario, scenarioOf, wordsOf } from './text.ts';

/** Stories, and the files that they share. */
export const STORIES = join(import.meta.dirname, 'stories');

/** How long real devices may take until what a story expects is so; nobody waits for it unless it fails. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 20;

/** The scenarios of a folder, sorted by name. */
export function scenariosIn(folder: string): readonly Scenario[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  return names.sort().map((name) => {
    const path = join(folder, name);
    return scenarioOf(relative(process.cwd(), path), readFileSync(path, 'utf8'));
  });
}

/** Tells one story; rejects at the first thing that is not as told, with file, line and what was seen. */
export function runScenario({ file, files, commands }: Scenario, stage: Stage = new Stage()): Promise<void> {
  return tell(
    files,
    async ({ story }) => {
      for (const command of commands) await runCommand(story, command, file);
    },
    stage,
  );
}

/** A story that is made up as it is told. */
export interface Teller {
  readonly stage: Stage;
  readonly story: Story;
  /** Runs one line of the language. */
  readonly run: (line: string) => Promise<void>;
  /** The same, but a line that makes no sense here is skipped: what it speaks of is not there. */
  readonly try: (line: string) => Promise<void>;
}

/** Sets a stage, tells a story on it, and clears it away. */
export async function tell(
  files: ReadonlyMap<string, string>,
  plot: (teller: Teller) => Promise<void>,
  stage: Stage = new Stage(),
): Promise<void> {
  const story: Story = { stage, files, shared: join(STORIES, 'shared'), notes: new Map() };
  let line = 0;
  const run = (text: string): Promise<void> => runCommand(story, { line: ++line, words: wordsOf(text) }, 'made up');
  try {
    await plot({
      stage,
      story,
      run,
      try: (text) =>
        run(text).catch((thrown: unknown) => {
          if (!(thrown instanceof Error && thrown.cause instanceof Nonsense)) throw thrown;
        }),
    });
  } finally {
    await stage.close();
  }
}

async function runCommand(story: Story, { line, words }: Command, file: string): Promise<void> {
  const [verb = '', subject = '', ...rest] = words;
  const where = `${file}:${line}: ${words.join(' ')}`;
  const unmet = await attempt(where, async () => {
    if (verb !== 'expect') {
      const action = actions.get(verb);
      if (action === undefined) throw new Error(`there is no command ${verb}`);
      await action(story, words.slice(1));
      return undefined;
    }
    const expectation = expectations.get(subject);
    if (expectation === undefined) throw new Error(`nobody can expect ${subject}`);
    const giveUp = Date.now() + (story.stage.devices.takesTime ? PATIENCE_MS : 0);
    for (;;) {
      const seen = await expectation(story, rest);
      if (seen === undefined || Date.now() >= giveUp) return seen;
      await pause(PAUSE_MS);
    }
  });
  if (unmet !== undefined) throw new Error(`${where}\nseen: ${unmet}`);
}

/** Errors of a command name its place. */
async function attempt<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw new Error(`${where}\n${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
  }
}
