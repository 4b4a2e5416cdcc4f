import type { Code } from '../../../base/catalogue.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Diagnostic } from '../../../base/diagnostic.ts';
import type { Log } from '../../../base/log.ts';
import type { ApiClient } from '../../../kubernetes/api-client.ts';
import { CORE_V1 } from '../../../kubernetes/event-forms.ts';
import { EventRecorder } from '../../../kubernetes/events.ts';
import type { ClusterObject } from '../sources/machine-kinds.ts';
import type { Outcome } from './outcome.ts';
import { statusObject } from './policy-statuses.ts';

/** Who today's controller says it is in events (metal-stack reference, 3.3). */
const REPORTER = 'FirewallController';

/** The reasons of events about findings: those of today where there are any, then our own. */
const REASONS: Partial<Readonly<Record<Code, string>>> = {
  CWNP_NAMESPACE: 'Inapplicable',
  CWNP_INVALID: 'Inapplicable',
  CWNP_FORBIDDEN: 'ForbiddenCIDR',
  CWNP_NARROWED: 'Narrowed',
  CWNP_NO_EFFECT: 'NoEffect',
  CWNP_NOT_RESOLVED: 'NotResolved',
  SERVICE_ADDRESS: 'InvalidAddress',
  SERVICE_NARROWED: 'Narrowed',
  SERVICE_PENDING: 'Pending',
  MACHINE_RULES_REFUSED: 'RulesRefused',
};

const FORBIDDEN = /^address "[^"]*" is outside of the allowed network range "[^"]*", ignoring/;

/** What happened to objects of a firewall machine, for `kubectl describe`; written into its workload cluster. */
export class MachineEvents {
  readonly #events: EventRecorder;
  #said: ReadonlySet<string> = new Set();
  #failure = '';

  constructor(options: {
    readonly client: ApiClient;
    readonly clock: Clock;
    readonly log: Log;
    readonly instance: string;
  }) {
    this.#events = new EventRecorder({ ...options, form: CORE_V1 });
  }

  /**
   * `objects`: those of clusters, by `Kind/namespace/name`. `firewall`: of this machine, whose events stand in `namespace`, since its own
   * namespace is in another cluster.
   */
  tell(
    { findings, policies, result }: Outcome,
    objects: ReadonlyMap<string, ClusterObject>,
    firewall: { readonly object: ClusterObject | undefined; readonly namespace: string },
  ): void {
    const said = new Set<string>();
    const once = (object: ClusterObject, reason: string, note: string): void => {
      const key = JSON.stringify([object.kind, object.namespace, object.name, object.uid, reason, note]);
      if (!this.#said.has(key) && !said.has(key)) this.#record(object, 'Warning', reason, note);
      said.add(key);
    };
    const ignored = new Map(policies.map(({ policy, message }) => [policy.owner, message]));
    for (const finding of findings) {
      const object = objects.get(finding.object ?? '');
      const reason = REASONS[finding.code];
      if (object === undefined || reason === undefined) continue;
      const forbidden = FORBIDDEN.exec(finding.message)?.[0];
      if (forbidden !== undefined) once(object, 'ForbiddenCIDR', forbidden);
      else if (reason === 'Inapplicable') once(object, reason, ignored.get(finding.object ?? '') ?? finding.message);
      else once(object, reason, noteOf(finding));
    }
    this.#said = said;
    if (firewall.object === undefined) return;
    const own = { ...firewall.object, namespace: firewall.namespace };
    if (result.kind === 'kept' && result.isFailure) {
      if (this.#failure !== result.because) this.#record(own, 'Warning', 'Error', result.because);
      this.#failure = result.because;
      return;
    }
    this.#failure = '';
    if (result.kind === 'inForce' && result.isChanged)
      this.#record(own, 'Normal', 'Reconciled', 'nftables rules and statistics successfully');
  }

  async stop(): Promise<void> {
    await this.#events.stop();
  }

  #record(object: ClusterObject, type: 'Normal' | 'Warning', reason: string, note: string): void {
    this.#events.record({ object: statusObject(object), type, reason, action: 'Reconcile', note, reporter: REPORTER });
  }
}

function noteOf({ path, message }: Diagnostic): string {
  return path === '' ? message : `${path}: ${message}`;
}
