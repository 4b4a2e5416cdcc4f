import type { Diagnostic } from '../../base/diagnostic.ts';
import { background } from '../../base/background.ts';
import { elapsed } from '../../base/elapsed.ts';
import { toSallyportError } from '../../base/error.ts';
import { atOnce } from '../../base/pieces.ts';
import { baseRules } from '../../machine/base-rules.ts';
import { type Facts, NO_FACTS } from '../../machine/kinds/facts.ts';
import type { MachineObjects } from '../../machine/objects.ts';
import { machineFlows, type OwnFlow } from '../../machine/own-flows.ts';
import type { NamesNow } from '../../machine/dns/fqdn-state.ts';
import { type MachineInput, machineRuleset } from '../../machine/ruleset.ts';
import type { DomainSet } from '../../machine/rules/domain-sets.ts';
import { RulesetMemory } from '../../machine/ruleset-memory.ts';
import { tableLines } from '../../machine/table-text.ts';
import { Wrongs } from '../wrongs.ts';
import { type FactsReading, type FolderReading, readFactsFile, readMachineFolder } from './files.ts';
import type { NameRound } from './dns/name-service.ts';
import type { FrrWanted } from './frr/frr-keeper.ts';
import { type AssembledInput, assembleInput } from './input.ts';
import { MachineClusters } from './sources/machine-clusters.ts';
import { MachineSources, type SourceStanding } from './sources/machine-sources.ts';
import type { MachineConfigured } from './machine-configured.ts';
import type { MachineControllerOptions } from './machine-controller-options.ts';
import type { RulesState } from './insight/machine-metrics.ts';
import { RulesRecord } from './insight/rules-record.ts';
import { MachineReports } from './reports/machine-reports.ts';
import type { Outcome } from './reports/outcome.ts';
import { FlowWatch } from './flow-watch.ts';
import { flowsTo, neededPeers, type PeerFiles } from './needed-peers.ts';
import { readIfThere } from './rule-files.ts';

/** How often files are looked at. */
const LOOK_MS = 1_000;
/** How often the kernel is compared with what was loaded. */
const COMPARE_MS = 5_000;
/** After a failure, how long until it is tried again though nothing changed. */
const RETRY_MS = 10_000;
/** How long the first rules wait until it is known whom this machine reaches. */
const FIRST_LOOK_MS = 2_500;
/** Half of fewer objects may well have been meant. */
const FEW = 4;

/** Wall times in milliseconds; `undefined`: never. */
export interface MachineTimes {
  /** The rules were what the sources say. */
  readonly lastRun: number | undefined;
  /** The source of the Firewall was heard besides: its cluster, the metal-api, or what stands on this machine itself. */
  readonly lastRunAgainstSeed: number | undefined;
}

/** A folder as it was believed last. */
interface BelievedFolder {
  readonly objects: MachineObjects;
  readonly count: number;
}

/**
 * Keeps the rules of one firewall machine as its sources say. Whatever cannot be read leaves what was in force: a source, the facts, the
 * configuration file itself. Never ends for want of any of them.
 */
export class MachineController {
  readonly #options: MachineControllerOptions;
  readonly #wrongs: Wrongs;
  readonly #folders = new Map<string, BelievedFolder>();
  readonly #readings = new Map<string, FolderReading>();
  #configuration: MachineConfigured;
  #configurationText: string | undefined;
  #configurationWrong: readonly Diagnostic[] = [];
  #facts: Facts | undefined;
  #factsReading: FactsReading | undefined;
  readonly #sources: MachineSources;
  readonly #reports: MachineReports;
  /** Where this machine writes, for its other duties. */
  readonly clusters: MachineClusters;
  /** Counts what sources said. */
  #heard = 0;
  #seen = 0;
  #endPause = (): void => {};
  #signature = '';
  #written = false;
  readonly #memory = new RulesetMemory();
  #input: MachineInput | undefined;
  #frr: FrrWanted | undefined;
  /** Of names, in the rules in force. */
  #sets: readonly DomainSet[] | undefined;
  readonly #watch: FlowWatch | undefined;
  /** Rules of an earlier process are in force. */
  #hasLastGood = false;
  #failedAt: number | undefined;
  /** The rules are what the sources say. */
  #isInStep = false;
  #times: MachineTimes = { lastRun: undefined, lastRunAgainstSeed: undefined };
  /** The last failure that was told. */
  #failure = '';
  /** What came of making rules. */
  readonly record = new RulesRecord();

