import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Namespace, Namespaces } from '../kit/netns.ts';
import { Command, ended } from './command.ts';

/** Reads something of every process in sight; those that end meanwhile are left out. */
function ofProcesses<T>(read: (folder: string) => T): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      found.set(pid, read(`/proc/${pid}`));
    } catch {
      // it is gone
    }
  }
  return found;
}

describe('what the lab leaves behind', () => {
  let command: Command;
  let world: Namespaces;
  /** Where the lab runs; the bundle, the temporary files and this namespace are its own, so whatever is found there is its. */
  let place: Namespace;

  beforeAll(async () => {
    command = await Command.build();
    world = await Namespaces.open();
    place = await world.add('lab');
  });
  afterAll(async () => {
    await world.close();
    command.remove();
  });

  const processes = (): readonly string[] =>
    [...ofProcesses((folder) => readFileSync(`${folder}/cmdline`, 'utf8').replaceAll('\0', ' '))]
      .filter(([, words]) => words.includes(command.root))
      .map(([pid, words]) => `${pid} ${words}`);
  const networks = (): ReadonlySet<string> =>
    new Set(ofProcesses((folder) => readlinkSync(`${folder}/ns/net`)).values());

  interface Seen {
    readonly code: number | null;
    readonly said: readonly string[];
  }
  /** Starts the lab, and does something to it when it says the words. */
  const lab = async (words: readonly string[], when?: string, then?: (child: ChildProcess) => void): Promise<Seen> => {
    const said: string[] = [];
    const child = command.start(['lab', '-f', 'examples/shop', '--once', ...words], (line) => {
      said.push(line);
      if (when !== undefined && line.includes(when)) then?.(child);
    });
    return { code: await ended(child), said };
  };
  const settled = { timeout: 30_000, interval: 20 };

  test.each(['The lab: ', '2  What passes'])(
    'killed after "%s": no process, no namespace, no table; and no file once it runs again',
    async (when) => {
      const before = networks();
      const names = readdirSync('/run/netns');
      let during = 0;
      const { code, said } = await lab([], when, (child) => {
        during = processes().length;
        child.kill('SIGKILL');
      });
      expect(code, said.join('\n')).toBe(null);
      expect(during).toBeGreaterThan(1);
      await expect.poll(processes, settled).toEqual([]);
      await expect.poll(networks, settled).toEqual(before);
      expect(readdirSync('/run/netns')).toEqual(names);
      expect(await place.must('nft', ['list', 'ruleset'])).toBe('');
      const again = await lab(['--no-packets'], 'The lab: ', (child) => void child.kill('SIGTERM'));
      expect(again.said.join('\n')).toContain('The lab: ');
      expect(readdirSync(command.temporary)).toEqual([]);
    },
  );

  test('ended as it should be: nothing, at once', async () => {
    const before = networks();
    const { said } = await lab([], '2  What passes', (child) => void child.kill('SIGTERM'));
    expect(said.join('\n')).toContain('2  What passes');
    expect(processes()).toEqual([]);
    expect(networks()).toEqual(before);
    expect(readdirSync(command.temporary)).toEqual([]);
  });
});
