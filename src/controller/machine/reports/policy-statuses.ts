import { isMap, type RawMap } from '../../../api/shape.ts';
import { background } from '../../../base/background.ts';
import type { Clock } from '../../../base/clock.ts';
import { toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import type { ApiClient } from '../../../kubernetes/api-client.ts';
import { resourcePath } from '../../../kubernetes/resource-path.ts';
import type { StatusObject } from '../../../kubernetes/status-part.ts';
import { StatusWriter } from '../../../kubernetes/status-writer.ts';
import { type ClusterObject, machineKinds } from '../sources/machine-kinds.ts';
import { shapeOf, withFqdnState } from '../../../machine/dns/fqdn-state.ts';
import type { Outcome } from './outcome.ts';

/** The two members of a policy's status that say what became of it (metal-stack reference, 2.1). */
export interface PolicyWord {
  readonly state: 'deployed' | 'ignored';
  readonly message: string;
}

export interface PolicyStatusesOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Writes `status.state` and `status.message` of ClusterwideNetworkPolicies: `deployed` says that the rules of this very policy, as it is
 * now, are in force. And `status.fqdn_state`, what its names come to, where that is known. Everything else of a status stays as it is.
 */
export class PolicyStatuses {
  readonly #writer: StatusWriter;
  readonly #words = new Map<string, PolicyWord>();
  readonly #options: PolicyStatusesOptions;
  /** Of policies in force that speak of names. */
  readonly #names = new Map<string, { readonly state: RawMap; readonly shape: string }>();
  readonly #stop = new AbortController();
  #isClearing = false;
  /** Rule texts of the policies whose rules are in force; `undefined`: no rules of ours are yet. */
  #inForce: ReadonlyMap<string, string> | undefined;
  #seen = new Map<string, ClusterObject>();

  constructor(options: PolicyStatusesOptions) {
    this.#options = options;
    this.#writer = new StatusWriter(options);
  }

  /** The policies of this machine as they are in the cluster now. */
  seen(policies: readonly ClusterObject[]): void {
    const now = new Map(policies.map((policy) => [keyOf(policy), policy]));
    for (const [key, before] of this.#seen)
      if (!now.has(key)) {
        this.#writer.forget(statusObject(before));
        this.#words.delete(key);
        this.#names.delete(key);
      }
    for (const [key, policy] of now) {
      if (this.#seen.get(key) === policy) continue;
      this.#writer.seen(statusObject(policy), statusOf(policy));
    }
    this.#seen = now;
  }

  /** What became of the policies that `seen` told last. */
  tell(outcome: Outcome): void {
    const refused = new Map(outcome.leftOut.map(({ object, message }) => [object, message]));
    const states = new Map(
      outcome.policies.map(({ policy, state, message }) => {
        const refusal = refused.get(policy.owner);
        const word: PolicyWord = refusal === undefined ? { state, message } : { state: 'ignored', message: refusal };
        return [`${policy.namespace}/${policy.name}`, word];
      }),
    );
    const { result } = outcome;
    if (result.kind === 'inForce') {
      const inForce = new Map<string, string>();
      for (const [key, { ruleText }] of this.#seen)
        if (states.get(key)?.state === 'deployed') inForce.set(key, ruleText);
      this.#inForce = inForce;
    }
    for (const [key, policy] of this.#seen) {
      const word = states.get(key);
      if (word === undefined) continue;
      if (word.state === 'ignored' || result.kind === 'inForce') this.#wish(key, policy, word);
      else if (result.kind === 'checked')
        this.#wish(key, policy, { state: 'ignored', message: 'dry run: its rules are checked and not loaded' });
      else this.#keep(key, policy, result.because);
    }
  }

  /** What the names of policies in force come to, by `namespace/name`. */
  tellNames(states: ReadonlyMap<string, RawMap | 'none'>): void {
    const without: ClusterObject[] = [];
    for (const [key, state] of states) {
      const policy = this.#seen.get(key);
      const word = this.#words.get(key);
      if (policy === undefined || word === undefined) continue;
      if (state === 'none') {
        this.#names.delete(key);
        if (statusOf(policy)?.['fqdn_state'] !== undefined) without.push(policy);
        continue;
      }
      const shape = shapeOf(state);
      if (this.#names.get(key)?.shape === shape) continue;
      this.#names.set(key, { state, shape });
      this.#send(key, policy, word);
    }
    if (without.length > 0 && !this.#isClearing) background('clearing names', this.#clear(without), this.#options.log);
  }

  /**
   * Takes what names came to out of statuses whose policies speak of none any more. By merge patch: server-side apply that takes the last entry
   * of a map leaves a null in its place, which the server itself then refuses.
   */
  async #clear(policies: readonly ClusterObject[]): Promise<void> {
    this.#isClearing = true;
    try {
      for (const policy of policies) {
        const object = statusObject(policy);
        const path = resourcePath(object, { namespace: policy.namespace, name: policy.name, part: 'status' });
        const body = { metadata: { uid: policy.uid }, status: { fqdn_state: null } };
        const contentType = 'application/merge-patch+json';
        await this.#options.client.call({ method: 'PATCH', path, contentType, body }, this.#stop.signal);
      }
    } catch (thrown) {
      if (this.#stop.signal.aborted) return;
      const { code, message } = toSallyportError(thrown);
      this.#options.log.warn({ code, problem: message }, 'what names came to is left in a status; it is tried again');
    } finally {
      this.#isClearing = false;
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#writer.stop();
  }

  /** Rules could not be changed: what is said of a policy holds for the rules that are in force. */
  #keep(key: string, policy: ClusterObject, because: string): void {
    const before = this.#inForce?.get(key);
    if (before === policy.ruleText) return;
    if (before !== undefined)
      return this.#wish(key, policy, { state: 'deployed', message: `an earlier version is in force: ${because}` });
    // Of the process before nobody knows what it had in force; what it said stands.
    const said = statusOf(policy)?.['state'];
    if (this.#inForce === undefined && said !== undefined && said !== '') return;
    this.#wish(key, policy, { state: 'ignored', message: `not in force yet: ${because}` });
  }

  #wish(key: string, policy: ClusterObject, word: PolicyWord): void {
    const before = this.#words.get(key);
    if (before?.state === word.state && before.message === word.message) return;
    this.#words.set(key, word);
    this.#send(key, policy, word);
  }

  #send(key: string, policy: ClusterObject, word: PolicyWord): void {
    const names = this.#names.get(key);
    this.#writer.wish({
      object: statusObject(policy),
      portion: { kind: 'whole' },
      compose: (now) => {
        const said = withWord(now, word);
        return names === undefined ? said : withFqdnState(said, names.state);
      },
      mayWrite: () => true,
    });
  }
}

/** A status with another word. An empty message is written only over one that is there, so that nothing is written when nothing changed. */
export function withWord(now: RawMap | undefined, { state, message }: PolicyWord): RawMap {
  const { message: said, ...rest } = now ?? {};
  if (message === '' && (said === undefined || said === '')) return { ...now, state };
  return { ...rest, state, message };
}

function statusOf({ raw }: ClusterObject): RawMap | undefined {
  return isMap(raw['status']) ? raw['status'] : undefined;
}

function keyOf({ namespace, name }: ClusterObject): string {
  return `${namespace}/${name}`;
}

/** An object of a firewall machine as statuses and events name it. */
export function statusObject({
  kind,
  namespace,
  name,
  uid,
}: Pick<ClusterObject, 'kind' | 'namespace' | 'name' | 'uid'>): StatusObject {
  const { group, version, plural } = machineKinds[kind];
  return { group, version, plural, kind, namespace, name, uid };
}
