import type { Clock } from '../../../base/clock.ts';
import type { Diagnostic } from '../../../base/diagnostic.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import type { ApiClient } from '../../../kubernetes/api-client.ts';
import { type Connected, connectInCluster } from '../../../kubernetes/in-cluster.ts';
import { connectKubeconfig } from '../../../kubernetes/kubeconfig.ts';
import { KindWatch } from '../../../sources/kubernetes/kind-watch.ts';
import type { ObjectsPlace } from '../../configuration/source-places.ts';
import { readIfThere } from '../rule-files.ts';
import type { Asked } from './asked.ts';
import { type ClusterObject, clusterObject, type MachineKind, machineKinds } from './machine-kinds.ts';
import type { SourceMemory } from './memory.ts';

/** How often the kubeconfig is looked at, and connecting is tried again. */
const LOOK_MS = 1_000;

export type ClusterPlace = Extract<ObjectsPlace, { readonly type: 'kubernetes' }>;

export interface ClusterSourceOptions {
  readonly name: string;
  readonly place: ClusterPlace;
  readonly kinds: readonly MachineKind[];
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly memory: SourceMemory;
  /** Credentials that somebody else keeps fresh for the same server, in a kubeconfig; they stand before the place's own. */
  readonly accessFile: string;
  /** What is known is something else; `isRule`: rules follow from it. */
  readonly changed: (isRule: boolean) => void;
}

/** A cluster to write to. */
export interface ClusterAccess {
  readonly client: ApiClient;
  /** Where objects of this machine are. */
  readonly namespace: string;
}

/** What one kubeconfig leads to. */
interface Session extends ClusterAccess {
  readonly firewallNamespace: string;
  readonly watches: ReadonlyMap<MachineKind, KindWatch<ClusterObject>>;
  readonly stop: AbortController;
  readonly ended: Promise<unknown>;
}

/** The namespace of everything in the workload cluster, where the configuration names no other. */
const DEFAULT_NAMESPACE = 'firewall';

/**
 * One cluster of a firewall machine. Its kubeconfig may be missing, come later, or be replaced; each kind is followed by itself. What a kind
 * held last counts until it is heard again, over a restart too.
 */
export class ClusterSource {
  readonly #options: ClusterSourceOptions;
  readonly #last = new Map<MachineKind, readonly ClusterObject[]>();
  #session: Session | undefined;
  #signature: string | undefined;
  /** What was told of each kind as a whole. */
  readonly #words = new Map<MachineKind, string>();
  /** Why there is no session, or not the one that the kubeconfig asks for. */
  #problem: string | undefined;

  constructor(options: ClusterSourceOptions) {
    this.#options = options;
    for (const kind of options.kinds) {
      const remembered = options.memory.get(this.#part(kind));
      if (remembered === undefined) continue;
      this.#last.set(
        kind,
        remembered.flatMap((raw) => clusterObject(kind, raw) ?? []),
      );
    }
  }

  /** Where to write; `undefined`: nowhere yet. */
  get access(): ClusterAccess | undefined {
    return this.#session;
  }

  /** Where its Firewall is, as far as is known: by the configuration, or by the context of the kubeconfig. */
  get firewallNamespace(): string | undefined {
    return this.#options.place.namespace ?? this.#session?.firewallNamespace;
  }

