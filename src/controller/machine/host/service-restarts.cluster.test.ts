import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../../../test/kit/apiserver.ts';
import {
  CWNP_DEFINITION,
  define,
  FIREWALL_DEFINITION,
  MONITOR_DEFINITION,
} from '../../../../test/kit/metal-stack-crds.ts';
import { RunningMachine } from '../../../../test/kit/running-machine.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import { DutyEvents } from '../reports/duty-events.ts';
import { HostDuties } from './host-duties.ts';
import { RESTART_ANNOTATION, ServiceRestarts, WHITELIST_ANNOTATION } from './service-restarts.ts';

const GROUP = '/apis/firewall.metal-stack.io/v2/namespaces';
const MERGE = 'application/merge-patch+json';

interface Shown {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}
interface Event {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
  readonly source: { readonly component: string };
}

let server: ApiServer;
let machine: RunningMachine;
let duties: HostDuties;
const stop = new AbortController();
const running: Promise<void>[] = [];
const restarted: string[] = [];
const transport = {
  run: (_: string, words: readonly string[]) => {
    restarted.push(words.join(' '));
    return Promise.resolve({ code: 0, stdout: '', stderr: '' });
  },
} as unknown as Transport;

beforeAll(async () => {
  server = await startApiServer();
  for (const name of ['seed', 'firewall'])
    await server.admin.json('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const definition of [FIREWALL_DEFINITION, MONITOR_DEFINITION, CWNP_DEFINITION])
    await define(server.admin, definition);
  const common = { size: 's', image: 'i', partition: 'p', project: 'x', networks: ['internet'] };
  await server.admin.json('POST', `${GROUP}/seed/firewalls`, {
    apiVersion: 'firewall.metal-stack.io/v2',
    kind: 'Firewall',
    metadata: { name: 'fw-1' },
    distance: 0,
    spec: common,
  });
  await server.admin.json('POST', `${GROUP}/firewall/firewallmonitors`, {
    apiVersion: 'firewall.metal-stack.io/v2',
    kind: 'FirewallMonitor',
    metadata: { name: 'fw-1', annotations: { keep: 'me' } },
    conditions: [],
    ...common,
  });
  machine = await RunningMachine.open();
  machine.configure(`sources:
  seed: { kubeconfig: ${server.kubeconfig}, namespace: seed }
  shoot: { kubeconfig: ${server.kubeconfig}, namespace: firewall }
controllers: { firewall: { source: seed }, monitor: { source: shoot } }`);
  const controller = await machine.start();
  const { clusters } = controller;
  const { log } = machine;
  const events = new DutyEvents({ clusters, clock: systemClock, log, instance: () => 'fw-1' });
  // Told before any cluster is reached, as after the restart that ends an update.
  events.tell('Firewall', { type: 'Normal', reason: 'Self-Reconciliation', note: 'replaced version X with Y' });
  const restarts = new ServiceRestarts({
    monitor: () => clusters.monitor,
    firewall: () => clusters.firewall,
    transport,
    tell: (event) => events.tell('FirewallMonitor', { reason: 'ServiceRestarted', ...event }),
    clock: systemClock,
    log,
  });
  duties = new HostDuties({
    input: () => controller.input,
    transport,
    sshKeys: `${machine.folder}/authorized_keys`,
    root: `${machine.folder}/missing/`,
    tell: (event) => events.tell('Firewall', event),
    clock: systemClock,
    log,
  });
  running.push(events.run(stop.signal), restarts.run(stop.signal));
});
afterAll(async () => {
  stop.abort();
  await Promise.all(running);
  await machine.close();
  await server.stop();
});

const annotations = async (): Promise<unknown> =>
  (await server.admin.json<Shown>('GET', `${GROUP}/firewall/firewallmonitors/fw-1`)).metadata.annotations;
const ask = (services: string): Promise<unknown> =>
  server.admin.json(
    'PATCH',
    `${GROUP}/firewall/firewallmonitors/fw-1`,
    { metadata: { annotations: { [RESTART_ANNOTATION]: services } } },
    MERGE,
  );
const events = async (): Promise<readonly string[]> => {
  const { items } = await server.admin.json<{ items: Event[] }>('GET', '/api/v1/namespaces/firewall/events');
  return items.map(
    ({ type, reason, message, involvedObject: { kind, name }, source }) =>
      `${source.component} ${type} ${reason} ${kind}/${name}: ${message}`,
  );
};

test('the annotation of the FirewallMonitor restarts services, goes, and is told; the Firewall says what may be', async () => {
  await ask('droptailer,sshd,firewall-controller');
  await expect.poll(annotations).toEqual({ keep: 'me' });
  await expect
    .poll(() => restarted)
    .toEqual(['restart -- droptailer.service', 'restart --no-block -- firewall-controller.service']);
  const said = 'FirewallMonitorAnnotation';
  await expect
    .poll(events)
    .toEqual(
      expect.arrayContaining([
        'FirewallController Normal Self-Reconciliation Firewall/fw-1: replaced version X with Y',
        `${said} Normal ServiceRestarted FirewallMonitor/fw-1: restarted droptailer.service`,
        `${said} Warning ServiceRestarted FirewallMonitor/fw-1: skipped restart of sshd.service, because it is not whitelisted`,
        `${said} Normal ServiceRestarted FirewallMonitor/fw-1: restarted firewall-controller.service`,
      ]),
    );
  await server.admin.json(
    'PATCH',
    `${GROUP}/seed/firewalls/fw-1`,
    { metadata: { annotations: { [WHITELIST_ANNOTATION]: 'sshd' } } },
    MERGE,
  );
  restarted.splice(0);
  // The Firewall may be seen later than the FirewallMonitor: ask until it is.
  await expect
    .poll(async () => {
      await ask('sshd');
      return restarted.includes('restart -- sshd.service');
    })
    .toBe(true);
  expect(restarted).not.toContain('restart -- droptailer.service');
});

test('a duty on the machine that fails is an event of the Firewall, once', async () => {
  const failed = async (): Promise<readonly string[]> => {
    await duties.look(stop.signal);
    return (await events()).filter((each) => each.includes(' Error '));
  };
  const file = `${machine.folder}/missing/proc/sys/net/netfilter/nf_conntrack_max`;
  const problem = `this machine refused a file: ENOENT: no such file or directory, open '${file}'`;
  const said = [`FirewallController Warning Error Firewall/fw-1: sysctls: ${problem}`];
  await expect.poll(failed).toEqual(said);
  for (let n = 0; n < 3; n++) expect(await failed()).toEqual(said);
});
