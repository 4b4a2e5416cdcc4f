import { rm } from 'node:fs/promises';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { localFiles } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { countedText } from '../../machine/counted-text.ts';
import { textChains } from '../../machine/nft-text.ts';
import { deniedFlows, flowRules, type OwnFlow } from '../../machine/own-flows.ts';
import type { Counts } from '../../machine/table-change.ts';
import type { LiveTable } from './kernel-listing.ts';
import { type KernelTable, TOLD_LATE_MS } from './kernel-table.ts';
import { basePolicyOf, modeOf, readIfThere, replaceFile, withBasePolicy } from './rule-files.ts';
import { tableDifferences } from './table-differences.ts';

/** What came of writing base rules. */
export interface BaseWritten {
  readonly isNew: boolean;
  /** What somebody had changed of what we loaded, in words. */
  readonly changes: readonly string[];
  readonly wrong: readonly Diagnostic[];
}

/** Base rules that we loaded. */
interface Loaded {
  readonly text: string;
  readonly beside: string;
  /** By name, each of their tables as the kernel showed it right after; `undefined`: that may be somebody else's. */
  readonly live: ReadonlyMap<string, LiveTable | undefined> | undefined;
}

/** What the base rules are to be. */
export interface BaseToWrite {
  /** Absent: they stay as they are, but for the forward policy. */
  readonly text?: string | undefined;
  /** What may never be denied. */
  readonly flows: readonly OwnFlow[];
}

const ALLOWED_BACK = 'own_flows';
const HEADLINE = '# flows of this machine that were lost after a change, allowed back by sallyport';

/**
 * The base rules, in the kernel and in the file of the next start. They are changed after our table is in force, and never to something that
 * would deny a flow that this machine needs.
 */
export class BaseFile {
  #path: string;
  /** Where they were before, until they are at the new place. */
  #left: string | undefined;
  /** What we wrote into the file, or found there as we would have. */
  #written: string | undefined;
  #loaded: Loaded | undefined;
  /** When (monotonic) that was read back, and how often somebody else changed something. */
  #readBackAt = Number.NEGATIVE_INFINITY;
  #doubts = 0;
  readonly #kernel: KernelTable;
  readonly #log: Log;
  /** Flows that were lost, while this process lives. */
  #allowedBack: readonly OwnFlow[] = [];
  /** Flows that the base rules wanted last would deny; they are not loaded for it. */
  #refused = 0;

  constructor(options: {
    readonly path: string;
    readonly kernel: KernelTable;
    readonly log: Log;
  }) {
    this.#path = options.path;
    this.#kernel = options.kernel;
    this.#log = options.log;
  }

