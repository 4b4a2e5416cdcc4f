import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../../../test/kit/apiserver.ts';
import { Authority, type Issued } from '../../../../test/kit/certificates.ts';
import { DroptailerServer } from '../../../../test/kit/droptailer-server.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { firewall, smallMachine } from '../../../../test/kit/machine.ts';
import { systemClock } from '../../../base/clock.ts';
import { type Log, silentLog } from '../../../base/log.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import type { ApiClient } from '../../../kubernetes/api-client.ts';
import { connectKubeconfig } from '../../../kubernetes/kubeconfig.ts';
import { policyRules } from '../../../kubernetes/rights.ts';
import type { MachineInput } from '../../../machine/ruleset.ts';
import { DropShipper } from '../droptailer/drop-shipper.ts';
import { PushClient } from '../droptailer/push-client.ts';
import { machineRights } from '../machine-rights.ts';
import { WorkloadDuties } from './workload-duties.ts';

const signal = new AbortController().signal;
const MERGE = 'application/merge-patch+json';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const NAMESPACES = ['firewall', 'firewall-b'];

interface Shown {
  readonly metadata: { readonly resourceVersion: string; readonly labels: object };
  readonly spec: object;
  readonly subsets: readonly object[];
}

describe('what a machine and its workload cluster need of each other', () => {
  let server: ApiServer;
  let client: ApiClient;
  let clock: FakeClock;
  let folder: string;
  let input: MachineInput | undefined;
  const told: string[] = [];
  const restarted: string[] = [];
  /** Whether a droptailer of ours runs beside, and what systemd says to a restart. */
  let readsAgain = false;
  let refusal: string | undefined;
  const transport = {
    run: (program: string, words: readonly string[]) => {
      restarted.push([program, ...words].join(' '));
      return Promise.resolve({ code: refusal === undefined ? 0 : 1, stdout: '', stderr: refusal ?? '' });
    },
  } as unknown as Transport;
  const log: Log = { ...silentLog, error: (fields, message) => void told.push(`${message} ${JSON.stringify(fields)}`) };

  beforeAll(async () => {
    server = await startApiServer();
    const { admin } = server;
    // Nobody but a machine, with the rights that the table of rights gives it.
    const rules = (scope: string) => policyRules(machineRights.filter((right) => right.scope === scope));
    const role = (kind: string, scope: string): object => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind,
      metadata: { name: 'machine' },
      rules: rules(scope),
    });
    const binding = (kind: 'Role' | 'ClusterRole'): object => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: `${kind}Binding`,
      metadata: { name: 'machine' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: 'machine' },
      subjects: [{ kind: 'ServiceAccount', name: 'machine', namespace: 'firewall' }],
    });
    for (const name of NAMESPACES) {
      await admin.json('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      for (const account of ['default', 'machine'])
        await admin.json('POST', `/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: account } });
      await admin.json('POST', `${RBAC}/namespaces/${name}/roles`, role('Role', 'Machine'));
      await admin.json('POST', `${RBAC}/namespaces/${name}/rolebindings`, binding('Role'));
    }
    await admin.json('POST', `${RBAC}/clusterroles`, role('ClusterRole', 'Cluster'));
    await admin.json('POST', `${RBAC}/clusterrolebindings`, binding('ClusterRole'));
    const path = server.kubeconfigFor({ token: await server.tokenFor('firewall', 'machine') });
    ({ client } = await connectKubeconfig({ path, environment: {}, log: silentLog, clock: systemClock }));
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });
  beforeEach(() => {
    clock = new FakeClock();
    folder = mkdtempSync(join(tmpdir(), 'sallyport-workload-test-'));
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n', { mode: 0o644 });
    input = smallMachine(firewall('{}')).input;
    for (const list of [told, restarted]) list.splice(0);
    readsAgain = false;
    refusal = undefined;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const dutiesIn = (namespace = 'firewall', shipsDrops = false): WorkloadDuties => {
    const access = { client, namespace };
    return new WorkloadDuties({
      input: () => input,
      home: () => access,
      shipsDrops: () => shipsDrops,
      places: { certificates: join(folder, 'droptailer-client'), hosts: join(folder, 'hosts') },
      readsAgain: () => readsAgain,
      transport,
      clock,
      log,
    });
  };

  describe('exporters', () => {
    const get = (kind: string, name: string, namespace = 'firewall'): Promise<Shown> =>
      server.admin.json<Shown>('GET', `/api/v1/namespaces/${namespace}/${kind}/${name}`);
    const all = (): Promise<Shown[]> =>
      Promise.all(
        ['services', 'endpoints'].flatMap((kind) =>
          ['nftables-exporter', 'node-exporter'].map((name) => get(kind, name)),
        ),
      );
    const address = async (namespace = 'firewall'): Promise<unknown> =>
      (await get('endpoints', 'node-exporter', namespace)).subsets;
    const at = (ip: string) => [
      { addresses: [{ ip }], ports: [{ name: 'nodeexporter', port: 9100, protocol: 'TCP' }] },
    ];

    test('are found as today: headless services, endpoints at the machine; nothing is written when nothing changed', async () => {
      // As today’s controller left them, for another address.
      await server.admin.json('POST', '/api/v1/namespaces/firewall/endpoints', {
        metadata: { name: 'node-exporter', labels: { app: 'node-exporter' } },
        subsets: at('10.9.9.9'),
      });
      input = undefined;
      const duties = dutiesIn();
      await duties.look(signal);
      expect(await address()).toEqual(at('10.9.9.9'));
      input = smallMachine(firewall('{}')).input;
      await duties.look(signal);
      expect(told).toEqual([]);
      const [service] = await all();
      expect(service).toMatchObject({
        metadata: { labels: { app: 'nftables-exporter' } },
        spec: {
          type: 'ClusterIP',
          clusterIP: 'None',
          ports: [{ name: 'nftexporter', port: 9630, protocol: 'TCP', targetPort: 'nftexporter' }],
        },
      });
      expect(service?.spec).not.toHaveProperty('selector');
      expect(await address()).toEqual(at('10.0.0.1'));
      expect((await get('endpoints', 'nftables-exporter')).subsets).toEqual([
        { addresses: [{ ip: '10.0.0.1' }], ports: [{ name: 'nftexporter', port: 9630, protocol: 'TCP' }] },
      ]);
      const versions = async (): Promise<readonly string[]> =>
        (await all()).map(({ metadata }) => metadata.resourceVersion);
      const before = await versions();
      clock.advance(180_000);
      await duties.look(signal);
      await dutiesIn().look(signal);
      expect(await versions()).toEqual(before);
      // A hand is put right.
      await server.admin.json(
        'PATCH',
        '/api/v1/namespaces/firewall/endpoints/node-exporter',
        { subsets: at('10.9.9.9') },
        MERGE,
      );
      clock.advance(180_000);
      await duties.look(signal);
      expect(await address()).toEqual(at('10.0.0.1'));
    });

    test('each machine of a cluster has its own, in its namespace', async () => {
      await dutiesIn('firewall-b').look(signal);
      expect(await address('firewall-b')).toEqual(at('10.0.0.1'));
      await dutiesIn('shop').look(signal);
      expect(told.join()).toContain('API_FORBIDDEN');
    });
  });

  describe('the droptailer', () => {
    const PODS = '/api/v1/namespaces/firewall/pods';
    const SECRETS = '/api/v1/namespaces/firewall/secrets';
    let authority: Authority;
    const file = (name: string): string => join(folder, 'droptailer-client', name);
    const hosts = (): string => readFileSync(join(folder, 'hosts'), 'utf8');

    beforeEach(() => {
      authority = new Authority(folder, 'droptailer CA');
    });
    afterEach(async () => {
      await server.admin.json('DELETE', `${PODS}?gracePeriodSeconds=0`);
      await server.admin.json('DELETE', SECRETS);
    });

    const run = async (name: string, podIP: string, ready = 'True'): Promise<void> => {
      await server.admin.json('POST', PODS, {
        metadata: { name, labels: { app: 'droptailer' } },
        spec: { containers: [{ name: 'droptailer', image: 'droptailer' }] },
      });
      const conditions = [{ type: 'Ready', status: ready }];
      const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions };
      await server.admin.json('PATCH', `${PODS}/${name}/status`, { status }, MERGE);
    };
    const put = async (issued: Issued, trusted: Authority, more: object = {}): Promise<void> => {
      const body = {
        metadata: { name: 'droptailer-client' },
        stringData: { 'ca.crt': trusted.certificate, 'tls.crt': issued.certificate, 'tls.key': issued.key, ...more },
      };
      const { items } = await server.admin.json<{ items: unknown[] }>('GET', SECRETS);
      if (items.length === 0) await server.admin.json('POST', SECRETS, body);
      else await server.admin.json('PATCH', `${SECRETS}/droptailer-client`, body, MERGE);
    };

    test('its certificates and its server come from the cluster, and follow it', async () => {
      const duties = dutiesIn('firewall', true);
      await duties.look(signal);
      expect(told.join()).toContain('there is no Secret firewall/droptailer-client');
      const first = authority.issue('/CN=droptailer-client');
      await put(first, authority);
      await run('droptailer-1', '10.240.0.7');
      await duties.look(signal);
      expect(hosts()).toBe('127.0.0.1 localhost\n10.240.0.7 droptailer\n');
      expect(statSync(join(folder, 'hosts')).mode & 0o777).toBe(0o644);
      expect(readFileSync(file('tls.key'), 'utf8').trim()).toBe(first.key.trim());
      expect(['ca.crt', 'tls.crt', 'tls.key'].map((name) => statSync(file(name)).mode & 0o777)).toEqual([
        0o600, 0o600, 0o600,
      ]);
      expect(['crt', 'key'].map((end) => readlinkSync(file(`droptailer-client.${end}`)))).toEqual([
        'tls.crt',
        'tls.key',
      ]);
      const written = lstatSync(file('tls.crt')).mtimeMs;

      // It moves; what was there twice is there once.
      await server.admin.json('DELETE', `${PODS}/droptailer-1?gracePeriodSeconds=0`);
      await run('droptailer-2', '10.240.0.8');
      await duties.look(signal);
      expect(hosts()).toBe('127.0.0.1 localhost\n10.240.0.8 droptailer\n');
      expect(lstatSync(file('tls.crt')).mtimeMs).toBe(written);
      // None runs: where it was is the best guess.
      await server.admin.json('DELETE', `${PODS}/droptailer-2?gracePeriodSeconds=0`);
      await duties.look(signal);
      expect(hosts()).toContain('10.240.0.8 droptailer');

      // What does not fit together, or is cut, takes nobody's place, and no key prints.
      const second = authority.issue('/CN=droptailer-client');
      for (const wrong of [{ 'tls.key': first.key }, { 'tls.crt': 'nonsense' }, { 'ca.crt': '' }]) {
        await put(second, authority, wrong);
        clock.advance(60_000);
        await duties.look(signal);
        expect(readFileSync(file('tls.crt'), 'utf8').trim()).toBe(first.certificate.trim());
      }
      expect(told.filter((line) => line.includes('DROPTAILER_ACCESS'))).toHaveLength(2);
      await put(second, authority);
      await duties.look(signal);
      expect(readFileSync(file('tls.crt'), 'utf8').trim()).toBe(second.certificate.trim());
      expect(told.join()).not.toContain('PRIVATE KEY');
    });

    test('today’s droptailer is restarted for what it does not read again, until that is done; ours is not', async () => {
      const duties = dutiesIn('firewall', true);
      const restart = 'systemctl restart -- droptailer.service';
      const looked = async (): Promise<readonly string[]> => {
        await duties.look(signal);
        return restarted.splice(0);
      };
      await run('droptailer-1', '10.240.0.7');
      // Where its server is does not wait for certificates, nor they for it.
      expect(await looked()).toEqual([restart]);
      await put(authority.issue('/CN=droptailer-client'), authority);
      rmSync(join(folder, 'hosts'));
      mkdirSync(join(folder, 'hosts'));
      expect(await looked()).toEqual([restart]);
      expect(readFileSync(file('ca.crt'), 'utf8')).toContain('CERTIFICATE');
      expect(await looked()).toEqual([]);
      rmSync(join(folder, 'hosts'), { recursive: true });
      refusal = 'Unit droptailer.service not found.';
      expect([await looked(), await looked()]).toEqual([[restart], [restart]]);
      expect(told.filter((line) => line.includes('not found'))).toHaveLength(1);
      refusal = undefined;
      expect([await looked(), await looked()]).toEqual([[restart], []]);
      readsAgain = true;
      await put(authority.issue('/CN=droptailer-client'), authority);
      clock.advance(60_000);
      const before = readFileSync(file('tls.crt'), 'utf8');
      expect(await looked()).toEqual([]);
      expect(readFileSync(file('tls.crt'), 'utf8')).not.toBe(before);
    });

    test('drops arrive over a rotation of everything in the Secret and an outage of the server, without a restart', async () => {
      const serverOf = (of: Authority, port = 0): Promise<DroptailerServer> =>
        DroptailerServer.start(of.issue('/CN=droptailer', { names: 'DNS:droptailer' }), of, port);
      await put(authority.issue('/CN=droptailer-client'), authority);
      const duties = dutiesIn('firewall', true);
      await duties.look(signal);
      let droptailer = await serverOf(authority);
      const { port } = droptailer;
      const push = new PushClient({
        server: `127.0.0.1:${port}`,
        authority: file('ca.crt'),
        certificate: file('tls.crt'),
        key: file('tls.key'),
        clock: systemClock,
      });
      const shipper = new DropShipper({
        push: (drop, end) => push.push(drop, end),
        limit: 1_000,
        clock: systemClock,
        log,
      });
      const stop = new AbortController();
      const running = shipper.run(stop.signal);
      const drop = (first: number, last: number): string[] =>
        Array.from({ length: last - first + 1 }, (_, n) => {
          shipper.add({ at: 1, fields: { ID: String(first + n) } });
          return String(first + n);
        });
      const arrived = () => droptailer.printed.map(({ fields }) => fields['ID']);
      try {
        const before = drop(1, 20);
        await expect.poll(arrived, { timeout: 20_000 }).toEqual(before);
        await droptailer.close();
        const meanwhile = drop(21, 60);
        // The server comes back with another authority, which the Secret tells a little later.
        const other = new Authority(folder, 'another CA');
        droptailer = await serverOf(other, port);
        await put(other.issue('/CN=droptailer-client'), other);
        clock.advance(60_000);
        await duties.look(signal);
        const after = drop(61, 80);
        await expect.poll(arrived, { timeout: 30_000 }).toEqual([...meanwhile, ...after]);
        await expect.poll(() => shipper.counts()).toMatchObject({ seen: 80, shipped: 80, overflowed: 0, refused: 0 });
      } finally {
        stop.abort();
        await running;
        push.close();
        await droptailer.close();
      }
    });
  });
});
