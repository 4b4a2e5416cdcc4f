import { isMap } from '../../../api/shape.ts';
import { deadline } from '../../../base/deadline.ts';
import { SallyportError } from '../../../base/error.ts';
import type { Outcome, Transport } from '../../../firewalls/nftables/reach/transport.ts';

/** A reload compares what runs with the file; on a busy machine that takes seconds. */
const PATIENCE_MS = 60_000;
const UNIT = 'frr.service';
const SHOWN_CHARACTERS = 400;

/** FRR on this machine, through its own programs; each has a minute. */
export class FrrProgram {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The major version of what is installed; `undefined`: nothing is. Asked of the program itself, because it may not run yet. */
  async version(signal: AbortSignal): Promise<number | undefined> {
    const said = await this.#runIfThere('vtysh', ['--help'], signal);
    if (said === undefined) return undefined;
    const major = /\(version (\d+)/.exec(said.stdout)?.[1];
    if (major === undefined) throw new SallyportError('FRR_REFUSED', 'vtysh does not tell its version');
    return Number(major);
  }

  /** What the dry run says against a text; `undefined`: nothing. */
  async refusalOf(text: string, signal: AbortSignal): Promise<string | undefined> {
    using limit = deadline(signal, PATIENCE_MS, 'FRR_REFUSED');
    const done = await this.#transport.runWithFile('vtysh', ['--dryrun', '--inputfile'], text, limit.signal);
    return done.code === 0 ? undefined : wordsOf(done);
  }

  /** Whether FRR runs; where it does not, it begins with the file. */
  async runs(signal: AbortSignal): Promise<boolean> {
    return (await this.#runIfThere('systemctl', ['is-active', '--quiet', UNIT], signal))?.code === 0;
  }

  /** Has FRR take what differs between its file and what it does. What went wrong; `undefined`: nothing. */
  async reload(signal: AbortSignal): Promise<string | undefined> {
    const done = await this.#run('systemctl', ['reload', UNIT], signal);
    return done.code === 0 ? undefined : wordsOf(done);
  }

  /** The neighbours with which a session of BGP is up, as `VRF/NEIGHBOUR`; none if nobody answers. */
  async sessions(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { code, stdout } = await this.#run('vtysh', ['-c', 'show bgp vrf all summary json'], signal);
    return code === 0 ? sessionsIn(stdout) : new Set();
  }

  /** `undefined`: there is no such program here. */
  async #runIfThere(program: string, args: readonly string[], signal: AbortSignal): Promise<Outcome | undefined> {
    try {
      return await this.#run(program, args, signal);
    } catch (thrown) {
      if (thrown instanceof SallyportError && thrown.code === 'PROGRAM_MISSING') return undefined;
      throw thrown;
    }
  }

  async #run(program: string, args: readonly string[], signal: AbortSignal): Promise<Outcome> {
    using limit = deadline(signal, PATIENCE_MS, 'FRR_RELOAD_FAILED');
    return await this.#transport.run(program, args, limit.signal);
  }
}

function wordsOf({ code, stdout, stderr }: Outcome): string {
  const words = `${stderr.trim()}\n${stdout.trim()}`.trim().replaceAll('\n', '; ');
  return words === '' ? `it ended with ${code ?? 'a signal'}` : words.slice(0, SHOWN_CHARACTERS);
}

/** Reads what `show bgp vrf all summary json` prints: instances, families, peers. */
function sessionsIn(text: string): ReadonlySet<string> {
  const up = new Set<string>();
  const entries = (value: unknown): readonly (readonly [string, unknown])[] =>
    isMap(value) ? Object.entries(value) : [];
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return up;
  }
  for (const [vrf, families] of entries(read))
    for (const [, family] of entries(families))
      for (const [neighbour, peer] of entries(isMap(family) ? family['peers'] : undefined))
        if (isMap(peer) && peer['state'] === 'Established') up.add(`${vrf}/${neighbour}`);
  return up;
}
