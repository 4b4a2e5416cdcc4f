import { rm } from 'node:fs/promises';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { localFiles } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { textChains } from '../../machine/nft-text.ts';
import { deniedFlows, flowRules, type OwnFlow } from '../../machine/own-flows.ts';
import type { KernelTable } from './kernel-table.ts';
import { basePolicyOf, modeOf, readIfThere, replaceFile, withBasePolicy } from './rule-files.ts';

/** What came of writing base rules. */
export interface BaseWritten {
  readonly isNew: boolean;
  readonly wrong: readonly Diagnostic[];
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

  /** The next rules are written there. The file of before goes then if it is ours alone: a start of the machine would load it beside the new one. */
  moveTo(path: string): void {
    if (path === this.#path) return;
    this.#left ??= this.#path;
    if (this.#left === path) this.#left = undefined;
    this.#path = path;
  }

  /** `beside`: what our own file adds to tables of the base rules. What is wrong is told, and the rules stay as they were, but for the forward policy. */
  async write({ text, flows }: BaseToWrite, beside: string, signal: AbortSignal): Promise<BaseWritten> {
    const wrong: Diagnostic[] = [];
    const refuse = (code: 'MACHINE_OWN_FLOW' | 'MACHINE_RULES_REFUSED', message: string): void => {
      wrong.push({ severity: 'error', code, path: '', message, at: { file: this.#path } });
    };
    if (text !== undefined) {
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
          return { isNew: done.isNew, wrong };
        }
        refuse('MACHINE_RULES_REFUSED', `nft refuses the base rules: ${done.refusal}; they stay as they are`);
      }
    }
    await this.#open(signal);
    return { isNew: false, wrong };
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
    await this.#kernel.run(jumps ? `flush chain inet metal ${ALLOWED_BACK}\n${block}` : block, signal);
    if (text === '') return;
    const whole = withAllowedBack(text, this.#allowedBack);
    await replaceFile(this.#path, whole, await modeOf(this.#path));
    if (this.#written !== undefined && withoutAllowedBack(this.#written) === text) this.#written = whole;
  }

  /** One transaction for all tables of the text; none where it is so already. */
  async #replace(
    text: string,
    beside: string,
    signal: AbortSignal,
  ): Promise<{ readonly isNew: boolean } | { readonly refusal: string }> {
    const found = await readIfThere(this.#path);
    if (found === text && (await this.#kernel.basePolicy(signal)) === 'accept') return { isNew: false };
    const tables = [...text.matchAll(/^table (\S+ \S+) \{$/gm)].map(([, name = '']) => name);
    const gone = [...new Set(tables)].map((name) => `table ${name}\ndelete table ${name}\n`).join('');
    const refusal = await this.#kernel.attempt(`${gone}${text}${beside}`, signal);
    if (refusal !== undefined) return { refusal };
    const mode = found === undefined ? 0o600 : await modeOf(this.#path);
    if (found !== text) await replaceFile(this.#path, text, mode);
    this.#log.info({ file: this.#path }, 'base rules in force');
    return { isNew: true };
  }
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
