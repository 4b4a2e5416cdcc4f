import { type Kind, kinds } from '../../api/kinds.ts';
import { BORDER_FINALIZER } from '../../api/own.ts';
import type { BorderFirewall, UnreadFirewall } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import { toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { type NextRound, Rounds } from '../../base/rounds.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { setFinalizer } from '../../kubernetes/finalizer.ts';
import { askDefinition } from '../../sources/kubernetes/definitions.ts';
import type { SourceState } from '../../sources/source.ts';
import { LEAVE_AGAIN_MS } from './leaving.ts';

/** What the controller does for it. */
export interface DepartureHooks {
  /** This copy writes to the firewall. */
  mayWrite(firewall: string): boolean;
  /** Takes everything of ours off the device. Rejects with what stood in the way, and is asked again. */
  leave(firewall: string): Promise<void>;
  /** Leaving had begun, and is not wanted any more. */
  stay(firewall: string): void;
  /** Something else is told of it. */
  changed(): void;
}

/** For people, about a firewall whose object is held. */
export interface DepartureTold {
  /** It cannot go on by itself. */
  readonly stops: boolean;
  /** The object is not being deleted: only an event tells of it. */
  readonly isAhead?: true;
  readonly reason: string;
  readonly message: string;
}

/** What waits for a person is tried again so often. */
const SELDOM_MS = 60_000;
const LONGEST_REASON = 200;

const BORDER_FIREWALL = kinds.find(({ type }) => type === 'BorderFirewall') as Kind;
const COLLECTION = {
  group: BORDER_FIREWALL.group,
  version: BORDER_FIREWALL.versions[0] ?? '',
  plural: BORDER_FIREWALL.plural,
};

/**
 * Whether its device is to be left when the object goes. In mode Observe nothing is ever written, so there is nothing to be done. One that
 * cannot be read is only let go where that much of it can be: its device may hold something of ours.
 */
function isRemoved(firewall: BorderFirewall | UnreadFirewall): boolean {
  if (isUnread(firewall)) return firewall.onDelete !== 'Keep';
  return firewall.onDelete === 'Remove' && firewall.mode !== 'Observe';
}

function isUnread(firewall: BorderFirewall | UnreadFirewall): firewall is UnreadFirewall {
  return 'unreadable' in firewall;
}

/** What of it decides whether it is held, as text for comparing. */
function wordsOf(firewall: BorderFirewall | UnreadFirewall): string {
  const { held, deleting } = firewall;
  return JSON.stringify([held, deleting, isUnread(firewall), isRemoved(firewall)]);
}

/** One object that is held, or is to be, until its device was left. */
export class Departure {
  readonly uid: string;
  readonly #api: { readonly client: ApiClient; readonly clock: Clock; readonly log: Log };
  readonly #hooks: DepartureHooks;
  readonly #rounds: Rounds;
  readonly #stop = new AbortController();
  #firewall: BorderFirewall | UnreadFirewall;
  #wasRead: boolean;
  #state: SourceState['kind'] = 'loading';
  #mayWrite = false;
  #stage: 'Leaving' | 'Left' | undefined;
  /** The worker was told to leave. */
  #isUnderWay = false;
  #told: DepartureTold | undefined;

  constructor(
    api: { readonly client: ApiClient; readonly clock: Clock; readonly log: Log },
    hooks: DepartureHooks,
    firewall: BorderFirewall | UnreadFirewall,
    uid: string,
  ) {
    this.#api = api;
    this.#hooks = hooks;
    this.#firewall = firewall;
    this.#wasRead = !isUnread(firewall);
    this.uid = uid;
    this.#rounds = new Rounds(api.clock, () => this.#round());
  }

  get stage(): 'Leaving' | 'Left' | undefined {
    return this.#stage;
  }

  get told(): DepartureTold | undefined {
    return this.#told;
  }

  /** Whether this copy has ever known what it asks for. */
  get wasRead(): boolean {
    return this.#wasRead;
  }

  describe(firewall: BorderFirewall | UnreadFirewall): void {
    const before = wordsOf(this.#firewall);
    this.#firewall = firewall;
    this.#wasRead ||= !isUnread(firewall);
    if (wordsOf(firewall) === before) return;
    // The round that waits for the device to be left does not end before it is.
    if (!this.#isToLeave) this.#pause();
    this.#rounds.request();
  }

  look(state: SourceState['kind']): void {
    const mayWrite = this.#hooks.mayWrite(this.#firewall.name);
    if (state === this.#state && mayWrite === this.#mayWrite) return;
    this.#state = state;
    this.#mayWrite = mayWrite;
    if (state !== 'complete') this.#pause();
    this.#rounds.request();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#rounds.stop();
  }

  async #round(): Promise<NextRound> {
    try {
      if (this.#state === 'loading') return undefined;
      if (this.#state === 'frozen') return await this.#whileFrozen();
      if (!this.#mayWrite) return this.#say(undefined);
      return this.#firewall.deleting ? await this.#depart() : await this.#hold();
    } catch (thrown) {
      if (this.#stop.signal.aborted) return undefined;
      return this.#failed(thrown);
    }
  }

  /** Not deleted: the finalizer is there exactly where it is needed. */
  async #hold(): Promise<NextRound> {
    if (isUnread(this.#firewall)) return this.#say(undefined);
    const wanted = isRemoved(this.#firewall);
    if ((this.#firewall.held === true) !== wanted) await this.#set(wanted);
    return this.#say(undefined);
  }

  /** Not so where somebody let it go by hand, or it never was ours to hold: it stays as it is. */
  get #isToLeave(): boolean {
    return this.#firewall.held === true && isRemoved(this.#firewall);
  }

  async #depart(): Promise<NextRound> {
    const { held, name } = this.#firewall;
    if (!this.#isToLeave) {
      this.#comeBack();
      if (held === true) await this.#set(false);
      return this.#say(undefined);
    }
    switch ((await this.#askDefinition()).kind) {
      case 'Gone':
        return await this.#letGoWithDefinition();
      case 'None':
      case 'Unknown':
        return this.#say(
          this.#waiting('DefinitionUnknown', 'whether the definition (CRD) of its kind goes too cannot be read', true),
          SELDOM_MS,
        );
      case 'There':
    }
    if (isUnread(this.#firewall) && this.#stage === undefined)
      return this.#say(this.#waiting('Unreadable', 'what cannot be read says not how to leave its device', true));
    if (this.#stage !== 'Left') {
      this.#stage = 'Leaving';
      if (this.#told?.stops !== true)
        this.#say(this.#waiting('Leaving', 'everything of ours is taken off its device', false));
      this.#isUnderWay = true;
      try {
        await this.#hooks.leave(name);
      } catch (thrown) {
        // What was stopped here did not fail, and the next round knows why.
        if (!this.#isUnderWay) return undefined;
        throw thrown;
      }
      this.#isUnderWay = false;
      this.#stage = 'Left';
    }
    this.#say(this.#waiting('Left', 'nothing of ours is on its device any more', false));
    await this.#set(false);
    return undefined;
  }

  /** Nothing is believed of what is delivered now; but a definition that goes waits for the objects that are held. */
  async #whileFrozen(): Promise<NextRound> {
    this.#pause();
    if (this.#firewall.held !== true) return undefined;
    const { kind } = await this.#askDefinition();
    if (kind === 'Gone') return await this.#letGoWithDefinition();
    return LEAVE_AGAIN_MS;
  }

  async #letGoWithDefinition(): Promise<NextRound> {
    const { name } = this.#firewall;
    this.#comeBack();
    await this.#set(false);
    this.#api.log.warn(
      { firewall: name },
      'the object goes with the definition of its kind; its device stays as it is',
    );
    return undefined;
  }

  /** What was begun is not gone on with. */
  #comeBack(): void {
    if (this.#stage !== 'Left') this.#stage = undefined;
    this.#pause();
  }

  #pause(): void {
    if (this.#isUnderWay) this.#hooks.stay(this.#firewall.name);
    this.#isUnderWay = false;
  }

  #askDefinition(): ReturnType<typeof askDefinition> {
    return askDefinition(this.#api.client, BORDER_FIREWALL, this.#stop.signal, () => undefined);
  }

  #set(wanted: boolean): Promise<void> {
    const { name } = this.#firewall;
    const { signal } = this.#stop;
    return setFinalizer(this.#api.client, COLLECTION, { name, uid: this.uid }, BORDER_FINALIZER, wanted, signal);
  }

  #failed(thrown: unknown): NextRound {
    const { code, message, blame } = toSallyportError(thrown);
    const { name, deleting } = this.#firewall;
    const passes = blame === 'transient' || blame === 'conflict';
    const againMs = passes ? LEAVE_AGAIN_MS : SELDOM_MS;
    const fields = { firewall: name, code, error: message, againMs };
    const isNew = this.#told?.reason !== code;
    const short = message.length > LONGEST_REASON ? `${message.slice(0, LONGEST_REASON)}…` : message;
    if (deleting) {
      if (isNew) this.#api.log.error(fields, 'the firewall could not be left; its object waits');
      return this.#say(this.#waiting(code, short, true), againMs);
    }
    if (isNew)
      this.#api.log.warn(fields, 'the finalizer could not be set: without it only a running copy sees the object go');
    return this.#say(
      { stops: false, isAhead: true, reason: code, message: `the finalizer could not be set: ${short}` },
      againMs,
    );
  }

  /** Why the object is still there, and how a person lets it go. */
  #waiting(reason: string, why: string, stops: boolean): DepartureTold {
    const { name } = this.#firewall;
    const patch = `kubectl patch borderfirewall ${name} --type merge -p '{"spec":{"onDelete":"Keep"}}'`;
    return {
      stops,
      reason,
      message: `deleted, and waits (${BORDER_FINALIZER}): ${why}. To leave the device as it is: ${patch}`,
    };
  }

  #say(told: DepartureTold | undefined, next?: number): NextRound {
    const isSame = told?.reason === this.#told?.reason && told?.message === this.#told?.message;
    this.#told = told;
    if (!isSame) this.#hooks.changed();
    return next;
  }
}
