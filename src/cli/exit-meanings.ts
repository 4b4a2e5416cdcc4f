/** What the exit codes 0 and 2 of a command say; 1 is "anything wrong" everywhere. */
interface ExitMeaning {
  readonly done: string;
  /** Absent where the command never ends so. */
  readonly pending?: string;
}

/** By command (docs/reference/cli.md is made from it; `exit.ts` has the general rule). */
export const exitMeanings: Readonly<Record<string, ExitMeaning>> = {
  run: { done: 'stopped by a signal' },
  plan: { done: 'nothing would change', pending: 'changes are pending' },
  apply: { done: 'every device holds what it should' },
  approve: { done: 'the yes is given' },
  render: { done: 'printed; of a firewall machine, all that its sources and networks come to' },
  validate: { done: 'no errors; there may be warnings' },
  eval: { done: 'answered, also where nothing is selected' },
  endpoint: { done: 'answered' },
  policy: { done: 'answered' },
  host: { done: 'answered' },
  expect: { done: 'every expectation is met', pending: 'one or more failed' },
  connections: { done: 'answered' },
  diff: { done: 'both worlds allow the same', pending: 'they do not' },
  lint: { done: 'nothing was found', pending: 'something was' },
  flow: { done: 'the flow passes', pending: 'it is denied' },
  whois: { done: 'somebody has the address', pending: 'nobody has it' },
  wait: { done: 'the pod may start' },
  uninstall: { done: 'nothing of ours is left', pending: 'the plan of leaving is shown; nothing was done' },
  audit: { done: 'the trails are whole' },
  doctor: { done: 'no error was found; there may be warnings' },
  lab: { done: 'every flow did what it should' },
  simulate: { done: 'stopped by a signal' },
  droptailer: { done: 'stopped by a signal' },
  version: { done: 'printed' },
};
