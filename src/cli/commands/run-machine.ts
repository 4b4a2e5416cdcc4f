import { setMaxListeners } from 'node:events';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { background } from '../../base/background.ts';
import { systemClock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import { fromLevel, jsonLog, textLog } from '../../controller/configuration/logs.ts';
import { DROP_COUNTS_FILE, DropCountsBeside } from '../../controller/machine/droptailer/drop-counts.ts';
import { ServiceRestarts } from '../../controller/machine/host/service-restarts.ts';
import { Disturbances } from '../../controller/machine/disturbances.ts';
import { DutyEvents } from '../../controller/machine/reports/duty-events.ts';
import { repairEvent } from '../../controller/machine/reports/repair-event.ts';
import { openUpdates } from '../../controller/machine/update/open-updates.ts';
import type { Candidate, SelfUpdate } from '../../controller/machine/update/self-update.ts';
import { reportTrial } from '../../controller/machine/update/trial.ts';
import { FrrKeeper } from '../../controller/machine/frr/frr-keeper.ts';
import { frrEvent } from '../../controller/machine/frr/frr-event.ts';
import { FrrProgram } from '../../controller/machine/frr/frr-program.ts';
import { MachineMetrics } from '../../controller/machine/insight/machine-metrics.ts';
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
import { makePrivateFolder, removePrivateFolder } from '../../controller/state/private-folder.ts';
import { localTransport } from '../../firewalls/nftables/reach/local-transport.ts';
import { boundGarbage } from '../bound-garbage.ts';
import { type ExitCode, exit } from '../exit.ts';
import { listenersWish, MachineListeners } from '../machine-listeners.ts';
import type { RunOptions } from '../options.ts';
import type { Terminal } from '../terminal.ts';
import { parseConfigurationText } from '../world.ts';

/** Of the one user of a firewall machine (reference 1.1). */
const SSH_KEYS = '/home/metal/.ssh/authorized_keys';
/** Of today's units (reference 1.1). */
const DROPTAILER_CERTIFICATES = '/etc/droptailer-client';
/** Where suricata takes commands on a firewall machine (reference, section 6). */
const SURICATA = '/run/suricata-command.socket';

/** So long what is under way may take to end. */
const END_MS = 5_000;

/** `sallyport run` of a firewall machine, until SIGTERM or SIGINT; what is in force stays. */
export async function runMachine(
  terminal: Terminal,
  configuration: MachineConfigured,
  options: RunOptions & { readonly config: string },
): Promise<ExitCode> {
  boundGarbage();
  const { config } = options;
  const { name, machine } = configuration;
  const wishOf = listenersWish(options);
  const whole = options.log === 'json' ? jsonLog(name) : textLog((line) => terminal.err(line), systemClock);
  const log = fromLevel(whole, options.logLevel);
  const stop = new AbortController();
  // Each work of a machine waits for it.
  setMaxListeners(0, stop.signal);
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping; the rules stay in force');
    stop.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, onSignal);
  const folder = makePrivateFolder('machine');
  let listeners: MachineListeners | undefined;
  let names: NameService | undefined;
  let ready = (): boolean => false;
  const trial = reportTrial(
    process.env,
    () => (ready() ? 'ready' : 'running'),
    () => stop.abort(),
  );
  let update: (() => Promise<unknown>) | undefined;
  const works: Promise<unknown>[] = [];
  const begin = (work: string, done: Promise<unknown>): void => {
    works.push(done);
    background(work, done, log);
  };
  let hasEnded = true;
  try {
    mkdirSync(dirname(machine.rules), { recursive: true });
    const memory = new SourceMemory(machine.memory, log);
    await memory.load();
    const metrics = new MachineMetrics();
    const kernel = new KernelTable(localTransport(folder));
    const writer = new RuleWriter({
      kernel,
      baseFile: machine.base,
      log,
      told: (repair) => events.tell('Firewall', repairEvent(repair)),
    });
    const lookedUp = new NameService({
      kernel,
      state: new NameStateBeside({
        file: new NameStateFile(() => controller.configuration.machine.names),
        access: () => controller.clusters.accessOf('cwnp'),
        clock: systemClock,
        log,
      }),
      clock: systemClock,
      log,
      wake: () => controller.disturbed(),
      measure: (ms) => metrics.dnsBatchSeconds.observe(ms / 1_000),
    });
    names = lookedUp;
    const controller = new MachineController({
      configuration,
      file: config,
      parse: (text) => parseConfigurationText(text, config, options.firewallName),
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
          droptailer: 'droptailer:50051',
          environment: process.env,
        },
      },
      names,
      disturbances: new Disturbances({
        kernel,
        writer,
        wake: () => controller.disturbed(),
        clock: systemClock,
        log,
      }),
    });
    listeners = new MachineListeners({
      wish: () => wishOf(controller.configuration),
      probed: {
        ready: () => controller.ready(),
        metrics: () => metrics.text(),
        standing: () => controller.ready().plain,
      },
      clock: systemClock,
      log,
    });
    begin('listeners', listeners.run(stop.signal));
    ready = () => controller.ready().ready;
    const events = new DutyEvents({
      clusters: controller.clusters,
      clock: systemClock,
      log,
      instance: () => controller.configuration.name,
    });
    begin('events', events.run(stop.signal));
    const restarts = new ServiceRestarts({
      monitor: () => controller.clusters.monitor,
      firewall: () => controller.clusters.firewall,
      transport: localTransport(folder),
      tell: (event) => events.tell('FirewallMonitor', { reason: 'ServiceRestarted', ...event }),
      clock: systemClock,
      log,
    });
    begin('restarts', restarts.run(stop.signal));
    const found = trial.isOn
      ? undefined
      : await openUpdates({
          selfUpdate: () => controller.configuration.machine.firewall.selfUpdate,
          folder: () => dirname(controller.configuration.machine.memory),
          firewall: () => controller.input?.firewall,
          transport: localTransport(folder),
          tell: (event) => events.tell('Firewall', event),
          environment: process.env,
          program: process.execPath,
          clock: systemClock,
          log,
        });
    if (found !== undefined) {
      const { updates, self } = found;
      const look = updates.run(stop.signal).then((candidate) => {
        if (candidate === undefined || self === undefined) return;
        const how = { words: process.argv.slice(2), name: process.argv0, environment: process.env, wasReady: ready() };
        update = () => concludeUpdate(self, candidate, how);
        stop.abort();
      });
      begin('updates', look);
    }
    const duties = new HostDuties({
      input: () => controller.input,
      transport: localTransport(folder),
      sshKeys: SSH_KEYS,
      root: '/',
      tell: (event) => events.tell('Firewall', event),
      clock: systemClock,
      log,
    });
    begin('duties', duties.run(stop.signal));
    const drops = new DropCountsBeside({ path: DROP_COUNTS_FILE, clock: systemClock, log });
    begin('counts of the droptailer', drops.run(stop.signal));
    const workload = new WorkloadDuties({
      input: () => controller.input,
      home: () => controller.clusters.home,
      shipsDrops: () => controller.clusters.shipsDrops,
      places: { certificates: DROPTAILER_CERTIFICATES, hosts: options.hostsFile },
      readsAgain: () => drops.counts !== undefined,
      transport: localTransport(folder),
      clock: systemClock,
      log,
    });
    begin('duties for the workload cluster', workload.run(stop.signal));
    const frr = new FrrKeeper({
      wanted: () => controller.frr,
      program: new FrrProgram(localTransport(folder)),
      told: (outcome) => {
        const event = frrEvent(outcome);
        if (event !== undefined) events.tell('Firewall', event);
      },
      clock: systemClock,
      log,
    });
    begin('FRR', frr.run(stop.signal));
    const accounting = new Accounting({
      wish: () => controller.configuration.machine.accounting,
      machine: () => controller.configuration.name,
    });
    const firewallMonitor = new FirewallMonitor({ target: () => controller.clusters.monitor, log });
    const monitor = new MachineMonitor({
      transport: localTransport(folder),
      ids: options.enableIDS === 'true' ? SURICATA : undefined,
      connections: '/proc/sys/net/netfilter',
      accounting,
      times: () => controller.times,
      distance: () => frr.distance,
      isWanted: () => accounting.isWanted || controller.clusters.isReporting,
      interval: () => controller.input?.firewall.intervalMs,
      report: (status, signal) => firewallMonitor.report(status, signal),
      clock: systemClock,
      log,
    });
    begin('monitor', monitor.run(stop.signal));
    metrics.follow({
      state: () => controller.rulesState,
      record: controller.record,
      lastRun: () => controller.times.lastRun,
      sources: () => controller.sourceStandings,
      rules: () => writer.standing,
      flows: () => controller.flowCounts,
      names: () => lookedUp.counts,
      frr: () => frr.standing,
      drops: () => drops.counts,
      duties: () => [...duties.counts, ...workload.counts],
      reports: () => monitor.counts,
      updates: () => found?.updates.counts ?? [],
    });
    log.info({ name, config }, 'started');
    await controller.run(stop.signal);
  } finally {
    stop.abort();
    trial.stop();
    await names?.stop();
    hasEnded = await allEnd(works);
    for (const signal of signals) process.off(signal, onSignal);
    await listeners?.close();
    removePrivateFolder(folder);
  }
  // Two programs would write over each other.
  if (hasEnded) await update?.();
  else log.warn({}, 'something was still under way; a newer program, if there was one, is tried after the next start');
  log.info({ name }, 'stopped');
  return exit.done;
}

/** Whether all of it ended, well or not, in time. */
async function allEnd(works: readonly Promise<unknown>[]): Promise<boolean> {
  const patience = new AbortController();
  const late = elapsed(systemClock, END_MS, patience.signal).then(() => false);
  const inTime = await Promise.race([Promise.allSettled(works).then(() => true), late]);
  patience.abort();
  return inTime;
}

/** A newer program in our place, now that nothing of ours is at work; whoever stops us stops it. */
async function concludeUpdate(
  self: SelfUpdate,
  candidate: Candidate,
  how: Parameters<SelfUpdate['conclude']>[1],
): Promise<void> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, end);
  try {
    await self.conclude(candidate, how, stop.signal);
  } finally {
    for (const signal of signals) process.off(signal, end);
  }
}
