import type { Clock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import { toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { clusterNameOf } from '../../kubernetes/discovery.ts';
import { connectInCluster } from '../../kubernetes/in-cluster.ts';
import { connectKubeconfig } from '../../kubernetes/kubeconfig.ts';
import { KubernetesSource, type KubernetesSourceEvents } from '../../sources/kubernetes/kubernetes-source.ts';
import { ManifestsSource } from '../../sources/manifests/manifests-source.ts';
import type { Source } from '../../sources/source.ts';
import type { ObjectsPlace } from './source-places.ts';
import type { Metrics } from '../metrics.ts';

/** A source that is ready to run. */
export interface OpenSource {
  readonly source: Source;
  /** For people: the folder, or the API server. */
  readonly title: string;
  /** Absent: it is no cluster. */
  readonly api?: ApiClient;
  /** Our own in that cluster, as far as is known. */
  readonly namespace?: string;
}

export interface OpenSourceOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where what happens in a source is counted; absent: nowhere. */
  readonly metrics?: Metrics;
}

/** Opens a source of the configuration. Asks nothing of a cluster yet. Throws `KUBECONFIG_INVALID`. */
export async function openSource(name: string, place: ObjectsPlace, options: OpenSourceOptions): Promise<OpenSource> {
  const { clock, log, environment } = options;
  if (place.type === 'manifests') return { source: new ManifestsSource(name, place.path, clock), title: place.path };
  const { kubeconfig, context } = place;
  const { client: api, namespace } =
    kubeconfig === undefined
      ? await connectInCluster({ environment, clock })
      : await connectKubeconfig({ path: kubeconfig, context, environment, log, clock });
  const events = options.metrics && countingOf(name, options.metrics);
  const source = new KubernetesSource({ name, api, clock, log, ...(events && { events }) });
  return { source, title: api.title, api, ...(namespace !== undefined && { namespace }) };
}

/** Counts what happens in a source under its name. */
export function countingOf(source: string, metrics: Metrics): KubernetesSourceEvents {
  return {
    events: (kind, count) => metrics.sourceEvents.inc({ source, kind }, count),
    relist: (kind) => metrics.sourceLists.inc({ source, kind }),
    following: (kind, isFollowing) => metrics.sourceFollowing.set({ source, kind }, Number(isFollowing)),
    lag: (ms) => metrics.sourceLagSeconds.observe({ source }, ms / 1_000),
  };
}

const ASK_AGAIN_MS = 5_000;

/** What a cluster calls itself; asked until it answers. `undefined` if the signal aborts first. */
export async function waitForClusterName(
  api: ApiClient,
  { clock, log }: Pick<OpenSourceOptions, 'clock' | 'log'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  while (!signal.aborted) {
    try {
      return await clusterNameOf(api, signal);
    } catch (thrown) {
      if (signal.aborted) break;
      const { code, message } = toSallyportError(thrown);
      log.warn({ code, error: message }, 'the cluster does not say its name; set `cluster`, or wait');
      await elapsed(clock, ASK_AGAIN_MS, signal);
    }
  }
  return undefined;
}
