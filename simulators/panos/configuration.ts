import { Changes, type Change } from './changes.ts';
import { Draft, type EditRules } from './draft.ts';
import { mistakesInWhole } from './validation.ts';
import type { Element } from './xml.ts';

/** Candidate and running configuration of one device, and whose the differences are. */
export class Configuration {
  #candidate: Element;
  #running: Element;
  readonly changes = new Changes();

  constructor(start: Element) {
    this.#candidate = start;
    this.#running = start;
  }

  get candidate(): Element {
    return this.#candidate;
  }

  get running(): Element {
    return this.#running;
  }

  get pending(): readonly Change[] {
    return this.changes.all();
  }

  /** All edits of one request, or none: a throw leaves everything as it was. */
  write<T>(admin: string, rules: EditRules, edits: (draft: Draft) => T): T {
    const draft = new Draft(this.#candidate, rules);
    const answer = edits(draft);
    this.#candidate = draft.tree;
    for (const { kind, place } of draft.notes)
      if (kind === 'took') this.changes.took(place, admin);
      else this.changes.moved(place, admin);
    return answer;
  }

  /** Gives up what one administrator has not committed. */
  giveUp(admin: string): void {
    const mine = (change: Change): boolean => change.admin === admin;
    this.#candidate = this.changes.compose(this.#running, this.#candidate, (one) => !mine(one)).root;
    this.changes.settle(mine);
  }

  /** `load config from running-config.xml`: everybody's changes are gone. */
  revert(): void {
    this.#candidate = this.#running;
    this.changes.settle(() => true);
  }

  /** What a commit of these changes would run, and why it cannot be. Nothing changes yet. */
  prepare(included: (change: Change) => boolean, rules: EditRules): Prepared {
    const all = this.pending.every(included);
    const { root, orphans } = all
      ? { root: this.#candidate, orphans: [] }
      : this.changes.compose(this.#running, this.#candidate, included);
    const newest = this.changes.newest;
    return {
      mistakes: mistakesInWhole(root, rules, orphans),
      root,
      settles: (change) => change.number <= newest && included(change),
    };
  }

  /** Gives the changes that run now, oldest first. */
  publish({ root, settles }: Prepared): readonly Change[] {
    this.#running = root;
    const published = this.pending.filter(settles).toSorted((a, b) => a.number - b.number);
    this.changes.settle(settles);
    return published;
  }

  /** Puts something into both configurations, past every administrator: how a device comes from the factory. */
  plant(by: (root: Element) => Element): void {
    this.#running = by(this.#running);
    this.#candidate = by(this.#candidate);
  }

  /** Both configurations at once: a load, or what an HA peer sent. */
  replace(root: Element): void {
    this.#running = root;
    this.revert();
  }
}

export interface Prepared {
  readonly root: Element;
  /** Empty: it can be committed. */
  readonly mistakes: readonly string[];
  readonly settles: (change: Change) => boolean;
}
