import { BORDER_GATE } from '../../api/pod.ts';
import { type BorderCondition, type Pod, type ResourceKey, resourceKey } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import { toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { type NextRound, Rounds } from '../../base/rounds.ts';
import type { EndpointId } from '../../inventory/model.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { formatAddress } from '../../ip/address.ts';
import { FIELD_MANAGER } from '../../kubernetes/objects.ts';
import { resourcePath } from '../../kubernetes/resource-path.ts';
import type { ResourceChange } from '../../sources/source.ts';
import type { PodStanding } from './readiness.ts';

export interface GateOptions {
  /** As the identity that writes the condition. */
  readonly api: ApiClient;
  /** How a pod stands at the border, firewalls of other copies included. */
  readonly standing: (endpoint: EndpointId, signal: AbortSignal) => Promise<PodStanding>;
  /** Canonical texts of the addresses of a pod that are believed. */
  readonly addressesOf: (endpoint: EndpointId) => readonly string[];
  /** This copy is the one that writes, and what it knows is whole. */
  readonly mayWrite: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Pods are looked at so often, and so many at a time at most; of them so many are written. */
const LOOK_MS = 500;
const MOST_LOOKED = 500;
const MOST_WRITTEN = 20;
/** A pod that the border knows sooner gets no condition that says that it waits. */
const PATIENCE_MS = 1_000;
/** What was written comes back on the watch within this time, else it is written again. */
const ECHO_MS = 5_000;
/** The reason why a pod waits is said anew so often at most. */
const SAY_AGAIN_MS = 30_000;
/** After a failure nothing is written for so long. */
const PAUSE_MS = 5_000;
const LONGEST_MESSAGE = 1_024;

interface Gated {
  pod: Pod;
  readonly endpoint: EndpointId;
  /** Monotonic times. */
  readonly since: number;
  writtenAt: number;
}

/**
 * Writes the condition `sallyport.dev/border` of pods with that readiness gate: true once every firewall on the pod's way has confirmed its
 * addresses, and so it stays as long as it has them. A firewall that is slow or away, or a change of policies, makes no pod unready that was
 * ready: it would take whole services down. Nothing is written of pods without the gate, nor while this copy may not write.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #rounds: Rounds;
  readonly #stop = new AbortController();
  /** Those whose condition is not what it is to be, oldest look first. */
  readonly #open = new Map<ResourceKey, Gated>();
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #isLooking = false;
  #told = '';

  constructor(options: GateOptions) {
    this.#options = options;
    this.#rounds = new Rounds(options.clock, () => this.#round());
  }

  /** What was delivered, once it was computed. */
  taken(changes: readonly ResourceChange[]): void {
    for (const change of changes) {
      if (change.kind === 'delete') this.#open.delete(change.key);
      else if (change.resource.type === 'Pod') this.#put(change.resource);
    }
    if (this.#open.size === 0 || this.#isLooking) return;
    this.#isLooking = true;
    this.#rounds.request();
  }

  /** Ends the requests under way; nothing more is written. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#rounds.stop();
  }

  #put(pod: Pod): void {
    const key = resourceKey(pod);
    const known = this.#open.get(key);
    const endpoint: EndpointId = `pod:${pod.namespace}/${pod.name}`;
    if (pod.gate === undefined || pod.deleting || isOver(pod) || this.#isDone(pod, endpoint)) this.#open.delete(key);
    else if (known?.pod.uid === pod.uid && known !== undefined) known.pod = pod;
    else {
      const since = this.#options.clock.monotonic();
      this.#open.set(key, { pod, endpoint, since, writtenAt: Number.NEGATIVE_INFINITY });
    }
  }

  /** It was said to be ready with the addresses that it has. */
  #isDone({ gate, podIPs }: Pod, endpoint: EndpointId): boolean {
    return gate?.status === 'True' && gate.message.startsWith(this.#prefix(podIPs, endpoint));
  }

  /** Messages begin with the addresses that they are about. */
  #prefix(podIPs: Pod['podIPs'], endpoint: EndpointId): string {
    const believed = this.#options.addressesOf(endpoint);
    const shown = podIPs.map((ip) => (typeof ip === 'string' ? ip : formatAddress(ip)));
    return `${(believed.length > 0 ? believed : shown).join(', ')}: `;
  }

  async #round(): Promise<NextRound> {
    const { clock, mayWrite } = this.#options;
    if (this.#open.size === 0) {
      this.#isLooking = false;
      return undefined;
    }
    if (!mayWrite() || clock.monotonic() < this.#pausedUntil) return LOOK_MS;
    const looked = [...this.#open].slice(0, MOST_LOOKED);
    const writes: Promise<void>[] = [];
    for (const [key, gated] of looked) {
      // To the end, so that all get their turn.
      if (this.#open.delete(key)) this.#open.set(key, gated);
      const condition = await this.#wanted(gated);
      if (condition === undefined || this.#open.get(key) !== gated) continue;
      writes.push(this.#write(gated, condition));
      if (writes.length >= MOST_WRITTEN) break;
    }
    await Promise.all(writes);
    return LOOK_MS;
  }

  /** What is to be written now; `undefined`: nothing. */
  async #wanted(gated: Gated): Promise<BorderCondition | undefined> {
    const { clock, standing } = this.#options;
    const { pod, endpoint, since, writtenAt } = gated;
    const now = clock.monotonic();
    if (now - writtenAt < ECHO_MS) return undefined;
    const prefix = this.#prefix(pod.podIPs, endpoint);
    // Without an address there is nothing to tell: a condition that is not there is not true.
    if (prefix === ': ' && pod.gate?.status !== 'True') return undefined;
    const { ready, message, firewalls } = await standing(endpoint, this.#stop.signal);
    // The answer is about other addresses than it has by now.
    if (this.#prefix(gated.pod.podIPs, endpoint) !== prefix) return undefined;
    const reason = firewalls.some(({ state }) => state === 'Released') ? 'Released' : 'Confirmed';
    const wanted = {
      status: ready ? 'True' : 'False',
      reason: ready ? reason : 'Waiting',
      message: `${prefix}${message}`.slice(0, LONGEST_MESSAGE),
    };
    const there = pod.gate;
    if (there?.status !== wanted.status) {
      const isNew = there?.status !== 'True' && wanted.status === 'False';
      return isNew && now - since < PATIENCE_MS ? undefined : wanted;
    }
    if (there.message === wanted.message && there.reason === wanted.reason) return undefined;
    return wanted.status === 'True' || now - writtenAt >= SAY_AGAIN_MS ? wanted : undefined;
  }

  async #write(gated: Gated, condition: BorderCondition): Promise<void> {
    const { api, clock, log, mayWrite } = this.#options;
    const { name, namespace, uid, gate } = gated.pod;
    if (!mayWrite()) return;
    const turns = gate?.status !== condition.status;
    const path = resourcePath({ group: '', version: 'v1', plural: 'pods' }, { namespace, name, part: 'status' });
    const moment = new Date(clock.wall()).toISOString().replace(/\.\d+Z$/, 'Z');
    const written = { type: BORDER_GATE, ...condition, ...(turns ? { lastTransitionTime: moment } : {}) };
    // Merged by type: other conditions, and everything else, stay as they are. Another pod of that name is refused.
    const body = { ...(uid === undefined ? {} : { metadata: { uid } }), status: { conditions: [written] } };
    gated.writtenAt = clock.monotonic();
    try {
      const contentType = 'application/strategic-merge-patch+json';
      const query = { fieldManager: FIELD_MANAGER };
      await api.call({ method: 'PATCH', path, query, body, contentType }, this.#stop.signal);
      if (this.#told !== '') log.info({}, 'conditions of pods are written again');
      this.#told = '';
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      // Gone, or another one of that name: the watch tells.
      if (this.#stop.signal.aborted || code === 'API_NOT_FOUND' || code === 'API_CONFLICT') return;
      this.#pausedUntil = clock.monotonic() + PAUSE_MS;
      if (this.#told !== code)
        log.warn({ pod: `${namespace}/${name}`, code, error: message }, 'the condition of a pod could not be written');
      this.#told = code;
    }
  }
}

function isOver({ phase }: Pod): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}
