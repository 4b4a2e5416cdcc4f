/** One object of ours on a device that a step makes, changes or removes. */
export interface ObjectChange {
  readonly change: '+' | '~' | '-';
  /** What it is in the device's words: `map`, `chain`, `rule`, `element`, `address group` … */
  readonly kind: string;
  readonly name: string;
  /** One line: the rule's text, the number of elements … */
  readonly detail: string;
}

/** Flows that have neither their old nor their new verdict while a step runs (design invariant 1). */
export interface Exposure {
  readonly direction: 'open' | 'closed';
  readonly flows: string;
  readonly longestMs: number;
}

/**
 * One thing done to a device, all or nothing where the device can. `Members`: addresses join or leave; `Rules`: what classes may do,
 * translation included; `Cut`: connections that lost their right are ended; `Clean`: leftovers of earlier steps go.
 */
export interface Step {
  readonly kind: 'Members' | 'Rules' | 'Cut' | 'Clean' | 'Remove';
  readonly title: string;
  readonly objects: readonly ObjectChange[];
  readonly exposes?: Exposure;
  /** It takes something away from an address whose owner is gone, or narrows; goes ahead of everything else and is never held. */
  readonly urgent: boolean;
  /**
   * It takes this long at most where that is more than one request: a commit that is followed to its end. Each request in it keeps its own
   * deadline, and asks for the right to write anew. In milliseconds.
   */
  readonly longestMs?: number;
  /**
   * Only of `Members`: it takes no longer than to read the device anew would, so that a newer wish waits for it. Who joins would wait for two
   * readings otherwise, as who leaves goes first in every plan.
   */
  readonly quick?: true;
  /**
   * Only of a `Cut`: it may still be under way while steps of newer plans are carried out. It concerns nothing that they do, or the driver makes
   * them wait.
   */
  readonly beside?: true;
  /**
   * While it is carried out, addresses that were given up may leave, and newcomers join whose rights it does not touch (`Driver.releasing`,
   * `Driver.joining`): it takes long, and they are no business of it.
   */
  readonly lets?: true;
}
