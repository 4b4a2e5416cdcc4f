import type { Clock } from '../../../src/base/clock.ts';
import { TemplateEntry, PodTemplate } from './pod-template.ts';
import type { Store } from './store.ts';

export interface FillOptions {
  readonly pods: number;
  /** The pods are spread over them evenly; `shop-0000` and so on; 10 if absent. */
  readonly namespaces?: number;
  /** Kinds of pods, each with its own labels; 100 if absent. */
  readonly apps?: number;
}

/** Versions of this many digits: texts of templates keep their length. */
const LARGE = 10_000_000;

/** Pods by the hundred thousand, and events by the million: made from templates when somebody reads them, never held as objects. */
export class Load {
  readonly #store: () => Store;
  readonly #clock: Clock;
  #entries: TemplateEntry[] = [];
  #next = 0;
  #round = 0;
  #namespaces = 10;
  #templates: readonly PodTemplate[] = [];

  constructor(store: () => Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Adds pods (about 5.9 KB each, `managedFields` included) as the state before all watches. */
  fill({ pods, namespaces = 10, apps = 100 }: FillOptions): void {
    const store = this.#store();
    store.advanceTo(LARGE);
    this.#namespaces = namespaces;
    this.#templates = Array.from({ length: apps }, (_, app) => new PodTemplate(app));
    for (let i = 0; i < pods; i++) {
      const entry = store.set('pods', (version) => this.#entry(this.#next++, version));
      this.#entries.push(entry as TemplateEntry);
    }
    store.compact();
  }

  /** Changes so many pods, one after the other and again from the first. */
  modify(events: number): void {
    const store = this.#store();
    for (let i = 0; i < events; i++) {
      const at = this.#round++ % this.#entries.length;
      const old = this.#entries[at];
      if (old === undefined) throw new Error('fill comes before modify');
      this.#entries[at] = store.set('pods', (version) => old.changed(version)) as TemplateEntry;
    }
  }

  /** Events in pairs: a new pod comes, the oldest goes. */
  churn(events: number): void {
    const store = this.#store();
    for (let i = 0; i < events; i++) {
      if (i % 2 === 0) {
        const entry = store.set('pods', (version) => this.#entry(this.#next++, version));
        this.#entries.push(entry as TemplateEntry);
        continue;
      }
      // The newest stands last, and takes the place of the oldest; never is it the one that goes.
      const newest = this.#entries.pop();
      const at = this.#round++ % this.#entries.length;
      const old = this.#entries[at];
      if (old === undefined || newest === undefined) throw new Error('fill comes before churn');
      this.#entries[at] = newest;
      store.remove('pods', old.namespace, old.name, (_, version) => old.changed(version));
    }
  }

  /** `act` in small steps at this rate, for so long. */
  async pace(act: 'modify' | 'churn', perSecond: number, seconds: number): Promise<void> {
    const started = this.#clock.monotonic();
    const total = perSecond * seconds;
    let done = 0;
    while (done < total) {
      const due = Math.min(total, Math.floor(((this.#clock.monotonic() - started) / 1_000) * perSecond));
      // Even numbers: a churn is a pair.
      const now = due - done - ((due - done) % 2);
      if (now > 0) this[act](now);
      done += now;
      if (due >= total && now === 0) break;
      await new Promise<void>((next) => this.#clock.after(5, next));
    }
  }

  #entry(index: number, version: number): TemplateEntry {
    const template = this.#templates[index % this.#templates.length];
    if (template === undefined) throw new Error('there are no templates: fill comes first');
    return new TemplateEntry(template, index, index % this.#namespaces, version, 0);
  }
}
