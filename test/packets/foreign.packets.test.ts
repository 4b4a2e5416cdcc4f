import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AwakeTime } from '../kit/awake-time.ts';
import type { Manifest } from '../kit/border-world.ts';
import { ControlledBorder } from './controlled-border.ts';
import { allow, basis, FAMILIES, openStage, PLACES, podAt, type Stage, translate } from './stage.ts';
import { sendAll, type Trial } from './trials.ts';

/** What somebody else keeps on the same machine: rules, counters, maps, a translation, and a chain before ours. */
const THEIRS = `
table inet theirs {
  set friends { type ipv4_addr; flags interval; elements = { 198.51.100.0/24, 203.0.113.7 } }
  map ports { type inet_service : verdict; elements = { 22 : accept, 23 : drop } }
  counter seen { }
  chain early { type filter hook forward priority -10; policy accept;
    tcp dport 2222 drop comment "sp-looks-like-ours"
    tcp dport vmap @ports
  }
  chain late { type filter hook forward priority 10; policy accept; ip saddr @friends accept; }
}
table ip sallyport_of_another {
  chain out { type nat hook postrouting priority 200; policy accept; ip saddr 198.51.100.9 snat to 192.0.2.99; }
}
`;

describe('what is not ours', () => {
  let stage: Stage;
  let controlled: ControlledBorder;

  beforeAll(async () => {
    stage = await openStage();
    await stage.border.reset();
    controlled = new ControlledBorder(stage.border);
  });
  afterAll(async () => {
    await controlled.close();
    await stage.close();
  });

  const nft = (...words: readonly string[]): Promise<string> => stage.border.firewall.must('nft', words);
  const theirs = async (): Promise<string> =>
    (await nft('list', 'table', 'inet', 'theirs')) + (await nft('list', 'table', 'ip', 'sallyport_of_another'));
  const world = (...more: readonly Manifest[]): readonly Manifest[] => [
    ...basis(),
    podAt('web-1', 'web', 'web'),
    podAt('job-1', 'job', 'job'),
    allow('web', "app == 'web'", 443),
    ...more,
  ];
  const trials: readonly Trial[] = FAMILIES.flatMap((family) =>
    [80, 443].map((port) => ({
      source: PLACES[family].web,
      destination: PLACES[family].server,
      transport: 'tcp' as const,
      port,
    })),
  );
  const isRight = async (): Promise<boolean> => {
    const outcomes = await sendAll(stage.border, stage.sniffer, trials, ({ port }) => port === 443);
    return trials.every((trial) => outcomes.get(trial)?.answered === (trial.port === 443));
  };

  beforeEach(async () => {
    await nft('delete', 'table', 'inet', 'theirs').catch(() => undefined);
    await nft('delete', 'table', 'ip', 'sallyport_of_another').catch(() => undefined);
    await stage.border.firewall.must('nft', ['-f', '-'], THEIRS);
  });

  test('stays as it is, whatever we do', async () => {
    const before = await theirs();
    await controlled.bring(...world());
    await controlled.bring(...world(podAt('late-1', 'web', 'late'), translate('out', "app == 'web'", 'nat')));
    await controlled.bring(...world(allow('web', "app in {'web', 'job'}", 80, 443)));
    await controlled.bring(...world().filter((each) => !JSON.stringify(each).includes('job-1')));
    expect(await isRight()).toBe(true);
    expect(await theirs()).toBe(before);
    await controlled.leave(...world());
    expect(await nft('list', 'tables')).toBe('table inet theirs\ntable ip sallyport_of_another\n');
    expect(await theirs()).toBe(before);
  });

  test.each([
    ['flushes every rule of the machine', ['flush', 'ruleset']],
    ['deletes our table', ['delete', 'table', 'inet', 'sallyport']],
    ['lets our senders go anywhere', ['flush', 'map', 'inet', 'sallyport', 'by_source4']],
  ])('somebody %s: it is noticed and put right within 10 s', async (_, words) => {
    await controlled.bring(...world());
    expect(await isRight()).toBe(true);
    const { writes, repairs } = await controlled.confirmed();
    const time = new AwakeTime();
    await nft(...words);
    await expect.poll(() => controlled.status()?.repairs, { timeout: 30_000, interval: 10 }).toBeGreaterThan(repairs);
    const status = await controlled.confirmed();
    expect(time.ms).toBeLessThan(10_000);
    time.stop();
    expect(status.writes).toBeGreaterThan(writes);
    expect(await isRight()).toBe(true);
    const tables = await nft('list', 'tables');
    expect(tables.split('\n').filter(Boolean).length).toBe(words[1] === 'ruleset' ? 1 : 3);
  });
});
