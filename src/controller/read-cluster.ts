import { SallyportError } from '../base/error.ts';
import { clusterNameOf } from '../kubernetes/discovery.ts';
import type { Delivery, ResourceChange } from '../sources/source.ts';
import type { SourcePlace } from './configuration.ts';
import { type OpenSourceOptions, openSource } from './sources.ts';

/** A cluster that does not show its whole state in this time is not waited for any longer by a command. */
const PATIENCE_MS = 60_000;

/** A cluster as it is now. */
export interface ClusterReading {
  readonly title: string;
  /** What it calls itself. */
  readonly cluster: string;
  /** Everything that it delivered, as one; `loading`: it did not show its whole state in time. */
  readonly delivery: Delivery;
}

/** Reads a cluster once, whole. Throws `KUBECONFIG_INVALID` and the `API_…` codes. */
export async function readCluster(
  name: string,
  place: Extract<SourcePlace, { readonly type: 'kubernetes' }>,
  options: OpenSourceOptions,
): Promise<ClusterReading> {
  const { source, title, api } = await openSource(name, place, options);
  if (api === undefined) throw new SallyportError('INTERNAL', 'a cluster has no API server');
  const stop = new AbortController();
  const changes: ResourceChange[] = [];
  let last: Delivery | undefined;
  const cancel = options.clock.after(PATIENCE_MS, () => stop.abort());
  try {
    const cluster = await clusterNameOf(api, stop.signal);
    await source.run((delivery) => {
      for (const change of delivery.changes) changes.push(change);
      last = delivery;
      if (delivery.state.kind === 'complete') stop.abort();
    }, stop.signal);
    const delivery: Omit<Delivery, 'changes'> = last ?? {
      state: { kind: 'loading', reason: 'the cluster did not answer in time' },
      diagnostics: [],
    };
    return { title, cluster, delivery: { ...delivery, changes } };
  } finally {
    cancel();
    await api.close();
  }
}
