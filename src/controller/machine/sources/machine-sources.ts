import { background } from '../../../base/background.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Diagnostic } from '../../../base/diagnostic.ts';
import type { Log } from '../../../base/log.ts';
import { isMap } from '../../../api/shape.ts';
import type { MachineObjects } from '../../../machine/objects.ts';
import type { MachineConfiguration } from '../../configuration/machine-configuration.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import type { MetalPlace, SourcePlace } from '../../configuration/source-places.ts';
import { type ClusterAccess, type ClusterPlace, ClusterSource } from './cluster-source.ts';
import { MetalSource } from './metal-source.ts';
import { type ClusterObject, type MachineKind, ReadObjects } from './machine-kinds.ts';
import type { SourceMemory } from './memory.ts';
import { ShootAccess } from './shoot-access.ts';

export interface MachineSourcesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** From 0 up to 1; `Math.random` if absent. */
  readonly random?: () => number;
  readonly memory: SourceMemory;
  /** What a source says is something else; `isRule`: rules follow from it. */
  readonly changed: (isRule: boolean) => void;
}

interface Running {
  /** Equal texts need no new start. */
  readonly signature: string;
  readonly source: ClusterSource | MetalSource;
  readonly read: ReadObjects;
  readonly stop: AbortController;
  readonly ended: Promise<unknown>;
}

/** Whether a source says now what is known of a kind. */
export interface SourceStanding {
  readonly source: string;
  readonly kind: MachineKind | 'Metal';
  readonly isHeard: boolean;
  /** Since when (wall) that is so. */
  readonly since: number;
}

/** All sources of a firewall machine that have to be asked, each by itself: none waits for another, and none ends for want of one. */
export class MachineSources {
  readonly #options: MachineSourcesOptions;
  readonly #running = new Map<string, Running>();
  /** Of the machine. */
  #name = '';
  #standings: readonly SourceStanding[] = [];

  constructor(options: MachineSourcesOptions) {
    this.#options = options;
  }

