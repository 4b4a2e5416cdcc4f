/** Exit codes of every command (docs/reference/cli.md): scripts rely on them. */
export const exit = {
  /** Done, nothing to do, allowed, all expectations met. */
  done: 0,
  /** Anything wrong. */
  wrong: 1,
  /** Changes pending, denied, an expectation failed. */
  pending: 2,
} as const;

export type ExitCode = (typeof exit)[keyof typeof exit];
