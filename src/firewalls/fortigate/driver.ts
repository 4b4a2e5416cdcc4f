import { allEnded } from '../../base/all-ended.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Clock } from '../../base/clock.ts';
import { compareUtf8 } from '../../base/compare.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { SallyportError } from '../../base/error.ts';
import type { Nat, Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { DeviceCredentials } from '../device-credentials.ts';
import type { Actual, DeviceOwner, Drift, Driver, ListBehind, MayGoOn, Translation } from '../driver.ts';
import type { DeviceTls } from '../https/device-tls.ts';
import { MachineLock } from '../machine-lock.ts';
import { type Capacity, tableUses } from '../rulebase/capacity.ts';
import type { Dialect } from '../rulebase/dialect.ts';
import { driftSince } from '../rulebase/drift.ts';
import { behaviourOf } from '../rulebase/lift.ts';
import { type ObservedRuleBase, type RuleBase, type WantedRuleBase, nothingObserved } from '../rulebase/model.ts';
import type { RuleBaseStep } from '../rulebase/operation.ts';
import { standing } from '../rulebase/standing-groups.ts';
import { stepsBetween, stepsToLeave } from '../rulebase/steps.ts';
import { type ListWriter, RuleBaseTranslator } from '../rulebase/translator.ts';
import { RoomReader, capacityOf, refilled } from './capacity.ts';
import { FortigateDevice } from './device.ts';
import { fortigateDialect } from './dialect.ts';
import { type FortigateCapabilities, type FortigateFacts, CONNECTIONS_STAY, askFacts } from './facts.ts';
import { FortiosApi } from './fortios-api.ts';
import { type Observation, observation } from './observe.ts';
import { listsWithoutRoom, withoutJoiners } from './overfull.ts';
import { FortigatePassages } from './passages.ts';
import { renderOperations } from './render.ts';
import { renderRequests } from './requests.ts';
import { isSaving, withSaving } from './saving.ts';
import { FortigateScope } from './scope.ts';
import { sayService } from './services.ts';
import type { FortigateOptions } from './settings.ts';
import type { Snapshot } from './snapshot.ts';
import { stepMs } from './step-time.ts';
import { Takings } from './takings.ts';
import { POLICY, TRANSLATION } from './words.ts';

export interface FortigateActual extends Actual {
  readonly snapshot: Snapshot;
  readonly facts: FortigateFacts;
  readonly base: ObservedRuleBase;
  /** What it holds at most, less what others have, as it told last. */
  readonly capacity: Capacity;
  /** How long its answers take, in milliseconds. */
  readonly answerMs: number;
  /** What this process wrote is lost at the next boot. */
  readonly isUnsaved: boolean;
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
  readonly longestMs: number;
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

/** What was read back counts as looked at for so long: whoever has fifty firewalls to keep comes to each of them later. */
const FRESH_MS = 3_000;

/** Keeps one VDOM of one FortiGate (FortiOS 7.0 to 7.6) in step, by its REST API. */
export class FortigateDriver implements Driver<FortigateActual, FortigateTranslation, FortigateStep> {
  readonly connectionsStay = CONNECTIONS_STAY;
  readonly #options: FortigateDriverOptions;
  readonly #api: FortiosApi;
  readonly #lock: MachineLock;
  readonly #scope: FortigateScope;
  readonly #takings: Takings;
  readonly #rooms: RoomReader;
  readonly #device: FortigateDevice;
  readonly #translator: RuleBaseTranslator;
  #facts: FortigateFacts | undefined;
  #actual: FortigateActual | undefined;
  /** The step that was carried out last, and what the device held then. */
  #done: { readonly step: FortigateStep; readonly snapshot: Snapshot } | undefined;
  /** What was read right after a write, and when (monotonic). Whoever looks next need not read it again. */
  #readBack: { readonly snapshot: Snapshot; readonly at: number } | undefined;

  #capacity: Capacity | undefined;
  readonly #observations = new WeakMap<Snapshot, { readonly left: string; readonly read: Observation }>();
  /** What was read after our last write, or first; and who had written last by then. */
  #expected: { readonly writer: string | undefined; readonly base: RuleBase } | undefined;

  constructor(options: FortigateDriverOptions) {
    const { url, tls, credentials, clock, owner, lockDirectory, adopt } = options;
    const { vdom, zones, position, form, layout, securityProfile, log } = options.options;
    this.#options = options;
    this.#api = new FortiosApi({ url, tls, credentials, vdom, clock });
    this.#rooms = new RoomReader(this.#api, clock);
    this.#lock = new MachineLock(lockDirectory, `fortigate ${url.host} ${vdom}`);
    const { text } = fortigateDialect(undefined);
    this.#scope = new FortigateScope(owner.cluster, text, zones ?? { from: ['any'], to: ['any'] }, position);
    this.#takings = new Takings(this.#scope);
    this.#device = new FortigateDevice(this.#api, this.#scope, clock);
    const block = {
      form,
      layout,
      log: log !== 'None',
      adopt,
      ...(securityProfile === undefined || securityProfile === 'none' ? {} : { profile: securityProfile }),
    } as const;
    this.#translator = new RuleBaseTranslator(block, options.write);
  }

  async capabilities(signal: AbortSignal): Promise<FortigateCapabilities> {
    this.#rooms.forget();
    const capabilities = await askFacts(this.#api, signal);
    this.#facts = capabilities.fortigate;
    return capabilities;
  }

  async observe(signal: AbortSignal): Promise<FortigateActual> {
    const facts = this.#facts ?? (await this.capabilities(signal)).fortigate;
    if (facts === undefined) throw new SallyportError('INTERNAL', 'a FortiGate was read that was not asked before');
    const readBack = this.#readBack;
    this.#readBack = undefined;
    if (readBack !== undefined && this.#capacity !== undefined && this.#isFresh(readBack.at)) {
      this.#capacity = refilled(this.#capacity, this.#observation(readBack.snapshot).base);
      return this.#actualOf(readBack.snapshot, facts, this.#capacity);
    }
    const [snapshot, rooms] = await Promise.all([this.#device.read(facts, signal), this.#rooms.ask(signal)]);
    const { base } = this.#observation(snapshot);
    const capacity = capacityOf(rooms, snapshot, base, facts.release, this.#scope, this.#takings.tables);
    if (JSON.stringify(capacity) !== JSON.stringify(this.#capacity)) this.#capacity = capacity;
    return this.#actualOf(snapshot, facts, this.#capacity ?? capacity);
  }

  passages(signal: AbortSignal): Promise<FortigatePassages> {
    return FortigatePassages.read(this.#api, this.#options.options, this.#scope, signal);
  }

  /** Filling feeds rests on what is in them, and on their being there. */
  async isAsRead(
    { snapshot, facts }: FortigateActual,
    steps: readonly FortigateStep[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const feeds = new Set<string>();
    for (const { way, operations } of steps)
      for (const operation of operations) {
        if (way !== 'Volatile' || operation.kind !== 'ChangeMembers') return false;
        feeds.add(operation.group.name);
      }
    const areSame = [this.#device.isAsRead(snapshot, [...feeds], facts, signal), this.#rooms.areSame(signal)] as const;
    return (await allEnded(areSame)).every((same) => same);
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
    for (const { name, match, mark } of answer.wanted.services.values()) {
      const said = sayService(match);
      if (typeof said === 'string')
        throw new SallyportError(
          'DEVICE_CANNOT_SAY',
          `${dialect.device} cannot say ${said} (service ${name}, for ${mark}); nothing is written. Write those ports or protocols as several rules`,
        );
    }
    return {
      refusals: [...refusals, ...answer.refusals],
      behaviour: behaviourOf(answer.wanted),
      wanted: answer.wanted,
      dialect,
    };
  }

  steps(actual: FortigateActual, translation: FortigateTranslation): readonly FortigateStep[] {
    const steps = withSaving(actual.isUnsaved, () => this.#stepsTo(actual, translation));
    return chained(steps, actual, translation.wanted.adopt, false);
  }

  #stepsTo(actual: FortigateActual, { wanted: wished, dialect }: FortigateTranslation): readonly RuleBaseStep[] {
    const { base, capacity } = actual;
    const { wanted: whole, unsafe } = standing(base, wished, this.#scope.names);
    const wanted = withoutJoiners(whole, base, actual.snapshot.overfull);
    const steps = stepsBetween(base, wanted, dialect, capacity);
    const elsewhere = translatesElsewhere(actual, wanted);
    if (elsewhere === undefined && steps.length === 0 && unsafe.length > 0)
      throw new SallyportError(
        'NAME_TAKEN',
        `${unsafe.join(', ')}: a Deny rests on it, which a feed must not carry, as a boot empties it; and a group it cannot become while policies of others name the feed. Take it out of them, and it becomes a group by itself`,
      );
    if (elsewhere === undefined) return steps;
    const narrowing = steps.filter(({ urgent }) => urgent);
    if (narrowing.length === 0) throw new SallyportError('TRANSLATION_MODE', elsewhere);
    return narrowing;
  }

  behind(
    { base, snapshot: { overfull } }: FortigateActual,
    { wanted: wished }: FortigateTranslation,
  ): readonly ListBehind[] {
    if (overfull.length === 0) return [];
    return listsWithoutRoom(base, standing(base, wished, this.#scope.names).wanted, wished, overfull);
  }

  leave(actual: FortigateActual, { cluster }: DeviceOwner): readonly FortigateStep[] {
    if (cluster !== this.#options.owner.cluster)
      throw new SallyportError(
        'DEVICE_OWNED',
        `this driver keeps objects of the cluster ${this.#options.owner.cluster}`,
      );
    const steps = withSaving(actual.isUnsaved, () => this.#stepsToLeave(actual));
    return chained(steps, actual, new Set(), true);
  }

  #stepsToLeave(actual: FortigateActual): readonly RuleBaseStep[] {
    if (actual.empty) return [];
    const steps = stepsToLeave(actual.base, fortigateDialect(actual.facts));
    // Groups that rules of others name stay, with what is in them.
    if (steps.length === 0 && this.#device.writerIn(actual.snapshot) === undefined) return [];
    const rest: RuleBaseStep = {
      kind: 'Remove',
      title: 'what is left of ours goes',
      urgent: false,
      way: 'Configured',
      objects: [],
      operations: [],
      groups: new Set(),
    };
    return steps.at(-1)?.way === 'Configured' ? steps : [...steps, rest];
  }

  render(what: FortigateStep | FortigateTranslation): string {
    if ('operations' in what) return renderOperations(what.operations, this.#scope);
    const steps = stepsBetween(nothingObserved, what.wanted, what.dialect);
    return renderRequests(steps, this.#scope, this.#api.vdom);
  }

  async apply(step: FortigateStep, signal: AbortSignal, mayGoOn: MayGoOn = () => undefined): Promise<void> {
    await this.#lock.take();
    signal.throwIfAborted();
    if (isSaving(step)) return await this.#device.save(mayGoOn, signal);
    const { facts } = step.made;
    const base = this.#baseOf(step);
    const { operations, adopt, leaves } = step;
    const { longestMs } = step;
    const snapshot =
      step.way === 'Volatile'
        ? await this.#device.fill(operations, base, facts, mayGoOn, signal)
        : await this.#device.configure({ operations, adopt, leaves, longestMs }, base, facts, mayGoOn, signal);
    this.#done = { step, snapshot };
    this.#readBack = { snapshot, at: this.#options.clock.monotonic() };
    this.#expected = { writer: this.#device.writerIn(snapshot), base: this.#observation(snapshot).base };
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

  #actualOf(snapshot: Snapshot, facts: FortigateFacts, capacity: Capacity): FortigateActual {
    const known = this.#actual;
    const rival = this.#device.rival(snapshot);
    const { base, foreign, isEmpty, behaviour } = this.#observation(snapshot);
    const isUnsaved = this.#device.isUnsaved(facts);
    const isSame = known?.base === base && known.facts === facts && known.capacity === capacity;
    if (isSame && known.rival === rival && known.isUnsaved === isUnsaved) return known;
    const drift = this.#driftOf(base, this.#device.writerIn(snapshot));
    const { answerMs } = this.#api;
    const tables = tableUses(capacity);
    const read = { drift, foreign, behaviour, rival, tables, snapshot, facts, base, capacity, answerMs, isUnsaved };
    this.#actual = { empty: isEmpty, ...read };
    return this.#actual;
  }

  #isFresh(at: number): boolean {
    return this.#options.clock.monotonic() - at < FRESH_MS;
  }

  #observation(snapshot: Snapshot): Observation {
    const { inUse } = this.#device;
    const left = inUse.version;
    const known = this.#observations.get(snapshot);
    if (known?.left === left) return known.read;
    const whole = observation(snapshot, this.#scope);
    const read = { ...whole, base: inUse.over(whole.base) };
    this.#observations.set(snapshot, { left, read });
    return read;
  }

  /** What hands changed since our last write. What another copy of ours wrote is none of it. */
  #driftOf(base: ObservedRuleBase, writer: string | undefined): readonly Drift[] {
    if (this.#expected === undefined || this.#expected.writer !== writer) this.#expected = { writer, base };
    return this.#expected.base === base ? [] : driftSince(this.#expected.base, base);
  }

  /** Without interfaces there are address groups alone: where our rules would stand is for somebody to say. */
  #sayable(
    desired: Ruleset,
    { fortigate: facts }: FortigateCapabilities,
  ): { readonly ruleset: Ruleset; readonly refusals: readonly Diagnostic[] } {
    const { zones, position } = this.#options.options;
    if (zones !== undefined && position !== undefined) {
      const plain = desired.nats.flatMap(plainNat);
      const byTable = facts?.centralNat === true;
      const held = byTable && !facts.dialect.translatedPorts ? plain.filter(({ ports }) => ports !== undefined) : [];
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
  return {
    ...desired,
    classes: new Map(),
    members: BucketMap.empty(),
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

/** Translations of ours that stand where the VDOM no longer looks, though there shall be some; in words. */
function translatesElsewhere({ base, facts }: FortigateActual, wanted: WantedRuleBase): string | undefined {
  const byPolicies = base.rules.filter(({ translatedTo }) => translatedTo !== undefined);
  const translates =
    wanted.translations.length > 0 || wanted.rules.some(({ translatedTo }) => translatedTo !== undefined);
  const [table, left] = facts.centralNat ? [POLICY, byPolicies] : [TRANSLATION, base.translations];
  if (!translates || left.length === 0) return undefined;
  const mode = facts.centralNat ? 'enable' : 'disable';
  return `\`central-nat\` of the VDOM is \`${mode}\` by now, and ${left.length} translations of ours stand in ${table}, where the device does not ask them; set it back, or delete these entries, and they are written to the other table`;
}

function chained(
  steps: readonly RuleBaseStep[],
  { snapshot, facts, answerMs }: FortigateActual,
  adopt: ReadonlySet<string>,
  leaving: boolean,
): readonly FortigateStep[] {
  const chain: FortigateStep[] = [];
  for (const [at, step] of steps.entries()) {
    const longestMs = stepMs(step.operations.length, answerMs);
    chain.push({
      ...step,
      ...(step.way === 'Volatile' && step.kind === 'Members' ? { quick: true } : {}),
      longestMs,
      made: { for: snapshot, facts, after: chain.at(-1) },
      adopt,
      leaves: leaving && at === steps.length - 1,
    });
  }
  return chain;
}
