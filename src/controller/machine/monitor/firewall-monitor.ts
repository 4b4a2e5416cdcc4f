import { isMap, type RawMap } from '../../../api/shape.ts';
import { SallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import { apply, getObject } from '../../../kubernetes/objects.ts';
import { resourcePath } from '../../../kubernetes/resource-path.ts';
import type { ClusterAccess } from '../sources/cluster-source.ts';
import type { OwnMonitor } from '../sources/machine-clusters.ts';
import { machineKinds } from '../sources/machine-kinds.ts';

const { group, version, plural } = machineKinds.FirewallMonitor;
const COLLECTION = { group, version, plural };

export interface FirewallMonitorOptions {
  /** `undefined`: there is nowhere to report to. */
  readonly target: () => OwnMonitor | undefined;
  readonly log: Log;
}

/**
 * Writes `controllerStatus` of this machine's FirewallMonitor, which has no status sub-resource: by server-side apply, to the very object that
 * was seen and never to a new one, as its manager makes and deletes it. What a controller before us said there and we do not say is taken away, or
 * counts of rules that are long gone would stand for ever.
 */
export class FirewallMonitor {
  readonly #options: FirewallMonitorOptions;
  /** Clusters that do not know all that we say. */
  readonly #plain = new WeakSet<ClusterAccess>();
  #isReported = false;
  /** What stood there of a time that this process may not know yet. */
  #before: { readonly uid: string | undefined; readonly times: RawMap } | undefined;

  constructor(options: FirewallMonitorOptions) {
    this.#options = options;
  }

  /** Resolves when it is written, or there is nowhere to write; rejects with the `API_…` codes. */
  async report(status: RawMap, signal: AbortSignal): Promise<void> {
    const { target, log } = this.#options;
    const monitor = target();
    if (monitor === undefined) {
      if (this.#isReported) log.warn({}, 'there is no FirewallMonitor of this machine any more');
      this.#isReported = false;
      return;
    }
    const { access, object } = monitor;
    const whole = { ...(await this.#timesBefore(monitor, signal)), ...status };
    const said = this.#plain.has(access) ? withoutOwn(whole) : whole;
    const answer = await this.#apply(monitor, said, signal);
    const left = foreignPaths(isMap(answer) ? answer['controllerStatus'] : undefined, said);
    if (left.length > 0) await this.#remove(monitor, left, signal);
    if (!this.#isReported)
      log.info({ monitor: `${object.namespace}/${object.name}` }, 'reporting into the FirewallMonitor');
    this.#isReported = true;
  }

  /** When the seed was heard last, as the process before us said: a start while it is away is no reason to say that it never was. */
  async #timesBefore({ access, object }: OwnMonitor, signal: AbortSignal): Promise<RawMap> {
    const { namespace, name, uid } = object;
    if (this.#before === undefined || this.#before.uid !== uid) {
      const read = await getObject(access.client, COLLECTION, { namespace, name }, signal);
      const status = isMap(read) && isMap(read['controllerStatus']) ? read['controllerStatus'] : {};
      const { lastRunAgainstSeed } = status;
      this.#before = { uid, times: typeof lastRunAgainstSeed === 'string' ? { lastRunAgainstSeed } : {} };
    }
    return this.#before.times;
  }

  async #apply(monitor: OwnMonitor, status: RawMap, signal: AbortSignal): Promise<unknown> {
    const { access, object } = monitor;
    const { namespace, name, uid } = object;
    // The uid keeps a write that meets no object, or another one of this name, from making or changing one.
    const body = {
      apiVersion: `${group}/${version}`,
      kind: object.kind,
      metadata: { name, namespace, uid },
      controllerStatus: status,
    };
    try {
      return await apply(access.client, COLLECTION, { namespace, name }, body, { force: true }, signal);
    } catch (thrown) {
      const isUnknown =
        thrown instanceof SallyportError && (thrown.code === 'API_REFUSED' || thrown.code === 'API_FAILED');
      if (!isUnknown || this.#plain.has(access)) throw thrown;
      // Definitions older than what we say beyond today's controller refuse it whole.
      const answer = await this.#apply(monitor, withoutOwn(status), signal);
      this.#plain.add(access);
      return answer;
    }
  }

  async #remove({ access, object }: OwnMonitor, paths: readonly string[], signal: AbortSignal): Promise<void> {
    const { namespace, name, uid } = object;
    await access.client.call(
      {
        method: 'PATCH',
        path: resourcePath(COLLECTION, { namespace, name }),
        contentType: 'application/json-patch+json',
        body: [
          { op: 'test', path: '/metadata/uid', value: uid },
          ...paths.map((path) => ({ op: 'remove', path: `/controllerStatus${path}` })),
        ],
      },
      signal,
    );
  }
}

/** What today's controller says too. */
function withoutOwn(status: RawMap): RawMap {
  const { stats } = status;
  if (!isMap(stats)) return status;
  const { conntrack: _, ...rest } = stats;
  return { ...status, stats: rest };
}

/** JSON pointers to members of a map, at any depth, that the other one does not have. */
export function foreignPaths(there: unknown, ours: unknown): readonly string[] {
  if (!isMap(there) || !isMap(ours)) return [];
  return Object.entries(there).flatMap(([key, value]) => {
    const path = `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return Object.hasOwn(ours, key) ? foreignPaths(value, ours[key]).map((below) => `${path}${below}`) : [path];
  });
}
