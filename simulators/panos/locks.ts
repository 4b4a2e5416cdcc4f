import { type Answer, codes, refuse, result, said } from './answer.ts';
import type { Place } from './path.ts';
import { element } from './xml.ts';

export type LockKind = 'config' | 'commit';

interface Lock {
  readonly kind: LockKind;
  readonly scope: string;
  readonly owner: string;
  readonly comment: string;
}

/** Locks that administrators hold, by kind and scope (reference 1.7). A lock on `shared` counts everywhere. */
export class Locks {
  #held: Lock[] = [];

  take(kind: LockKind, scope: string, owner: string, comment = ''): Answer {
    for (const held of this.#held) {
      if (held.kind !== kind || (held.scope !== scope && held.scope !== 'shared' && scope !== 'shared')) continue;
      if (kind === 'commit') throw refuse(codes.denied, 'Commit lock is already held');
      if (held.owner !== owner) throw refuse(codes.denied, `Config for scope ${scope} is currently locked`);
      if (held.scope === scope) throw refuse(codes.denied, `You already own a config lock for scope ${scope}`);
    }
    this.#held.push({ kind, scope, owner, comment });
    return said(`Successfully acquired lock for scope ${scope}`);
  }

  /** `owner`: whose lock it is; only a superuser names another than himself. */
  release(kind: LockKind, scope: string, owner: string): Answer {
    const held = this.#held.find((one) => one.kind === kind && one.scope === scope && one.owner === owner);
    if (held === undefined)
      throw refuse(
        codes.denied,
        kind === 'commit' ? 'Commit lock is not currently held' : `Config is not currently locked for scope ${scope}`,
      );
    this.#held = this.#held.filter((one) => one !== held);
    return said(`Config lock released for scope ${scope}`);
  }

  list(kind: LockKind): Answer {
    const rows = this.#held
      .filter((one) => one.kind === kind)
      .map(({ scope, owner, comment }) =>
        element('entry', [element('type', scope), element('loggedin', 'yes'), element('comment', comment)], {
          name: owner,
        }),
      );
    return result([element(`${kind}-locks`, rows)]);
  }

  /** Throws if somebody else's lock keeps this administrator from editing there. */
  checkEdit(place: Place, admin: string): void {
    const scope = scopeOf(place);
    for (const { kind, scope: locked, owner } of this.#held)
      if (kind === 'config' && owner !== admin && (locked === scope || locked === 'shared'))
        throw refuse(codes.denied, `Configuration is locked by ${owner}`);
  }

  /** A commit publishes for everybody: any lock of another administrator stops it. */
  checkCommit(admin: string): void {
    for (const { owner, kind, scope } of this.#held)
      if (kind === 'commit' && owner !== admin)
        throw refuse(codes.denied, `Configuration is locked by ${owner} (commit lock, scope ${scope})`);
  }

  /** What a commit of theirs takes from them. */
  drop(owner: string): void {
    this.#held = this.#held.filter((one) => one.owner !== owner);
  }

  held(kind: LockKind): readonly { readonly scope: string; readonly owner: string }[] {
    return this.#held.filter((one) => one.kind === kind).map(({ scope, owner }) => ({ scope, owner }));
  }
}

/** The scope that a change at a place belongs to: a vsys, a device group, or `shared` with everything else. */
export function scopeOf(place: Place): string {
  const group = place.findIndex((key) => key === 'vsys' || key === 'device-group');
  const name = group === 3 ? place[group + 1] : undefined;
  return name?.startsWith('entry ') === true ? name.slice('entry '.length) : 'shared';
}
