import type { Server } from 'node:http';
import process from 'node:process';
import { systemClock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import { clusterDuties } from '../../controller/cluster-duties.ts';
import type { Configuration } from '../../controller/configuration/configuration.ts';
import { Controller } from '../../controller/controller.ts';
import { deviceMistakes } from '../../controller/devices/device-mistakes.ts';
import { openDevice } from '../../controller/devices/devices.ts';
import { OnThisMachine } from '../../controller/devices/on-this-machine.ts';
import { openGate, reachedAt } from '../../controller/gate-duty.ts';
import { fromLevel, jsonLog, textLog } from '../../controller/configuration/logs.ts';
import { Metrics } from '../../controller/metrics.ts';
import { holdsObjects } from '../../controller/configuration/source-places.ts';
import { openSource, waitForClusterName } from '../../controller/configuration/sources.ts';
import { Feeds } from '../../controller/feeds/feeds.ts';
import { tellLateConsumers } from '../../controller/feeds/late-consumers.ts';
import { isRecorded } from '../../controller/state/confirmed-folder.ts';
import { FolderApprovals, stateFolder } from '../../controller/state/state-folder.ts';
import { EarlyDropBook } from '../../insight/early-drop-book.ts';
import { ReviewedAccess } from '../../kubernetes/reviewed-access.ts';
import { secretsOf } from '../../kubernetes/secret.ts';
import { openFeeds } from '../../server/feeds/open-feeds.ts';
import { serveProbes } from '../../server/probes.ts';
import { serveQueries } from '../../server/queries.ts';
import { podsOf, serveReadiness } from '../../server/readiness.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { RunOptions } from '../options.ts';
import type { Terminal } from '../terminal.ts';

/** `sallyport run` of a border, until SIGTERM or SIGINT; then every request under way ends, and devices keep what they hold. */
export async function runBorder(
  terminal: Terminal,
  configuration: Configuration,
  options: RunOptions & { readonly config: string },
): Promise<ExitCode> {
  const { config } = options;
  const {
    name,
    cluster: given,
    sources,
    border,
    probes,
    queries,
    readiness,
    feeds,
    auditBytes,
    gate: wantedGate,
  } = configuration;
  const place = border === undefined ? undefined : sources.get(border.source);
  if (border === undefined || !holdsObjects(place))
    throw new SallyportError('CONFIG_SOURCE', `${config} has no controllers.border; there is nothing to run`);
  if (given === undefined && place.type === 'manifests')
    throw new SallyportError(
      'CLUSTER_UNNAMED',
      `${config} has no cluster; what is created could not be marked as ours`,
    );
  const whole = options.log === 'json' ? jsonLog(name) : textLog((line) => terminal.err(line), systemClock);
  const log = fromLevel(whole, options.logLevel);
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping; devices keep what they hold');
    stop.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, onSignal);
  const metrics = new Metrics();
  const surroundings = { clock: systemClock, log, environment: process.env, metrics };
  const { source, title, api, namespace } = await openSource(border.source, place, surroundings);
  const cluster = given ?? (api && (await waitForClusterName(api, surroundings, stop.signal)));
  if (cluster === undefined) return exit.done;
  const folder = stateFolder(cluster);
  let gate: Awaited<ReturnType<typeof openGate>> | undefined;
  const duties =
    api &&
    clusterDuties({
      client: api,
      namespace,
      cluster,
      name,
      clock: systemClock,
      log,
      metrics,
      readiness: reachedAt(readiness, process.env),
      gate: wantedGate !== undefined,
      onThisMachine: new OnThisMachine({ clock: systemClock, log }),
    });
  const lists = new Feeds({ clock: systemClock, metrics, consumers: feeds?.consumers ?? [] });
  const places = { environment: process.env, secrets: api && secretsOf(api, namespace ?? 'default') };
  const controller = new Controller({
    cluster,
    source,
    open: (firewall, grant) =>
      openDevice(
        firewall,
        { log, cluster, stateFolder: folder, auditBytes, by: `controller ${name}`, feeds: lists, places },
        grant,
      ),
    mistakes: (firewall) => deviceMistakes(firewall, cluster),
    clock: systemClock,
    log,
    metrics,
    early: new EarlyDropBook({ folder, clock: systemClock, log }),
    lists,
    taken: (changes) => gate?.gate.taken(changes),
    ...(duties ?? {
      approvals: new FolderApprovals(folder),
      isRecorded: (firewall: string) => isRecorded(folder, firewall),
    }),
  });
  if (wantedGate !== undefined && api !== undefined && duties !== undefined)
    gate = await openGate({ controller, writers: duties.writers, api, ...wantedGate, ...surroundings });

  const answers = { metrics: () => metrics.text(), standing: () => controller.ready().reason };
  const servers: Server[] = [];
  let stopTelling = (): void => undefined;
  try {
    if (probes !== undefined) servers.push(await serveProbes(probes, { ready: () => controller.ready(), ...answers }));
    if (queries !== undefined)
      servers.push(
        await serveQueries(
          queries,
          answers,
          { tls: queries.tls, access: api && new ReviewedAccess(api, systemClock, log) },
          log,
        ),
      );
    if (readiness !== undefined) servers.push(await serveReadiness(readiness, podsOf(controller)));
    if (feeds !== undefined) {
      servers.push(await openFeeds(feeds, lists, log));
      stopTelling = tellLateConsumers(lists, systemClock, log);
    }
    log.info({ name, cluster, config, source: title }, 'started');
    await controller.run(stop.signal);
  } finally {
    // Whatever ended it: a process that lived on without a controller would still answer the probes.
    stop.abort();
    stopTelling();
    for (const signal of signals) process.off(signal, onSignal);
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await gate?.close();
    await api?.close();
  }
  log.info({ name }, 'stopped');
  return exit.done;
}
