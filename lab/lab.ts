import { setTimeout as pause } from 'node:timers/promises';
import type { BorderFirewall } from '../src/api/resource.ts';
import { background } from '../src/base/background.ts';
import { systemClock } from '../src/base/clock.ts';
import { columns } from '../src/base/columns.ts';
import type { Diagnostic } from '../src/base/diagnostic.ts';
import { SallyportError } from '../src/base/error.ts';
import { type Log, silentLog } from '../src/base/log.ts';
import type { Ruleset } from '../src/border/ruleset.ts';
import { Controller } from '../src/controller/controller.ts';
import type { OpenDevice } from '../src/controller/devices/open-device.ts';
import type { WorkerStatus } from '../src/firewalls/worker/worker-status.ts';
import { formatAddress } from '../src/ip/address.ts';
import { ManifestsSource } from '../src/sources/manifests/manifests-source.ts';
import { machineTime } from './agent.ts';
import {
  contradiction,
  difference,
  expected,
  type NamedProbe,
  podName,
  podsOf,
  probesOf,
  reasonText,
  type SeenAs,
  workloadOf,
} from './expectation.ts';
import { castFirewall, memoryStage, packetStage, type Stage, topologyOf } from './stage.ts';
import type { OutsideHost, Statement, Story, StoryStep } from './story.ts';
import type { RawObject, WorldFiles } from './world-files.ts';

export interface LabOptions {
  readonly files: WorldFiles;
  readonly story: Story;
  readonly packets: boolean;
  /** The command line that runs one of the lab's agents. */
  readonly agent: readonly string[];
  readonly open: (firewall: BorderFirewall) => OpenDevice;
  readonly say: (line: string) => void;
}

/** How long the border may take for anything before the lab says that something is wrong. */
const PATIENCE_MS = 15_000;
/** Probes at a time; each waits for its answer. */
const AT_ONCE = 48;
/** What was dropped of a new pod is told when it has been silent for three seconds; after this nothing more is expected. */
const TOLD_MS = 6_000;
/** Silence after which an open connection counts as cut. */
const SILENCE_MS = 300;

/** A lab that is up: the border is programmed and kept in step. */
export class Lab {
  readonly #options: LabOptions;
  readonly #stage: Stage;
  readonly #controller: Controller;
  readonly #firewall: string;
  readonly #seenAs: SeenAs;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** What the controller said of packets that came too early, and was not shown yet. */
  readonly #early: string[] = [];
  #failures = 0;
  #tried = 0;

  private constructor(options: LabOptions, stage: Stage, firewall: string, seenAs: SeenAs) {
    this.#options = options;
    this.#stage = stage;
    this.#firewall = firewall;
    this.#seenAs = seenAs;
    const log: Log = { ...silentLog, warn: (fields) => this.#noteEarly(fields) };
    this.#controller = new Controller({
      cluster: 'lab',
      source: new ManifestsSource('lab', options.files.folder, systemClock),
      open: (described) => stage.open(described),
      clock: systemClock,
      log,
    });
    this.#running = this.#controller.run(this.#stop.signal);
    background('the lab controller', this.#running, silentLog);
  }

