import type { Clock } from '../../../base/clock.ts';
import type { MayGoOn } from '../../driver.ts';
import type { PanosApi } from '../api/api.ts';
import { readIdentity } from '../api/identity.ts';
import { ListContents, type ListMembers, type ListsReading, unlessFails, unreadLists } from '../lists/list-contents.ts';

/** So often a firewall is asked whether it has several vsys: it takes a start to change that. */
const ASK_AGAIN_MS = 60_000;

/** Which commands about lists would be for, handed through a Panorama, nobody says. */
const SEVERAL_VSYS =
  'the firewall has several vsys, and tells about lists of the one that a connection has set; whose connection that is behind a Panorama is not known';

interface Known {
  readonly at: number;
  /** Why its lists cannot be read; `undefined`: they can. */
  readonly unread: string | undefined;
}

/** What the lists of one firewall hold that a Panorama hands questions through to, by its serial. */
export class ManagedLists {
  readonly #serial: string;
  readonly #clock: Clock;
  readonly #contents: ListContents;
  #known: Known | undefined;
  #unread: { readonly why: string; readonly under: object; readonly reading: ListsReading } | undefined;

  constructor(serial: string, clock: Clock) {
    this.#serial = serial;
    this.#clock = clock;
    this.#contents = new ListContents(clock, { target: serial });
  }

  /** As `ListContents.read`. */
  async read(api: PanosApi, names: readonly string[], under: object, signal: AbortSignal): Promise<ListsReading> {
    const why = names.length === 0 ? undefined : await this.#whyUnread(api, signal);
    if (why === undefined) return await this.#contents.read(api, names, under, signal);
    if (this.#unread?.why !== why || this.#unread.under !== under)
      this.#unread = { why, under, reading: unreadLists(names, why) };
    return this.#unread.reading;
  }

  /** As `ListContents.refresh`. */
  refresh(api: PanosApi, name: string, members: ListMembers, signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    return this.#contents.refresh(api, name, members, signal, mayGoOn);
  }

  /** It was away: it may be another one under the same serial by now. */
  forget(): void {
    this.#known = undefined;
    this.#contents.forget();
  }

  async #whyUnread(api: PanosApi, signal: AbortSignal): Promise<string | undefined> {
    const at = this.#clock.monotonic();
    if (this.#known !== undefined && at - this.#known.at < ASK_AGAIN_MS) return this.#known.unread;
    const unread = await unlessFails(
      signal,
      async (limited) => {
        const { hasSeveralVsys } = await readIdentity(api, limited, { target: this.#serial });
        return hasSeveralVsys ? SEVERAL_VSYS : undefined;
      },
      (why) => why,
    );
    this.#known = { at, unread };
    return unread;
  }
}
