import type { Diagnostic } from '../../base/diagnostic.ts';
import { compareUtf8 } from '../../base/compare.ts';
import { SallyportError } from '../../base/error.ts';
import type { Family, GroupId, Ruleset } from '../../border/ruleset.ts';
import { absentBehaviour } from '../../plan/ruleset-behaviour.ts';
import type { Actual, Capabilities, DeviceOwner, Driver, Translation } from '../driver.ts';
import { MachineLock } from '../machine-lock.ts';
import { type FeedList, listText } from './feed-list.ts';
import type { FeedOwner } from './feed-store.ts';
import { type FeedStep, renderStep, stepsOf, stepsToLeave } from './feed-steps.ts';
import type { Publication } from './publication.ts';
import { SortedMembers } from './sorted-members.ts';

export interface FeedActual extends Actual {
  readonly lists: ReadonlyMap<string, FeedList>;
}

export interface FeedTranslation extends Translation {
  /** By name. */
  readonly lists: ReadonlyMap<string, FeedList>;
  /** Lists about which nothing is said: they stay as they are given out. */
  readonly held: ReadonlySet<string>;
}

const DEVICE = 'a firewall that fetches lists';

/**
 * A firewall that fetches lists over HTTPS, whichever it is: each AddressGroup is one list, and people write the rules. What is read back is
 * what is given out: of the firewall itself one knows only what it fetched last.
 */
export class FeedDriver implements Driver<FeedActual, FeedTranslation, FeedStep> {
  readonly #publication: Publication;
  readonly #owner: FeedOwner;
  readonly #lock: MachineLock;
  readonly #givesOut: boolean;
  readonly #sorted = new Map<GroupId, SortedMembers>();

  /**
   * `lockDirectory`: where lock files lie; absent: somebody else sees to it that one process writes. `givesOut`: firewalls fetch from this
   * process, so that what is on disk must not change under it: the lock is taken before the first reading, not before the first write.
   */
  constructor(
    publication: Publication,
    owner: FeedOwner,
    {
      lockDirectory,
      givesOut = false,
    }: { readonly lockDirectory?: string | undefined; readonly givesOut?: boolean } = {},
  ) {
    this.#publication = publication;
    this.#owner = owner;
    this.#givesOut = givesOut;
    this.#lock = new MachineLock(lockDirectory, `feed ${owner.firewall}`);
  }

  /** What is published is what is on disk, and stays so until this process changes it. */
  get holds(): boolean {
    return this.#lock.isTaken;
  }

  capabilities(signal: AbortSignal): Promise<Capabilities> {
    signal.throwIfAborted();
    return Promise.resolve({
      device: 'lists over HTTPS',
      families: [4, 6],
      owns: undefined,
      transactionLimit: undefined,
      notes: this.#publication.strange.map(({ file, why }) => `${file} among the lists ${why}; it is not given out`),
    });
  }

  async observe(signal: AbortSignal): Promise<FeedActual> {
    signal.throwIfAborted();
    await this.#read();
    const { lists } = this.#publication;
    return {
      empty: lists.size === 0,
      drift: [],
      foreign: [],
      ...listed(new Map([...lists].map(([name, { list }]) => [name, list]))),
    };
  }

