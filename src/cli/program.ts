import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { catalogue } from '../base/catalogue.ts';
import { toSallyportError } from '../base/error.ts';
import { type ExitCode, exit } from './exit.ts';
import type { WaitOptions } from './commands/wait.ts';
import type { Action } from './options.ts';
import type { Terminal } from './terminal.ts';
import { version } from '../base/version.ts';

interface Program {
  /** Runs one command line (without program and script name); never throws for what a user did. */
  run(words: readonly string[]): Promise<ExitCode>;
  /** For the generated reference. */
  readonly root: Command;
}

const WORLD_HELP = `
World: -f PATH (a file, a folder, - for standard input; repeatable), else -c FILE, else the current context
of the kubeconfig, and in a pod without one the cluster around it.
Names: namespace/name, or name for cluster scope.
Exit codes: 0 done, allowed, nothing to do; 2 changes pending, denied; 1 anything wrong.`;

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

function portNumber(text: string): number {
  if (/^[0-9]{1,5}$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new InvalidArgumentError('a port is 0 to 65535');
}

function positive(text: string): number {
  if (/^[1-9][0-9]{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('this is a whole number from 1 on');
}

function milliseconds(text: string): number {
  if (/^[0-9]{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('this is a number of milliseconds');
}

/** The command line. Command modules are loaded when they are asked for, so that `--help` stays quick. */
export function buildProgram(terminal: Terminal): Program {
  let code: ExitCode = exit.done;
  const root = new Command('sallyport')
    .description('External firewall controller for Kubernetes: border firewalls that follow workloads by label.')
    .configureHelp({ showGlobalOptions: true })
    // What stands after a command is the command's: `simulate fortigate --version 7.4.8`.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .exitOverride()
    .showHelpAfterError('See `sallyport --help`.')
    .addHelpText('after', WORLD_HELP);

  const command = (usage: string, description: string): Command =>
    root
      .command(usage)
      .description(description)
      .exitOverride()
      .showSuggestionAfterError()
      .showHelpAfterError(`See \`sallyport ${usage.split(' ', 1)[0]} --help\`.`);
  const world = (of: Command): Command =>
    of
      .option(
        '-f, --filename <path>',
        'read manifests from a file, a folder, or - for standard input; repeatable',
        collect,
      )
      .option('-c, --config <file>', 'read the sources of a configuration file')
      .option('--context <name>', 'read the cluster of this context of the kubeconfig')
      .option('--kubeconfig <file>', 'the kubeconfig; else the files of KUBECONFIG, or ~/.kube/config')
      .option('--cluster <name>', 'who owns what is created; overrides the configuration file');
  const machine = (of: Command): Command =>
    of
      .option('--objects <path>', 'of a firewall machine (with -c): what its sources hold, as a folder of manifests')
      .option('--facts <file>', 'of a firewall machine (with -c): its install.yaml');
  const output = (of: Command): Command =>
    of.addOption(
      new Option('-o, --output <format>', 'how to print').choices(['table', 'json', 'yaml']).default('table'),
    );
  /** Hangs a lazily loaded action on a command: commander passes arguments, then options, then itself. */
  const does = <Options>(of: Command, load: () => Promise<Action<string[], Options>>): void => {
    of.action(async (...given: unknown[]) => {
      const words = given.slice(0, -2).filter((word): word is string => typeof word === 'string');
      const action = await load();
      code = await action(terminal, of.opts() as Options, ...words);
    });
  };

  does(
    command('run', 'keep the border firewalls in step, until stopped')
      .option(
        '-c, --config <file>',
        'the configuration file; absent: on a firewall machine /etc/firewall-controller/config.yaml, and without that what its kubeconfig says',
      )
      .addOption(new Option('--log <format>', 'how to log').choices(['text', 'json']).default('text'))
      .addOption(
        new Option('--log-level <level>', 'what is logged at least')
          .choices(['debug', 'info', 'warn', 'error'])
          .default('info'),
      )
      .option(
        '--firewall-name <name>',
        'of a firewall machine: its name, where the configuration has none; absent: the host name',
      )
      .option('--kubeconfig <file>', 'of a firewall machine without configuration file: the cluster of its Firewall')
      .option(
        '--metrics-addr <address>',
        'of a firewall machine: where probes are served, if the configuration does not say; absent: nowhere, or, started as firewall-controller, :8080',
      )
      .option('--hosts-file <file>', 'of a firewall machine: where the name of the droptailer stands', '/etc/hosts')
      .addOption(
        new Option('--enable-IDS <yes>', 'of a firewall machine: ask suricata')
          .choices(['true', 'false'])
          .default('true'),
      )
      .addOption(
        new Option('--enable-signature-check <yes>', 'taken and not used, as today')
          .choices(['true', 'false'])
          .hideHelp(),
      )
      .addOption(new Option('--as-today').hideHelp()),
    async () => (await import('./commands/run.ts')).run,
  );
  does(
    output(world(command('plan', 'show what would change: traffic gained and lost first, objects second')))
      .option('--firewall <name>', 'only this firewall')
      .option('--out <file>', 'keep the plan for `apply --plan`'),
    async () => (await import('./commands/plan.ts')).plan,
  );
  does(
    output(world(command('apply', 'do what plan shows, a progress line for each step')))
      .option('--firewall <name>', 'only this firewall')
      .option('--plan <file>', 'do exactly this plan; refuse if the device or the wish has changed since'),
    async () => (await import('./commands/apply.ts')).apply,
  );
  does(
    output(
      world(command('approve <firewall>', 'say yes to one plan that waits: in a cluster, by a BorderApproval')),
    ).requiredOption('--plan <digest>', 'the digest that plan and the log print'),
    async () => (await import('./commands/approve.ts')).approve,
  );
  does(
    machine(output(world(command('render', 'print the device text; needs no device'))))
      .option('--firewall <name>', 'only this firewall')
      .option(
        '--out <file>',
        'of a firewall machine: write the rules there, into a folder also base rules and frr.conf; - is standard output',
      ),
    async () => (await import('./commands/render.ts')).render,
  );
  does(
    machine(output(world(command('validate', 'print every mistake in manifests or configuration, with its place')))),
    async () => (await import('./commands/validate.ts')).validate,
  );
  does(
    output(world(command('eval [selector]', 'list the endpoints that a selector selects'))).option(
      '--stdin',
      'read selectors from standard input, one JSON object a line: {"selector": …}',
    ),
    async () => (await import('./commands/eval.ts')).evalSelector,
  );
  does(
    output(
      world(
        command(
          'endpoint <substring>',
          'list the policies that apply to an endpoint, and those whose rules mention it',
        ),
      ),
    ),
    async () => (await import('./commands/endpoint.ts')).endpoint,
  );
  does(
    output(world(command('policy <name>', 'list the endpoints that a policy applies to, and those its rules select'))),
    async () => (await import('./commands/policy.ts')).policy,
  );
  does(
    output(world(command('host <node>', 'list the endpoints of a node, and the policies that apply to each'))),
    async () => (await import('./commands/host.ts')).host,
  );
  does(
    output(world(command('flow', 'tell whether a flow passes, in the cluster and at each border firewall, and why')))
      .option('--from <side>', 'a pod (namespace/name) or an address')
      .option('--to <side>', 'a pod (namespace/name) or an address')
      .option('--protocol <name>', 'TCP, UDP, SCTP, ICMP, ICMPv6 or a number', 'TCP')
      .option('--port <number>', 'destination port', portNumber)
      .option('--icmp-type <number>', 'ICMP type', portNumber)
      .option('--icmp-code <number>', 'ICMP code', portNumber)
      .option('--devices', 'ask the devices for rules of others, which may decide otherwise than ours')
      .option(
        '--stdin',
        'read flows from standard input, one JSON object a line: {"from": …, "to": …, "protocol": …, "port": …}',
      ),
    async () => (await import('./commands/flow.ts')).flow,
  );
  does(
    output(world(command('connections', 'list everything that the cluster allows, by workload')))
      .option('--from <text>', 'only what is opened by a workload, endpoint or prefix with this in its name')
      .option('--to <text>', 'only what reaches a workload, endpoint or prefix with this in its name'),
    async () => (await import('./commands/connections.ts')).connections,
  );
  does(
    output(
      command(
        'diff <before> <after>',
        'show the traffic that is gained and lost between two worlds: paths, -, or context:NAME for a cluster',
      ).option('--kubeconfig <file>', 'the kubeconfig; else the files of KUBECONFIG, or ~/.kube/config'),
    ),
    async () => (await import('./commands/diff.ts')).diff,
  );
  does(
    output(world(command('lint', 'find policies and rules that do nothing, contradict each other or open too much'))),
    async () => (await import('./commands/lint.ts')).lint,
  );
  does(
    output(
      world(
        command('expect <file>', 'check what flows should do, one expectation a line; those that fail tell the reason'),
      ),
    ).addHelpText(
      'after',
      `
A line: allow|deny FROM -> TO:PORT[,PORT…]/PROTOCOL [via FIREWALL] [as ADDRESS]     # a comment
FROM, TO: a pod, or a workload with all its pods (namespace/name); an address; or every endpoint
that a selector selects: namespace/(SELECTOR) or (SELECTOR)
  allow shop/web            -> 203.0.113.10:443/TCP via edge-1 as 198.51.100.7
  allow shop/(app == 'web') -> shop/db:5432/TCP
  deny  payments/ledger-0   -> [2001:db8::1]:53/UDP
  deny  (all())             -> 192.0.2.1/ICMP`,
    ),
    async () => (await import('./commands/expect.ts')).expect,
  );
  does(
    output(world(command('whois <address>', 'tell which workload holds an address'))),
    async () => (await import('./commands/whois.ts')).whois,
  );
  does(
    command('wait', 'for init containers: end when the border has confirmed this pod, or lets it go')
      .option('--url <address>', 'the readiness address of the controller; else SALLYPORT_URL')
      .option('--pod <name>', 'namespace/name; else POD_NAMESPACE and POD_NAME')
      .option('--uid <uid>', 'of the pod, which tells it from one before it with its name; else POD_UID'),
    async () => {
      const { wait } = await import('./commands/wait.ts');
      return (to, options: WaitOptions) => wait(to, options);
    },
  );
  does(
    output(world(command('uninstall <firewall>', 'show the plan of leaving a firewall; with --yes, leave it'))).option(
      '--yes',
      'do it: remove everything of ours from the device, and nothing else',
    ),
    async () => (await import('./commands/uninstall.ts')).uninstall,
  );
  does(
    output(command('audit', 'list what was written to firewalls from here, when and by whom, and prove the record'))
      .option('-c, --config <file>', 'the configuration file that names the cluster')
      .option('--cluster <name>', 'the cluster')
      .option('--firewall <name>', 'only this firewall')
      .option('--since <time>', '2026-11-21, 2026-11-21T10:00:00Z, or how long ago: 10m, 2h, 7d')
      .option('--until <time>', 'the same')
      .option('--last <number>', 'so many of the newest writes', positive, 100),
    async () => (await import('./commands/audit.ts')).audit,
  );
  does(
    output(
      world(
        command(
          'doctor',
          'check rights, versions, clocks, IP pools and firewalls, and tell what the border will see of three pods',
        ),
      ),
    ),
    async () => (await import('./commands/doctor.ts')).doctor,
  );
  does(
    output(command('lab', 'a cluster, a border and an outside world in network namespaces, with real packets'))
      .option(
        '-f, --filename <path>',
        'the manifests folder; a story beside it (FOLDER.lab.yaml) is told',
        'examples/shop',
      )
      .option('--story <file>', 'the story to tell instead of the one beside the manifests')
      .option('--once', 'end with a summary instead of staying; the default without a terminal')
      .option('--no-packets', 'tell the same story on a firewall in memory, for systems without Linux namespaces')
      .addOption(new Option('--folder <path>').hideHelp())
      .addOption(new Option('--agent <part>').choices(['serve', 'probe']).hideHelp()),
    async () => (await import('./commands/lab.ts')).lab,
  );
  does(
    command(
      'simulate <vendor>',
      "a vendor's firewall on loopback, or the metal-apis, for tries without a device: fortigate, metal, panos, panorama",
    )
      .option('--version <version>', "the software's version")
      .option('--model <model>', 'decides its limits')
      .option('--listen <address>', 'HOST:PORT; port 0 is any that is free', '127.0.0.1:0')
      .option('--plain', 'HTTP without TLS, on loopback only')
      .option('--latency <ms>', 'so long every answer takes', milliseconds, 0),
    async () => (await import('./commands/simulate.ts')).simulate,
  );
  does(
    command(
      'droptailer',
      "ship what a firewall machine's kernel logs to the droptailer's server, from the unit of today's client",
    )
      .option('--rules <file>', 'the file of our rules, which names policies', '/etc/nftables/firewall-controller.v4')
      .addOption(new Option('--log <format>', 'text or json').choices(['text', 'json'])),
    async () => (await import('./commands/droptailer.ts')).droptailer,
  );
  does(
    output(command('version', 'print the version')),
    async () => (await import('./commands/version.ts')).printVersion,
  );
  root.version(version, '-V, --version', 'print the version');

  return {
    root,
    async run(words) {
      code = exit.done;
      try {
        await root.parseAsync([...words], { from: 'user' });
        return code;
      } catch (thrown) {
        if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exit.done : exit.wrong;
        const error = toSallyportError(thrown);
        terminal.err(`error ${error.code}: ${error.message}`);
        terminal.err(catalogue[error.code].fix.replace('COMMAND', words[0] ?? 'COMMAND'));
        return exit.wrong;
      }
    },
  };
}