  ask(kind: MachineKind | 'Metal'): Asked<ClusterObject> {
    if (kind === 'Metal') return { objects: undefined, isHeard: false, problem: undefined };
    const { name } = this.#options;
    const standing = this.#session?.watches.get(kind)?.standing;
    const say = (message: string, code: Diagnostic['code'] = 'CLUSTER_KIND_LOST'): Diagnostic => ({
      severity: 'error',
      code,
      message,
      object: kind,
      path: '',
      at: { file: name },
    });
    const last = this.#last.get(kind);
    if (standing?.state === 'Known') {
      const problem = standing.problem && say(standing.problem.message, standing.problem.code);
      return { objects: [...standing.objects.values()], isHeard: standing.isHeard, problem };
    }
    if (standing?.state === 'Absent') {
      if (last === undefined || last.length === 0)
        return {
          objects: last,
          isHeard: true,
          problem: {
            ...say(`the server does not serve ${kind}; nothing comes from it until it does`),
            severity: 'warning',
          },
        };
      const problem = say(
        `the server no longer serves ${kind}; its ${last.length} objects stay in force as they were. Take the source out of the configuration if they are meant to be gone`,
        'CLUSTER_KIND_GONE',
      );
      return { objects: last, isHeard: false, problem };
    }
    const why = this.#problem ?? standing?.problem?.message;
    return {
      objects: last,
      isHeard: false,
      problem: why === undefined ? undefined : say(why, standing?.problem?.code),
    };
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    try {
      while (!signal.aborted) {
        await this.#look(signal);
        await elapsed(clock, LOOK_MS, signal);
      }
    } finally {
      await this.#end();
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { place, accessFile, log, name } = this.#options;
    try {
      const texts = [
        place.kubeconfig === undefined ? '' : await readIfThere(place.kubeconfig),
        await readIfThere(accessFile),
      ];
      const signature = JSON.stringify(texts);
      // A kubeconfig that went away is no wish: what runs goes on.
      if (signature === this.#signature || (this.#session !== undefined && texts[0] === undefined)) return;
      const connected = await this.#connect(texts[1] !== undefined);
      if (signal.aborted) return connected.client.close();
      this.#signature = signature;
      await this.#end();
      this.#begin(connected);
      this.#problem = undefined;
      log.info({ source: name, server: connected.title }, 'asking the cluster');
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      if (this.#problem === message) return;
      this.#problem = message;
      log.warn({ source: name, code, problem: message }, 'the cluster cannot be asked; what it said last counts');
      this.#options.changed(true);
    }
  }

  async #connect(hasAccess: boolean): Promise<Connected> {
    const { place, environment, log, clock, accessFile } = this.#options;
    const { kubeconfig, context } = place;
    if (place.shootAccess !== undefined) return connectKubeconfig({ path: accessFile, environment, log, clock });
    if (kubeconfig === undefined) return connectInCluster({ environment, clock });
    const own = await connectKubeconfig({ path: kubeconfig, context, environment, log, clock });
    if (!hasAccess) return own;
    try {
      const fresh = await connectKubeconfig({ path: accessFile, environment, log, clock });
      if (fresh.server === own.server) {
        await own.client.close();
        return { ...fresh, ...(own.context !== undefined && { context: own.context }) };
      }
      await fresh.client.close();
    } catch {
      // What somebody else keeps fresh is no reason against what the configuration names.
    }
    return own;
  }

  #begin({ client, namespace: own, context }: Connected): void {
    const { name, place, kinds, clock, log, random, changed } = this.#options;
    const namespace = place.namespace ?? DEFAULT_NAMESPACE;
    const firewallNamespace = place.namespace ?? context ?? own ?? DEFAULT_NAMESPACE;
    const stop = new AbortController();
    const watches = new Map(
      kinds.map((kind) => {
        const { group, version, plural, where } = machineKinds[kind];
        const isEverywhere = where === 'all' || (where === 'asToday' && namespace === DEFAULT_NAMESPACE);
        const watch = new KindWatch<ClusterObject>({
          source: name,
          api: client,
          kind: {
            group,
            version,
            plural,
            kind,
            namespace: isEverywhere ? '' : kind === 'Firewall' ? firewallNamespace : namespace,
            ...(where === 'asToday' ? { elseNamespace: namespace } : {}),
          },
          read: (object) => {
            const resource = clusterObject(kind, object);
            return { diagnostics: [], ...(resource === undefined ? {} : { resource }) };
          },
          isSame: (a, b) => JSON.stringify(a.raw) === JSON.stringify(b.raw),
          clock,
          log,
          random,
          changed: () => changed(this.#remember(kind)),
        });
        return [kind, watch];
      }),
    );
    const ended = Promise.all([...watches.values()].map((watch) => watch.run(stop.signal)));
    this.#session = { client, namespace, firewallNamespace, watches, stop, ended };
    changed(true);
  }

  /** Takes over what a kind holds; `true`: other rules, or other words about it, follow. */
  #remember(kind: MachineKind): boolean {
    const standing = this.#session?.watches.get(kind)?.standing;
    if (standing === undefined) return false;
    const { state, problem } = standing;
    const words = `${state} ${problem?.message ?? ''}`;
    const isOther = words !== this.#words.get(kind);
    this.#words.set(kind, words);
    if (state !== 'Known') return isOther;
    const before = this.#last.get(kind);
    const objects = [...standing.objects.values()];
    this.#last.set(kind, objects);
    if (!machineKinds[kind].isRule) return isOther;
    this.#options.memory.put(
      this.#part(kind),
      objects.map(({ raw }) => raw),
    );
    return isOther || before === undefined || !sameRules(before, objects);
  }

  /** Where the memory keeps a kind: another namespace is another part. */
  #part(kind: MachineKind): string {
    const { name, place } = this.#options;
    return `${name}/${place.namespace ?? ''}/${kind}`;
  }

  async #end(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    session.stop.abort();
    await session.ended;
    await session.client.close();
  }
}

function sameRules(before: readonly ClusterObject[], now: readonly ClusterObject[]): boolean {
  return (
    before.length === now.length &&
    now.every((object, index) => {
      const other = before[index];
      return (
        object === other ||
        (object.namespace === other?.namespace && object.name === other.name && object.ruleText === other.ruleText)
      );
    })
  );
}
