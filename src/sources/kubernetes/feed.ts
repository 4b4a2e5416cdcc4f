import type { Resource, ResourceKey } from '../../api/resource.ts';
import type { Kind } from '../../api/kinds.ts';
import type { Clock } from '../../base/clock.ts';
import type { Code } from '../../base/catalogue.ts';
import { type SallyportError, toSallyportError } from '../../base/error.ts';
import type { Readable, Sent } from './encoding.ts';
import type { Listener } from './informer.ts';
import { kindTitle } from './kind-title.ts';
import { isShrunk } from './shrink.ts';
import { type Fresh, type Output, Told } from './told.ts';

/**
 * A kind that cannot be watched for longer than this is lost: long enough for two attempts at the longest back-off, and for API servers that
 * are restarted one after the other; short beside the minutes for which watches go on where they ended.
 */
export const GRACE_MS = 60_000;
/** A state that was doubted has to look sound for so long: who restores objects does it one by one. */
export const SETTLE_MS = 60_000;
/** How often a doubted state is looked at. */
const LOOK_MS = 1_000;
/** Nobody looked for longer than this: the process stood still, and what happened meanwhile is yet to be heard. */
const LONGEST_LOOK_MS = 5_000;
/** Between two questions about the definition of a kind whose answer did not come. */
const ASK_AGAIN_MS = 5_000;

/** What became of the definition (CRD) of a kind. `None`: it is served without one; `Unknown`: we may not ask. */
export type Definition =
  | { readonly kind: 'There'; readonly uid: string }
  | { readonly kind: 'Gone' | 'None' | 'Unknown' };

export type FeedState =
  | { readonly kind: 'absent' | 'complete' }
  | { readonly kind: 'loading'; readonly reason: string }
  /** `isShrunk`: the server answers, and leaves out what was there; its word about other kinds may be worth as little. */
  | { readonly kind: 'lost'; readonly sinceMs: number; readonly reason: string; readonly isShrunk?: true };

/** What is followed of a kind, whoever reads it. */
export type FollowedKind = Pick<Kind, 'group' | 'kind' | 'plural'> & { readonly type: string };

export interface FeedOptions<R = Resource> {
  readonly kind: FollowedKind;
  readonly clock: Clock;
  readonly output: Output<R>;
  /** The state, or a problem, is another. */
  readonly changed: () => void;
  /** Whether objects may be told before their list is whole. */
  readonly inPortions: () => boolean;
  /** Asks for the definition of the kind; absent: it is built in. */
  readonly define?: () => Promise<Definition>;
  /** See `Told`. */
  readonly isSame?: (known: R, fresh: R) => boolean;
}

/** Something that has not worked since a moment: by the monotonic clock, and for people. */
interface Failure {
  readonly error: SallyportError;
  readonly since: number;
  readonly sinceMs: number;
  /** It is over. */
  forget(): void;
}

/** What is wrong with a kind as a whole. */
export interface FeedProblem {
  readonly code: Code;
  readonly message: string;
}

/** A state of the server that is not believed yet. It is kept in step with the server meanwhile. */
interface Doubt<R> {
  readonly target: Map<ResourceKey, Fresh<R>>;
  /** `Checking`: it looks sound, and only the definition has to be asked for; `Unknown`: nobody may say what became of that. */
  readonly kind: 'Checking' | 'Shrunk' | 'Gone' | 'Unknown';
  readonly sinceMs: number;
  /** When it was listed, by the monotonic clock. */
  readonly at: number;
  /** By the monotonic clock; `undefined`: it does not look sound. */
  soundSince: number | undefined;
}

/**
 * One kind: takes what its informer hears, judges whether to believe it, and tells the difference. What is not believed changes nothing
 * (design invariant 2); docs/design/sources.md has the rules.
 */