  /** Builds the stage, starts the real controller on it, and waits until the border has confirmed. */
  static async start(options: LabOptions): Promise<Lab> {
    const { files, story, say } = options;
    const plan = topologyOf(files, story);
    const stage = options.packets ? await packetStage(plan, story, options.agent, options.open) : memoryStage(plan);
    try {
      const { name, left } = await castFirewall(files, stage.border);
      const pods = files.list('Pod');
      const namespaces = new Set(pods.map((pod) => pod.metadata.namespace));
      say(
        `The lab: ${pods.length} pods in ${namespaces.size} namespaces, ${story.outside.length} hosts outside, and ${name} between them;`,
      );
      say(`${stage.title}.`);
      if (left.length > 0) say(`(one border at a time: ${left.join(', ')} left out)`);
      const hidden = new Map(plan.hidden.map(({ pod, node }) => [formatAddress(pod), node]));
      const lab = new Lab(options, stage, name, (pod) => hidden.get(formatAddress(pod)) ?? pod);
      try {
        const started = machineTime();
        const status = await lab.#confirmed();
        const { senders, classes, translations } = status.counts;
        say('');
        say('1  The border is programmed');
        say(
          `   ${status.device ?? ''}: ${senders} addresses in ${classes} classes, ${translations} translations, read back after ${ms(machineTime() - started)}`,
        );
        for (const line of lab.#troubles()) say(`   ${line}`);
        return lab;
      } catch (thrown) {
        await lab.close();
        throw thrown;
      }
    } catch (thrown) {
      await stage.close();
      throw thrown;
    }
  }

  get failures(): number {
    return this.#failures;
  }

  get tried(): number {
    return this.#tried;
  }

  /** Tries every statement of the story, and every pod against every service. */
  async look(): Promise<void> {
    const { story, say } = this.#options;
    say('');
    say('2  What passes, and what does not');
    const rows: string[][] = [];
    for (const statement of story.expect) rows.push(await this.#check(statement));
    for (const line of columns(rows)) say(`   ${line}`);
    const probes = this.#allProbes();
    const wrong = await this.#compare(probes);
    say(
      `   and ${probes.length} flows, from every pod to every service: ${wrong === 0 ? 'all as computed' : `${wrong} NOT as computed`}`,
    );
  }

  /** Plays one step of the story; `number` is its heading. */
  async play(step: StoryStep, number: number): Promise<void> {
    const { files, say } = this.#options;
    say('');
    say(`${number}  ${step.title}`);
    const opened = step.open === undefined ? undefined : await this.#openProbe(step.open);
    if (opened !== undefined) say(`   ${opened.name} is open and talking`);
    let changedAt = 0;
    if (step.scale !== undefined) {
      const { like, add, name } = step.scale;
      const made = await files.scale(like, add, name, async (pods) => {
        await this.#stage.addPods(pods);
        changedAt = machineTime();
      });
      say(`   new: ${made.map(podName).join(', ')}`);
    }
    if (step.label !== undefined) {
      changedAt = machineTime();
      await files.label(step.label.pod, step.label.set);
      const words = Object.entries(step.label.set).map(([key, value]) =>
        value === null ? `${key} taken away` : `${key}=${value}`,
      );
      say(`   ${step.label.pod}: ${words.join(', ')}`);
    }
    for (const key of step.delete) {
      changedAt = machineTime();
      await files.delete(key);
      say(`   deleted: ${key}`);
    }
    await this.#watch(step.watch, changedAt);
    if (opened !== undefined) {
      await pause(SILENCE_MS);
      const last = opened.probe.lastReply();
      const cut = machineTime() - last >= SILENCE_MS * 0.9;
      opened.probe.close();
      this.#count(cut);
      const how = opened.probe.ended() === undefined ? 'no more answers' : 'reset';
      say(
        cut
          ? `   the open connection got its last answer ${ms(Math.max(0, last - changedAt))} after the change (${how})`
          : '   WRONG: the open connection goes on',
      );
    }
    await this.#confirmed();
    const wrong = await this.#compare(this.#allProbes());
    say(`   all flows tried again: ${wrong === 0 ? 'all as computed' : `${wrong} NOT as computed`}`);
    if (step.scale !== undefined) await this.#showEarly();
  }

  #noteEarly(fields: object): void {
    if (!('sender' in fields && 'packets' in fields)) return;
    const { sender, packets } = fields as { readonly sender: string; readonly packets: number };
    const words = packets === 1 ? '1 packet' : `${packets} packets`;
    this.#early.push(`before it knew ${sender}, ${this.#firewall} dropped ${words} of it`);
  }

  /** What new pods sent before the border knew them; nothing where the machine does not tell (a user namespace has no such log). */
  async #showEarly(): Promise<void> {
    const { values } = await this.#controller.metrics.unknownDrops.get();
    const giveUp = machineTime() + (values.some(({ labels }) => labels.sender === 'early') ? TOLD_MS : 0);
    while (this.#early.length === 0 && machineTime() < giveUp) await pause(100);
    for (const line of this.#early.splice(0).toSorted()) this.#options.say(`   ${line}`);
  }

  /** Tries everything again and again until the signal, and says what changed. */
  async stay(signal: AbortSignal): Promise<void> {
    const { say, files } = this.#options;
    say('');
    say(`The lab stays up. Its world is in ${files.folder}: edit a file and watch. Ctrl-C ends it.`);
    let before = new Map<string, string>();
    let told = new Set(this.#troubles());
    while (!signal.aborted) {
      const troubles = this.#troubles();
      for (const line of troubles) if (!told.has(line)) say(`   ${line}`);
      told = new Set(troubles);
      const now = await this.#survey();
      if (before.size > 0)
        for (const [flow, text] of now)
          if (before.get(flow) !== text) say(`   ${flow}  ${before.get(flow) ?? 'new'} -> ${text}`);
      before = now;
      await pause(1_000, undefined, { signal }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running.catch(() => undefined);
    await this.#stage.close();
  }

  /** The wanted ruleset. */
  #ruleset(): Ruleset {
    const ruleset = this.#controller.world.firewalls.get(this.#firewall)?.ruleset;
    if (ruleset === undefined)
      throw new SallyportError('WORLD_INCOMPLETE', `${this.#firewall} has mistakes; see sallyport validate`);
    return ruleset;
  }

  /** Waits until the border has read back what is wanted now. */
  async #confirmed(): Promise<WorkerStatus> {
    const giveUp = machineTime() + PATIENCE_MS;
    for (;;) {
      this.#stop.signal.throwIfAborted();
      const status = this.#controller.status().get(this.#firewall);
      const ready = status?.conditions.find((condition) => condition.type === 'Ready');
      if (status !== undefined && ready?.status === true && status.confirmedVersion === status.desiredVersion)
        return status;
      if (machineTime() > giveUp) {
        const why = ready === undefined ? this.#controller.ready().reason : `${ready.reason}: ${ready.message}`;
        const errors = this.#troubles();
        throw new SallyportError(
          'LAB_STUCK',
          [`the border was not confirmed within ${ms(PATIENCE_MS)}: ${why}`, ...errors].join('\n'),
        );
      }
      await pause(2);
    }
  }

  #troubles(): readonly string[] {
    const { world } = this.#controller;
    const text = ({ severity, object, at, message }: Diagnostic): string =>
      [severity, object ?? at?.file, message].filter((part) => part !== undefined).join(': ');
    return [...new Set([...world.diagnostics(), ...world.findings()].map(text))];
  }

  #pods(): readonly RawObject[] {
    return this.#options.files.list('Pod');
  }

  #host(name: string): OutsideHost {
    const host = this.#options.story.outside.find((one) => one.name === name);
    if (host === undefined) throw new SallyportError('NOT_FOUND', `no host outside is named ${name}`);
    return host;
  }

