import { PrefixSet } from '../ip/prefix-set.ts';
import type { ListChange } from './lists.ts';
import type { Plan } from './plan.ts';
import type { ObjectChange } from './step.ts';
import type { Traffic, TrafficChange, TranslationChange } from './traffic.ts';

export interface PrintOptions {
  /** Who sends from an address, for people: `shop/web-1`. Absent or `undefined`: the address itself is shown. */
  readonly nameOf?: (address: string) => string | undefined;
  /** Longest list of names, of flows, of objects; more are counted. */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 10;
/** `web-2` before `web-10`, and addresses likewise. */
const byNumbersToo = new Intl.Collator('en', { numeric: true });

/** The text of `sallyport plan`: traffic first, objects second, then what others have there, warnings, and one summary line. */
export function printPlan(plan: Plan, options: PrintOptions = {}): string {
  const printer = new Printer(options);
  const summary = summaryLine(plan);
  if (plan.isEmpty) return `${[...printer.asides(plan), summary].join('\n')}\n`;
  return `${[...printer.exposures(plan), ...printer.traffic(plan.traffic), ...printer.objects(plan.objects), ...printer.asides(plan), summary].join('\n')}\n`;
}

/** `edge-1: 3 to make, 1 to change, 0 to remove; digest 0123…`; the digest is what `sallyport approve` takes. */
export function summaryLine({ firewall, isEmpty, counts, digest }: Plan): string {
  if (isEmpty) return `${firewall}: nothing to do; the firewall holds what is wanted.`;
  const { made, changed, removed } = counts;
  return `${firewall}: ${made} to make, ${changed} to change, ${removed} to remove. Digest ${digest}`;
}

/** What is gained and lost at one firewall, as in a plan: a line for each group of senders, and their flows below. */
export function printTraffic(traffic: Traffic, options: PrintOptions = {}): readonly string[] {
  return new Printer(options).traffic(traffic);
}

class Printer {
  readonly #nameOf: (address: string) => string | undefined;
  readonly #limit: number;

  constructor({ nameOf = () => undefined, limit = DEFAULT_LIMIT }: PrintOptions) {
    this.#nameOf = nameOf;
    this.#limit = limit;
  }

  exposures({ exposures }: Plan): readonly string[] {
    const lines = exposures.map(
      ({ direction, flows, longestMs }) =>
        `  ! ${visible(flows)}: ${direction} on the way, up to ${longestMs / 1000} s`,
    );
    return section('Exposed while it is carried out', this.#limited(lines));
  }

  traffic(traffic: Traffic): readonly string[] {
    const lines = [
      ...traffic.changes.flatMap((change) => this.#change(change)),
      ...traffic.translations.flatMap((change) => this.#translation(change)),
      ...this.#prefixes('  + unknown senders, no longer dropped: ', traffic.unknownGained),
      ...this.#prefixes('  - unknown senders, dropped from now on: ', traffic.unknownLost),
      ...this.#prefixes('  + destinations that are no longer judged here: ', traffic.freed),
      ...this.#prefixes('  - destinations that are judged here from now on: ', traffic.taken),
      ...traffic.lists.flatMap((change) => this.#list(change)),
    ];
    return section('Traffic', lines.length === 0 ? ['  nothing gained, nothing lost'] : lines);
  }

  objects(objects: readonly ObjectChange[]): readonly string[] {
    const lines = objects.map(
      ({ change, kind, name, detail }) =>
        `  ${change} ${visible(kind)} ${visible(name)}${detail === '' ? '' : `: ${shortened(visible(detail))}`}`,
    );
    return section('Objects', this.#limited(lines, this.#limit * 4));
  }

  /** What is worth knowing beside the change. */
  asides({ drift, foreign, refusals }: Plan): readonly string[] {
    return [
      ...section(
        'Changed by others',
        this.#limited(
          drift.map(
            ({ object, what, by }) =>
              `  ~ ${visible(object)} ${visible(what)}${by === undefined ? '' : ` by ${visible(by)}`}`,
          ),
        ),
      ),
      ...section(
        'Rules of others',
        this.#limited(
          foreign.map(({ where, text, effect }) => `  ${effect}: ${visible(where)}: ${shortened(visible(text))}`),
        ),
      ),
      ...section(
        'Warnings',
        this.#limited(
          refusals.map(({ code, object, path, message }) => {
            const place = [object, path].filter((part) => part !== undefined && part !== '').join(' ');
            return `  ${code} ${visible(place)}: ${visible(message)}`;
          }),
        ),
      ),
    ];
  }

  #change({ presence, senders, flows }: TrafficChange): readonly string[] {
    const names = this.#names(senders);
    const head = { stays: `  ~ ${names}`, joins: `  + ${names} (new)`, leaves: `  - ${names} (no longer known)` }[
      presence
    ];
    if (flows === undefined) return [head, '      ? too many flows to compare'];
    return [
      head,
      ...flows.gained.describe(this.#limit).map((line) => `      + ${line}`),
      ...flows.lost.describe(this.#limit).map((line) => `      - ${line}`),
    ];
  }

  #translation({ senders, flows, from, to }: TranslationChange): readonly string[] {
    return [
      `  ~ ${this.#names(senders)}: translated to ${to} instead of ${from}`,
      ...flows.describe(this.#limit).map((line) => `      ~ ${line}`),
    ];
  }

  #list({ list, joins, leaves, opens }: ListChange): readonly string[] {
    return [
      `  ~ list ${visible(list)}${opens ? ', which denies, and which nobody asks for any more' : ''}`,
      ...(joins.length === 0 ? [] : [`      + ${this.#names(joins)}`]),
      ...(leaves.length === 0 ? [] : [`      - ${this.#names(leaves)}`]),
    ];
  }

  /** What is there, or for each family all but what is not there, if that is shorter. */
  #prefixes(head: string, set: PrefixSet): readonly string[] {
    if (set.isEmpty) return [];
    const texts = ([4, 6] as const).flatMap((family) => {
      const there = set.family(family).toStrings();
      const missing = PrefixSet.all.family(family).subtract(set).toStrings();
      if (there.length <= missing.length + 1) return there.length === 0 ? [] : [this.#counted(there)];
      return [`${PrefixSet.all.family(family).toString()} except ${this.#counted(missing)}`];
    });
    return [`${head}${texts.join(', ')}`];
  }

  #counted(texts: readonly string[]): string {
    const rest = texts.length > this.#limit ? ` and ${texts.length - this.#limit} more` : '';
    return `${texts.slice(0, this.#limit).join(', ')}${rest}`;
  }

  /** Owners where they are known, each once; sorted. */
  #names(addresses: readonly string[]): string {
    const names = [...new Set(addresses.map((address) => this.#nameOf(address) ?? address))].map(visible);
    return this.#counted(names.toSorted(byNumbersToo.compare));
  }

  #limited(lines: readonly string[], limit = this.#limit): readonly string[] {
    return lines.length <= limit ? lines : [...lines.slice(0, limit), `  … and ${lines.length - limit} more`];
  }
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines, ''];
}

const LONGEST = 160;

function shortened(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

/** Text of others on a terminal: what would move the cursor or hide itself is shown as `?`. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}