export class Feed<R extends Readable = Resource> implements Listener<R> {
  readonly told: Told<R>;
  /** Whether the informer reads Calico's storage form. */
  isStored = false;
  readonly #options: FeedOptions<R>;
  #isServed = false;
  /** Since when: by the monotonic clock, and for people. */
  #served = { since: 0, sinceMs: 0 };
  /** A list was whole once. */
  #isComplete = false;
  /** What the list under way has named; `undefined`: none is. */
  #listed: Map<ResourceKey, Fresh<R>> | undefined;
  #doubt: Doubt<R> | undefined;
  /** Deletions of which nobody knows yet whether the definition of the kind went with them; by the server's name, with uid. */
  readonly #held = new Map<ResourceKey, string>();
  #isAsking = false;
  #isClosed = false;
  /** Of the definition, when the state was last believed. */
  #definition: string | undefined;
  /** What keeps the server from being heard. */
  #broken: Failure | undefined;
  /** What keeps the question about the definition from being answered. */
  #unanswered: Failure | undefined;
  #gone: { readonly sinceMs: number } | undefined;
  /** When the doubted state was looked at last, by the monotonic clock. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #cancelLook: () => void = () => {};
  #cancelServed: () => void = () => {};
  #cancelAsk: () => void = () => {};

  constructor(options: FeedOptions<R>) {
    this.#options = options;
    this.told = new Told(options.kind.type, options.output, options.isSame, options.changed);
  }

  /** Whether the server serves the kind. What was fed by a kind that is no longer served stays, and is lost. */
  serve(isServed: boolean): void {
    if (isServed === this.#isServed) return;
    this.#isServed = isServed;
    const { clock, changed } = this.#options;
    if (isServed) {
      // What is lost stays so until its list is whole again.
      this.#served = { since: clock.monotonic(), sinceMs: clock.wall() };
      this.#cancelServed();
      this.#cancelServed = clock.after(GRACE_MS, changed);
      return changed();
    }
    if (this.told.size > 0) this.#gone = { sinceMs: clock.wall() };
    else this.#isComplete = false;
    this.connected();
    changed();
  }

  close(): void {
    this.#cancelLook();
    this.#broken?.forget();
    this.#unanswered?.forget();
    this.#cancelServed();
    this.#cancelAsk();
    this.#isClosed = true;
  }

  get state(): FeedState {
    const { kind, clock } = this.#options;
    if (this.#gone !== undefined)
      return { kind: 'lost', sinceMs: this.#gone.sinceMs, reason: `${kind.kind} is no longer served` };
    if (!this.#isServed) return { kind: 'absent' };
    const { problem } = this;
    if (!this.#isComplete) {
      const reason = problem?.message ?? `the list of ${kindTitle(kind)} is not whole yet`;
      const { since, sinceMs } = this.#served;
      return clock.monotonic() - since < GRACE_MS ? { kind: 'loading', reason } : { kind: 'lost', sinceMs, reason };
    }
    if (this.#doubt !== undefined && this.#doubt.kind !== 'Checking') {
      const shrunk = this.#doubt.kind === 'Shrunk' ? { isShrunk: true as const } : {};
      return { kind: 'lost', sinceMs: this.#doubt.sinceMs, reason: problem?.message ?? '', ...shrunk };
    }
    const failure = this.#failure;
    if (failure !== undefined && clock.monotonic() - failure.since >= GRACE_MS)
      return { kind: 'lost', sinceMs: failure.sinceMs, reason: problem?.message ?? '' };
    return { kind: 'complete' };
  }

  /** What keeps the kind from being followed, for people. */
  get problem(): FeedProblem | undefined {
    const name = kindTitle(this.#options.kind);
    if (this.#gone !== undefined)
      return {
        code: 'CLUSTER_KIND_GONE',
        message: `the server no longer serves ${name}; its ${this.told.size} objects stay in force as they were`,
      };
    if (this.#doubt !== undefined && this.#doubt.kind !== 'Checking') return this.#doubtProblem(this.#doubt, name);
    const failure = this.#failure;
    if (failure === undefined) return undefined;
    const { error } = failure;
    if (error.code === 'API_FORBIDDEN')
      return {
        code: 'CLUSTER_KIND_FORBIDDEN',
        message: `the right to list and watch ${name} is missing (${error.message})`,
      };
    if (this.#options.clock.monotonic() - failure.since < GRACE_MS && this.#isComplete) return undefined;
    return { code: 'CLUSTER_KIND_LOST', message: `${name} cannot be read: ${error.message}` };
  }

  #doubtProblem({ kind, target, soundSince }: Doubt<R>, name: string): FeedProblem {
    const missing = this.#missing(target);
    const why =
      kind === 'Unknown'
        ? 'and the right to get the definition (CRD) of their kind is missing, so that nobody knows whether they went with it'
        : kind === 'Gone'
          ? 'with the definition (CRD) of their kind'
          : 'without being told as deleted';
    const next =
      soundSince === undefined
        ? `they stay in force; ${kind === 'Unknown' ? 'give the right' : 'restore them'}, or restart Sallyport if they are meant to be gone`
        : `what is there now counts if it stays so for ${SETTLE_MS / 1_000} s`;
    const code =
      kind === 'Unknown' ? 'CLUSTER_KIND_UNDEFINED' : kind === 'Gone' ? 'CLUSTER_KIND_GONE' : 'CLUSTER_KIND_SHRUNK';
    return { code, message: `${missing} of ${this.told.size} objects of ${name} vanished ${why}; ${next}` };
  }

  /** Objects that the list under way has named. */
  get progress(): number {
    return this.told.named + (this.#listed?.size ?? 0);
  }

  /** What keeps the server from being heard at present; `undefined`: nothing. */
  get failure(): Code | undefined {
    return this.#broken?.error.code;
  }

  // ---- What the informer hears ----

  /** A list that was wrong once is never put right by events: what is doubted is read again, once in a while. */
  isDoubted(): boolean {
    return this.#doubt !== undefined && this.#options.clock.monotonic() - this.#doubt.at >= SETTLE_MS;
  }

  connected(): void {
    if (this.#broken === undefined) return;
    this.#broken.forget();
    this.#broken = undefined;
    this.#options.changed();
  }

  broken(error: SallyportError): void {
    if (this.#isClosed) return;
    // What was restored meanwhile was not told: it has to look sound anew. Before anybody hears of the failure, and reads what it says.
    if (this.#doubt !== undefined) this.#doubt.soundSince = undefined;
    this.#broken = this.#failed(this.#broken, error);
  }

  /** The one that has lasted longer. */
  get #failure(): Failure | undefined {
    const [broken, unanswered] = [this.#broken, this.#unanswered];
    return broken === undefined || (unanswered !== undefined && unanswered.since < broken.since) ? unanswered : broken;
  }

  /** One failure more: it has lasted since the first of those without a success in between. */
  #failed(before: Failure | undefined, error: SallyportError): Failure {
    const { clock, changed } = this.#options;
    if (before?.error.message === error.message) return before;
    changed();
    if (before !== undefined) return { ...before, error };
    return { error, since: clock.monotonic(), sinceMs: clock.wall(), forget: clock.after(GRACE_MS, changed) };
  }

  listBegins(): void {
    this.#listed = new Map();
    this.told.listBegins();
  }

  listed(sent: Sent<R>): void {
    // What two objects could share a key in is told when it is whole.
    if (this.#isComplete || this.isStored || !this.#options.inPortions()) {
      const fresh = this.told.fresh(sent, this.isStored);
      this.#listed?.set(fresh.raw, fresh);
    } else this.told.name(sent);
  }

  listEnds(): void {
    const target = this.#listed ?? new Map<ResourceKey, Fresh<R>>();
    this.#listed = undefined;
    this.#held.clear();
    if (this.#isComplete) return this.#judge(target);
    // Some of it may have been told as it came, some held back: the source can become complete in between.
    this.told.become(target);
    this.#isComplete = true;
    this.#ask();
    this.#options.changed();
  }

  put(sent: Sent<R>): void {
    const fresh = this.told.fresh(sent, this.isStored);
    this.#held.delete(fresh.raw);
    if (this.#doubt === undefined) this.told.put(fresh);
    else this.#doubt.target.set(fresh.raw, fresh);
  }

  deleted(sent: Sent<R>): void {
    const raw = this.told.rawOf(sent);
    if (this.#doubt !== undefined) {
      const there = this.#doubt.target.get(raw);
      if (there !== undefined && (sent.uid === '' || sent.uid === there.uid)) this.#doubt.target.delete(raw);
    } else if (this.#options.define === undefined) this.told.remove(raw, sent.uid);
    else {
      this.#held.set(raw, sent.uid);
      this.#ask();
    }
  }

  // ---- Judging ----

  /** Takes a later list for what is there, or doubts it. */
  #judge(target: Map<ResourceKey, Fresh<R>>): void {
    const wasGone = this.#gone !== undefined;
    this.#gone = undefined;
    if (wasGone) this.#options.changed();
    if (this.#doubt === undefined && this.#missing(target) === 0) return this.told.become(target);
    const known = this.#doubt;
    const shrunk = this.#isShrunk(target);
    const { clock, define } = this.#options;
    if (known === undefined && !shrunk && !wasGone && define === undefined) return this.told.become(target);
    const judged = shrunk ? 'Shrunk' : 'Checking';
    const kind = wasGone ? 'Gone' : known === undefined || known.kind === 'Checking' ? judged : known.kind;
    const soundSince = shrunk ? undefined : known?.soundSince;
    const sinceMs = known?.sinceMs ?? clock.wall();
    this.#doubt = { target, kind, sinceMs, at: clock.monotonic(), soundSince };
    this.#ask();
    this.#look();
    this.#options.changed();
  }

  #isShrunk(target: ReadonlyMap<ResourceKey, Fresh<R>>): boolean {
    return isShrunk(this.#options.kind.type, this.told.size, target.size, this.#missing(target));
  }

  /** How many of the objects that were told are not in a state of the server. */
  #missing(target: ReadonlyMap<ResourceKey, Fresh<R>>): number {
    const keys = new Set<ResourceKey>();
    for (const { key } of target.values()) keys.add(key);
    let missing = 0;
    for (const key of this.told.keys()) if (!keys.has(key)) missing += 1;
    return missing;
  }

  /** Asks what became of the kind's definition, and then does what waits for the answer; one question at a time. */
  #ask(): void {
    const { define } = this.#options;
    if (define === undefined || this.#isAsking) return;
    this.#isAsking = true;
    const held = new Map(this.#held);
    const doubt = this.#doubt;
    const answered = (definition: Definition): void => {
      this.#isAsking = false;
      if (this.#isClosed) return;
      if (this.#unanswered !== undefined) {
        this.#unanswered.forget();
        this.#unanswered = undefined;
        this.#options.changed();
      }
      this.#learn(definition, held, doubt);
      if (this.#held.size > 0 || this.#doubt?.kind === 'Checking') this.#ask();
    };
    const failed = (thrown: unknown): void => {
      this.#isAsking = false;
      if (this.#isClosed) return;
      this.#unanswered = this.#failed(this.#unanswered, toSallyportError(thrown));
      this.#cancelAsk = this.#options.clock.after(ASK_AGAIN_MS, () => this.#ask());
    };
    define().then(answered, failed);
  }

  #learn(definition: Definition, held: ReadonlyMap<ResourceKey, string>, doubt: Doubt<R> | undefined): void {
    const isNew = this.#definition === undefined;
    if (definition.kind === 'There' && isNew) this.#definition = definition.uid;
    // Where none stands behind a kind none did before; one that is going takes everything with it, whoever asked first. What is stored by
    // definitions has one.
    const wasThere =
      definition.kind === 'There'
        ? definition.uid === this.#definition
        : definition.kind === 'None' && isNew && !this.isStored;
    if (!wasThere) return this.#distrust(definition.kind === 'Unknown' ? 'Unknown' : 'Gone');
    if (this.#doubt === undefined) {
      for (const [raw, uid] of held) {
        if (this.#held.get(raw) !== uid) continue;
        this.#held.delete(raw);
        this.told.remove(raw, uid);
      }
    } else if (this.#doubt === doubt && doubt.kind === 'Checking') this.#believe(doubt);
  }

  /** The definition went, or is another one, or nobody may say so: nothing that vanished with it is a wish. */
  #distrust(kind: 'Gone' | 'Unknown'): void {
    const { clock, changed } = this.#options;
    if (this.#doubt === undefined) {
      if (this.#held.size === 0) return;
      const target = new Map<ResourceKey, Fresh<R>>();
      for (const fresh of this.told.present()) if (!this.#held.has(fresh.raw)) target.set(fresh.raw, fresh);
      this.#doubt = { target, kind, sinceMs: clock.wall(), at: clock.monotonic(), soundSince: undefined };
    } else this.#doubt = { ...this.#doubt, kind, soundSince: undefined };
    this.#held.clear();
    this.#look();
    changed();
  }

  /** Looks whether a doubted state has come to look sound, and has been so for long enough. */
  #look(): void {
    this.#cancelLook();
    const doubt = this.#doubt;
    if (doubt === undefined) return;
    const { clock, changed } = this.#options;
    this.#cancelLook = clock.after(LOOK_MS, () => this.#look());
    const now = clock.monotonic();
    if (now - this.#lookedAt > LONGEST_LOOK_MS) doubt.soundSince = undefined;
    this.#lookedAt = now;
    if (doubt.kind === 'Checking' || this.#failure !== undefined || this.#gone !== undefined) return;
    if (this.#missing(doubt.target) === 0) return this.#believe(doubt);
    const before = doubt.soundSince;
    if (this.#isShrunk(doubt.target)) doubt.soundSince = undefined;
    else doubt.soundSince ??= now;
    if (before === undefined && doubt.soundSince !== undefined) changed();
    else if (before !== undefined && doubt.soundSince === undefined) changed();
    if (doubt.soundSince !== undefined && now - doubt.soundSince >= SETTLE_MS) this.#believe(doubt);
  }

  #believe({ target }: Doubt<R>): void {
    this.#cancelLook();
    this.#doubt = undefined;
    // What is believed now belongs to the definition there is now.
    this.#definition = undefined;
    this.told.become(target);
    this.#ask();
    this.#options.changed();
  }
}
