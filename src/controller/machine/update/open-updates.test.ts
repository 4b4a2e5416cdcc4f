import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import { readFirewallSpec } from '../../../machine/kinds/firewall.ts';
import type { DutyEvent } from '../reports/duty-events.ts';
import { openUpdates } from './open-updates.ts';

let folder: string;
let server: Server;
const asked: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-open-updates-'));
  writeFileSync(join(folder, 'nftables-exporter'), '', { mode: 0o755 });
  asked.splice(0);
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

test('nothing is asked for while the configuration does not want it, which may change at any time', async () => {
  const { port } = server.address() as AddressInfo;
  const subject = { object: undefined, place: {}, locate: undefined, base: [] };
  const specOf = (version: string) =>
    readFirewallSpec(
      { nftablesExporterVersion: version, nftablesExporterURL: `http://127.0.0.1:${port}/${version}` },
      { raw: undefined, path: [] },
      subject,
      [],
    );
  let version = 'v1';
  let isOn = false;
  const told: DutyEvent[] = [];
  let looks = 0;
  const { updates, self } = await openUpdates({
    selfUpdate: () => (isOn ? { key: undefined } : undefined),
    folder: () => folder,
    firewall: () => specOf(version),
    transport: { run: () => Promise.reject(new Error('nothing is restarted here')) } as unknown as Transport,
    tell: (event) => told.push(event),
    environment: { PATH: folder },
    program: join(folder, 'program'),
    clock: { ...systemClock, after: (_, then) => systemClock.after(1, () => ((looks += 1), then())) },
    log: silentLog,
  });
  // A test is no single executable.
  expect(self).toBeUndefined();
  const stop = new AbortController();
  const running = updates.run(stop.signal);
  const aWhile = async (): Promise<void> => {
    const from = looks;
    await expect.poll(() => looks - from).toBeGreaterThan(5);
  };
  await aWhile();
  expect(asked).toEqual([]);
  isOn = true;
  await expect.poll(() => asked).toContain('/v1.sha256');
  await expect.poll(() => told).toMatchObject([{ type: 'Warning', reason: 'nftables-exporter' }]);
  isOn = false;
  await aWhile();
  asked.splice(0);
  version = 'v2';
  await aWhile();
  expect(asked).toEqual([]);
  stop.abort();
  expect(await running).toBeUndefined();
});
