/** A cluster, firewalls in network namespaces, and `sallyport run` as processes of their own between them. Needs the right to make namespaces. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';
import { type AuditRecord, readRecord } from '../../src/insight/audit/record.ts';
import { leasePlace } from '../../src/kubernetes/leases/lease.ts';
import { define } from '../deploy/definitions.ts';
import { Command, ended } from '../packets/command.ts';
import { type ApiServer, startApiServer } from './apiserver.ts';
import { freePort } from './free-port.ts';
import { type Namespace, Namespaces } from './netns.ts';
import type { ApiObject, RawApi } from './raw-api.ts';

/** Small worlds change by more than a guard lets go by itself. */
const UNGUARDED = { percent: 100, atLeast: 1_000_000, percentPerHour: 100 };
const OURS = '/apis/sallyport.dev/v1alpha1';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/sallyport/leases';
const PATIENCE_MS = 150_000;
/** A copy that is told to end has ended by then. */
const STUCK_MS = 10_000;

/** One line of a copy's log. */
export interface Line {
  /** ISO 8601. */
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

interface CopyOptions {
  readonly name: string;
  readonly kubeconfig: string;
  /** Of its probes, on loopback. */
  readonly port: number;
  readonly cluster: string;
  /** `None`: no capability, as in a pod; it cannot run nft where it is. */
  readonly rights: 'Whole' | 'None';
}

/** A `sallyport run` with a state folder and a log of its own. */
export class Copy {
  readonly name: string;
  readonly child: ChildProcess;
  readonly lines: readonly Line[];
  /** What it said that is no line of a log: what ended it. */
  readonly words: readonly string[];
  readonly #probes: string;
  readonly #state: string;