  constructor(options: MachineControllerOptions) {
    this.#options = options;
    this.#configuration = options.configuration;
    this.#wrongs = new Wrongs(options.log);
    const { clock, log, environment, memory, reach } = options;
    const changed = (isRule: boolean): void => {
      if (!isRule) return this.#reports.seen(this.#configuration);
      this.#heard += 1;
      this.#endPause();
    };
    this.#sources = new MachineSources({ clock, log, environment, memory, changed });
    this.clusters = new MachineClusters(this.#sources, () => this.#configuration);
    this.#reports = new MachineReports({
      sources: this.#sources,
      clusters: this.clusters,
      names: () => this.#namesNow(),
      clock,
      log,
    });
    if (reach !== undefined) this.#watch = new FlowWatch({ ...reach, clock, flows: () => this.#flowsNow(reach.files) });
  }

  /** For probes: true once rules from the sources are in force. */
  ready(): { readonly ready: boolean; readonly plain: string } {
    if (!this.#written) return { ready: false, plain: 'no rules are in force yet' };
    return { ready: true, plain: this.#failedAt === undefined ? 'ok' : 'the last good rules are in force' };
  }

  /** The configuration file as it counts now. */
  get configuration(): MachineConfigured {
    return this.#configuration;
  }

  /** What the rules in force were made from; `undefined`: none of the sources' are in force. */
  get input(): MachineInput | undefined {
    return this.#input;
  }

  /** What FRR is to do while these rules are in force; `undefined`: none of the sources' are, or their networks do not tell. */
  get frr(): FrrWanted | undefined {
    return this.#frr;
  }

  /** What is in force now. */
  get rulesState(): RulesState {
    const { last } = this.record;
    if (!this.#written) return last === 'checked' ? 'checked' : 'none';
    if (this.#failedAt !== undefined) return 'lastGood';
    return last === 'kept' || last === 'checked' ? last : 'inForce';
  }

  get sourceStandings(): readonly SourceStanding[] {
    return this.#sources.standings;
  }

  /** The flows that this machine needs; none where that is not looked at. */
  get flowCounts(): FlowWatch['counts'] {
    return this.#watch?.counts ?? { needed: 0, up: 0 };
  }

  /** When all was well last, for the FirewallMonitor; the manager takes a machine for gone two or three minutes after. */
  get times(): MachineTimes {
    return this.#times;
  }

  /** Until the signal aborts; what is in force stays. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, disturbances, log, writer } = this.#options;
    const ruleFile = this.#configuration.machine.rules;
    if (this.#watch !== undefined) background('own flows', this.#watch.run(signal), log);
    let compared: number | undefined;
    let hearing: Promise<void> | undefined;
    while (!signal.aborted) {
      try {
        const asked = await disturbances?.tend(signal);
        const isDue = asked !== undefined || compared === undefined || clock.monotonic() - compared >= COMPARE_MS;
        // Nothing else happens before it is sure that nothing passes which nobody allowed.
        if (isDue && !this.#written && !(await this.#isDryRun()))
          this.#hasLastGood = await writer.close(ruleFile, signal);
        try {
          if (isDue && this.#written) await writer.repair(signal, asked && { all: true, by: asked.by });
          if (isDue && this.#written) await writer.keepLearnt(signal);
          if (isDue) compared = clock.monotonic();
        } finally {
          // What of that cannot be done holds up no change of rules: on a disk without room the kernel still takes them.
          await this.#look(signal);
        }
        if (this.#failedAt === undefined) this.#failure = '';
        this.#stamp();
        this.#reports.look(this.#configuration);
        const lost = this.#watch?.takeLost() ?? [];
        if (lost.length > 0) await writer.allowBack(lost, signal);
      } catch (thrown) {
        if (signal.aborted) break;
        this.#failedAt = clock.monotonic();
        const { code, message } = toSallyportError(thrown);
        if (this.#failure !== message)
          log.error({ code, problem: message }, 'rules could not be put in force; the last good ones stay');
        this.#failure = message;
      }
      // What begins to listen reads all rules first, which nobody has to wait for at a start.
      hearing ??= disturbances?.run(signal);
      await this.#pause(signal);
    }
    await hearing;
    await this.#reports.stop();
    await this.#sources.close();
  }

  #stamp(): void {
    if (!this.#isInStep) return;
    const { sources, machine } = this.#configuration;
    const { source } = machine.firewall;
    const now = this.#options.clock.wall();
    const type = sources.get(source)?.type;
    const isFar = type === 'kubernetes' || type === 'metal';
    const isHeard = !isFar || this.#sources.isHeard(source, type === 'metal' ? 'Metal' : 'Firewall');
    this.#times = { lastRun: now, lastRunAgainstSeed: isHeard ? now : this.#times.lastRunAgainstSeed };
  }

  /** Until it is time to look at files again, or a source says something. */
  async #pause(signal: AbortSignal): Promise<void> {
    const pause = new AbortController();
    const end = (): void => pause.abort();
    this.#endPause = end;
    // Names that came during the look; where that failed they wait as long as everything else.
    const namesWait = this.#failedAt === undefined && this.#options.names?.isDue === true;
    if (this.#seen !== this.#heard || namesWait) end();
    signal.addEventListener('abort', end, { once: true });
    const due = this.#options.disturbances?.due ?? LOOK_MS;
    if (!pause.signal.aborted && !signal.aborted && due > 0)
      await elapsed(this.#options.clock, Math.min(due, LOOK_MS), pause.signal);
    signal.removeEventListener('abort', end);
  }

  #namesNow(): NamesNow | undefined {
    const { names } = this.#options;
    if (names === undefined || this.#sets === undefined) return undefined;
    return { sets: this.#sets, addressesOf: (domain, family) => names.addressesOf(domain, family) };
  }

  /** Does what is due at once: a look at the kernel, or rules for names. */
  disturbed(): void {
    this.#endPause();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock, names } = this.#options;
    this.#seen = this.#heard;
    const again = this.#failedAt !== undefined && clock.monotonic() - this.#failedAt >= RETRY_MS;
    const read = await this.#read();
    if (read.signature === this.#signature && !again && names?.isDue !== true) return;
    this.#signature = read.signature;
    this.#failedAt = undefined;
    this.#isInStep = false;
    const assembled = this.#assembled();
    const round = await names?.begin(assembled.input);
    try {
      const sets = await this.#bringInForce(assembled, read.diagnostics, round, signal);
      round?.settle(sets);
      this.#sets = sets ?? this.#sets;
    } catch (thrown) {
      round?.fail(thrown);
      throw thrown;
    }
  }

  /** Makes rules and has them written, and gives back their sets of names; nothing if the rules that are in force are better. */
  async #bringInForce(
    assembled: AssembledInput,
    found: readonly Diagnostic[],
    round: NameRound | undefined,
    signal: AbortSignal,
  ): Promise<readonly DomainSet[] | undefined> {
    const { clock, log, memory, writer } = this.#options;
    const { input } = assembled;
    const result = machineRuleset(
      { ...input, resolved: round?.resolved, listens: round?.listens === true },
      this.#memory,
    );
    const wrong = [...this.#configurationWrong, ...found, ...assembled.diagnostics, ...result.diagnostics];
    const tell = (made: Outcome['result'], leftOut: readonly Diagnostic[] = []): void => {
      atOnce(this.#wrongs.tell([...wrong, ...leftOut]));
      const findings = [...assembled.diagnostics, ...result.diagnostics, ...leftOut];
      const outcome: Outcome = { policies: result.policies, findings, leftOut, result: made };
      this.record.take(outcome, clock.wall());
      this.#reports.tell(this.#configuration, outcome);
    };
    const kept = this.#reasonToKeep(assembled);
    if (kept !== undefined) {
      tell({ kind: 'kept', because: kept, isFailure: false });
      log.warn({ because: kept }, 'the rules stay as they are');
      return undefined;
    }
    await memory.save();
    const sets = result.ruleset.domainSets;
    // Whether a connection was up tells only who looked before the rules changed.
    if (!this.#written && this.#watch !== undefined)
      await Promise.race([this.#watch.first, elapsed(clock, FIRST_LOOK_MS, signal)]);
    try {
      const { change, leftOut } = await writer.write(
        {
          lines: tableLines(result.ruleset),
          file: input.firewall.ruleFile ?? this.#configuration.machine.rules,
          dryRun: input.firewall.dryRun,
          elementsOf: round?.elementsOf(sets),
          // Whoever waits for a name connects as soon as he has his answer. At a start base rules still close forwarding then.
          committed: this.#written ? () => round?.settle(sets) : undefined,
          base: {
            text: baseRules({
              networks: input.networks,
              vpn: this.#facts?.vpn ?? false,
              proxy: result.ruleset.resolver,
              dnsPort: input.firewall.dnsPort,
            }),
            flows: [...this.#localFlows(), ...(this.#watch?.flows ?? [])],
          },
        },
        signal,
      );
      this.#isInStep = true;
      if (change === 'changed' || change === 'replaced') this.#watch?.loaded();
      if (change !== 'checked') {
        this.#written = true;
        this.#input = assembled.input;
        this.#frr = assembled.routing && {
          routing: assembled.routing,
          path: this.#configuration.machine.frr,
          announcesDistance: this.#configuration.machine.announceDistance,
        };
        memory.gaps = assembled.gaps;
        await memory.save();
      }
      tell(change === 'checked' ? { kind: 'checked' } : { kind: 'inForce', isChanged: change !== 'nothing' }, leftOut);
      const deployed = result.policies.filter(({ state }) => state === 'deployed').length;
      log.info(
        { change, deployed, ignored: result.policies.length - deployed, leftOut: leftOut.length },
        'rules in force',
      );
      return sets;
    } catch (thrown) {
      if (!signal.aborted) tell({ kind: 'kept', because: toSallyportError(thrown).message, isFailure: true });
      throw thrown;
    }
  }

  #localFlows(): readonly OwnFlow[] {
    return machineFlows({ vpn: this.#facts?.vpn ?? false });
  }

  async #flowsNow(files: PeerFiles): Promise<readonly OwnFlow[]> {
    const peers = await neededPeers(this.#configuration, files);
    return [...this.#localFlows(), ...(await Promise.all(peers.map(flowsTo))).flat()];
  }

  #assembled(): AssembledInput {
    return assembleInput(this.#configuration, this.#configuration.machine, {
      objects: (source, kind, diagnostics) =>
        this.#folders.get(source)?.objects ?? this.#sources.objects(source, kind, diagnostics),
      facts: this.#facts ?? NO_FACTS,
    });
  }

  /** Whether the Firewall is known and wants nothing to be changed; while that cannot be read, it does not. */
  async #isDryRun(): Promise<boolean> {
    try {
      await this.#read();
      const { hasFirewall, input } = this.#assembled();
      return hasFirewall && input.firewall.dryRun;
    } catch {
      return false;
    }
  }

  /** Why what is in force is better than what could be made now; nothing if it is not. */
  #reasonToKeep({ gaps, unknown, hasFirewall }: AssembledInput): string | undefined {
    // What was never known is missing in what is in force, too: to keep that would only hold up what is taken back.
    const fresh = gaps.filter((gap) => !this.#options.memory.gaps.includes(gap));
    if (fresh.length > 0 && (this.#written || this.#hasLastGood)) return `nothing is known of ${fresh.join(', ')}`;
    if (hasFirewall) return undefined;
    return unknown.length > 0 ? `nothing is known of ${gaps.join(', ')}` : 'there is no Firewall of this name';
  }

  /** Reads what changed of configuration, facts and folders. */
  async #read(): Promise<{ readonly signature: string; readonly diagnostics: readonly Diagnostic[] }> {
    await this.#readConfiguration();
    const { machine, sources } = this.#configuration;
    const facts = await readFactsFile(machine.facts, this.#factsReading);
    this.#factsReading = facts;
    if (facts.facts !== undefined) this.#facts = facts.facts;
    const diagnostics: Diagnostic[] = [...facts.diagnostics];
    await this.#sources.follow(this.#configuration, machine);
    const signatures = [this.#configurationText ?? '', facts.text, String(this.#heard)];
    for (const [name, place] of sources) {
      if (place.type !== 'manifests') continue;
      const folder = await readMachineFolder(place.path, this.#readings.get(name));
      this.#readings.set(name, folder);
      diagnostics.push(...folder.diagnostics);
      const doubt = this.#believe(name, folder.objects);
      signatures.push(`${name}\n${folder.signature}\n${JSON.stringify(folder.diagnostics)}\n${doubt ?? ''}`);
      if (doubt !== undefined)
        diagnostics.push({
          severity: 'warning',
          code: 'MANIFEST_SHRUNK',
          path: '',
          message: doubt,
          at: { file: place.path },
        });
    }
    return { signature: signatures.join('\n\n'), diagnostics };
  }

  /** Takes what a folder says, unless it says suddenly much less: that is no wish (docs/design/sources.md). */
  #believe(name: string, objects: MachineObjects | undefined): string | undefined {
    if (objects === undefined) return undefined;
    const count = objects.firewalls.length + objects.policies.length + objects.services.length + objects.metal.length;
    const before = this.#folders.get(name)?.count ?? 0;
    // An empty folder is one that nobody has filled yet, or that is not mounted.
    if (before === 0 && count === 0)
      return 'it holds no object of a firewall machine; until it does, nothing is known of it';
    if (before > 0 && (count === 0 || (before >= FEW && count * 2 < before)))
      return `it held ${before} objects and now holds ${count}; it is not believed until it holds more, or until a restart`;
    if (objects.doubtful && before > count)
      return 'an object of which the name cannot be read may be one that was there';
    this.#folders.set(name, { objects, count });
    return undefined;
  }

  async #readConfiguration(): Promise<void> {
    const { file, parse, log } = this.#options;
    const text = await readIfThere(file);
    if (text === undefined || text === this.#configurationText) return;
    const first = this.#configurationText === undefined;
    this.#configurationText = text;
    const { value, diagnostics } = parse(text);
    const machine = value?.machine;
    this.#configurationWrong = diagnostics;
    if (value === undefined || machine === undefined)
      log.error({ file }, 'the configuration file cannot be used any more; the one before stays');
    else {
      const { base, memory } = this.#configuration.machine;
      this.#configuration = { ...value, machine };
      if (machine.base !== base) this.#options.writer.moveBase(machine.base);
      if (machine.memory !== memory) await this.#options.memory.moveTo(machine.memory);
      if (!first) log.info({ file }, 'the configuration file was read again');
    }
  }
}