  #probesOf(statement: Statement): readonly NamedProbe[] {
    const probes = probesOf(
      podsOf(statement, this.#pods()),
      this.#host(statement.to),
      statement.transport,
      statement.port,
    );
    if (probes.length === 0)
      throw new SallyportError('NOT_FOUND', `"${statement.text}" speaks of no pod with an address`);
    return probes;
  }

  #allProbes(): readonly NamedProbe[] {
    return this.#options.story.outside.flatMap((host) =>
      host.serves.flatMap((service) => probesOf(this.#pods(), host, service.transport, service.port)),
    );
  }

  /** One row of the table: the statement tried with every pod that it speaks of. */
  async #check(statement: Statement): Promise<string[]> {
    const probes = this.#probesOf(statement);
    const outcomes = await inParallel(probes, (probe) => this.#stage.prober.attempt(probe.target));
    const wrong = outcomes.map((outcome) => contradiction(outcome, statement)).filter((text) => text !== undefined);
    this.#count(wrong.length === 0);
    const seen = new Set(outcomes.flatMap((outcome) => (outcome.passed && outcome.seen !== '' ? [outcome.seen] : [])));
    const shown = [...seen].toSorted();
    const sources = shown.length > 3 ? 'from its own address' : shown.length > 0 ? `from ${shown.join(', ')}` : '';
    const [first] = probes;
    const why = first === undefined ? '' : reasonText(expected(this.#ruleset(), first.target, this.#seenAs));
    const verb = wrong.length > 0 ? 'WRONG' : statement.allow ? 'passes' : 'dropped';
    return [verb, statement.from, first?.to ?? '', wrong[0] ?? (sources === '' ? why : `${why}  ${sources}`)];
  }

  /** Sends all probes, and tells how many came out otherwise than computed. */
  async #compare(probes: readonly NamedProbe[]): Promise<number> {
    const { say } = this.#options;
    const ruleset = this.#ruleset();
    const outcomes = await inParallel(probes, (probe) => this.#stage.prober.attempt(probe.target));
    let wrong = 0;
    for (const [index, probe] of probes.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) continue;
      const text = difference(outcome, expected(ruleset, probe.target, this.#seenAs));
      this.#count(text === undefined);
      if (text === undefined) continue;
      wrong += 1;
      if (wrong <= 10) say(`   WRONG ${probe.pod} -> ${probe.to} from ${probe.target.source}: ${text}`);
    }
    return wrong;
  }

  /** One word for each workload and service, for `stay`. */
  async #survey(): Promise<Map<string, string>> {
    const probes = this.#allProbes();
    const outcomes = await inParallel(probes, (probe) => this.#stage.prober.attempt(probe.target));
    const words = new Map<string, Set<string>>();
    for (const [index, probe] of probes.entries()) {
      const pod = this.#pods().find((one) => podName(one) === probe.pod);
      const flow = `${pod === undefined ? probe.pod : workloadOf(pod)} -> ${probe.to}`;
      const set = words.get(flow) ?? new Set();
      set.add(outcomes[index]?.passed === true ? 'passes' : 'dropped');
      words.set(flow, set);
    }
    return new Map([...words].map(([flow, set]) => [flow, set.size > 1 ? 'passes for some' : ([...set][0] ?? '')]));
  }

  async #openProbe(
    statement: Statement,
  ): Promise<{ name: string; probe: Awaited<ReturnType<Stage['prober']['open']>> }> {
    const [first] = this.#probesOf(statement);
    if (first === undefined) throw new SallyportError('NOT_FOUND', `"${statement.text}" speaks of nobody`);
    return { name: `${first.pod} -> ${first.to}`, probe: await this.#stage.prober.open(first.target) };
  }

  /** Waits until every flow of a statement has its new verdict; shows when the first packet had it. */
  async #watch(statement: Statement, changedAt: number): Promise<void> {
    const { say } = this.#options;
    const probes = this.#probesOf(statement);
    const [first] = probes;
    if (first === undefined) return;
    const moment = await this.#stage.prober.until(first.target, statement.allow, PATIENCE_MS);
    // The others may follow a moment later: each of several pods is a change of its own.
    const giveUp = machineTime() + PATIENCE_MS;
    let wrong: string | undefined;
    do {
      const outcomes = await inParallel(probes, (probe) => this.#stage.prober.attempt(probe.target));
      wrong = outcomes.map((outcome) => contradiction(outcome, statement)).find((text) => text !== undefined);
    } while (wrong !== undefined && machineTime() < giveUp);
    this.#count(moment !== undefined && wrong === undefined);
    if (moment === undefined || wrong !== undefined)
      say(`   WRONG: ${statement.text}: ${wrong ?? 'it never came true'}`);
    else
      say(
        `   ${statement.from} -> ${first.to}: ${statement.allow ? 'the first packet passed' : 'the first packet was dropped'} ${ms(moment - changedAt)} after the change`,
      );
  }

  #count(good: boolean): void {
    this.#tried += 1;
    if (!good) this.#failures += 1;
  }
}

function ms(milliseconds: number): string {
  return milliseconds < 10_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
}

/** Runs work on all items, some at a time; results in the order of the items. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