  /** Asks what the configuration names, and nobody else any more. */
  async follow({ sources, name: machineName }: Configuration, machine: MachineConfiguration): Promise<void> {
    this.#name = machineName;
    const wanted = kindsBySource(machine);
    for (const [name, running] of this.#running) {
      const place = sources.get(name);
      if (place !== undefined && running.signature === signatureOf(place, wanted.get(name), machine, machineName))
        continue;
      this.#running.delete(name);
      running.stop.abort();
      await running.ended;
    }
    for (const [name, kinds] of wanted) {
      const place = sources.get(name);
      if (this.#running.has(name)) continue;
      if (place?.type === 'kubernetes') this.#start(name, place, kinds, machine);
      else if (place?.type === 'metal') this.#startMetal(name, place, kinds, machine);
    }
    this.#standings = this.#standingsNow(wanted);
  }

  /** Every kind of every source that is asked, as it was when the configuration was followed last: every second. */
  get standings(): readonly SourceStanding[] {
    return this.#standings;
  }

  #standingsNow(wanted: ReadonlyMap<string, ReadonlySet<MachineKind>>): readonly SourceStanding[] {
    const wall = this.#options.clock.wall();
    return [...this.#running].flatMap(([source, running]) => {
      const kinds = running.source instanceof MetalSource ? (['Metal'] as const) : [...(wanted.get(source) ?? [])];
      return kinds.map((kind): SourceStanding => {
        const { isHeard } = running.source.ask(kind);
        const before = this.#standings.find((each) => each.source === source && each.kind === kind);
        return { source, kind, isHeard, since: before?.isHeard === isHeard ? before.since : wall };
      });
    });
  }

  /** What a source says of the kind; `undefined`: it never said anything, or is none that is asked. */
  objects(name: string, kind: MachineKind | 'Metal', diagnostics: Diagnostic[]): MachineObjects | undefined {
    const running = this.#running.get(name);
    const asked = running?.source.ask(kind);
    if (asked?.problem !== undefined) diagnostics.push(asked.problem);
    return asked?.objects === undefined ? undefined : running?.read.of(asked.objects, diagnostics);
  }

  /** The same as they are in the cluster, for statuses and duties. */
  raw(name: string, kind: MachineKind): readonly ClusterObject[] {
    const source = this.#running.get(name)?.source;
    return source instanceof ClusterSource ? (source.ask(kind).objects ?? []) : [];
  }

  /** Whether the source says now what is known of a kind. */
  isHeard(name: string, kind: MachineKind | 'Metal'): boolean {
    return this.#running.get(name)?.source.ask(kind).isHeard ?? false;
  }

  /** Where to write in a cluster; `undefined`: nowhere yet, or it is none. */
  access(name: string): ClusterAccess | undefined {
    return this.#running.get(name)?.source.access;
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    const all = [...this.#running.values()];
    this.#running.clear();
    for (const { stop } of all) stop.abort();
    await Promise.all(all.map(({ ended }) => ended));
  }

  #start(name: string, place: ClusterPlace, kinds: ReadonlySet<MachineKind>, machine: MachineConfiguration): void {
    const { clock, log, environment, random = Math.random, memory, changed } = this.#options;
    const source = new ClusterSource({
      name,
      place,
      kinds: [...kinds],
      clock,
      log,
      environment,
      random,
      memory,
      accessFile: machine.shootAccess,
      changed,
    });
    const stop = new AbortController();
    const runs = [source.run(stop.signal)];
    if (kinds.has('Firewall')) {
      const shoot = new ShootAccess({
        file: machine.shootAccess,
        seed: () => source.access,
        access: () => this.#shootAccessOf(source),
        clock,
        log,
      });
      runs.push(shoot.run(stop.signal));
    }
    const ended = Promise.all(runs);
    background(`source ${name}`, ended, log);
    const signature = signatureOf(place, kinds, machine, this.#name);
    this.#running.set(name, { signature, source, read: new ReadObjects(name), stop, ended });
  }

  #startMetal(name: string, place: MetalPlace, kinds: ReadonlySet<MachineKind>, machine: MachineConfiguration): void {
    const { clock, log, random = Math.random, memory, changed } = this.#options;
    const source = new MetalSource({ name, place, hostname: this.#name, clock, log, random, memory, changed });
    const stop = new AbortController();
    const ended = source.run(stop.signal);
    background(`source ${name}`, ended, log);
    const signature = signatureOf(place, kinds, machine, this.#name);
    this.#running.set(name, { signature, source, read: new ReadObjects(name), stop, ended });
  }

  /** How the Firewall says that its workload cluster is reached. */
  #shootAccessOf(source: ClusterSource): unknown {
    const own = source.ask('Firewall').objects?.find(({ name }) => name === this.#name);
    const status = own?.raw['status'];
    return isMap(status) ? status['shootAccess'] : undefined;
  }
}

/** Which kinds each source is asked for. */
function kindsBySource(machine: MachineConfiguration): ReadonlyMap<string, ReadonlySet<MachineKind>> {
  const kinds = new Map<string, Set<MachineKind>>();
  const add = (source: string | undefined, kind: MachineKind): void => {
    if (source === undefined) return;
    const known = kinds.get(source);
    if (known === undefined) kinds.set(source, new Set([kind]));
    else known.add(kind);
  };
  add(machine.firewall.source, 'Firewall');
  add(machine.cwnp?.source, 'ClusterwideNetworkPolicy');
  add(machine.service?.source, 'Service');
  add(machine.monitor?.source, 'FirewallMonitor');
  return kinds;
}

function signatureOf(
  place: SourcePlace,
  kinds: ReadonlySet<MachineKind> | undefined,
  { shootAccess }: MachineConfiguration,
  name: string,
): string {
  return JSON.stringify([place, [...(kinds ?? [])], shootAccess, name]);
}
