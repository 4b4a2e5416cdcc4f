import { readFile } from 'node:fs/promises';
import { isMap, type RawMap } from '../../../api/shape.ts';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { SallyportError, toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import { ConnectApi } from '../../../sources/metal/connect-api.ts';
import type { MetalApi } from '../../../sources/metal/metal-api.ts';
import { skewText } from '../../../sources/metal/metal-http.ts';
import { RestApi } from '../../../sources/metal/rest-api.ts';
import type { Secret } from '../../configuration/feeds-configuration.ts';
import type { MetalPlace } from '../../configuration/source-places.ts';
import type { Asked } from './asked.ts';
import type { SourceMemory } from './memory.ts';

/** Thousands of machines ask one API: once a minute each, never all at once. */
const POLL_MS = 60_000;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 300_000;
/** Half of fewer rules may well have been meant. */
const FEW = 4;
/** So often an answer that lacks most of what was there is heard before it counts. */
const HEARINGS = 3;

export interface MetalSourceOptions {
  readonly name: string;
  readonly place: MetalPlace;
  /** The host name of the machine. */
  readonly hostname: string;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly memory: SourceMemory;
  readonly changed: (isRule: boolean) => void;
}

/** The metal-api about one machine, asked once in a while. What it said last counts until it is heard again, over a restart too. */
export class MetalSource {
  readonly access = undefined;
  readonly #options: MetalSourceOptions;
  #last: RawMap | undefined;
  #text = '';
  #isHeard = false;
  #failure: SallyportError | undefined;
  #doubted: { readonly text: string; readonly times: number } | undefined;
  #saidSkew: string | undefined;

  constructor(options: MetalSourceOptions) {
    this.#options = options;
    [this.#last] = options.memory.get(this.#part) ?? [];
    this.#text = JSON.stringify(this.#last) ?? '';
  }

  ask(kind: string): Asked {
    const failure = this.#failure;
    const message =
      failure?.message ??
      (this.#doubted === undefined
        ? undefined
        : 'most of the rules of the allocation are gone in its answer; it counts when it is heard again and again');
    return {
      objects: kind !== 'Metal' || this.#last === undefined ? undefined : [{ raw: this.#last }],
      isHeard: this.#isHeard,
      problem:
        message === undefined
          ? undefined
          : {
              severity: 'error',
              code: failure?.code ?? 'METAL_FAILED',
              message,
              path: '',
              at: { file: this.#options.name },
            },
    };
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const api = this.#open();
    let failures = 0;
    try {
      while (!signal.aborted) {
        let wait = POLL_MS * (0.8 + 0.4 * random());
        try {
          this.#take(await api.read(signal));
          this.#tellSkew(api);
          failures = 0;
        } catch (thrown) {
          if (signal.aborted) return;
          const error = toSallyportError(thrown);
          this.#fail(error);
          const asked = error.details['retryAfterMs'];
          const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
          wait = Math.max(
            longest * (0.5 + 0.5 * random()),
            typeof asked === 'number' ? asked * (1 + 0.1 * random()) : 0,
          );
          failures += 1;
        }
        await elapsed(clock, wait, signal);
      }
    } finally {
      await api.close();
    }
  }

  #open(): MetalApi {
    const { place, hostname, clock } = this.#options;
    const { url, auth, project } = place;
    const machine = { hostname, project };
    return auth.kind === 'Hmac'
      ? new RestApi({ url, user: auth.user, secret: () => textOf(auth.secret, 'hmac'), machine, clock })
      : new ConnectApi({ url, token: () => textOf(auth.token, 'token'), machine, clock });
  }

  #take(answer: RawMap): void {
    const { log, name, memory, changed } = this.#options;
    if (this.#failure !== undefined) log.info({ source: name }, 'the metal-api answers');
    const isNews = this.#failure !== undefined || !this.#isHeard;
    this.#failure = undefined;
    this.#isHeard = true;
    const text = JSON.stringify(answer);
    if (text === this.#text) {
      this.#doubted = undefined;
      if (isNews) changed(true);
      return;
    }
    if (lacksMost(this.#last, answer)) {
      const times = this.#doubted?.text === text ? this.#doubted.times + 1 : 1;
      this.#doubted = { text, times };
      if (times < HEARINGS) return changed(true);
    }
    this.#doubted = undefined;
    this.#last = answer;
    this.#text = text;
    memory.put(this.#part, [answer]);
    changed(true);
  }

  #fail(error: SallyportError): void {
    const { log, name, changed } = this.#options;
    const isNew = this.#failure?.message !== error.message;
    this.#isHeard = false;
    this.#failure = error;
    if (!isNew) return;
    log.warn(
      { source: name, code: error.code, problem: error.message },
      'the metal-api cannot be asked; what it said last counts',
    );
    changed(true);
  }

  #tellSkew({ skew }: MetalApi): void {
    const said = skewText(skew);
    if (said !== undefined && this.#saidSkew === undefined)
      this.#options.log.warn({ source: this.#options.name }, said);
    this.#saidSkew = said;
  }

  get #part(): string {
    const { name, hostname } = this.#options;
    return `${name}/${hostname}/Metal`;
  }
}

/** Of at least four rules more than half are gone: no call of these APIs takes rules away, so that this may be half an answer. */
function lacksMost(before: RawMap | undefined, now: RawMap): boolean {
  const [was, is] = [countOf(before), countOf(now)];
  return was >= FEW && is * 2 < was;
}

function countOf(answer: RawMap | undefined): number {
  const allocation = answer?.['allocation'];
  const rules = isMap(allocation) ? allocation['firewall_rules'] : undefined;
  if (!isMap(rules)) return 0;
  return ['egress', 'ingress'].reduce((sum, side) => sum + (Array.isArray(rules[side]) ? rules[side].length : 0), 0);
}

/** A file is read again each time: secrets are replaced. */
async function textOf(secret: Secret, what: string): Promise<string> {
  if ('text' in secret) return secret.text;
  let text: string;
  try {
    text = (await readFile(secret.file, 'utf8')).trim();
  } catch (thrown) {
    const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    throw new SallyportError('METAL_REFUSED', `the file of ${what} cannot be read (${reason}): ${secret.file}`);
  }
  if (text === '') throw new SallyportError('METAL_REFUSED', `the file of ${what} is empty: ${secret.file}`);
  return text;
}
