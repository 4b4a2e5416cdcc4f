import { closest } from '../base/closest.ts';
import { compareUtf8 } from '../base/compare.ts';
import { SallyportError } from '../base/error.ts';
import { MultiMap } from '../base/multi-map.ts';
import { workloadsOf } from '../engine/analysis/workload.ts';
import { endpointsMatching } from '../engine/queries.ts';
import type { Expectation, ExpectedService, ExpectedSide } from './expectations.ts';
import type { FamilyAnswer } from './flow-answer.ts';
import { type Asked, answersTo } from './flow-question.ts';
import { usage } from './usage.ts';

/** One flow that does not do what is expected of it. */
export interface Failure extends ExpectedService {
  readonly from: string;
  readonly to: string;
  /** What is wrong, in a few words. */
  readonly why: string;
  readonly answer: FamilyAnswer;
}

/** How one expectation fared. */
export interface Outcome {
  /** Flows that were tried: every pair of addresses of one family, every service. */
  readonly flows: number;
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly Failure[];
}

/** Failures that are kept of one expectation. */
const KEPT = 10;

/** Tries flows in one world. */
export class ExpectationChecker {
  readonly #asked: Asked;
  /** Endpoints of each workload, by `Kind/namespace/name` and by `namespace/name`. */
  readonly #workloads = new MultiMap<string>();

  constructor(asked: Asked) {
    this.#asked = asked;
    for (const [id, endpoints] of workloadsOf(asked.policies))
      for (const endpoint of endpoints) {
        this.#workloads.add(id, endpoint);
        this.#workloads.add(id.slice(id.indexOf('/') + 1), endpoint);
      }
  }

  /**
   * Tries every flow that an expectation is about; that of an endpoint to itself is none.
   * @throws SallyportError NOT_FOUND or FLOW_INVALID where there is no such flow: what is expected of nobody is a mistake.
   */
  check(expectation: Expectation): Outcome {
    refuseUnknownFirewall(this.#asked, expectation.via);
    const senders = this.#namesOf(expectation.from);
    const receivers = this.#namesOf(expectation.to);
    let flows = 0;
    let failed = 0;
    const failures: Failure[] = [];
    for (const from of senders)
      for (const to of receivers) {
        if (from === to) continue;
        for (const service of expectation.services)
          for (const answer of answersTo(this.#asked, { from, to, protocol: expectation.protocol, ...service })) {
            flows++;
            const why = shortfall(expectation, answer);
            if (why === undefined) continue;
            failed++;
            if (failures.length < KEPT) failures.push({ from, to, ...service, why, answer });
          }
      }
    if (flows === 0)
      throw usage('no flow is meant: sender and receiver are the same, or have no address of one family');
    return { flows, failed, failures };
  }

  /** What `flow` takes for each end: names and ids of endpoints, or an address. A pod goes before a workload of its name. */
  #namesOf(side: ExpectedSide): readonly string[] {
    const { policies: engine } = this.#asked;
    if (side.kind === 'Name') {
      const { name } = side;
      const workload = engine.endpoints.has(`pod:${name}`) ? [] : [...this.#workloads.get(name)];
      return workload.length === 0 ? [name] : workload.sort(compareUtf8);
    }
    const found = endpointsMatching(engine, side.selector).filter(
      (id) => side.namespace === undefined || engine.endpoints.get(id)?.namespace === side.namespace,
    );
    if (found.length > 0) return found;
    const where = side.namespace === undefined ? '' : ` in the namespace ${side.namespace}`;
    throw new SallyportError('NOT_FOUND', `(${side.selector.canonical}) selects no endpoint${where}`);
  }
}

function refuseUnknownFirewall({ world }: Asked, name: string | undefined): void {
  if (name === undefined || world.inventory.borderFirewalls.has(name)) return;
  const near = closest(name, [...world.inventory.borderFirewalls.keys()]);
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  throw new SallyportError('NOT_FOUND', `no BorderFirewall is named "${name}"${hint}`);
}

/** What is wrong with an answer; `undefined` where it is as expected. What nobody can tell is never as expected. */
function shortfall({ verdict, via, as }: Expectation, answer: FamilyAnswer): string | undefined {
  if (answer.outcome === 'unknown') return 'it cannot be told whether it passes';
  if (verdict === 'deny') {
    if (answer.outcome === 'allowed') return 'it is allowed';
    return via === undefined || answer.border.some((way) => dropsAt(way, via)) ? undefined : `${via} does not drop it`;
  }
  if (answer.outcome === 'denied') return 'it is denied';
  if (via !== undefined && (answer.border.length === 0 || !answer.border.every((way) => passesAt(way, via))))
    return `it does not pass through ${via}`;
  if (as === undefined) return undefined;
  const sources = new Set(answer.border.map(({ leavesAs }) => leavesAs ?? 'an address that nobody can tell'));
  if (sources.size === 0) return 'it does not leave the cluster by a border firewall';
  return sources.size === 1 && sources.has(as) ? undefined : `it leaves as ${[...sources].join(' or ')}`;
}

type Way = FamilyAnswer['border'][number];

/** Where rules of ours let nothing pass, because none are asked. */
const NOT_ASKED: ReadonlySet<string> = new Set(['no-rules', 'not-governed']);

function dropsAt({ hops }: Way, firewall: string): boolean {
  return hops.some((hop) => hop.firewall === firewall && hop.evaluation?.passes === false);
}

function passesAt({ hops }: Way, firewall: string): boolean {
  return hops.some(
    ({ firewall: name, evaluation }) =>
      name === firewall && evaluation?.passes === true && !NOT_ASKED.has(evaluation.reason),
  );
}
