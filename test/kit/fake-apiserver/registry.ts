import type { Entry } from './entry.ts';
import { DEFINITIONS, kindsOf } from './definitions.ts';
import { type Kind, builtIn } from './kinds.ts';
import type { Store } from './store.ts';

/** Every kind that is served now: the built-in ones, and those of the definitions that are stored. */
export class Registry {
  readonly #ofEntry = new WeakMap<Entry, readonly Kind[]>();

  all(store: Store): readonly Kind[] {
    return [...builtIn, ...this.#custom(store)];
  }

  /** By the plural, as paths name it. */
  find(store: Store, group: string, version: string, plural: string): Kind | undefined {
    const is = (one: Kind): boolean => one.plural === plural && one.group === group && one.version === version;
    return builtIn.find(is) ?? this.#custom(store).find(is);
  }

  /** By the kind, as objects name it. */
  ofObject(store: Store, apiVersion: string, kind: string): Kind | undefined {
    const [version = '', group = ''] = apiVersion.split('/').toReversed();
    return this.all(store).find((one) => one.kind === kind && one.group === group && one.version === version);
  }

  #custom(store: Store): readonly Kind[] {
    return [...store.table(DEFINITIONS).entries.values()].flatMap((entry) => {
      let kinds = this.#ofEntry.get(entry);
      if (kinds === undefined) {
        kinds = kindsOf(entry.object);
        this.#ofEntry.set(entry, kinds);
      }
      return kinds;
    });
  }
}
