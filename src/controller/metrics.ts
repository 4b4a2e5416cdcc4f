import { Counter, Gauge, type GaugeConfiguration, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { FIREWALL_CONDITIONS } from '../api/status.ts';
import type { ConsumerStanding, ListsStanding } from './feeds/lists-standing.ts';
import type { FirewallCondition } from './status/firewall-conditions.ts';

/** Bounds in seconds for what a border does: a few milliseconds on nftables, minutes where a device commits. */
const SECONDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** A gauge that grows by itself between two looks. */
class AgeGauge extends Gauge<'source'> {
  age: (() => { readonly source: string; readonly seconds: number }) | undefined;

  constructor(configuration: GaugeConfiguration<'source'>) {
    super({
      ...configuration,
      collect: () => {
        const now = this.age?.();
        if (now !== undefined) this.set({ source: now.source }, now.seconds);
      },
    });
  }
}

/** A gauge by parts, worked out when somebody asks. */
class PartsGauge extends Gauge<'part'> {
  parts: (() => Readonly<Record<string, number>>) | undefined;

  constructor(configuration: GaugeConfiguration<'part'>) {
    super({
      ...configuration,
      collect: () => {
        for (const [part, bytes] of Object.entries(this.parts?.() ?? {})) this.set({ part }, bytes);
      },
    });
  }
}

/** What is true of firewalls, worked out when somebody asks. */
class ConditionGauge extends Gauge<'firewall' | 'condition'> {
  /** By the names of firewalls. */
  held: (() => ReadonlyMap<string, ReadonlySet<FirewallCondition>>) | undefined;

  constructor(configuration: GaugeConfiguration<'firewall' | 'condition'>) {
    super({
      ...configuration,
      collect: () => {
        this.reset();
        for (const [firewall, held] of this.held?.() ?? [])
          for (const condition of FIREWALL_CONDITIONS) this.set({ firewall, condition }, Number(held.has(condition)));
      },
    });
  }
}

/** What consumers of lists have. */
class ConsumerGauge extends Gauge<'firewall' | 'consumer'> {
  standings: (() => ReadonlyMap<string, ListsStanding>) | undefined;

  constructor(
    configuration: Pick<GaugeConfiguration<'firewall' | 'consumer'>, 'name' | 'help' | 'registers'>,
    of: (consumer: ConsumerStanding) => number | undefined,
  ) {
    super({
      ...configuration,
      labelNames: ['firewall', 'consumer'],
      collect: () => {
        this.reset();
        for (const [firewall, { consumers }] of this.standings?.() ?? [])
          for (const one of consumers) {
            const value = of(one);
            if (value !== undefined) this.set({ firewall, consumer: one.name }, value);
          }
      },
    });
  }
}

/**
 * All metrics of a controller, in a registry of its own. Labels are names of firewalls, sources, configured consumers, and fixed words only: never a pod, a
 * policy or an address (docs/reference/metrics.md is made from this class).
 */
export class Metrics {
  readonly registry = new Registry();

  readonly sourceState = new Gauge({
    name: 'sallyport_source_state',
    help: '1 for the present state of a source: loading, complete or frozen',
    labelNames: ['source', 'state'] as const,
    registers: [this.registry],
  });

  /** Worked out when somebody asks. */
  readonly frozenSeconds = new AgeGauge({
    name: 'sallyport_source_frozen_seconds',
    help: 'How long a source has been frozen; 0 where it is not',
    labelNames: ['source'] as const,
    registers: [this.registry],
  });

  readonly sourceEvents = new Counter({
    name: 'sallyport_source_events_total',
    help: 'Events of watches, by kind of object',
    labelNames: ['source', 'kind'] as const,
    registers: [this.registry],
  });

  readonly sourceLists = new Counter({
    name: 'sallyport_source_relists_total',
    help: 'Lists that had to be read again, by kind of object',
    labelNames: ['source', 'kind'] as const,
    registers: [this.registry],
  });

  readonly sourceFollowing = new Gauge({
    name: 'sallyport_source_following',
    help: '1 where a kind of object is listed and watched, 0 where it is being read, lost or not served',
    labelNames: ['source', 'kind'] as const,
    registers: [this.registry],
  });

  readonly sourceLagSeconds = new Histogram({
    name: 'sallyport_source_lag_seconds',
    help: 'Time from the first change of a delivery being read to its being told',
    labelNames: ['source'] as const,
    buckets: SECONDS,
    registers: [this.registry],
  });

  readonly diagnostics = new Gauge({
    name: 'sallyport_diagnostics',
    help: 'Mistakes in what was read, and what keeps firewalls from holding all that was asked for',
    labelNames: ['severity'] as const,
    registers: [this.registry],
  });

  readonly computeSeconds = new Histogram({
    name: 'sallyport_compute_seconds',
    help: 'Time from a delivery of a source to all wanted rulesets',
    buckets: SECONDS,
    registers: [this.registry],
  });

  /** Worked out when somebody asks. */
  readonly condition = new ConditionGauge({
    name: 'sallyport_firewall_condition',
    help: `1 where a condition of a firewall is true in its status (${FIREWALL_CONDITIONS.join(', ')}), else 0`,
    labelNames: ['firewall', 'condition'],
    registers: [this.registry],
  });

  readonly members = new Gauge({
    name: 'sallyport_firewall_senders',
    help: 'Known addresses that a firewall holds, as read back from it',
    labelNames: ['firewall'] as const,
    registers: [this.registry],
  });

  readonly tableEntries = new Gauge({
    name: 'sallyport_firewall_table_entries',
    help: 'Entries in a table of a device with a limit that it tells, of whomever: address objects, groups, services, rules, registered addresses',
    labelNames: ['firewall', 'table'] as const,
    registers: [this.registry],
  });

  readonly tableLimit = new Gauge({
    name: 'sallyport_firewall_table_limit',
    help: 'Entries that a table of a device may have at most, as it tells',
    labelNames: ['firewall', 'table'] as const,
    registers: [this.registry],
  });

  readonly behind = new Gauge({
    name: 'sallyport_firewall_versions_behind',
    help: 'Versions of the world between what is wanted of a firewall and what is confirmed there',
    labelNames: ['firewall'] as const,
    registers: [this.registry],
  });

  readonly liveSeconds = new Histogram({
    name: 'sallyport_firewall_live_seconds',
    help: 'Time from a change being read from its source to its being confirmed by a firewall',
    labelNames: ['firewall'] as const,
    buckets: SECONDS,
    registers: [this.registry],
  });

  readonly confirmSeconds = new Histogram({
    name: 'sallyport_firewall_confirm_seconds',
    help: 'Time from the wish for a ruleset to its being read back whole',
    labelNames: ['firewall'] as const,
    buckets: SECONDS,
    registers: [this.registry],
  });

  readonly applySeconds = new Histogram({
    name: 'sallyport_firewall_apply_seconds',
    help: 'Time of one write to a firewall',
    labelNames: ['firewall', 'result'] as const,
    buckets: SECONDS,
    registers: [this.registry],
  });

  readonly releaseSeconds = new Histogram({
    name: 'sallyport_firewall_release_seconds',
    help: 'Time from the release of an address to its being read back as gone, or as its next owner’s',
    labelNames: ['firewall'] as const,
    buckets: SECONDS,
    registers: [this.registry],
  });

  readonly releasesOpen = new Gauge({
    name: 'sallyport_firewall_releases_open',
    help: 'Addresses that were released and that a firewall may still hold for the owner before',
    labelNames: ['firewall'] as const,
    registers: [this.registry],
  });

  readonly reuses = new Counter({
    name: 'sallyport_firewall_reuses_total',
    help: 'New owners that got an address while a firewall might still hold it for the owner before',
    labelNames: ['firewall'] as const,
    registers: [this.registry],
  });

  readonly unknownDrops = new Counter({
    name: 'sallyport_firewall_unknown_drops_total',
    help: 'Packets that a firewall logged as dropped because it did not know the sender: of workloads that had, or soon got, the address (early), or of nobody',
    labelNames: ['firewall', 'sender'] as const,
    registers: [this.registry],
  });

  readonly memory = new PartsGauge({
    name: 'sallyport_memory_bytes',
    help: 'Estimated memory of a part (source, inventory, engine, border, firewalls): what it holds, counted, times what one took when it was measured; for thousands of pods and more right within a factor of two',
    labelNames: ['part'] as const,
    registers: [this.registry],
  });

  readonly statusRequests = new Counter({
    name: 'sallyport_status_requests_total',
    help: 'Requests to write statuses: written, read, or the code of the error',
    labelNames: ['result'] as const,
    registers: [this.registry],
  });

  readonly events = new Counter({
    name: 'sallyport_events_total',
    help: 'Events for people: written, dropped for their number, or the code of the error',
    labelNames: ['result'] as const,
    registers: [this.registry],
  });

  readonly feedFetches = new Counter({
    name: 'sallyport_feed_fetches_total',
    help: 'Lists that consumers fetched: given whole, or told to be unchanged',
    labelNames: ['firewall', 'consumer', 'result'] as const,
    registers: [this.registry],
  });

  readonly feedFetched = new ConsumerGauge(
    {
      name: 'sallyport_feed_fetched_timestamp_seconds',
      help: 'When a consumer last fetched a list of its firewall, since the epoch; absent: not yet from this process',
      registers: [this.registry],
    },
    ({ fetchedAt }) => fetchedAt && fetchedAt / 1_000,
  );

  readonly feedBehind = new ConsumerGauge(
    {
      name: 'sallyport_feed_lists_behind',
      help: 'Lists that a consumer fetched and that have changed since',
      registers: [this.registry],
    },
    ({ behind }) => behind,
  );

  readonly feedLate = new ConsumerGauge(
    {
      name: 'sallyport_feed_consumer_late',
      help: '1 where a consumer has fetched nothing for an hour, else 0',
      registers: [this.registry],
    },
    ({ isLate }) => Number(isLate),
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }
}
