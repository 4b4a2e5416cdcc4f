/**
 * A controller at rest: the CPU that it and the programs it runs use while nothing happens, as a part of one core, the median of some
 * windows (the engine collects the garbage of the load once, some time after it; `worst` is that window); and how long a hand edit stands
 * until it is repaired.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { knownSources } from '../src/firewalls/nftables/table/skeleton.ts';
import { MOST_BY_ADDRESS } from '../src/firewalls/nftables/table/translate.ts';
import { BorderRun, HandSource, ownTranslations } from './border-run.ts';
import { cpuSeconds, load, print, quantile, smoke } from './figure.ts';
import { inNamespaces } from './namespaced.ts';
import { benchWorld, FIREWALL, resourceOf } from './world.ts';

const sizes = smoke ? [100] : [10_000, 100_000];
const WATCH_MS = smoke ? 500 : 10_000;
const WINDOWS = smoke ? 1 : 5;
const PATIENCE_MS = 20_000;

async function rest(pods: number): Promise<void> {
  const source = new HandSource();
  const run = new BorderRun(source);
  const world = benchWorld(pods, 'local');
  source.put([...world.frame, ...world.pods].map((raw) => ({ kind: 'put', resource: resourceOf(raw) }) as const));
  await run.settled();
  const members = run.controller.world.firewalls.get(FIREWALL)?.ruleset?.members;
  const address = [...(members?.keys() ?? [])].find((each) => !each.includes(':'));
  if (members === undefined || address === undefined) throw new Error('nobody is known');
  const circumstances = { pods, addresses: members.size, ...load() };

  const shares: number[] = [];
  for (let window = 0; window < WINDOWS; window++) {
    const before = cpuSeconds();
    await pause(WATCH_MS);
    shares.push((cpuSeconds() - before) / (WATCH_MS / 1_000));
  }
  const worst = Number(Math.max(...shares).toPrecision(3));
  print({ bench: 'idle/cpu', unit: 'ratio', value: quantile(shares, 0.5), budget: 0.01, worst, ...circumstances });

  run.committedAt.clear();
  const map = knownSources(members.size > MOST_BY_ADDRESS ? 'ByNumber' : 'ByAddress', 4);
  const edited = performance.now();
  const edit = spawnSync('nft', ['delete', 'element', 'inet', 'sallyport', map, `{ ${address} }`], {
    encoding: 'utf8',
  });
  if (edit.status !== 0) throw new Error(edit.stderr);
  while (!run.committedAt.has(address)) {
    if (performance.now() - edited > PATIENCE_MS) throw new Error('the hand edit was not repaired');
    await pause(2);
  }
  const repaired = (run.committedAt.get(address) ?? Number.NaN) - edited;
  print({ bench: 'idle/repair', unit: 'ms', value: repaired, budget: 10_000, ...circumstances });
  await run.settled();
  await run.close();
}

await inNamespaces(async () => {
  ownTranslations();
  for (const pods of sizes) await rest(pods);
});
