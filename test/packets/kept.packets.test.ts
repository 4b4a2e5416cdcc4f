import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../kit/border-world.ts';
import { Command, ended } from './command.ts';
import { Manifests, pointedAt } from './controlled-border.ts';
import { allow, basis, FAMILIES, openStage, PLACES, podAt, type Stage, translate } from './stage.ts';

describe('a controller that is killed while a plan waits for a yes', () => {
  let stage: Stage;
  let command: Command;
  let manifests: Manifests;

  beforeAll(async () => {
    manifests = new Manifests();
    command = await Command.build();
    stage = await openStage();
    await stage.border.reset();
  });
  afterAll(async () => {
    await stage.close();
    command.remove();
    manifests.remove();
  });

  /** In mode Approve, unless it is the first. */
  const write = (mode: 'Enforce' | 'Approve', ...more: readonly Manifest[]): void => {
    const all = [
      ...basis(),
      podAt('web-1', 'web', 'web'),
      allow('web', "app == 'web'", 443),
      translate('web', "app == 'web'", 'nat'),
      ...more,
    ];
    manifests.write(
      pointedAt(stage.border, all).map((each) =>
        each['kind'] === 'BorderFirewall' ? { ...each, spec: { ...(each['spec'] as object), mode } } : each,
      ),
    );
  };
  const sees = async (from: 'web' | 'job' | 'late'): Promise<readonly (string | undefined)[]> =>
    await Promise.all(
      FAMILIES.map(async (family) => {
        const { [from]: address, server: to } = PLACES[family];
        return (await stage.border.inside.tcp({ from: address, to, port: 443, timeoutMs: 300 })).source;
      }),
    );
  const own = FAMILIES.map((family): string => PLACES[family].nat);

  test('is followed by one that lets new pods of a known class join before the yes, and no pod of another', async () => {
    const words = ['run', '--config', command.configure(manifests.path), '--log', 'json'];
    const said: string[] = [];
    write('Enforce');
    const first = command.start(words, (line) => void said.push(line));
    // Rules let it pass before its connections are judged, and only then they are confirmed.
    const confirmed = (): boolean => said.some((line) => line.includes('"msg":"confirmed"'));
    await expect.poll(confirmed, { timeout: 60_000, interval: 100 }).toBe(true);
    expect(await sees('web')).toEqual(own);

    const other = [podAt('job-1', 'job', 'job'), allow('job', "app == 'job'", 443)];
    write('Approve', ...other);
    const waits = (): boolean => said.some((line) => line.includes('a plan waits'));
    await expect.poll(waits, { timeout: 60_000, interval: 100 }).toBe(true);
    // What is confirmed is kept within a second.
    const record = (): Promise<number> =>
      stage.border.firewall
        .must('sh', ['-c', `cat ${command.root}/state/packets/confirmed/edge.jsonl | wc -l`])
        .then(Number);
    await expect.poll(record, { timeout: 30_000, interval: 100 }).toBeGreaterThan(2);
    const kill = ended(first);
    first.kill('SIGKILL');
    await kill;

    write('Approve', ...other, podAt('web-2', 'web', 'late'));
    said.length = 0;
    const second = command.start(words, (line) => void said.push(line));
    await expect.poll(() => sees('late'), { timeout: 60_000, interval: 200 }).toEqual(own);
    await expect.poll(waits, { timeout: 60_000, interval: 100 }).toBe(true);
    expect(said.some((line) => line.includes('what was confirmed before the start still holds'))).toBe(true);
    expect([await sees('web'), await sees('job')]).toEqual([own, [undefined, undefined]]);
    second.kill('SIGTERM');
    expect(await ended(second)).toBe(0);
  });
});
