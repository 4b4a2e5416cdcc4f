import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import process from 'node:process';
import { background } from '../../base/background.ts';
import { systemClock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { jsonLog, textLog } from '../../controller/logs.ts';
import { HostDuties } from '../../controller/machine/host/host-duties.ts';
import { NameService } from '../../controller/machine/dns/name-service.ts';
import { NameStateBeside, NameStateFile } from '../../controller/machine/dns/name-state.ts';
import { KernelTable } from '../../controller/machine/kernel-table.ts';
import type { MachineConfigured } from '../../controller/machine/machine-configured.ts';
import { MachineController } from '../../controller/machine/machine-controller.ts';
import { Accounting } from '../../controller/machine/monitor/accounting.ts';
import { FirewallMonitor } from '../../controller/machine/monitor/firewall-monitor.ts';
import { MachineMonitor } from '../../controller/machine/monitor/machine-monitor.ts';
import { ownConnections, reaches } from '../../controller/machine/reach.ts';
import { RuleWriter } from '../../controller/machine/rule-writer.ts';
import { SourceMemory } from '../../controller/machine/sources/memory.ts';
import { WorkloadDuties } from '../../controller/machine/workload/workload-duties.ts';
import { makePrivateFolder, removePrivateFolder } from '../../controller/private-folder.ts';
import { localTransport } from '../../firewalls/nftables/local-transport.ts';
import { serveProbes } from '../../server/probes.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { RunOptions } from '../options.ts';
import type { Terminal } from '../terminal.ts';
import { parseConfigurationText } from '../world.ts';

/** Of the one user of a firewall machine (reference 1.1). */
const SSH_KEYS = '/home/metal/.ssh/authorized_keys';
/** Of today's units (reference 1.1). */
const DROPTAILER_CERTIFICATES = '/etc/droptailer-client';
/** Where suricata takes commands on a firewall machine (reference, section 6). */
const SURICATA = '/run/suricata-command.socket';

/** `sallyport run` of a firewall machine, until SIGTERM or SIGINT; what is in force stays. */
export async function runMachine(
  terminal: Terminal,
  configuration: MachineConfigured,
  { config, log: format }: RunOptions,
): Promise<ExitCode> {
  const { name, machine, probes } = configuration;
  const log = format === 'json' ? jsonLog(name) : textLog((line) => terminal.err(line), systemClock);
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping; the rules stay in force');
    stop.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, onSignal);
  const folder = makePrivateFolder('machine');
  const servers: Server[] = [];
  let names: NameService | undefined;
  try {
    mkdirSync(dirname(machine.rules), { recursive: true });
    const memory = new SourceMemory(machine.memory, log);
    await memory.load();
    const kernel = new KernelTable(localTransport(folder));
    const writer = new RuleWriter({ kernel, baseFile: machine.base, log });
    names = new NameService({
      kernel,
      state: new NameStateBeside({
        file: new NameStateFile(machine.names),
        access: () => controller.clusters.accessOf('cwnp'),
        clock: systemClock,
        log,
      }),
      clock: systemClock,
      log,
      wake: () => controller.wake(),
    });
    const controller = new MachineController({
      configuration,
      file: config,
      parse: (text) => parseConfigurationText(text, config),
      writer,
      memory,
      environment: process.env,
      clock: systemClock,
      log,
      reach: {
        reaches,
        connections: ownConnections,
        files: {
          resolvers: '/etc/resolv.conf',
          droptailer: machine.firewall.droptailer ? 'droptailer:50051' : undefined,
          environment: process.env,
        },
      },
      names,
    });
    if (probes !== undefined)
      servers.push(
        await serveProbes(probes, {
          ready: () => controller.ready(),
          metrics: () => Promise.resolve(''),
          standing: () => controller.ready().plain,
        }),
      );
    tellWhatIsMissing(configuration, log);
    const duties = new HostDuties({
      input: () => controller.input,
      transport: localTransport(folder),
      sshKeys: SSH_KEYS,
      root: '/',
      clock: systemClock,
      log,
    });
    background('duties', duties.run(stop.signal), log);
    const workload = new WorkloadDuties({
      input: () => controller.input,
      home: () => controller.clusters.home,
      shipsDrops: () => controller.clusters.shipsDrops,
      places: { certificates: DROPTAILER_CERTIFICATES, hosts: '/etc/hosts' },
      clock: systemClock,
      log,
    });
    background('duties for the workload cluster', workload.run(stop.signal), log);
    const { accounting } = machine;
    const firewallMonitor = new FirewallMonitor({ target: () => controller.clusters.monitor, log });
    const monitor = new MachineMonitor({
      transport: localTransport(folder),
      ids: SURICATA,
      connections: '/proc/sys/net/netfilter',
      accounting: accounting && new Accounting({ ...accounting, machine: name }),
      times: () => controller.times,
      isWanted: () => accounting !== undefined || controller.clusters.isReporting,
      interval: () => controller.input?.firewall.intervalMs,
      report: (status, signal) => firewallMonitor.report(status, signal),
      clock: systemClock,
      log,
    });
    background('monitor', monitor.run(stop.signal), log);
    log.info({ name, config }, 'started');
    await controller.run(stop.signal);
  } finally {
    stop.abort();
    await names?.stop();
    for (const signal of signals) process.off(signal, onSignal);
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    removePrivateFolder(folder);
  }
  log.info({ name }, 'stopped');
  return exit.done;
}

/** What the configuration asks for and this version does not do (docs/design/machine-duties.md): nobody may take it for done. */
function tellWhatIsMissing({ machine }: MachineConfigured, log: Log): void {
  const missing = machine.firewall.selfUpdate ? ['selfUpdate'] : [];
  if (missing.length > 0) log.error({ missing }, 'this version does not do this yet');
}
