import { createHash } from 'node:crypto';
import { encodeForDevice, shortHash } from '../../base/encode.ts';
import { SallyportError } from '../../base/error.ts';
import type { Origin } from '../../border/ruleset.ts';
import type { TextLimits } from './dialect.ts';

/** What a name is for; each kind has its own limit. */
export type Named = 'object' | 'group' | 'volatileGroup' | 'service' | 'rule' | 'translation';

/** 48 bits: among 100,000 objects two share a name once in 50,000 worlds, and then it is an error (`putNamed`), no wrong rule base. */
const DIGITS = 12;

/** How every name of ours begins. */
export const PREFIX = 'sp-';

/**
 * Names of what we make on a device. A name follows from what the thing is and whose it is, never from what else there is or was; it
 * shows people what it is, and ends in a hash that tells apart what was cut or replaced. Two clusters never make the same name.
 */
export class Names {
  readonly #limits: TextLimits;
  readonly #cluster: string;

  constructor(limits: TextLimits, cluster: string) {
    this.#limits = limits;
    this.#cluster = cluster;
  }

  /** `readable` is for people alone; `identity` decides. */
  of(kind: Named, readable: string, identity: string): string {
    const digest = createHash('sha256')
      .update(JSON.stringify([this.#cluster, kind, identity]))
      .digest('hex');
    const room = this.#limits[kind] - PREFIX.length - DIGITS - 1;
    const words = slug(readable, this.#limits.alphabet, room);
    return `${PREFIX}${words === '' ? '' : `${words}-`}${digest.slice(0, DIGITS)}`;
  }

  /**
   * What stands in the comment of everything we make (design 3): `sallyport:<cluster>:<what>`, with a hash where the device has no room.
   */
  mark(what: string): string {
    const start = markStart(this.#cluster);
    return `${start}${encodeForDevice(what, Math.max(10, this.#limits.mark - start.length))}`;
  }

  /** For people: which rules something comes from. */
  comment(origins: readonly Origin[]): string {
    return encodeForDevice(origins.map(originText).join('_'), this.#limits.comment);
  }
}

/** Adds a thing by its name. Throws INTERNAL if another one bears it. */
export function putNamed<T extends { readonly name: string }>(
  things: Map<string, T>,
  thing: T,
  identity: (thing: T) => string,
): void {
  const known = things.get(thing.name);
  if (known !== undefined && known !== thing && identity(known) !== identity(thing))
    throw new SallyportError('INTERNAL', `two things have the name ${thing.name}`, { identity: identity(thing) });
  things.set(thing.name, thing);
}

/** Whether a comment holds the mark of this cluster; the rest of it may be anybody's. */
export function isMarked(comment: string, cluster: string): boolean {
  return comment.includes(markStart(cluster));
}

/** Whether a comment holds the mark of any Sallyport. */
export function isMarkedByAnybody(comment: string): boolean {
  return comment.includes('sallyport:');
}

/** At most 40 characters, so that marks have room for what they are about in every device's comment. */
function markStart(cluster: string): string {
  const safe = /^[A-Za-z0-9._-]{1,26}$/.test(cluster)
    ? cluster
    : `${cluster.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 17)}-${shortHash(cluster)}`;
  return `sallyport:${safe}:`;
}

/** `BorderPolicy/shop/web` and rule 3: `shop/web.3`. */
export function originText({ policy, rule }: Origin): string {
  const [kind, ...rest] = policy.split('/');
  const name = rest.length === 0 ? (kind ?? '') : rest.join('/');
  return rule === undefined ? name : `${name}.${rule}`;
}

function slug(text: string, alphabet: RegExp, room: number): string {
  const safe = Array.from(text.slice(0, 4 * room), (each) => (alphabet.test(each) ? each : '_')).join('');
  return safe.replace(/^[^A-Za-z0-9]+/, '').slice(0, Math.max(0, room - 1));
}
