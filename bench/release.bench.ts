/**
 * How long an address that a pod gives up is still let through while something long is computed: from the deletion, known to the controller,
 * to the transaction that silences the address, on the real kernel. The long thing is a FelixConfiguration, from which everything is made
 * anew, and nothing follows for the border; a pod goes every 50 ms meanwhile. `computation`: how long that took, which is what a release
 * waited for before it could go ahead.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { resourceKey } from '../src/api/resource.ts';
import { formatAddress } from '../src/ip/address.ts';
import { BorderRun, HandSource, ownTranslations } from './border-run.ts';
import { load, print, quantile, smoke } from './figure.ts';
import { inNamespaces } from './namespaced.ts';
import { benchWorld, pod, resourceOf } from './world.ts';

const EVERY_MS = 50;
const ROUNDS = smoke ? 1 : 5;
const PATIENCE_MS = 30_000;

/** A pod that went, and when (`performance.now`). */
interface Gone {
  readonly address: string;
  readonly at: number;
}

async function released(pods: number): Promise<void> {
  const source = new HandSource();
  const run = new BorderRun(source);
  const world = benchWorld(pods, 'local');
  source.put([...world.frame, ...world.pods].map((raw) => ({ kind: 'put', resource: resourceOf(raw) })));
  await run.settled();
  run.committedAt.clear();
  let next = 0;
  const go = (): Gone => {
    const resource = resourceOf(pod(next++, pods));
    const [address] = resource.type === 'Pod' ? resource.podIPs : [];
    if (typeof address !== 'object') throw new Error('the pod has no address');
    const gone = { address: formatAddress(address), at: performance.now() };
    source.put([{ kind: 'delete', key: resourceKey(resource) }]);
    return gone;
  };
  const computations: number[] = [];
  const times: number[] = [];
  let ahead = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const felix = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'FelixConfiguration',
      metadata: { name: 'default' },
      spec: { natOutgoingExclusions: round % 2 === 0 ? 'IPPoolsAndHostIPs' : 'IPPoolsOnly' },
    };
    const before = run.controller.world.firewalls;
    const began = performance.now();
    source.put([{ kind: 'put', resource: resourceOf(felix) }]);
    const gone: Gone[] = [];
    while (run.controller.world.firewalls === before) {
      gone.push(go());
      await pause(EVERY_MS);
    }
    const ended = performance.now();
    computations.push(ended - began);
    // The last may have come when nothing was computed any more.
    const counted = gone.length > 1 ? gone.slice(0, -1) : gone;
    while (counted.some(({ address }) => !run.committedAt.has(address))) {
      if (performance.now() - ended > PATIENCE_MS) throw new Error('a release never came about');
      await pause(1);
    }
    for (const { address, at } of counted) {
      const committed = run.committedAt.get(address) ?? Number.NaN;
      times.push(committed - at);
      if (committed < ended) ahead += 1;
    }
    await run.settled();
  }
  const rest = { pods, releases: times.length, ahead, ...load() };
  for (const q of [0.5, 0.99])
    print({ bench: `release/committed/p${q * 100}`, unit: 'ms', value: quantile(times, q), ...rest });
  print({ bench: 'release/computation', unit: 'ms', value: quantile(computations, 0.5), ...rest });
  await run.close();
}

await inNamespaces(async () => {
  ownTranslations();
  for (const pods of smoke ? [500] : [10_000, 100_000]) await released(pods);
});
