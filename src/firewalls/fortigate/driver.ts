import { BucketMap } from '../../base/bucket-map.ts';
import type { Clock } from '../../base/clock.ts';
import { compareUtf8 } from '../../base/compare.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { SallyportError } from '../../base/error.ts';
import type { Nat, Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { DeviceCredentials } from '../device-credentials.ts';
import type { Actual, DeviceOwner, Driver, MayGoOn, Translation } from '../driver.ts';
import type { DeviceTls } from '../https/device-tls.ts';
import { MachineLock } from '../machine-lock.ts';
import type { Dialect } from '../rulebase/dialect.ts';
import { behaviourOf } from '../rulebase/lift.ts';
import { type ObservedRuleBase, type WantedRuleBase, nothingObserved } from '../rulebase/model.ts';
import type { RuleBaseStep } from '../rulebase/operation.ts';
import { stepsBetween, stepsToLeave } from '../rulebase/steps.ts';
import { type ListWriter, RuleBaseTranslator } from '../rulebase/translator.ts';
import { FortigateDevice } from './device.ts';
import { fortigateDialect } from './dialect.ts';
import { type FortigateCapabilities, type FortigateFacts, CONNECTIONS_STAY, askFacts } from './facts.ts';
import { FortiosApi } from './fortios-api.ts';
import { observation } from './observe.ts';
import { renderOperations } from './render.ts';
import { FortigateScope } from './scope.ts';
import { sayService } from './services.ts';
import type { FortigateOptions } from './settings.ts';
import type { Snapshot } from './snapshot.ts';

export interface FortigateActual extends Actual {
  readonly snapshot: Snapshot;
  readonly facts: FortigateFacts;
  readonly base: ObservedRuleBase;
}

export interface FortigateTranslation extends Translation {
  readonly wanted: WantedRuleBase;
  readonly dialect: Dialect;
}

export interface FortigateStep extends RuleBaseStep {
  /** What the first step of a plan was made for, and the step before this one. */
  readonly made: { readonly for: Snapshot; readonly facts: FortigateFacts; readonly after: FortigateStep | undefined };
  readonly adopt: ReadonlySet<string>;
  readonly leaves: boolean;
}

export interface FortigateDriverOptions {
  readonly url: URL;
  readonly tls: DeviceTls;
  readonly credentials: DeviceCredentials;
  readonly options: FortigateOptions;
  readonly adopt: readonly string[];
  readonly owner: DeviceOwner;
  readonly clock: Clock;
  /** Where lock files lie; absent: somebody else sees to it that one process writes. */
  readonly lockDirectory?: string | undefined;
  /** Writes and proves lists; absent: in a thread. */
  readonly write?: ListWriter;
}

/** What was read back counts as looked at for so long. */
const FRESH_MS = 1_000;

/** Keeps one VDOM of one FortiGate (FortiOS 7.0 to 7.6) in step, by its REST API. */
export class FortigateDriver implements Driver<FortigateActual, FortigateTranslation, FortigateStep> {
  readonly connectionsStay = CONNECTIONS_STAY;
  readonly #options: FortigateDriverOptions;
  readonly #api: FortiosApi;
  readonly #lock: MachineLock;
  readonly #scope: FortigateScope;
  readonly #device: FortigateDevice;
  readonly #translator: RuleBaseTranslator;
  #facts: FortigateFacts | undefined;
  #actual: FortigateActual | undefined;
  /** The step that was carried out last, and what the device held then. */
  #done: { readonly step: FortigateStep; readonly snapshot: Snapshot } | undefined;
  /** What was read right after a write, and when (monotonic). Whoever looks next need not read it again. */
  #readBack: { readonly snapshot: Snapshot; readonly at: number } | undefined;

  constructor(options: FortigateDriverOptions) {
    const { url, tls, credentials, clock, owner, lockDirectory, adopt } = options;
    const { vdom, zones, position, form, securityProfile, log } = options.options;
    this.#options = options;
    this.#api = new FortiosApi({ url, tls, credentials, vdom, clock });
    this.#lock = new MachineLock(lockDirectory, `fortigate ${url.host} ${vdom}`);
    const { text } = fortigateDialect(undefined);
    this.#scope = new FortigateScope(owner.cluster, text, zones ?? { from: ['any'], to: ['any'] }, position ?? 'First');
    this.#device = new FortigateDevice(this.#api, this.#scope, clock);
    const block = {
      form,
      layout: 'Class',
      log: log !== 'None',
      adopt,
      ...(securityProfile === undefined || securityProfile === 'none' ? {} : { profile: securityProfile }),
    } as const;
    this.#translator = new RuleBaseTranslator(block, options.write);
  }

  async capabilities(signal: AbortSignal): Promise<FortigateCapabilities> {
    const capabilities = await askFacts(this.#api, signal);
    this.#facts = capabilities.fortigate;
    return capabilities;
  }

  async observe(signal: AbortSignal): Promise<FortigateActual> {
    const facts = this.#facts ?? (await this.capabilities(signal)).fortigate;
    if (facts === undefined) throw new SallyportError('INTERNAL', 'a FortiGate was read that was not asked before');
    const readBack = this.#readBack;
    this.#readBack = undefined;
    const isFresh = readBack !== undefined && this.#options.clock.monotonic() - readBack.at < FRESH_MS;
    return this.#actualOf(isFresh ? readBack.snapshot : await this.#device.read(facts, signal), facts);
  }

  async prepare(desired: Ruleset, capabilities: FortigateCapabilities, signal: AbortSignal): Promise<void> {
    await this.#translator.prepare(
      this.#sayable(desired, capabilities).ruleset,
      fortigateDialect(capabilities.fortigate),
      signal,
    );
  }

  translate(desired: Ruleset, capabilities: FortigateCapabilities): FortigateTranslation {
    const dialect = fortigateDialect(capabilities.fortigate);
    const { ruleset, refusals } = this.#sayable(desired, capabilities);
    const answer = this.#translator.translate(ruleset, dialect);
    for (const { name, match } of answer.wanted.services.values()) {
      const said = sayService(match);
      if (typeof said === 'string')
        throw new SallyportError('DEVICE_CANNOT_SAY', `${dialect.device} cannot say ${said} (service ${name})`);
    }
    return {
      refusals: [...refusals, ...answer.refusals],
      behaviour: behaviourOf(answer.wanted),
      wanted: answer.wanted,
      dialect,
    };
  }

  steps(actual: FortigateActual, { wanted, dialect }: FortigateTranslation): readonly FortigateStep[] {
    return chained(stepsBetween(actual.base, wanted, dialect), actual, wanted.adopt, false);
  }

  leave(actual: FortigateActual, { cluster }: DeviceOwner): readonly FortigateStep[] {
    if (cluster !== this.#options.owner.cluster)
      throw new SallyportError(
        'DEVICE_OWNED',
        `this driver keeps objects of the cluster ${this.#options.owner.cluster}`,
      );
    if (actual.empty) return [];
    const steps = stepsToLeave(actual.base, fortigateDialect(actual.facts));
    const rest: RuleBaseStep = {
      kind: 'Remove',
      title: 'what is left of ours goes',
      urgent: false,
      way: 'Configured',
      objects: [],
      operations: [],
      groups: new Set(),
    };
    return chained(steps.at(-1)?.way === 'Configured' ? steps : [...steps, rest], actual, new Set(), true);
  }

  render(what: FortigateStep | FortigateTranslation): string {
    if ('operations' in what) return renderOperations(what.operations, this.#scope);
    return stepsBetween(nothingObserved, what.wanted, what.dialect)
      .map(({ operations }) => renderOperations(operations, this.#scope))
      .join('');
  }

  async apply(step: FortigateStep, signal: AbortSignal, mayGoOn: MayGoOn = () => undefined): Promise<void> {
    await this.#lock.take();
    signal.throwIfAborted();
    const { facts } = step.made;
    const base = this.#baseOf(step);
    const { operations, adopt, leaves } = step;
    const snapshot =
      step.way === 'Volatile'
        ? await this.#device.fill(operations, base, facts, mayGoOn, signal)
        : await this.#device.configure({ operations, adopt, leaves }, base, facts, mayGoOn, signal);
    this.#done = { step, snapshot };
    this.#readBack = { snapshot, at: this.#options.clock.monotonic() };
  }

  keepers(): Promise<readonly string[] | undefined> {
    return this.#lock.owners();
  }

  /** Gives the lock back. What is on the device stays. */
  async close(): Promise<void> {
    await this.#device.close();
    await this.#lock.release();
  }

  /** What the device held when the step before was done, or when the plan was made. */
  #baseOf({ made }: FortigateStep): Snapshot {
    if (made.after === undefined) return made.for;
    if (this.#done?.step === made.after) return this.#done.snapshot;
    throw new SallyportError('DEVICE_CHANGED', 'the step before this one was not the last that was carried out');
  }

  #actualOf(snapshot: Snapshot, facts: FortigateFacts): FortigateActual {
    const known = this.#actual;
    const rival = this.#device.rival(snapshot);
    if (known?.snapshot === snapshot && known.rival === rival) return known;
    const { base, foreign, isEmpty, behaviour } = observation(snapshot, this.#scope);
    this.#actual = { empty: isEmpty, drift: [], foreign, behaviour, rival, snapshot, facts, base };
    return this.#actual;
  }

  /** Without interfaces there are address groups alone: where our rules would stand is for somebody to say. */
  #sayable(
    desired: Ruleset,
    { fortigate: facts }: FortigateCapabilities,
  ): { readonly ruleset: Ruleset; readonly refusals: readonly Diagnostic[] } {
    const { zones, position } = this.#options.options;
    if (zones !== undefined && position !== undefined) {
      const plain = desired.nats.flatMap(plainNat);
      const held = facts?.dialect.translatedPorts === false ? plain.filter(({ ports }) => ports !== undefined) : [];
      const nats = plain.map((nat) => (held.includes(nat) ? heldNat(nat) : nat));
      const isSame = nats.every((nat, at) => nat === desired.nats[at]) && nats.length === desired.nats.length;
      return { ruleset: oneForm(isSame ? desired : { ...desired, nats }), refusals: held.map(natRefusal) };
    }
    return { ruleset: groupsOf(oneForm(desired)), refusals: policiesOf(desired).map(policyRefusal) };
  }
}

/** Feeds and groups share their names here: an AddressGroup is in one form for both families, and configured if any Deny rests on it. */
function oneForm(desired: Ruleset): Ruleset {
  const groups = [...desired.groups.values()].filter((group) => group.kind === 'AddressGroup');
  const denying = new Set(groups.filter(({ use }) => use === 'Deny').map(({ deviceName }) => deviceName));
  const mixed = groups.filter(({ use, deviceName }) => use === 'Allow' && denying.has(deviceName));
  if (mixed.length === 0) return desired;
  const changed = mixed.map((group) => [group.id, { ...group, use: 'Deny' as const }] as const);
  return { ...desired, groups: new Map([...desired.groups, ...changed]) };
}

/** One for no port is for nobody, and one for all ports of a protocol is for the protocol: the device tells both alike. */
function plainNat(nat: Nat): readonly Nat[] {
  if (nat.ports?.isEmpty === true) return [];
  if (nat.ports?.isAll !== true || nat.protocol === undefined) return [nat];
  const { ports: _all, ...rest } = nat;
  return [rest];
}

/** Flows that would be translated are dropped, not leaked. */
function heldNat(nat: Nat): Nat {
  const reason = NO_PORTS;
  const sources = BucketMap.from(
    [...nat.sources.keys()].map((address) => [address, { kind: 'Hold', reason } as const] as const),
  );
  return { ...nat, sources };
}

const NO_PORTS = 'FortiOS before 7.4.0 translates no single ports';

function natRefusal({ origin }: Nat): Diagnostic {
  const message = `${NO_PORTS}; the flows that would be translated are dropped`;
  return { severity: 'error', code: 'DEVICE_CANNOT_SAY', object: origin.policy, path: '', message };
}

function groupsOf(desired: Ruleset): Ruleset {
  const nobody = desired.members.with([...desired.members.keys()].map((address) => [address, undefined] as const));
  return {
    ...desired,
    classes: new Map(),
    members: nobody,
    networks: PrefixSet.empty,
    nats: [],
  };
}

/** Whatever has a rule or a translation for somebody here. */
function policiesOf({ classes, nats }: Ruleset): readonly string[] {
  const stages = [...classes.values()].flatMap(({ parts, widened }) =>
    [...parts, ...widened].flatMap((part) => part.stages),
  );
  const origins = [...stages.flatMap((stage) => stage.rules), ...nats].map(({ origin }) => origin.policy);
  return [...new Set(origins)].toSorted(compareUtf8);
}

function policyRefusal(policy: string): Diagnostic {
  return {
    severity: 'error',
    code: 'DEVICE_CANNOT_SAY',
    object: policy,
    path: '',
    message:
      'this FortiGate gets address groups alone: the BorderFirewall does not say where rules of ours would stand; give options.zones and options.position',
  };
}

function chained(
  steps: readonly RuleBaseStep[],
  { snapshot, facts }: FortigateActual,
  adopt: ReadonlySet<string>,
  leaving: boolean,
): readonly FortigateStep[] {
  const chain: FortigateStep[] = [];
  for (const [at, step] of steps.entries())
    chain.push({
      ...step,
      made: { for: snapshot, facts, after: chain.at(-1) },
      adopt,
      leaves: leaving && at === steps.length - 1,
    });
  return chain;
}
