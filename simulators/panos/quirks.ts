import type { Reregistering } from './user-id.ts';

/**
 * What differs between releases, or is not known for sure (reference 7), as switches. The defaults are the reading that is harder for a client.
 */
export interface Quirks {
  /** When a name that leads nowhere is refused: with the edit (code 12), or only by the commit. */
  readonly referencesAt: 'edit' | 'commit';
  /** Text of code 7 on deleting what is not there. */
  readonly missingText: 'No such node' | "Object doesn't exist";
  readonly reregistering: Reregistering;
  /** Whether a second commit waits for its turn; else it is refused. */
  readonly commitQueue: boolean;
  /** What the progress of a job says at its end. */
  readonly finalProgress: '100' | 'time';
  /** Whether locks outlive their owner's commit. */
  readonly locksSurviveCommit: boolean;
  /** Whether both of an HA pair share registered addresses. */
  readonly haSharesRegistered: boolean;
  /** Most operations of one `multi-config`. */
  readonly maxOperations: number;
  /** What a row of the answer about a list's content is (reference 1.9: the element is known, the rows are not). */
  readonly listRows: 'member' | 'entry' | 'line' | 'text';
  /** What becomes of a list whose file has no entry: it keeps what it had, or is empty. */
  readonly emptyLists: 'kept' | 'taken';
  /** Whether the content of a list whose server refused the credentials is shown all the same, though no rule goes by it. */
  readonly showsRefusedLists: boolean;
  /** Whether `show` and `clear session all` heed their filter; else both are about all sessions. */
  readonly heedsSessionFilters: boolean;
  /** Whether `clear session all` does what it says that it has done. */
  readonly clearsSessions: boolean;
}

export const strictQuirks: Quirks = {
  referencesAt: 'edit',
  missingText: "Object doesn't exist",
  reregistering: 'error',
  commitQueue: false,
  finalProgress: '100',
  locksSurviveCommit: false,
  haSharesRegistered: false,
  maxOperations: 500,
  listRows: 'member',
  emptyLists: 'kept',
  showsRefusedLists: true,
  heedsSessionFilters: true,
  clearsSessions: true,
};
