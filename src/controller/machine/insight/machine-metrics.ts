import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { DropCounts } from '../droptailer/drop-counts.ts';
import type { FrrStanding } from '../frr/frr-keeper.ts';
import type { NameCounts } from '../dns/name-service.ts';
import type { RuleStanding } from '../rule-writer.ts';
import type { SourceStanding } from '../sources/machine-sources.ts';
import type { WorkCounts } from '../told-once.ts';
import { CollectedCounter, CollectedGauge, type Row } from './collected.ts';
import type { RulesRecord } from './rules-record.ts';

/** Bounds in seconds for what goes to the kernel while somebody waits for it. */
const BATCH_SECONDS = [0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** What the rules in force are: none of the sources’, theirs, better ones of before, the last good ones after a failure, or checked alone in a dry run. */
export const RULES_STATES = ['none', 'inForce', 'kept', 'lastGood', 'checked'] as const;
export type RulesState = (typeof RULES_STATES)[number];

type Counts = Iterable<readonly [string, WorkCounts]>;

/** Everything that is asked when somebody collects the metrics. */
export interface Observed {
  readonly state: () => RulesState;
  readonly record: RulesRecord;
  /** When (wall) the rules were last what the sources say. */
  readonly lastRun: () => number | undefined;
  readonly sources: () => Iterable<SourceStanding>;
  readonly rules: () => RuleStanding;
  /** Of the flows that this machine needs, how many there are and how many are up. */
  readonly flows: () => { readonly needed: number; readonly up: number };
  readonly names: () => NameCounts;
  readonly frr: () => FrrStanding;
  /** Of the droptailer of this machine, a process of its own; `undefined`: none tells. */
  readonly drops: () => DropCounts | undefined;
  /** What is kept on this machine and in the workload cluster. */
  readonly duties: () => Counts;
  /** What is measured, and where it is written. */
  readonly reports: () => Counts;
  /** Looks for newer programs. */
  readonly updates: () => Counts;
}

/**
 * All metrics of a firewall machine, in a registry of its own. Labels are names of sources, kinds that are read, codes of the catalogue, and fixed words:
 * never a policy, a Service, a name or an address, so that a machine with a thousand policies has no more series than one with ten.
 */
export class MachineMetrics {
  readonly registry = new Registry();
  readonly #at = { registers: [this.registry] };

  readonly rulesState = new CollectedGauge({
    name: 'sallyport_machine_rules_state',
    help: '1 for what is in force now: none (no rules of the sources yet), inForce (what the sources say), kept (what was before, because it is better), lastGood (what was before, because new rules failed), checked (a dry run)',
    labelNames: ['state'] as const,
    ...this.#at,
  });

  readonly rulesSince = new CollectedGauge({
    name: 'sallyport_machine_rules_since_timestamp_seconds',
    help: 'When the rules in force last changed, or this process found them so, since the epoch; absent: none of the sources are',
    labelNames: [] as const,
    ...this.#at,
  });

  readonly rulesGood = new CollectedGauge({
    name: 'sallyport_machine_rules_good_timestamp_seconds',
    help: 'When the rules in force were last what the sources say, since the epoch; absent: not yet',
    labelNames: [] as const,
    ...this.#at,
  });

  readonly loads = new CollectedCounter({
    name: 'sallyport_machine_loads_total',
    help: 'Times that rules were made: changed, unchanged, checked, kept (those before are better), failed',
    labelNames: ['outcome'] as const,
    ...this.#at,
  });

  readonly policies = new CollectedGauge({
    name: 'sallyport_machine_policies',
    help: 'ClusterwideNetworkPolicies by what came of them the last time rules were made: deployed, ignored',
    labelNames: ['state'] as const,
    ...this.#at,
  });

  readonly findings = new CollectedGauge({
    name: 'sallyport_machine_findings',
    help: 'What is wrong with contributions to the rules, by controller (cwnp, service, firewall) and code: errors are left out, warnings are narrower than written or have no effect',
    labelNames: ['controller', 'reason', 'severity'] as const,
    ...this.#at,
  });

  readonly lateRules = new CollectedGauge({
    name: 'sallyport_machine_late_rules',
    help: 'Rules of a large table that stand behind the others until all get their places again',
    labelNames: [] as const,
    ...this.#at,
  });

  readonly repairs = new CollectedCounter({
    name: 'sallyport_machine_repairs_total',
    help: 'Times that somebody else’s change of our rules was put back, in the kernel, in the file of the next start (file) or in the base rules (base)',
    labelNames: ['where'] as const,
    ...this.#at,
  });

  readonly ownFlows = new CollectedGauge({
    name: 'sallyport_machine_own_flows',
    help: 'Flows that this machine itself needs: needed, up, refused (base rules that would deny them are not loaded for it), allowedBack (lost after a change, and let through again)',
    labelNames: ['state'] as const,
    ...this.#at,
  });

  readonly sourceHeard = new CollectedGauge({
    name: 'sallyport_machine_source_heard',
    help: '1 where a source says now what is known of a kind of object, 0 where what it said last counts, or nothing is known',
    labelNames: ['source', 'kind'] as const,
    ...this.#at,
  });

  readonly sourceSince = new CollectedGauge({
    name: 'sallyport_machine_source_since_timestamp_seconds',
    help: 'Since when a source is heard, or not heard, since the epoch',
    labelNames: ['source', 'kind'] as const,
    ...this.#at,
  });

  readonly dnsQuestions = new CollectedCounter({
    name: 'sallyport_machine_dns_questions_total',
    help: 'Questions to the DNS proxy: answered, unanswered (the resolver did not), refused (what was learnt could not be let through), limited (too many at once)',
    labelNames: ['outcome'] as const,
    ...this.#at,
  });

  readonly dnsHeld = new CollectedCounter({
    name: 'sallyport_machine_dns_held_total',
    help: 'Answers that waited until their addresses were in the kernel',
    labelNames: [] as const,
    ...this.#at,
  });

  readonly dnsUpstreamFailures = new CollectedCounter({
    name: 'sallyport_machine_dns_upstream_failures_total',
    help: 'Questions that the resolver did not answer, of clients and our own',
    labelNames: [] as const,
    ...this.#at,
  });

  readonly dnsAddresses = new CollectedCounter({
    name: 'sallyport_machine_dns_addresses_total',
    help: 'Addresses of names that were let through (added) or not any more (removed) between loads of the rules',
    labelNames: ['change'] as const,
    ...this.#at,
  });

  readonly dnsBatchSeconds = new Histogram({
    name: 'sallyport_machine_dns_batch_seconds',
    help: 'Time from the first address of a batch being learnt to all of it being in the kernel',
    buckets: BATCH_SECONDS,
    ...this.#at,
  });

  readonly frrState = new CollectedGauge({
    name: 'sallyport_machine_frr_state',
    help: '1 for what became of FRR’s configuration: inForce, waiting (FRR does not run), absent (there is no FRR), failed (it keeps what it held); absent: nothing is known yet',
    labelNames: ['state'] as const,
    ...this.#at,
  });

  readonly frrSince = new CollectedGauge({
    name: 'sallyport_machine_frr_since_timestamp_seconds',
    help: 'When the configuration that FRR has was loaded, or this process found it so, since the epoch',
    labelNames: [] as const,
    ...this.#at,
  });

  readonly frrReloads = new CollectedCounter({
    name: 'sallyport_machine_frr_reloads_total',
    help: 'Changes of FRR’s configuration: done, or failed',
    labelNames: ['outcome'] as const,
    ...this.#at,
  });

  readonly bgpSessions = new CollectedGauge({
    name: 'sallyport_machine_bgp_sessions',
    help: 'Sessions of BGP that are up, asked once a minute; absent: not asked yet, or no configuration of ours is in force',
    labelNames: [] as const,
    ...this.#at,
  });

  readonly drops = new CollectedCounter({
    name: 'sallyport_machine_drops_total',
    help: 'What the droptailer of this machine did with what the kernel logs: shipped, overflowed (given up for newer ones while the server takes none), refused (the server will never take it); they begin anew with it, and are absent where none runs',
    labelNames: ['outcome'] as const,
    ...this.#at,
  });

  readonly dropsWaiting = new CollectedGauge({
    name: 'sallyport_machine_drops_waiting',
    help: 'What the kernel logged and the droptailer has yet to ship; absent: none runs',
    labelNames: [] as const,
    ...this.#at,
  });

  readonly dropsArrive = new CollectedGauge({
    name: 'sallyport_machine_drops_arrive',
    help: '1 while the droptailer’s server takes what is shipped, as far as is known, 0 while it does not; absent: no droptailer runs',
    labelNames: [] as const,
    ...this.#at,
  });

  readonly duties = new CollectedCounter({
    name: 'sallyport_machine_duties_total',
    help: 'Times that a duty was looked after: done, or failed',
    labelNames: ['duty', 'outcome'] as const,
    ...this.#at,
  });

  readonly reports = new CollectedCounter({
    name: 'sallyport_machine_reports_total',
    help: 'Times that figures were measured (rules, ids, connections) and written (FirewallMonitor, accounting): done, or failed',
    labelNames: ['what', 'outcome'] as const,
    ...this.#at,
  });

  readonly updates = new CollectedCounter({
    name: 'sallyport_machine_updates_total',
    help: 'Looks for newer programs: done, or failed',
    labelNames: ['program', 'outcome'] as const,
    ...this.#at,
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** From now on metrics are of this machine. */
  follow(machine: Observed): void {
    const { record } = machine;
    this.rulesState.rows = () => one('state', RULES_STATES, machine.state());
    this.rulesSince.rows = () => time(record.since);
    this.rulesGood.rows = () => time(machine.lastRun());
    this.loads.rows = () => by('outcome', record.loads);
    this.policies.rows = () => by('state', record.policies);
    this.findings.rows = () =>
      record.findings.map(({ count, ...labels }): Row<'controller' | 'reason' | 'severity'> => [labels, count]);
    this.lateRules.rows = () => [[{}, machine.rules().late]];
    this.repairs.rows = () => by('where', machine.rules().repairs);
    this.ownFlows.rows = () => by('state', { ...machine.flows(), ...machine.rules().ownFlows });
    this.sourceHeard.rows = () => sources(machine, ({ isHeard }) => Number(isHeard));
    this.sourceSince.rows = () => sources(machine, ({ since }) => since / 1_000);
    this.dnsQuestions.rows = () => {
      const { answered, unanswered, refused, limited } = machine.names();
      return by('outcome', { answered, unanswered, refused, limited });
    };
    this.dnsHeld.rows = () => [[{}, machine.names().held]];
    this.dnsUpstreamFailures.rows = () => [[{}, machine.names().upstreamFailures]];
    this.dnsAddresses.rows = () => {
      const { added, removed } = machine.names();
      return by('change', { added, removed });
    };
    this.frrState.rows = () => {
      const { state } = machine.frr();
      return state === undefined ? [] : one('state', ['inForce', 'waiting', 'absent', 'failed'], state);
    };
    this.frrSince.rows = () => time(machine.frr().since);
    this.frrReloads.rows = () => by('outcome', machine.frr().reloads);
    this.bgpSessions.rows = () => told(machine.frr().sessions);
    this.drops.rows = () => {
      const found = machine.drops();
      if (found === undefined) return [];
      const { shipped, overflowed, refused } = found;
      return by('outcome', { shipped, overflowed, refused });
    };
    this.dropsWaiting.rows = () => told(machine.drops()?.waiting);
    this.dropsArrive.rows = () => {
      const { arrives } = machine.drops() ?? {};
      return told(arrives === undefined ? undefined : Number(arrives));
    };
    this.duties.rows = () => works('duty', machine.duties());
    this.reports.rows = () => works('what', machine.reports());
    this.updates.rows = () => works('program', machine.updates());
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }
}

function one<Label extends string>(label: Label, all: readonly string[], now: string): readonly Row<Label>[] {
  return all.map((each) => [labelled(label, each), Number(each === now)]);
}

function by<Label extends string>(label: Label, counts: Readonly<Record<string, number>>): readonly Row<Label>[] {
  return Object.entries(counts).map(([key, count]) => [labelled(label, key), count]);
}

function told(value: number | undefined): readonly Row<never>[] {
  return value === undefined ? [] : [[{}, value]];
}

function time(wall: number | undefined): readonly Row<never>[] {
  return told(wall === undefined ? undefined : wall / 1_000);
}

function* sources(machine: Observed, valueOf: (standing: SourceStanding) => number): Generator<Row<'source' | 'kind'>> {
  for (const standing of machine.sources()) {
    const { source, kind } = standing;
    yield [{ source, kind }, valueOf(standing)];
  }
}

/** Works that differ in what they are about alone count as one: `addresses of vlan42`. */
function works<Label extends 'duty' | 'what' | 'program'>(
  label: Label,
  counts: Counts,
): readonly Row<Label | 'outcome'>[] {
  const sums = new Map<string, WorkCounts>();
  for (const [work, { done, failed }] of counts) {
    const kind = work.replace(/ of .*$/, '');
    const sum = sums.get(kind) ?? { done: 0, failed: 0 };
    sums.set(kind, { done: sum.done + done, failed: sum.failed + failed });
  }
  return [...sums].flatMap(([kind, sum]) =>
    (['done', 'failed'] as const).map((outcome): Row<Label | 'outcome'> => {
      const labels = labelled<Label | 'outcome'>(label, kind);
      return [{ ...labels, ...labelled<Label | 'outcome'>('outcome', outcome) }, sum[outcome]];
    }),
  );
}

function labelled<Label extends string>(label: Label, value: string): Partial<Record<Label, string>> {
  const labels: Partial<Record<Label, string>> = {};
  labels[label] = value;
  return labels;
}