  constructor(command: Command, options: CopyOptions) {
    const { name, kubeconfig, port, cluster, rights } = options;
    this.name = name;
    this.#probes = `127.0.0.1:${port}`;
    const folder = mkdtempSync(join(command.root, `${name}-`));
    this.#state = join(folder, 'state');
    const file = join(folder, 'configuration.json');
    const content = {
      name,
      cluster,
      sources: { cluster: { kubeconfig } },
      controllers: { border: { source: 'cluster' } },
      server: { probes: this.#probes },
    };
    writeFileSync(file, JSON.stringify(content));
    const lines: Line[] = [];
    const words: string[] = [];
    this.lines = lines;
    this.words = words;
    const heard = (text: string): void => {
      if (text.startsWith('{')) lines.push(JSON.parse(text) as Line);
      else words.push(text);
    };
    const environment = { STATE_DIRECTORY: this.#state };
    this.child = command.start(['run', '--config', file, '--log', 'json'], heard, environment, rights);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it as it should be ended; its exit code. */
  async stop(): Promise<number | null> {
    const end = ended(this.child);
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    return end;
  }

  /** Ends it in any case. */
  async end(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const stuck = setTimeout(() => child.kill('SIGKILL'), STUCK_MS);
    await this.stop();
    clearTimeout(stuck);
  }

  /** Lines with these words. */
  said(text: string, firewall?: string): readonly Line[] {
    return this.lines.filter(
      (line) => line.msg.includes(text) && (firewall === undefined || line['firewall'] === firewall),
    );
  }

  /** Every record of a firewall's audit trail, in order. */
  trail(firewall: string, cluster = 'live'): readonly AuditRecord[] {
    const folder = join(this.#state, cluster, 'audit', firewall);
    let files: readonly string[];
    try {
      files = readdirSync(folder).toSorted();
    } catch {
      return [];
    }
    const lines = files.flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'));
    return lines.flatMap((line) => {
      const record = readRecord(line);
      return 'entry' in record ? [record] : [];
    });
  }

  async metric(line: RegExp): Promise<number> {
    const text = await (await fetch(`http://${this.#probes}/metrics`)).text();
    return Number(line.exec(text)?.[1] ?? 0);
  }

  /** What it tells everybody. */
  ready(): Promise<string> {
    return this.#ask('/readyz');
  }

  /** What it tells its own machine: firewalls and copies by name. */
  standing(): Promise<string> {
    return this.#ask('/standing');
  }

  async #ask(path: string): Promise<string> {
    const answer = await fetch(`http://${this.#probes}${path}`);
    return `${answer.status} ${await answer.text()}`;
  }
}

export interface LiveBorderOptions {
  /** Names of firewalls; each a namespace. */
  readonly firewalls: readonly string[];
}

/** A real API server with our kinds, and firewalls that are enforced. Pods of the namespace `shop` with `app: pay` are the group `payers`. */
export class LiveBorder {
  readonly server: ApiServer;
  readonly command: Command;
  readonly #namespaces: Namespaces;
  readonly #firewalls: ReadonlyMap<string, Namespace>;
  readonly #copies: Copy[] = [];
  /** Others with the same firewalls. */
  readonly #twins: LiveBorder[] = [];

  static async open({ firewalls }: LiveBorderOptions): Promise<LiveBorder> {
    const namespaces = await Namespaces.open();
    const made = new Map<string, Namespace>();
    for (const name of firewalls) made.set(name, await namespaces.add(name, { forwarding: true }));
    const live = new LiveBorder(await startApiServer(), await Command.build(), namespaces, made);
    await live.furnish();
    return live;
  }

  private constructor(
    server: ApiServer,
    command: Command,
    namespaces: Namespaces,
    firewalls: ReadonlyMap<string, Namespace>,
  ) {
    this.server = server;
    this.command = command;
    this.#namespaces = namespaces;
    this.#firewalls = firewalls;
  }

  /** Another cluster that describes the same firewalls; it ends with this one. */
  async twin(): Promise<LiveBorder> {
    const twin = new LiveBorder(await startApiServer(), this.command, this.#namespaces, this.#firewalls);
    this.#twins.push(twin);
    await twin.furnish();
    return twin;
  }

  get admin(): RawApi {
    return this.server.admin;
  }

  /** Everything but pods, as somebody installs it. */
  async furnish(): Promise<void> {
    const { admin } = this;
    await define(admin);
    for (const name of ['shop', 'sallyport']) await this.post('/api/v1/namespaces', 'v1', 'Namespace', { name });
    const accounts = '/api/v1/namespaces/shop/serviceaccounts';
    await this.post(accounts, 'v1', 'ServiceAccount', { name: 'default' });
    await this.post('/api/v1/nodes', 'v1', 'Node', { name: 'n1' });
    for (const [name, { name: namespace }] of this.#firewalls) await this.addFirewall(name, namespace);
    await this.post(
      `${OURS}/addressgroups`,
      'sallyport.dev/v1alpha1',
      'AddressGroup',
      { name: 'payers' },
      {
        selector: "app == 'pay'",
        namespaceSelector: 'all()',
      },
    );
    await this.post(
      `${OURS}/clusterborderpolicies`,
      'sallyport.dev/v1alpha1',
      'ClusterBorderPolicy',
      { name: 'bank' },
      {
        selector: "app == 'pay'",
        namespaceSelector: 'all()',
        egress: [{ action: 'Allow', protocol: 'TCP', nets: ['203.0.113.0/24'], ports: [443] }],
      },
    );
  }

  /** `more`: of its spec. */
  async addFirewall(name: string, namespace = this.firewall(name).name, more: object = {}): Promise<void> {
    await this.post(
      `${OURS}/borderfirewalls`,
      'sallyport.dev/v1alpha1',
      'BorderFirewall',
      { name },
      {
        driver: 'nftables',
        address: `netns:${namespace}`,
        mode: 'Enforce',
        workloads: {},
        sees: 'Pod',
        networks: ['10.1.0.0/16'],
        guard: { removals: UNGUARDED, gains: UNGUARDED },
        ...more,
      },
    );
  }

  post(path: string, apiVersion: string, kind: string, metadata: object, spec?: object): Promise<ApiObject> {
    return this.admin.json('POST', path, { apiVersion, kind, metadata, ...(spec && { spec }) });
  }

  /** Starts another one, with the admin's rights in the cluster if no kubeconfig is named. */
  async copy(name: string, kubeconfig = this.server.kubeconfig, cluster = 'live'): Promise<Copy> {
    return await this.#start({ name, kubeconfig, cluster, rights: 'Whole' });
  }

  /** Starts one that cannot run nft where it is. */
  async unableCopy(name: string): Promise<Copy> {
    return await this.#start({ name, kubeconfig: this.server.kubeconfig, cluster: 'live', rights: 'None' });
  }

  async #start(options: Omit<CopyOptions, 'port'>): Promise<Copy> {
    const copy = new Copy(this.command, { ...options, port: await freePort() });
    this.#copies.push(copy);
    return copy;
  }

  /** A kubeconfig of the admin's for an installation in another namespace, which is made if it is not there. */
  async kubeconfigIn(namespace: string): Promise<string> {
    const path = '/api/v1/namespaces';
    if ((await this.admin.send({ path: `${path}/${namespace}` })).status === 404)
      await this.post(path, 'v1', 'Namespace', { name: namespace });
    const content = parse(readFileSync(this.server.kubeconfig, 'utf8')) as { contexts: { context: object }[] };
    for (const one of content.contexts) one.context = { ...one.context, namespace };
    const file = join(this.command.root, `kubeconfig-of-${namespace}`);
    writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
    return file;
  }

  /** A running pod. */
  async pod(name: string, ip: string, app = 'pay'): Promise<void> {
    const path = '/api/v1/namespaces/shop/pods';
    const spec = { nodeName: 'n1', containers: [{ name: 'c', image: 'x' }] };
    await this.post(path, 'v1', 'Pod', { name, namespace: 'shop', labels: { app } }, spec);
    const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] };
    await this.admin.json('PATCH', `${path}/${name}/status`, { status }, 'application/merge-patch+json');
  }

  async removePod(name: string): Promise<void> {
    await this.admin.json('DELETE', `/api/v1/namespaces/shop/pods/${name}?gracePeriodSeconds=0`);
  }

  /** Addresses of the pods `app: pay` that the API server knows, sorted as `holds` sorts them. */
  async addresses(): Promise<readonly string[]> {
    const path = '/api/v1/pods?labelSelector=app%3Dpay';
    const { items } = await this.admin.json<{ items: readonly { status: { podIP?: string } }[] }>('GET', path);
    return items.flatMap(({ status: { podIP } }) => podIP ?? []).toSorted();
  }

  /** Our table, without counters. */
  async table(firewall: string): Promise<string> {
    const { code, stdout } = await this.firewall(firewall).run('nft', ['-s', 'list', 'table', 'inet', 'sallyport']);
    return code === 0 ? stdout : '';
  }

  /** Addresses of pods that the firewall holds, sorted. */
  async holds(firewall: string): Promise<readonly string[]> {
    const found = (await this.table(firewall)).matchAll(/\b10\.1\.\d+\.\d+\b(?!\/)/g);
    return [...new Set([...found].map(([address]) => address))].toSorted();
  }

  firewall(name: string): Namespace {
    const found = this.#firewalls.get(name);
    if (found === undefined) throw new Error(`there is no firewall ${name}`);
    return found;
  }

  /** `status` of one of our objects. */
  async status(
    kind: string,
    name: string,
  ): Promise<{ readonly conditions?: readonly Condition[]; readonly [field: string]: unknown }> {
    const object = await this.admin.json('GET', `${OURS}/${kind}/${name}`);
    return (object['status'] ?? {}) as { readonly conditions?: readonly Condition[] };
  }

  /** Who holds the Lease of a firewall, without what makes processes of one name differ; how often it changed hands; when it was renewed last. */
  async holder(firewall: string): Promise<{ readonly name: string; readonly epoch: number; readonly renewed: number }> {
    const { bytes, status } = await this.admin.send({ path: leasePath(firewall) });
    const { spec = {} } =
      status === 200
        ? (JSON.parse(bytes.toString()) as {
            spec?: { holderIdentity?: string; leaseTransitions?: number; renewTime?: string };
          })
        : {};
    return {
      name: (spec.holderIdentity ?? '').replace(/_[0-9a-f]{8}$/, ''),
      epoch: spec.leaseTransitions ?? 0,
      renewed: Date.parse(spec.renewTime ?? ''),
    };
  }

  /** Ends all copies, whatever their state; as they should be ended if they can, so that the next ones wait for no Lease to run out. */
  async endCopies(): Promise<void> {
    const twins = this.#twins.map((twin) => twin.endCopies());
    await Promise.all([...twins, ...this.#copies.splice(0).map((copy) => copy.end())]);
  }

  async close(): Promise<void> {
    await this.endCopies();
    for (const { server } of [this, ...this.#twins]) await server.stop();
    await this.#namespaces.close();
    this.command.remove();
  }
}

/** When a copy sent something to a firewall, and when that had ended; milliseconds since the epoch. */
function writesOf(copy: Copy, firewall: string): readonly { readonly from: number; readonly to: number }[] {
  const ends = new Map<number, number>();
  const trail = copy.trail(firewall);
  for (const { at, entry } of trail) if ('of' in entry) ends.set(entry.of, Date.parse(at));
  return trail.flatMap(({ at, number, entry }) =>
    entry.what === 'Sent' ? [{ from: Date.parse(at), to: ends.get(number) ?? Date.parse(at) }] : [],
  );
}

/** Writes of one copy that were under way while the other's were; trails tell milliseconds. */
export function overlaps(copies: readonly Copy[], firewall: string): readonly string[] {
  const all = copies.flatMap((copy) => writesOf(copy, firewall).map((span) => ({ ...span, by: copy.name })));
  all.sort((a, b) => a.from - b.from);
  return all.flatMap((span, at) => {
    const next = all[at + 1];
    return next !== undefined && next.by !== span.by && next.from < span.to
      ? [`${span.by} until ${span.to}, ${next.by} from ${next.from}`]
      : [];
  });
}

/** The Lease of a firewall in the API. */
export function leasePath(firewall: string): string {
  return `${LEASES}/${leasePlace('firewall', 'live', firewall).name}`;
}

/** Until it holds; throws with what was seen last, and what the copies said. */
export async function until<T>(
  look: () => Promise<T> | T,
  holds: (seen: T) => boolean,
  ms = PATIENCE_MS,
  stepMs = 50,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > end) throw new Error(`not within ${ms} ms; seen last: ${JSON.stringify(seen)}`);
    await pause(stepMs);
  }
}
