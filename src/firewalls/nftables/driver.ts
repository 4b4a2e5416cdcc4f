import { setTimeout } from 'node:timers/promises';
import { type Clock, systemClock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { atOnce, type Pieces } from '../../base/pieces.ts';
import type { Origin, Ruleset } from '../../border/ruleset.ts';
import type {
  Actual,
  Capabilities,
  DeviceOwner,
  CounterReading,
  Driver,
  Drop,
  ForeignRule,
  MayGoOn,
  Translation,
} from '../driver.ts';
import { refuseForms } from '../refuse.ts';
import type { WriterEpoch } from '../writer-lock.ts';
import { type Affected, affected } from './change/affected.ts';
import { connect } from './reach/connect.ts';
import { Conntrack } from './connections/conntrack.ts';
import type { TrackedFlow } from './connections/conntrack-lines.ts';
import { readCounters } from './counters.ts';
import { Device, type Observed } from './device.ts';
import { followDrops } from './drops.ts';
import { judge, type Judgement } from './connections/judge.ts';
import { Judged } from './connections/judged.ts';
import { behaviourOf } from './meaning/lift.ts';
import { MachineLock } from '../machine-lock.ts';
import { DEAD_MARK, LOG_GROUPS, type LogGroup, type NftTable } from './table/model.ts';
import { familyName } from './table/names.ts';
import { Newcomers } from './connections/newcomers.ts';
import { Nft } from './reach/nft.ts';
import { renderOperations } from './table/operation.ts';
import { probe } from './reach/probe.ts';
import { readForeign } from './reading/read.ts';
import { renderTable } from './table/render.ts';
import { FAMILIES } from './table/skeleton.ts';
import { type JudgeStep, type NftStep, stepping, stepsToLeave } from './change/steps.ts';
import { parseOriginTag } from './table/text.ts';
import { together } from './change/together.ts';
import { transition } from './change/transition.ts';
import { type NftTranslation, translating } from './table/translate.ts';
import { parseDeviceAddress, type Transport } from './reach/transport.ts';

export interface NftablesActual extends Actual {
  /** `undefined`: nothing of ours is there. */
  readonly table: NftTable | undefined;
  /** Senders whose connections were judged since anything changed for them. */
  readonly judged: ReadonlySet<string>;
}

export interface NftablesTranslation extends Translation, NftTranslation {}

export interface NftablesOptions {
  /** `local`, `netns:NAME` or `ssh://[user@]host[:port]`. */
  readonly address: string;
  readonly log: Log;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** A private folder (mode 0700) of this machine: temporary files, the home of children, ssh's control socket. */
  readonly directory: string;
  /** Where lock files lie; without it somebody else sees to it that one process writes. */
  readonly lockDirectory?: string;
  /** Where several copies share firewalls out by Leases. */
  readonly epoch?: WriterEpoch;
  /** `SSH_AUTH_SOCK`, where there is an agent. */
  readonly agentSocket?: string;
}

/** A far side that only answers has nothing left to answer after this. */
const QUIET_MS = 300;

/** A Linux border firewall: one table of ours, every change one transaction. */
export class NftablesDriver implements Driver<NftablesActual, NftablesTranslation, NftStep> {
  readonly #transport: Transport;
  readonly #nft: Nft;
  readonly #device: Device;
  readonly #conntrack: Conntrack;
  readonly #newcomers: Newcomers;
  readonly #judged = new Judged();
  readonly #lock: MachineLock;
  /** The newest translation: it makes the next one cheap, and knows the origins behind tags. */
  #newest: NftTranslation | undefined;
  #actual: { readonly from: Observed; readonly actual: NftablesActual } | undefined;
  #foreign: { readonly at: number; readonly rules: readonly ForeignRule[] } | undefined;
  /** Of the device, when it was observed last. */
  #readings = 0;

  /** Throws DEVICE_ADDRESS. Does not touch the device yet. */
  constructor(options: NftablesOptions) {
    this.#transport = connect(parseDeviceAddress(options.address), options);
    this.#lock = new MachineLock(options.lockDirectory, this.#transport.name);
    this.#nft = new Nft(this.#transport);
    this.#device = new Device(this.#nft, options.log, options.clock ?? systemClock, options.epoch);
    this.#conntrack = new Conntrack(this.#transport);
    this.#newcomers = new Newcomers(this.#conntrack);
  }

  capabilities(signal: AbortSignal): Promise<Capabilities> {
    return probe(this.#nft, signal);
  }

  async observe(signal: AbortSignal): Promise<NftablesActual> {
    const observed = await this.#device.observe(signal);
    const { table, drift, rival } = observed;
    // What somebody else did in between may have let connections through that were judged.
    const at = this.#device.readings;
    if (this.#readings !== at) this.#judged.touched('everyone');
    this.#readings = at;
    this.#judged.among(table);
    const judged = this.#judged.senders;
    const known = this.#actual?.from === observed ? this.#actual.actual : undefined;
    if (known?.judged === judged) return known;
    // Chains of others change seldom and matter to people only: read again with each complete reading, not with each change of ours.
    if (this.#foreign?.at !== at) this.#foreign = { at, rules: await readForeign(this.#nft, signal) };
    const foreign = this.#foreign.rules;
    const behaviour = known?.behaviour ?? behaviourOf(table);
    const actual = { empty: table === undefined, drift, foreign, rival, behaviour, table, judged };
    this.#actual = { from: observed, actual };
    return actual;
  }

  translate(desired: Ruleset, capabilities: Pick<Capabilities, 'owns'>): NftablesTranslation {
    return atOnce(this.translating(desired, capabilities));
  }

  *translating(desired: Ruleset, { owns }: Pick<Capabilities, 'owns'>): Pieces<NftablesTranslation> {
    const { ruleset, refusals } = refuseForms(desired, 'nftables');
    const translation = yield* translating(ruleset, this.#newest, owns);
    this.#newest = translation;
    return {
      ...translation,
      refusals: [...refusals, ...translation.refusals],
      behaviour: behaviourOf(translation.table),
    };
  }

  steps(actual: NftablesActual, wanted: NftablesTranslation): readonly NftStep[] {
    return atOnce(this.stepping(actual, wanted));
  }

  stepping({ table, judged }: NftablesActual, wanted: NftablesTranslation): Pieces<readonly NftStep[]> {
    return stepping(table, wanted, judged);
  }

  together(first: NftStep, second: NftStep): NftStep | undefined {
    const both = together(first, second);
    return both !== undefined && this.#judged.isApart(both.touches) ? both : undefined;
  }

  leave(actual: NftablesActual, owner: DeviceOwner): readonly NftStep[] {
    return stepsToLeave(actual.table, owner);
  }

  render(what: NftStep | NftablesTranslation): string {
    if (!('does' in what)) return renderTable(what.table);
    return what.does === 'transaction' ? renderOperations(what.operations) : renderJudge(what);
  }

  async apply(step: NftStep, signal: AbortSignal, mayGoOn: MayGoOn = () => undefined): Promise<void> {
    await this.#lock.take();
    mayGoOn();
    if (step.does === 'judge') {
      const { scope } = step;
      const work = (): Promise<void> => this.#judge(step, signal, mayGoOn);
      return await (scope === 'everyone' ? work() : this.#judged.round(scope, work));
    }
    // Silence waits for nobody: it takes away only. What else changes for a sender has one order with the round over its connections.
    if (!step.urgent) {
      await this.#judged.apart(step.touches);
      mayGoOn();
    }
    this.#judged.touched(step.touches);
    try {
      await this.#device.write(step.operations, signal);
    } catch (error) {
      if (!(error instanceof SallyportError) || error.code !== 'DEVICE_CHANGED') throw error;
      // It may have been done already, by us before an answer was lost.
      const { table } = await this.#device.observe(signal);
      if (!sameTable(table, step.after)) throw error;
    }
    // Whoever asks which connections are cut asks when nobody is cutting.
    if (!this.#newcomers.knows) await this.#judged.apart('everyone');
    if (step.after !== undefined) await this.#newcomers.greet(step.operations, step.after, signal, mayGoOn);
  }

  watch(changed: () => void, signal: AbortSignal): Promise<void> {
    return this.#device.follow(changed, signal);
  }

  readonly endsConnections = true;

  async outlawed({ table }: NftablesActual, wanted: NftablesTranslation, signal: AbortSignal): Promise<number> {
    const next = table === undefined ? wanted.table : withGone(wanted.table, affected(table, wanted.table).gone);
    const flows = await this.#conntrack.flows('all', signal);
    // A cut one that lives on is none that anybody still uses.
    return flows.filter((flow) => !isCut(flow) && /^(Cut|Restart)$/.test(judge(next, { ...flow, dead: false }))).length;
  }

  keepers(): Promise<readonly string[] | undefined> {
    return this.#lock.owners();
  }

  counters(signal: AbortSignal): Promise<readonly CounterReading[]> {
    // Tags have no spaces: other comments are for people.
    return readCounters(this.#nft, (comment) => (comment.includes(' ') ? undefined : this.#originOf(comment)), signal);
  }

  drops(of: LogGroup, seen: (drop: Drop) => void, signal: AbortSignal): Promise<void> {
    return followDrops(
      { transport: this.#transport, group: LOG_GROUPS[of] },
      (tag) => this.#originOf(tag),
      seen,
      signal,
    );
  }

  /** Gives the lock back. What is on the device stays. */
  close(): Promise<void> {
    return this.#lock.release();
  }

  /** The whole origin behind a tag; of rules that are not wanted any more, what the tag itself says. */
  #originOf(tag: string): Origin {
    return this.#newest?.origins.get(tag) ?? parseOriginTag(tag);
  }

  /** Connections that lost their right end, and those that hold on to what is no longer so start anew. */
  async #judge({ table, scope }: JudgeStep, signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    const flows = await this.#conntrack.flows(scope === 'everyone' ? 'all' : new Set(scope), signal);
    const judged: Record<Judgement, TrackedFlow[]> = { Keep: [], Cut: [], Forget: [], Restart: [] };
    for (const flow of flows) judged[judge(table, { ...flow, dead: isCut(flow) })].push(flow);
    const live = judged.Keep.filter((flow) => !isCut(flow));
    await this.#conntrack.cut([...judged.Cut, ...judged.Restart], live, signal, mayGoOn);
    const dead = [...judged.Cut, ...judged.Keep.filter(isCut)];
    this.#newcomers.note(dead);
    // Answers to what was asked before the cut are on their way: they would open the flow from outside, untranslated.
    if (judged.Restart.length > 0) await setTimeout(QUIET_MS, undefined, { signal });
    await this.#conntrack.forget([...judged.Forget, ...judged.Restart], dead, signal, mayGoOn);
  }
}

function renderJudge({ scope }: JudgeStep): string {
  const whose = scope === 'everyone' ? 'everybody' : scope.join(', ');
  return `# conntrack: judge the connections of ${whose}; cut what is no longer allowed\n`;
}

/** The wanted table as connections are judged by it: addresses that were given back may say nothing. */
function withGone(table: NftTable, gone: Affected['gone']): NftTable {
  const sets = new Map(table.sets);
  for (const family of FAMILIES) {
    const name = familyName('gone', family);
    const set = sets.get(name);
    if (set !== undefined)
      sets.set(name, { ...set, elements: set.elements.with(gone[family].map((source) => [source, true] as const)) });
  }
  return { ...table, sets };
}

function isCut({ mark }: TrackedFlow): boolean {
  return (mark & DEAD_MARK) !== 0;
}

function sameTable(left: NftTable | undefined, right: NftTable | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left.foreign.length === 0 && transition(left, right).length === 0;
}
