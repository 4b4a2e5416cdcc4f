import { execFile, type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import process from 'node:process';
import { promisify } from 'node:util';
import { isAlive } from './alive.ts';

const execute = promisify(execFile);

/** One end of a link: the namespace, the interface's name there, and its addresses with prefix lengths. */
export interface LinkEnd {
  readonly namespace: string;
  readonly interface: string;
  readonly addresses: readonly string[];
}

/** The prefix of every namespace that one process makes: its own pid says whether a left-over belongs to somebody alive. */
const PREFIX = 'splab';
const LABEL = /^[a-z][a-z0-9]{0,15}$/;

/**
 * Network namespaces made by this process and removed by it: hosts on one machine, joined by veth pairs, with forwarding, both families,
 * and nothing shared with the machine's own network. Names are `splab-<pid>-<label>`. Needs the rights of root in its network
 * namespace; see `scripts/test.ts` and `lab/inside.ts` for the way to get them without root.
 */
export class Namespaces {
  readonly #made: string[] = [];
  readonly #run: string;

  constructor(run: string = String(process.pid)) {
    this.#run = run;
  }

  /** Removes namespaces of processes that are gone; a killed run leaves them when it had no mount namespace of its own. */
  static async removeStale(): Promise<readonly string[]> {
    const removed: string[] = [];
    const { stdout } = await execute('ip', ['netns', 'list']).catch(() => ({ stdout: '' }));
    for (const line of stdout.split('\n')) {
      const name = line.split(' ')[0] ?? '';
      const pid = new RegExp(`^${PREFIX}-(\\d+)[a-z]*-`).exec(name)?.[1];
      if (pid === undefined || isAlive(Number(pid))) continue;
      await removeNamespace(name);
      removed.push(name);
    }
    return removed;
  }

  /** The full name of a namespace of this run. */
  name(label: string): string {
    if (!LABEL.test(label)) throw new TypeError(`"${label}" is no label for a namespace`);
    return `${PREFIX}-${this.#run}-${label}`;
  }

  /** Makes a namespace with loopback up, forwarding on, and no delay before IPv6 addresses may be used. Returns its full name. */
  async add(label: string): Promise<string> {
    const name = this.name(label);
    await execute('ip', ['netns', 'add', name]);
    this.#made.push(name);
    for (const setting of [
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
      'net.ipv6.conf.default.accept_dad=0',
      'net.ipv6.conf.all.accept_dad=0',
      'net.ipv4.conf.all.rp_filter=0',
      'net.ipv4.conf.default.rp_filter=0',
    ])
      await this.run(name, ['sysctl', '-qw', setting]);
    await this.run(name, ['ip', 'link', 'set', 'lo', 'up']);
    return name;
  }

  /** Joins two namespaces by a veth pair and brings both ends up. */
  async link(a: LinkEnd, b: LinkEnd): Promise<void> {
    const near = ['link', 'add', 'name', a.interface, 'netns', a.namespace, 'type', 'veth'];
    await execute('ip', near.concat(['peer', 'name', b.interface, 'netns', b.namespace]));
    for (const end of [a, b]) {
      await this.addAddresses(end.namespace, end.interface, end.addresses);
      await this.run(end.namespace, ['ip', 'link', 'set', 'dev', end.interface, 'up']);
    }
  }

  /** Adds addresses (`10.0.0.1/32`, `fd00::1/128`) to an interface, all in one call. */
  async addAddresses(namespace: string, device: string, addresses: readonly string[]): Promise<void> {
    await this.batch(
      namespace,
      addresses.map((address) => `address add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`),
    );
  }

  /** Runs lines of `ip -batch` in a namespace; the lines come from this program, never from a user's text. */
  async batch(namespace: string, lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    for (const line of lines)
      if (!/^[A-Za-z0-9 .:/_-]+$/.test(line)) throw new TypeError(`unsafe line for ip: ${line}`);
    const families = [lines.filter((line) => !line.includes(':')), lines.filter((line) => line.includes(':'))];
    for (const [index, part] of families.entries()) {
      if (part.length === 0) continue;
      const child = this.spawn(namespace, ['ip', index === 0 ? '-4' : '-6', '-batch', '-'], {
        stdio: ['pipe', 'ignore', 'pipe'],
      });
      child.stdin?.end(`${part.join('\n')}\n`);
      let said = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      const status = await new Promise<number | null>((resolve, reject) => {
        child.on('error', reject);
        child.on('close', resolve);
      });
      if (status !== 0) throw new Error(`ip -batch in ${namespace} failed: ${said.trim()}`);
    }
  }

  /** Runs a program inside a namespace to its end; rejects on a non-zero exit with what it said. */
  async run(namespace: string, command: readonly string[], timeoutMs = 10_000): Promise<string> {
    const { stdout } = await execute('ip', ['netns', 'exec', namespace, ...command], {
      timeout: timeoutMs,
      maxBuffer: 64 << 20,
    });
    return stdout;
  }

  /** Starts a program inside a namespace. */
  spawn(namespace: string, command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return spawn('ip', ['netns', 'exec', namespace, ...command], options);
  }

  /** Ends what still runs inside, and removes the namespaces; never fails half-way. */
  async close(): Promise<void> {
    for (const name of this.#made.splice(0).reverse()) await removeNamespace(name);
  }
}

async function removeNamespace(name: string): Promise<void> {
  const { stdout } = await execute('ip', ['netns', 'pids', name]).catch(() => ({ stdout: '' }));
  for (const pid of stdout.split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // it ended by itself
    }
  }
  await execute('ip', ['netns', 'del', name]).catch(() => undefined);
}
