import type { Clock } from '../../../base/clock.ts';
import type { PanosApi } from '../api/api.ts';
import { OUR_FOLDERS, type OurFolder } from '../entries/entries.ts';
import { changesWhatRuns, readJobs } from '../api/jobs.ts';
import type { Folders } from '../entries/read-entries.ts';
import { type XmlElement, entriesAt, nameOf } from '../api/xml.ts';

/** Where a firewall keeps what Panorama pushed to it (reference 1.5). */
const PUSHED = '/config/panorama';

/** So often a firewall is asked for jobs of its own: what somebody does to it there is rare. */
const ASK_AGAIN_MS = 60_000;

interface Known {
  readonly pushes: string;
  /** Jobs of the firewall itself. */
  readonly own: string;
  readonly root: XmlElement | undefined;
  /** When its jobs were asked for (monotonic). */
  readonly at: number;
}

/**
 * What was pushed to one firewall, asked from it through Panorama: the truth about what it runs of ours. Read when a job may have changed it.
 */
export class PushedWatch {
  readonly #serial: string;
  readonly #clock: Clock;
  #known: Known | undefined;

  constructor(serial: string, clock: Clock) {
    this.#serial = serial;
    this.#clock = clock;
  }

  /** The same object as long as nothing changed; `undefined`: nothing was ever pushed. `pushes`: those that Panorama tells of. */
  async read(api: PanosApi, pushes: string, signal: AbortSignal): Promise<XmlElement | undefined> {
    const where = { target: this.#serial };
    const known = this.#known;
    const at = this.#clock.monotonic();
    if (known?.pushes === pushes && at - known.at < ASK_AGAIN_MS) return known.root;
    const jobs = await readJobs(api, signal, where);
    const own = jobs
      .filter((job) => job.finished && changesWhatRuns(job))
      .map(({ id }) => id)
      .join(' ');
    const isSame = known?.pushes === pushes && known.own === own;
    const root = isSame ? known.root : await api.running(PUSHED, signal, where);
    this.#known = { pushes, own, root, at };
    return root;
  }

  /** It was away, or did something of which nobody told. */
  forget(): void {
    this.#known = undefined;
  }
}

/**
 * The folders of what was pushed to one vsys. The reference says no more about their place than that they are below one node, so they are
 * looked for in all of it but other vsys; what is ours is told by its mark. `base`: `pre-rulebase` or `post-rulebase`.
 */
export function pushedFolders(root: XmlElement, vsys: string, base: string): Folders {
  const objects: Record<OurFolder, XmlElement[]> = {
    address: [],
    service: [],
    'service-group': [],
    'address-group': [],
    'external-list': [],
  };
  const security: XmlElement[] = [];
  const nat: XmlElement[] = [];
  const walk = (node: XmlElement): void => {
    for (const part of node.children) {
      const folder = OUR_FOLDERS.find((name) => name === part.name);
      if (folder !== undefined) objects[folder].push(...entriesAt(part));
      else if (part.name === base) {
        security.push(...entriesAt(part, 'security', 'rules'));
        nat.push(...entriesAt(part, 'nat', 'rules'));
      } else if (part.name === 'vsys') part.children.filter((entry) => nameOf(entry) === vsys).forEach(walk);
      else if (!part.name.endsWith('rulebase')) walk(part);
    }
  };
  walk(root);
  return { objects, security, nat, elsewhere: [] };
}
