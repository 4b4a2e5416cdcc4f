import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../kit/border-world.ts';
import { Command, ended } from './command.ts';
import { Manifests, pointedAt } from './controlled-border.ts';
import { allow, basis, FAMILIES, Flows, openStage, PLACES, podAt, type Stage, translate } from './stage.ts';
import { settle } from './trials.ts';

/** The controller is killed when it has said so many lines: while it starts, while it writes, after it wrote. */
const LINES = [1, 2, 3, 4, 5, 6, 8];

describe('a controller that is killed', () => {
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

  /** Of all these, `web` may always use 443 and nobody else may; everything else comes and goes. */
  const world = (round: number): readonly Manifest[] => [
    ...basis(),
    podAt('web-1', 'web', 'web'),
    allow('web', "app == 'web'", 443),
    translate('web', "app == 'web'", 'nat'),
    podAt('job-1', round % 2 === 0 ? 'job' : 'idle', 'job'),
    allow('job', "app in {'job', 'idle', 'late'}", ...(round % 3 === 0 ? [80] : [80, 8080])),
    ...(round % 2 === 0 ? [podAt('late-1', 'late', 'late')] : []),
    ...(round % 3 === 0 ? [translate('job', "app == 'job'", 'next')] : []),
  ];
  const write = (round: number): string => manifests.write(pointedAt(stage.border, world(round)));
  const plan = (): Promise<{ code: number | null; said: string }> =>
    command.run('plan', '-f', manifests.path, '--cluster', 'packets');
  const table = (): Promise<string> => stage.border.firewall.must('nft', ['-s', 'list', 'table', 'inet', 'sallyport']);
  const isConverged = async (): Promise<boolean> => (await plan()).code === 0;

  test('in the middle of changes: nothing that is always allowed ever fails, nothing else ever passes, and the next one converges', async () => {
    write(0);
    const words = ['run', '--config', command.configure(manifests.path), '--log', 'json'];
    const first = command.start(words);
    await expect.poll(isConverged, { timeout: 60_000, interval: 100 }).toBe(true);

    const flows = new Flows(stage);
    const always = [];
    for (const family of FAMILIES)
      for (const transport of ['tcp', 'udp'] as const) always.push(await flows.open(transport, family, 'web', 443));
    stage.sniffer.clear();
    const { inside } = stage.border;
    let goes = true;
    const failed: string[] = [];
    let tried = 0;
    const loops = FAMILIES.flatMap((family) => {
      const { web, job, late, server: to } = PLACES[family];
      return (['tcp', 'udp'] as const).map(async (transport) => {
        while (goes) {
          const { outcome, source } = await inside[transport]({ from: web, to, port: 443, timeoutMs: 5_000 });
          tried += 1;
          if (source !== PLACES[family].nat) failed.push(`${transport} ${web}: ${outcome} ${source ?? ''}`);
          for (const from of [job, late]) await inside[transport]({ from, to, port: 443, timeoutMs: 20 });
        }
      });
    });

    let round = 0;
    const kill = ended(first);
    first.kill('SIGKILL');
    await kill;
    for (const lines of LINES) {
      let said = 0;
      const child = command.start(words, () => {
        if (++said >= lines) child.kill('SIGKILL');
        // The next change is there before this one is done.
        else write(++round);
      });
      write(++round);
      expect(await ended(child)).toBe(null);
    }
    const last = command.start(words);
    await expect.poll(isConverged, { timeout: 60_000, interval: 100 }).toBe(true);
    goes = false;
    await Promise.all(loops);
    expect(failed).toEqual([]);
    expect(tried).toBeGreaterThan(LINES.length);
    const [yardstick] = always;
    if (yardstick === undefined) throw new Error('nothing is open');
    expect(await flows.moving(yardstick, always)).toEqual(always.map(() => ({ in: true, out: true })));
    for (const flow of always)
      expect(new Set(flows.packets(flow).map(({ source }) => source))).toEqual(new Set([PLACES[flow.family].nat]));
    await settle(stage.border, stage.sniffer);
    const owned = FAMILIES.map((family): string => PLACES[family].nat);
    const others = stage.sniffer.packets.filter(
      (each) => each.destinationPort === 443 && !owned.includes(each.source) && each.isReset !== true,
    );
    expect(others).toEqual([]);
    await flows.closeAll();

    // Stopped as it should be, it leaves what is there; and whoever comes next finds nothing to do.
    last.kill('SIGTERM');
    expect(await ended(last)).toBe(0);
    const held = await table();
    let isConfirmed = false;
    const again = command.start(words, (line) => {
      isConfirmed ||= line.includes('confirmed');
    });
    await expect.poll(() => isConfirmed, { timeout: 60_000, interval: 100 }).toBe(true);
    again.kill('SIGTERM');
    expect(await ended(again)).toBe(0);
    expect(await table()).toBe(held);
  });
});
