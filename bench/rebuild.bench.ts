/**
 * A full rebuild on nftables in one transaction: 100,000 addresses, each in a class and in one group, 2,000 groups, 2,000 classes of 5
 * rules. From the ruleset to the commit, with nothing remembered of earlier versions, beside `nft -f` on the same text; the two take turns
 * on the same table. `rebuild/cpu-ratio` is the same in seconds of CPU, which other work on the machine disturbs less. Somebody's counter in our table is what makes a rebuild necessary.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { silentLog } from '../src/base/log.ts';
import { NftablesDriver } from '../src/firewalls/nftables/driver.ts';
import { cpuSeconds, load, print, quantile, smoke } from './figure.ts';
import { inNamespaces } from './namespaced.ts';
import { largeRuleset, RULES } from './ruleset.ts';

const addresses = smoke ? 1_000 : 100_000;
const groups = smoke ? 20 : 2_000;
const classes = smoke ? 20 : 2_000;
const rounds = smoke ? 1 : 5;

function nft(...words: readonly string[]): void {
  const { status, stderr } = spawnSync('nft', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`nft ${words.join(' ')}: ${stderr}`);
}

/** The kernel frees what a transaction removed after it has answered, on the same two cores: a second of it for a table of this size. */
function settled(): Promise<void> {
  return pause(smoke ? 0 : 3_000);
}

async function bench(directory: string): Promise<void> {
  const wanted = largeRuleset({ addresses, groups, classes });
  const { signal } = new AbortController();
  const text = join(directory, 'text.nft');
  const times = { ours: [] as number[], translate: [] as number[], steps: [] as number[], apply: [] as number[] };
  const peer: number[] = [];
  const cpuRatio: number[] = [];
  let bytes = 0;
  for (let round = 0; round <= rounds; round++) {
    const driver = new NftablesDriver({ address: 'local', log: silentLog, directory });
    const capabilities = await driver.capabilities(signal);
    const actual = await driver.observe(signal);
    await settled();
    const cpu = cpuSeconds();
    const started = performance.now();
    const translation = driver.translate(wanted, capabilities);
    const translated = performance.now();
    const [first] = driver.steps(actual, translation);
    if (first?.does !== 'transaction') throw new Error('the first step is no transaction');
    const planned = performance.now();
    await driver.apply(first, signal);
    const applied = performance.now();
    const cpuOurs = cpuSeconds() - cpu;
    await driver.close();
    // The first load makes the table; from then on it is rebuilt.
    if (round > 0) {
      times.ours.push((applied - started) / 1_000);
      times.translate.push((translated - started) / 1_000);
      times.steps.push((planned - translated) / 1_000);
      times.apply.push((applied - planned) / 1_000);
      const rendered = driver.render(first);
      bytes = rendered.length;
      writeFileSync(text, rendered);
      await settled();
      const cpuBefore = cpuSeconds();
      const before = performance.now();
      nft('-f', text);
      peer.push((performance.now() - before) / 1_000);
      cpuRatio.push(cpuOurs / (cpuSeconds() - cpuBefore));
    }
    nft('add', 'counter', 'inet', 'sallyport', 'stray');
  }
  const rest = { addresses, groups, classes, rules: RULES, rounds, ...load() };
  const median = (sample: readonly number[]): number => quantile(sample, 0.5);
  const best = (sample: readonly number[]): { best: number } => ({ best: Number(Math.min(...sample).toPrecision(4)) });
  print({ bench: 'rebuild/ours', unit: 's', value: median(times.ours), budget: 2.5, ...best(times.ours), ...rest });
  for (const part of ['translate', 'steps', 'apply'] as const)
    print({ bench: `rebuild/ours/${part}`, unit: 's', value: median(times[part]), ...rest });
  print({ bench: 'rebuild/nft', unit: 's', value: median(peer), ...best(peer), bytes, ...rest });
  print({ bench: 'rebuild/ratio', unit: 'ratio', value: median(times.ours) / median(peer), budget: 1.25, ...rest });
  print({ bench: 'rebuild/cpu-ratio', unit: 'ratio', value: median(cpuRatio), ...rest });
}

await inNamespaces(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  try {
    await bench(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
