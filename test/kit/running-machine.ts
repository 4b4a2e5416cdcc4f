import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { SallyportError } from '../../src/base/error.ts';
import type { Log } from '../../src/base/log.ts';
import { parseConfiguration } from '../../src/controller/configuration/configuration.ts';
import { NameService } from '../../src/controller/machine/dns/name-service.ts';
import type { NameState } from '../../src/controller/machine/dns/name-state.ts';
import type { ClusterAccess } from '../../src/controller/machine/sources/cluster-source.ts';
import { Disturbances } from '../../src/controller/machine/disturbances.ts';
import { KernelTable } from '../../src/controller/machine/kernel-table.ts';
import { MachineController } from '../../src/controller/machine/machine-controller.ts';
import { RuleWriter } from '../../src/controller/machine/rule-writer.ts';
import { SourceMemory } from '../../src/controller/machine/sources/memory.ts';
import { netnsTransport } from '../../src/firewalls/nftables/reach/local-transport.ts';
import type { Running, Transport } from '../../src/firewalls/nftables/reach/transport.ts';
import { FirewallMachine } from './firewall-machine.ts';
import { FACTS } from './machine.ts';

/** Base rules of a machine as it is installed: nothing is forwarded but what its allocation says. */
const BASE = `table inet metal {
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related counter accept comment "stateful forward"
    }
}
`;

/** What `sallyport run` is made of, on a firewall machine in namespaces, in a folder of its own. */
export class RunningMachine {
  readonly world: FirewallMachine;
  readonly folder: string;
  /** Where the rules are written. */
  readonly file: string;
  /** What was logged: `level message {fields}`. */
  readonly logged: string[] = [];
  readonly #clock: Clock;
  /** Commands of nft that ran, and those that were started and go on. */
  readonly ran: string[] = [];
  readonly started: { readonly command: string; readonly running: Running }[] = [];
  /** Of the process that was started last. */
  kernel: KernelTable | undefined;
  #refusal: string | undefined;
  #running:
    | { readonly controller: MachineController; readonly stop: AbortController; readonly ended: Promise<void> }
    | undefined;

  static async open(clock: Clock = systemClock): Promise<RunningMachine> {
    const world = await FirewallMachine.open();
    for (const port of [80, 443]) await world.internet.listenTcp('0.0.0.0', port);
    const machine = new RunningMachine(world, clock);
    await machine.reset();
    return machine;
  }

  private constructor(world: FirewallMachine, clock: Clock) {
    this.world = world;
    this.#clock = clock;
    this.folder = mkdtempSync(join(tmpdir(), 'sallyport-running-machine-'));
    this.file = join(this.folder, 'nftables/firewall-controller.v4');
  }

  /** As it was installed: base rules in force, nothing of ours on disk. */
  async reset(): Promise<void> {
    await this.stop();
    this.#refusal = undefined;
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(join(this.folder, 'nftables'), { recursive: true });
    writeFileSync(join(this.folder, 'nftables/rules'), BASE);
    writeFileSync(join(this.folder, 'install.yaml'), FACTS);
    await this.world.load(BASE);
    this.logged.splice(0);
  }

  /** The machine starts again: what its files say is in force, and nothing else. */
  async boot(): Promise<void> {
    const folder = join(this.folder, 'nftables');
    const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
    const rules = names.toSorted().map((name) => readFileSync(join(folder, name), 'utf8'));
    await this.world.load(rules.join('\n'));
  }

  /** `sources` and `controllers` of the configuration file, and more keys of `machine`; the rest is this machine's. */
  configure(text: string, name = 'fw-1', more: readonly string[] = []): void {
    const own = [
      'facts: ./install.yaml',
      `rules: ${this.file}`,
      'base: ./nftables/rules',
      'memory: ./memory/sources.json',
      'shootAccess: ./access/shoot.json',
    ].filter((each) => !more.some((other) => other.split(':')[0] === each.split(':')[0]));
    const machine = [...own, ...more].join(', ');
    writeFileSync(join(this.folder, 'config.yaml'), `name: ${name}\n${text}\nmachine: { ${machine} }\n`);
  }

  /** `state`: what was learnt of names; absent: nothing resolves them. The DNS proxy itself cannot listen here, which is of no account. */
  async start(state?: (policies: () => ClusterAccess | undefined) => NameState): Promise<MachineController> {
    const path = join(this.folder, 'config.yaml');
    const parse = (text: string) => parseConfiguration(text, path, { readFile: () => '', environment: {} });
    const { value, diagnostics } = parse(readFileSync(path, 'utf8'));
    if (value?.machine === undefined) throw new Error(JSON.stringify(diagnostics));
    const { log } = this;
    const memory = new SourceMemory(value.machine.memory, log);
    await memory.load();
    const kernel = new KernelTable(this.#transport());
    this.kernel = kernel;
    const names =
      state &&
      new NameService({
        kernel,
        state: state(() => controller.clusters.accessOf('cwnp')),
        clock: this.#clock,
        log,
        wake: () => controller.disturbed(),
      });
    const writer = this.#refusing(new RuleWriter({ kernel, baseFile: value.machine.base, log }));
    const wake = (): void => controller.disturbed();
    const controller: MachineController = new MachineController({
      configuration: { ...value, machine: value.machine },
      file: path,
      parse,
      writer,
      disturbances: new Disturbances({ kernel, writer, wake, clock: this.#clock, log }),
      memory,
      environment: {},
      clock: this.#clock,
      log,
      ...(names === undefined ? {} : { names }),
    });
    const stop = new AbortController();
    const ended = (async () => {
      await controller.run(stop.signal);
      await names?.stop();
    })();
    this.#running = { controller, stop, ended };
    return controller;
  }

  /** From now on rules cannot be written, for this reason; `undefined`: they can. */
  refuse(reason: string | undefined): void {
    this.#refusal = reason;
  }

  #transport(): Transport {
    const local = netnsTransport(this.world.machine.name, this.folder);
    return {
      name: local.name,
      run: (program, args, ...rest) => {
        this.ran.push([program, ...args].join(' '));
        return local.run(program, args, ...rest);
      },
      runWithFile: (...words) => local.runWithFile(...words),
      start: (program, args, input) => {
        const running = local.start(program, args, input);
        this.started.push({ command: [program, ...args].join(' '), running });
        return running;
      },
    };
  }

  #refusing(writer: RuleWriter): RuleWriter {
    const write = writer.write.bind(writer);
    writer.write = (rules, signal) =>
      this.#refusal === undefined
        ? write(rules, signal)
        : Promise.reject(new SallyportError('LOCAL_SYSTEM', this.#refusal));
    return writer;
  }

  async stop(): Promise<void> {
    this.#running?.stop.abort();
    await this.#running?.ended;
    this.#running = undefined;
  }

  /** Whether the cluster reaches the internet at a port. */
  async passes(port: number): Promise<boolean> {
    return (await this.world.cluster.tcp({ from: '10.0.0.10', to: '198.51.100.9', port })).outcome === 'passed';
  }

  rules(): string {
    return readFileSync(this.file, 'utf8');
  }

  /** The same; empty where there are none. */
  rulesIfThere(): string {
    return existsSync(this.file) ? this.rules() : '';
  }

  async close(): Promise<void> {
    await this.stop();
    await this.world.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Into `logged`. */
  get log(): Log {
    const at =
      (level: string) =>
      (fields: object, message: string): void => {
        this.logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
      };
    return { debug() {}, info: at('info'), warn: at('warn'), error: at('error') };
  }
}
