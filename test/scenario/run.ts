import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type Story, actions } from './actions.ts';
import { expectations } from './expectations.ts';
import { Stage } from './stage.ts';
import { type Command, type Scenario, scenarioOf } from './text.ts';

/** Stories, and the files that they share. */
export const STORIES = join(import.meta.dirname, 'stories');

/** How long real devices may take until what a story expects is so. */
const PATIENCE_MS = 8_000;
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
export async function runScenario(scenario: Scenario, stage: Stage = new Stage()): Promise<void> {
  const story: Story = { stage, files: scenario.files, shared: join(STORIES, 'shared'), notes: new Map() };
  try {
    for (const command of scenario.commands) await runCommand(story, command, scenario.file);
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