  /** How many flows of this machine base rules are kept from denying, and how many were let through again. */
  get ownFlows(): { readonly refused: number; readonly allowedBack: number } {
    return { refused: this.#refused, allowedBack: this.#allowedBack.length };
  }

  /** Where they are, or will be with the next ones. */
  get path(): string {
    return this.#path;
  }

  /** The next rules are written there. The file of before goes then if it is ours alone: a start of the machine would load it beside the new one. */
  moveTo(path: string): void {
    if (path === this.#path) return;
    this.#left ??= this.#path;
    if (this.#left === path) this.#left = undefined;
    this.#path = path;
  }

  /** As `KernelTable.suspect`. */
  suspect(): void {
    this.#doubts++;
    if (this.#loaded !== undefined && this.#kernel.clock.monotonic() - this.#readBackAt < TOLD_LATE_MS)
      this.#loaded = { ...this.#loaded, live: undefined };
  }

  /** `beside`: what our own file adds to tables of the base rules. What is wrong is told, and the rules stay as they were, but for the forward policy. */
  async write({ text, flows }: BaseToWrite, beside: string, signal: AbortSignal): Promise<BaseWritten> {
    const wrong: Diagnostic[] = [];
    const refuse = (code: 'MACHINE_OWN_FLOW' | 'MACHINE_RULES_REFUSED', message: string): void => {
      wrong.push({ severity: 'error', code, path: '', message, at: { file: this.#path } });
    };
    if (text !== undefined) {
      // A way in that is closed on purpose, as SSH where there is a VPN now, is not opened by what was lost before.
      const needed = new Set(flows.map((flow) => JSON.stringify(flowRules([flow]))));
      this.#allowedBack = this.#allowedBack.filter(
        (flow) => flow.direction === 'out' || needed.has(JSON.stringify(flowRules([flow]))),
      );
      const wanted = withAllowedBack(text, this.#allowedBack);
      const denied = deniedFlows(wanted, flows);
      this.#refused = denied.length;
      if (denied.length > 0)
        for (const { flow, because } of denied)
          refuse('MACHINE_OWN_FLOW', `${because} would deny ${flow.name}; the base rules stay as they are`);
      else {
        const done = await this.#replace(wanted, beside, signal);
        if ('isNew' in done) {
          await this.#leave(wanted);
          return { ...done, wrong };
        }
        refuse('MACHINE_RULES_REFUSED', `nft refuses the base rules: ${done.refusal}; they stay as they are`);
      }
    }
    const kept = this.#loaded && (await this.#replace(this.#loaded.text, this.#loaded.beside, signal));
    await this.#open(signal);
    return { ...(kept !== undefined && 'isNew' in kept ? kept : { isNew: false, changes: [] }), wrong };
  }

  /** The text is in the file now. */
  async #leave(text: string): Promise<void> {
    const [left, before] = [this.#left, this.#written];
    this.#left = undefined;
    this.#written = text;
    if (left === undefined) return;
    const found = await readIfThere(left);
    if (found !== undefined && found === before) await localFiles(rm(left));
    else if (found !== undefined)
      this.#log.warn(
        { file: left, now: this.#path },
        'the base rules are at another place now; the file of before is not as we wrote it and stays: take it away if a start of the machine would load both',
      );
  }

  /** Lets the base rules pass on to ours, now and at the next start. */
  async #open(signal: AbortSignal): Promise<void> {
    if ((await this.#kernel.basePolicy(signal)) === 'drop') await this.#kernel.setBasePolicy('accept', signal);
    const base = await readIfThere(this.#path);
    if (base !== undefined && basePolicyOf(base) === 'drop')
      await replaceFile(this.#path, withBasePolicy(base, 'accept'), await modeOf(this.#path));
  }

  /**
   * Lets flows through that were lost, and nothing else: by rules of their own in front of all others, in the kernel and in the file. What
   * was changed stays changed.
   */
  async allowBack(flows: readonly OwnFlow[], signal: AbortSignal): Promise<void> {
    const known = new Map(this.#allowedBack.map((flow) => [JSON.stringify(flowRules([flow])), flow]));
    for (const flow of flows) known.set(JSON.stringify(flowRules([flow])), flow);
    this.#allowedBack = [...known.values()];
    const text = withoutAllowedBack((await readIfThere(this.#path)) ?? '');
    const isThere = (await this.#kernel.basePolicy(signal)) !== undefined;
    this.#log.error(
      { code: 'MACHINE_FLOW_LOST', flows: flows.map(({ name }) => name) },
      isThere
        ? 'connections that this machine needs failed after a change of rules; they alone are let through again'
        : 'connections that this machine needs failed after a change of rules; there are no base rules that could deny them',
    );
    if (!isThere) return;
    const jumps = await this.#kernel.hasChain(['inet', 'metal', ALLOWED_BACK], signal);
    const block = allowedBackText(this.#allowedBack, jumps ? [] : hooksOf(text));
    // Of a hand edit that is not found yet nothing may be taken for ours.
    const loaded = this.#loaded !== undefined && (await this.#changes(signal)).length === 0 ? this.#loaded : undefined;
    const doubts = this.#doubts;
    await this.#kernel.run(jumps ? `flush chain inet metal ${ALLOWED_BACK}\n${block}` : block, signal);
    if (text === '') return;
    const whole = withAllowedBack(text, this.#allowedBack);
    if (loaded !== undefined && withoutAllowedBack(loaded.text) === text)
      await this.#hold(whole, loaded.beside, doubts, signal);
    await replaceFile(this.#path, whole, await modeOf(this.#path));
    if (this.#written !== undefined && withoutAllowedBack(this.#written) === text) this.#written = whole;
  }

  /** One transaction for all tables of the text; none where the kernel shows them as it did right after we loaded them. */
  async #replace(
    text: string,
    beside: string,
    signal: AbortSignal,
  ): Promise<Omit<BaseWritten, 'wrong'> | { readonly refusal: string }> {
    const found = await readIfThere(this.#path);
    const isLoaded = this.#loaded?.text === text && this.#loaded.beside === beside && this.#loaded.live !== undefined;
    // What our own file adds beside is in the kernel already, and may be another than it was.
    const changes = this.#loaded?.beside === beside ? await this.#changes(signal) : [];
    if (found === text && isLoaded && changes.length === 0) return { isNew: false, changes };
    const gone = tablesOf(text)
      .map((name) => `table inet ${name}\ndelete table inet ${name}\n`)
      .join('');
    const counts = new Map<string, Counts>();
    for (const name of tablesOf(text)) counts.set(name, await this.#kernel.countsOf(name, signal));
    const doubts = this.#doubts;
    const refusal = await this.#kernel.attempt(`${gone}${countedText(text, counts)}${beside}`, signal);
    if (refusal !== undefined) return { refusal };
    await this.#hold(text, beside, doubts, signal);
    const mode = found === undefined ? 0o600 : await modeOf(this.#path);
    if (found !== text) await replaceFile(this.#path, text, mode);
    this.#log.info({ file: this.#path }, 'base rules in force');
    return { isNew: true, changes };
  }

  /** Takes what the kernel shows for what we loaded; `doubts`: how many there were before. */
  async #hold(text: string, beside: string, doubts: number, signal: AbortSignal): Promise<void> {
    this.#loaded = { text, beside, live: undefined };
    const live = new Map<string, LiveTable | undefined>();
    for (const name of tablesOf(text)) live.set(name, await this.#kernel.readOther(name, signal));
    if (this.#doubts !== doubts) return;
    this.#loaded = { text, beside, live };
    this.#readBackAt = this.#kernel.clock.monotonic();
  }

  /** What somebody changed of what we loaded; nothing where we loaded nothing. */
  async #changes(signal: AbortSignal): Promise<readonly string[]> {
    const changes: string[] = [];
    for (const [name, live] of this.#loaded?.live ?? []) {
      const now = await this.#kernel.readOther(name, signal);
      const textOf = (chain: string, place: number): string | undefined =>
        live?.texts.get(live.chains.get(chain)?.handles[place] ?? 0);
      const found = live === undefined ? ['the table was not there'] : tableDifferences(live, now, textOf);
      changes.push(...found.map((change) => `inet ${name}: ${change}`));
    }
    return changes;
  }
}

/** Names of the tables of a text, each once; all are of `inet`. */
function tablesOf(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/^table inet (\S+) \{$/gm)].map(([, name = '']) => name))];
}

/** The chains of a text through which what this machine takes and sends goes. */
function hooksOf(text: string): readonly string[] {
  const found = textChains(text).filter(
    ({ table, hook }) => table === 'inet metal' && hook?.type === 'filter' && /^(input|output)$/.test(hook.hook),
  );
  return found.length === 0 ? ['input'] : found.map(({ name }) => name);
}

function allowedBackText(flows: readonly OwnFlow[], hooks: readonly string[]): string {
  return [
    HEADLINE,
    'table inet metal {',
    `    chain ${ALLOWED_BACK} {`,
    ...flowRules(flows).map((rule) => `        ${rule}`),
    '    }',
    '}',
    ...hooks.map((hook) => `insert rule inet metal ${hook} jump ${ALLOWED_BACK}`),
    '',
  ].join('\n');
}

function withAllowedBack(text: string, flows: readonly OwnFlow[]): string {
  return flows.length === 0 ? text : `${text}${allowedBackText(flows, hooksOf(text))}`;
}

function withoutAllowedBack(text: string): string {
  const at = text.indexOf(HEADLINE);
  return at < 0 ? text : text.slice(0, at);
}
