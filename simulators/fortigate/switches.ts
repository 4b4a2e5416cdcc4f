/**
 * What the reference leaves unproven ("UNCONFIRMED") or does not say. Each default is the stricter behaviour, so that whoever passes here
 * depends on none of it; tests turn them the other way.
 */
export interface Switches {
  /** HTTP status for a token that is used from outside its trusted hosts. */
  readonly trustedHostRefusal: 401 | 403;
  /** Whether `?access_token=` is accepted. */
  readonly urlToken: boolean;
  /** Requests in one second from one address; the next gets 429. `undefined`: no limit. */
  readonly requestsPerSecond: number | undefined;
  /** Whether PUT with another name renames. */
  readonly putRenames: boolean;
  /** Whether POST of an entry that is there with the same content succeeds without a change. */
  readonly identicalPost: boolean;
  /** Whether fields that the release does not know are refused, or left out. */
  readonly unknownFields: 'refused' | 'ignored';
  /** Whether a policy may lose its last source, destination or service. */
  readonly emptyPolicyFields: boolean;
  /** Whether `transaction-commit` and `transaction-abort` must carry the header as well as the body. */
  readonly commitNeedsHeader: boolean;
  /** How the editor of a locked entry is refused. */
  readonly locked: { readonly http: number; readonly error: number };
  /** The code of a group that would hold itself. */
  readonly groupLoop: number;
  /** Whether names of address6 and addrgrp6 must differ, as those of address and addrgrp. */
  readonly sharedNames6: boolean;
  /** Whether rows of `addrgrp6` have paths of their own. */
  readonly memberPath6: boolean;
  /** Whether a policy may be moved next to one of other interfaces. */
  readonly moveAcrossInterfaces: boolean;
  /** Members of one address group at most. */
  readonly groupMembers: number;
  /** Rows of one CMDB answer at most. */
  readonly cmdbPage: number;
  /** Bytes of a request's body at most. */
  readonly bodyLimit: number;
  /** Entries of one push call at most. */
  readonly pushEntries: number;
  /** Whether pushed entries outlive a reboot. */
  readonly pushedSurvive: boolean;
  /** Whether what a feed fetched last outlives a reboot. */
  readonly fetchedSurvive: boolean;
  /** What becomes of a feed whose file has no entry: it keeps what it had, or is empty. */
  readonly emptyFile: 'kept' | 'taken';
  /** What an empty group or feed means in a rule. */
  readonly emptyMatches: 'nothing' | 'everything';
  /** Whether packets meet a feed in central SNAT. */
  readonly feedInCentralSnat: boolean;
  /** What new addresses and pools have as `associated-interface`. */
  readonly associatedInterface: string;
  /** Whether the HTTP status line repeats `http_status`, or says 200 to everything that reached the database. */
  readonly statusLine: 'repeats' | 'always 200';
  /** HTTP status of what the database refuses, where the reference has evidence for 500 and a table that says 424. */
  readonly validation: 500 | 424;
  /** Failed logins of one address until it is blocked, and for how long. */
  readonly lockout: { readonly attempts: number; readonly ms: number };
  /** Sessions of logins at once. */
  readonly sessions: number;
}

export const strict: Switches = {
  trustedHostRefusal: 403,
  urlToken: false,
  requestsPerSecond: undefined,
  putRenames: false,
  identicalPost: false,
  unknownFields: 'refused',
  emptyPolicyFields: false,
  commitNeedsHeader: true,
  locked: { http: 500, error: -7 },
  groupLoop: -651,
  sharedNames6: true,
  memberPath6: false,
  moveAcrossInterfaces: true,
  groupMembers: 600,
  cmdbPage: 1000,
  bodyLimit: 1_000_000,
  pushEntries: 1000,
  pushedSurvive: false,
  fetchedSurvive: false,
  emptyFile: 'kept',
  emptyMatches: 'nothing',
  feedInCentralSnat: true,
  associatedInterface: '',
  statusLine: 'repeats',
  validation: 500,
  lockout: { attempts: 3, ms: 60_000 },
  sessions: 20,
};
