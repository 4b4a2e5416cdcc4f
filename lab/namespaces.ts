import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import process from 'node:process';

/** How a program ended. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One end of a cable. Device names are ours, never keywords of ip(8): `up`, `down`, `a` and the like read as words of its grammar. */
export interface End {
  readonly namespace: Namespace;
  readonly device: string;
  /** With prefix length, IPv4 and IPv6 mixed. */
  readonly addresses: readonly string[];
}

const FOLDER = '/run/netns';
/** So many were opened by this process: two at once have names of their own. */
let opened = 0;
const NAME = /^spt-(\d+)-(\d+)-(\d+)-/;
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  HOME: '/nonexistent',
};

function execute(program: string, args: readonly string[], input = '', timeoutMs = 30_000): Promise<Result> {
  return new Promise((resolve, reject) => {
    const options = { env: ENVIRONMENT, timeout: timeoutMs, maxBuffer: 256 * 1024 * 1024 };
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

async function must(program: string, args: readonly string[], input = ''): Promise<string> {
  const result = await execute(program, args, input);
  if (result.code !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.stderr.trim()}\n${input}`);
  return result.stdout;
}

/** Start time of a process in clock ticks since boot: with the id it names one process for ever. */
function startTime(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** One network namespace of a test run. */
export class Namespace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** Runs a program inside; a non-zero exit is a result. */
  run(program: string, args: readonly string[], options: { input?: string; timeoutMs?: number } = {}): Promise<Result> {
    return execute(
      'nsenter',
      [`--net=${FOLDER}/${this.name}`, '--', program, ...args],
      options.input,
      options.timeoutMs,
    );
  }

  /** Runs a program inside and gives its output; throws with its words if it fails. */
  must(program: string, args: readonly string[], input = ''): Promise<string> {
    return must('nsenter', [`--net=${FOLDER}/${this.name}`, '--', program, ...args], input);
  }

  /** A program that goes on; it dies with this process. */
  start(program: string, args: readonly string[]): ChildProcess {
    const inside = ['nsenter', `--net=${FOLDER}/${this.name}`, '--', program, ...args];
    return spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...inside], {
      env: ENVIRONMENT,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }

  /** Commands of ip(8), one per line: `addr add …`, `route add …`. */
  async ip(...lines: readonly string[]): Promise<void> {
    await must('ip', ['-n', this.name, '-batch', '-'], `${lines.join('\n')}\n`);
  }
}

/**
 * Network namespaces made by this process: hosts on one machine that share nothing with its own network. Their names carry who made them, so that a later run can remove what a dead one left; `close`
 * removes everything at once.
 */
export class Namespaces {
  readonly #prefix: string;
  readonly #open = new Map<string, Namespace>();
  #counter = 0;

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Removes what dead runs left; throws with the reason and the way out if this process may not make namespaces. */
  static async open(): Promise<Namespaces> {
    const pidNamespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
    const self = new Namespaces(`spt-${pidNamespace}-${process.pid}-${startTime('self') ?? '0'}-${opened++}`);
    await removeStale(pidNamespace);
    const trial = await execute('ip', ['netns', 'add', `${self.#prefix}-trial`]);
    if (trial.code !== 0)
      throw new Error(
        `this needs the right to make network namespaces (${trial.stderr.trim()}): run it as root, or inside lab/inside.ts`,
      );
    await execute('ip', ['netns', 'del', `${self.#prefix}-trial`]);
    return self;
  }

  /** A namespace with `lo` up, no duplicate address detection, and forwarding if it is a router. */
  async add(label: string, options: { forwarding?: boolean } = {}): Promise<Namespace> {
    const namespace = new Namespace(`${this.#prefix}-${this.#counter++}-${label}`);
    await must('ip', ['netns', 'add', namespace.name]);
    this.#open.set(namespace.name, namespace);
    const settings = ['ipv6.conf.default.accept_dad=0', 'ipv6.conf.all.accept_dad=0'];
    if (options.forwarding === true) settings.push('ipv4.ip_forward=1', 'ipv6.conf.all.forwarding=1');
    const write = settings.map((setting) => {
      const [key = '', value = ''] = setting.split('=');
      return `echo ${value} >/proc/sys/net/${key.replaceAll('.', '/')}`;
    });
    await namespace.must('sh', ['-c', write.join(' && ')]);
    await namespace.ip('link set lo up');
    return namespace;
  }

  /** A veth pair between two namespaces, up, with addresses that can be used at once. */
  async link(left: End, right: End): Promise<void> {
    const names = `${left.device} netns ${left.namespace.name} type veth peer name ${right.device} netns ${right.namespace.name}`;
    await must('ip', ['link', 'add', ...names.split(' ')]);
    // Both ends up before any address: an IPv6 address given to a device without carrier does not answer for the first second.
    for (const end of [left, right]) await end.namespace.ip(`link set ${end.device} up`);
    for (const end of [left, right]) await this.address(end);
  }

  /** Adds addresses to a device that is up. */
  async address(end: End): Promise<void> {
    const lines = end.addresses.map(
      (address) => `addr add ${address} dev ${end.device}${address.includes(':') ? ' nodad' : ''}`,
    );
    await end.namespace.ip(...lines);
  }

  /** Removes every namespace made here; what runs inside must have been stopped, or keeps its namespace alive without a name. */
  async close(): Promise<void> {
    const names = [...this.#open.keys()];
    this.#open.clear();
    for (const name of names) await execute('ip', ['netns', 'del', name]);
  }
}

async function removeStale(pidNamespace: string): Promise<void> {
  let names: string[];
  try {
    names = readdirSync(FOLDER);
  } catch {
    return;
  }
  for (const name of names) {
    const [, owner, pid = '', started] = NAME.exec(name) ?? [];
    // Another pid namespace's processes are out of sight: not ours to judge.
    if (owner !== pidNamespace || startTime(pid) === started) continue;
    await execute('ip', ['netns', 'del', name]);
  }
}