  translate(desired: Ruleset): FeedTranslation {
    const refusals = [...policiesOf(desired)].map(policyRefusal);
    const lists = new Map<string, FeedList>();
    const held = new Set<string>();
    const present = new Set<GroupId>();
    for (const [id, group] of [...desired.groups].toSorted(([a], [b]) => compareUtf8(a, b))) {
      if (group.kind !== 'AddressGroup') continue;
      const { deviceName: name, resource, use, family } = group;
      if (group.held === true || group.form === 'Tag') {
        held.add(name);
        if (group.form === 'Tag') refusals.push(formRefusal(resource));
        continue;
      }
      present.add(id);
      const addresses = this.#sortedOf(id).of(group.members);
      const known = lists.get(name) ?? { name, resource, use, addresses: { 4: [], 6: [] } };
      lists.set(name, { ...known, addresses: { ...known.addresses, [family]: addresses } satisfies Addresses });
    }
    for (const id of this.#sorted.keys()) if (!present.has(id)) this.#sorted.delete(id);
    return { refusals: unique(refusals), ...listed(lists, held), held };
  }

  steps({ lists }: FeedActual, wanted: FeedTranslation): readonly FeedStep[] {
    const kept = [...lists].filter(([name]) => wanted.held.has(name));
    return stepsOf(lists, new Map([...wanted.lists].filter(([name]) => !wanted.held.has(name)).concat(kept)));
  }

  leave({ lists }: FeedActual, owner: DeviceOwner): readonly FeedStep[] {
    if (owner.cluster !== this.#owner.cluster || owner.firewall !== this.#owner.firewall)
      throw new SallyportError(
        'DEVICE_OWNED',
        `the lists belong to the cluster ${this.#owner.cluster}, BorderFirewall ${this.#owner.firewall}`,
      );
    return stepsToLeave(lists);
  }

  render(what: FeedStep | FeedTranslation): string {
    if ('list' in what) return renderStep(what);
    return [...what.lists.values()].map((list) => `# list ${JSON.stringify(list.name)}\n${listText(list)}`).join('');
  }

  async apply(step: FeedStep, signal: AbortSignal): Promise<void> {
    await this.#lock.take();
    signal.throwIfAborted();
    if (step.becomes === undefined) await this.#publication.remove(step.list);
    else await this.#publication.put(step.becomes);
  }

  keepers(): Promise<readonly string[] | undefined> {
    return this.#lock.owners();
  }

  /** Gives the lock back. What is given out stays. */
  close(): Promise<void> {
    return this.#lock.release();
  }

  /** Takes over what is on disk, as long as another process may write there. */
  async #read(): Promise<void> {
    if (this.#givesOut) {
      if (this.#lock.isTaken) return;
      await this.#lock.take();
    }
    this.#publication.readAgain();
  }

  #sortedOf(id: GroupId): SortedMembers {
    const known = this.#sorted.get(id) ?? new SortedMembers();
    this.#sorted.set(id, known);
    return known;
  }
}

type Addresses = Record<Family, readonly string[]>;

/** Lists, and what they mean: all else is up to rules of others. */
function listed(
  lists: ReadonlyMap<string, FeedList>,
  held: ReadonlySet<string> = new Set(),
): Pick<FeedActual, 'behaviour' | 'lists'> {
  const said = new Map<string, FeedList | 'stays'>(lists);
  for (const name of held) said.set(name, 'stays');
  return { behaviour: { ...absentBehaviour, lists: said }, lists };
}

function formRefusal(resource: string): Diagnostic {
  return {
    severity: 'error',
    code: 'GROUP_FORM',
    object: resource,
    path: 'spec.as',
    message: `${DEVICE} has no tags; write \`as: Auto\` or \`as: Feed\`. Until then the list stays as it is given out`,
  };
}

function policyRefusal(policy: string): Diagnostic {
  return {
    severity: 'error',
    code: 'DEVICE_CANNOT_SAY',
    object: policy,
    path: '',
    message: `${DEVICE} gets no rules and translations: its owner writes them there. At this firewall this has no effect`,
  };
}

/** Whatever has a rule or a translation for somebody here. */
function policiesOf({ classes, nats }: Ruleset): ReadonlySet<string> {
  const stages = [...classes.values()].flatMap(({ parts, widened }) =>
    [...parts, ...widened].flatMap((part) => part.stages),
  );
  const rules = stages.flatMap((stage) => stage.rules);
  return new Set([...rules, ...nats].map(({ origin }) => origin.policy).toSorted(compareUtf8));
}

function unique(list: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(list.map((one) => [`${one.code} ${one.object ?? ''}`, one])).values()];
}
