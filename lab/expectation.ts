import { evaluate, type Evaluation } from '../src/border/evaluate.ts';
import type { Ruleset } from '../src/border/ruleset.ts';
import type { Address } from '../src/ip/address.ts';
import { formatAddress, parseAddress } from '../src/ip/address.ts';
import type { ProbeOutcome, ProbeTarget } from './prober.ts';
import type { OutsideHost, Statement } from './story.ts';
import type { RawObject } from './world-files.ts';

/** One probe with names for people. */
export interface NamedProbe {
  readonly target: ProbeTarget;
  /** `payments/checkout-6d4b7c9f5-mfdcs` */
  readonly pod: string;
  /** `bank:443/TCP`, `bank/ICMP` */
  readonly to: string;
}

/** Address by which the border sees a pod when it speaks to the outside: its own, or its node's where a pool hides it. */
export type SeenAs = (pod: Address) => Address;

export function podName(pod: RawObject): string {
  return `${pod.metadata.namespace ?? 'default'}/${pod.metadata.name}`;
}

/** The workload a pod belongs to, for grouping: its name without what a ReplicaSet or StatefulSet adds. */
export function workloadOf(pod: RawObject): string {
  return podName(pod).replace(/(-[a-z0-9]{8,10})?-[a-z0-9]{5}$|-\d+$/, '');
}

/** Every probe that a side of a statement (or one pod) and a service of a host make, in the families that both have. */
export function probesOf(
  pods: readonly RawObject[],
  host: OutsideHost,
  transport: ProbeTarget['transport'],
  port: number,
): readonly NamedProbe[] {
  const to = transport === 'icmp' ? `${host.name}/ICMP` : `${host.name}:${port}/${transport.toUpperCase()}`;
  return pods.flatMap((pod) =>
    (pod.status?.podIPs ?? [])
      .map(({ ip }) => canonical(ip))
      .flatMap((source) =>
        host.addresses
          .map(canonical)
          .filter((destination) => destination.includes(':') === source.includes(':'))
          .map((destination) => ({ target: { transport, source, destination, port }, pod: podName(pod), to })),
      ),
  );
}

/** The pods that a statement's left side names: one, or all whose names begin so. */
export function podsOf(statement: Pick<Statement, 'from'>, pods: readonly RawObject[]): readonly RawObject[] {
  const exact = pods.filter((pod) => podName(pod) === statement.from);
  return exact.length > 0 ? exact : pods.filter((pod) => podName(pod).startsWith(`${statement.from}-`));
}

/** What the wanted ruleset says to a probe. */
export function expected(ruleset: Ruleset, probe: ProbeTarget, seenAs: SeenAs): Evaluation {
  const source = parseAddress(probe.source);
  const destination = parseAddress(probe.destination);
  if (source === undefined || destination === undefined) throw new TypeError('a probe has addresses');
  const family = destination.family;
  const protocol = { tcp: 6, udp: 17, icmp: family === 4 ? 1 : 58 }[probe.transport];
  return evaluate(ruleset, {
    family,
    source: seenAs(source),
    destination,
    protocol,
    ...(probe.transport === 'icmp'
      ? { icmpType: family === 4 ? 8 : 128, icmpCode: 0 }
      : { destinationPort: probe.port }),
  });
}

/** In what a real packet differs from what was computed; nothing when they agree. */
export function difference(outcome: ProbeOutcome, evaluation: Evaluation): string | undefined {
  if (outcome.passed !== evaluation.passes)
    return outcome.passed
      ? 'it passed and should have been dropped'
      : `it was dropped (${outcome.why}) and should have passed`;
  if (outcome.passed && outcome.seen !== '' && outcome.seen !== evaluation.leavesAs)
    return `the outside saw ${outcome.seen} and should have seen ${evaluation.leavesAs}`;
  return undefined;
}

/** In what a real packet differs from a statement; nothing when they agree. */
export function contradiction(outcome: ProbeOutcome, statement: Statement): string | undefined {
  if (outcome.passed !== statement.allow) return outcome.passed ? 'it passed' : `it was dropped (${outcome.why})`;
  if (
    outcome.passed &&
    outcome.seen !== '' &&
    statement.sources.length > 0 &&
    !statement.sources.map(canonical).includes(outcome.seen)
  )
    return `the outside saw ${outcome.seen}`;
  return undefined;
}

function canonical(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}

/** Why, in a few words: the deciding policy and rule, or what else decided. */
export function reasonText(evaluation: Evaluation): string {
  const by = evaluation.decidedBy;
  switch (evaluation.reason) {
    case 'no-rules':
      return 'no rules of ours there';
    case 'not-governed':
      return 'stays inside the cluster';
    case 'not-ours':
      return 'not a workload of this border';
    case 'unknown-source':
      return 'unknown sender';
    case 'unselected':
      return 'no policy selects it';
    case 'translation-held':
      return `held: the translation ${by?.policy ?? ''} is not in place`;
    case 'rule':
      return by === undefined ? '' : `${by.policy}${by.rule === undefined ? '' : ` rule ${by.rule}`}`;
    case 'end':
      return by === undefined ? '' : `end of ${by.policy}`;
  }
}
