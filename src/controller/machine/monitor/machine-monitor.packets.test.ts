import { createHash, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FirewallMachine } from '../../../../test/kit/firewall-machine.ts';
import { cwnp, firewall, smallMachine } from '../../../../test/kit/machine.ts';
import { isMap } from '../../../api/shape.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { netnsTransport } from '../../../firewalls/nftables/reach/local-transport.ts';
import type { AccountingPlace } from '../../configuration/machine-configuration.ts';
import { Accounting } from './accounting.ts';
import { MachineMonitor } from './machine-monitor.ts';

const signal = new AbortController().signal;
const { text } = smallMachine(
  firewall('{ internalPrefixes: [10.0.0.0/8] }') +
    cwnp(
      'web',
      '{ egress: [{ to: [{ cidr: 198.51.100.9/32 }], ports: [{ port: 443 }] }, { to: [{ cidr: 198.51.100.10/32 }], ports: [{ port: 443 }] }] }',
    ),
);

describe('the monitor of a machine', () => {
  let world: FirewallMachine;
  let folder: string;
  let publicKey: KeyObject;
  const ends: (() => void)[] = [];

  beforeAll(async () => {
    world = await FirewallMachine.open();
    await world.internet.listenTcp('0.0.0.0', 443);
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-monitor-test-'));
    const pair = generateKeyPairSync('ed25519');
    publicKey = pair.publicKey;
    writeFileSync(join(folder, 'key'), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(join(folder, 'nf_conntrack_count'), '12\n');
    writeFileSync(join(folder, 'nf_conntrack_max'), '4194304\n');
    await world.load(text);
  });
  afterEach(() => {
    for (const end of ends.splice(0)) end();
    rmSync(folder, { recursive: true });
  });

  const monitor = (place: AccountingPlace | undefined, ids?: string): MachineMonitor =>
    new MachineMonitor({
      transport: netnsTransport(world.machine.name, folder),
      ids,
      connections: folder,
      accounting: new Accounting({
        wish: () => place && { place, key: join(folder, 'key') },
        machine: () => 'fw-1',
      }),
      times: () => ({ lastRun: undefined, lastRunAgainstSeed: undefined }),
      clock: systemClock,
      log: silentLog,
    });
  const at = (value: unknown, ...path: readonly string[]): unknown =>
    path.reduce<unknown>((here, key) => (isMap(here) ? here[key] : undefined), value);
  /** The records of lines, in which everything is as it was signed. */
  const records = (lines: string): readonly unknown[] =>
    lines
      .trim()
      .split('\n')
      .map((line) => {
        const { record, signature } = JSON.parse(line) as { record: string; signature: string };
        expect(verify(null, Buffer.from(record), publicKey, Buffer.from(signature, 'base64'))).toBe(true);
        return { ...(JSON.parse(record) as object), record };
      });

  test('shows what passed, rules of one comment added up', async () => {
    const one = monitor(undefined);
    for (const to of ['198.51.100.9', '198.51.100.10', '198.51.100.10'])
      expect((await world.cluster.tcp({ from: '10.0.0.10', to, port: 443 })).outcome).toBe('passed');
    await one.look(signal);
    const stats = at(one.latest(), 'stats');
    // The first packet of each connection; the rest belongs to connections.
    expect(at(stats, 'rules', 'accept', 'accept traffic for np web tcp', 'counter', 'packets')).toBe(3);
    expect(Number(at(stats, 'devices', 'external', 'out'))).toBeGreaterThan(0);
    expect(at(stats, 'conntrack')).toEqual({ entries: 12, limit: 4_194_304 });
    expect(at(stats, 'idsStats')).toEqual({});
  });

  test('suricata is asked at its socket; what does not answer is left out', async () => {
    const asked: unknown[] = [];
    const path = join(folder, 'suricata');
    const answers: Readonly<Record<string, unknown>> = {
      'iface-list': { count: 2, ifaces: ['lan0', 'lan1'] },
      'iface-stat': { bypassed: 0, drop: 1, 'invalid-checksums': 2, pkts: 3 },
    };
    const server = createServer((socket) =>
      socket.on('data', (data) => {
        const question: unknown = JSON.parse(data.toString());
        asked.push(question);
        socket.write(JSON.stringify({ message: answers[String(at(question, 'command'))] ?? '', return: 'OK' }));
      }),
    );
    await new Promise<void>((resolve) => server.listen(path, resolve));
    ends.push(() => server.close());
    const one = monitor(undefined, path);
    await one.look(signal);
    const figures = { drop: 1, invalidChecksums: 2, packets: 3 };
    expect(at(one.latest(), 'stats', 'idsStats')).toEqual({ lan0: figures, lan1: figures });
    expect(asked[0]).toEqual({ version: '0.1' });
    const none = monitor(undefined, join(folder, 'nobody'));
    await none.look(signal);
    expect(at(none.latest(), 'stats', 'idsStats')).toEqual({});
  });

  test('the same figures are signed into a file, each record with the hash of the one before', async () => {
    const path = join(folder, 'figures');
    const one = monitor({ kind: 'file', path });
    await world.cluster.tcp({ from: '10.0.0.10', to: '198.51.100.9', port: 443 });
    for (let n = 0; n < 3; n++) await one.look(signal);
    const all = records(readFileSync(path, 'utf8'));
    expect(all.map((each) => [at(each, 'machine'), at(each, 'number')])).toEqual([0, 1, 2].map((n) => ['fw-1', n]));
    expect(at(all[0], 'figures', 'rules', 'accept', 'accept traffic for np web tcp', 'counter', 'packets')).toBe(1);
    for (const [index, each] of all.entries())
      expect(at(each, 'previous')).toBe(
        index === 0
          ? ''
          : createHash('sha256')
              .update(String(at(all[index - 1], 'record')))
              .digest('base64'),
      );
  });

  test('and sent; while nobody takes them the next record has the next number that is free', async () => {
    const bodies: string[] = [];
    let status = 503;
    const server = createHttpServer((request, response) => {
      let body = '';
      request.on('data', (data: Buffer) => {
        body += data.toString();
      });
      request.on('end', () => {
        if (status === 200) bodies.push(body);
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const one = monitor({ kind: 'http', url: `http://127.0.0.1:${port}/figures` });
    await one.look(signal);
    status = 200;
    await one.look(signal);
    rmSync(join(folder, 'key'));
    await one.look(signal);
    expect(one.latest()).toBeDefined();
    expect(records(bodies.join('')).map((each) => at(each, 'number'))).toEqual([0]);
  });
});
