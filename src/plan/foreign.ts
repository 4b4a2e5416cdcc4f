/** Something of ours on a device that somebody else changed. */
export interface Drift {
  readonly object: string;
  readonly what: string;
  /** Who, where the device tells: a process, an administrator. */
  readonly by?: string;
}

/** A rule of somebody else that ours overrules or that keeps ours from being asked. */
export interface ForeignRule {
  readonly where: string;
  readonly text: string;
  readonly effect: 'before ours' | 'after ours' | 'unknown';
}
