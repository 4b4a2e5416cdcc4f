import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { silentLog } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/clock.ts';
import { SallyportError } from '../../src/base/error.ts';
import { Controller } from '../../src/controller/controller.ts';
import { serveProbes } from '../../src/server/probes.ts';
import { readText } from '../../src/sources/manifests/reading.ts';
import type { Delivery } from '../../src/sources/source.ts';
import { freePort } from '../kit/free-port.ts';
import { type Series, alertCases, machineAlertCases } from './alert-cases.ts';
import { ALERTS, MACHINE_ALERTS, readAlerts } from './files.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-monitoring-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function promtool(...words: readonly string[]): { readonly code: number | null; readonly text: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', words, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { code: status, text: stdout + stderr };
}

describe.each([
  ['a controller', ALERTS, alertCases],
  ['firewall machines', MACHINE_ALERTS, machineAlertCases],
])('alert rules of %s, as Prometheus reads them', (_, alerts, cases) => {
  const rules = readAlerts(alerts).groups.flatMap((group) => group.rules);

  test('are right', () => {
    const { code, text } = promtool('check', 'rules', alerts);
    expect(text).toContain(`${rules.length} rules found`);
    expect(code, text).toBe(0);
  });

  const minutes = (text: string): number => Number.parseInt(text, 10) * (text.endsWith('h') ? 60 : 1);

  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s fires after its time, and not before',
    (name, rule) => {
      const { fires, quiet, labels } = cases[name] ?? { fires: [], quiet: [], labels: {} };
      // Series of rates need a window to fill before the alert's own time begins.
      const late = minutes(rule.for) + 31;
      const world = (series: readonly Series[], expected: readonly { at: string; alerts: readonly object[] }[]) => ({
        interval: '1m',
        input_series: series.map(({ series: of, values }) => ({ series: of, values })),
        alert_rule_test: expected.map(({ at, alerts }) => ({ eval_time: at, alertname: name, exp_alerts: alerts })),
      });
      const tests = {
        rule_files: [alerts],
        evaluation_interval: '1m',
        tests: [
          world(fires, [{ at: `${minutes(rule.for) - 1}m`, alerts: [] }]),
          world(quiet, [{ at: `${late}m`, alerts: [] }]),
        ],
      };
      const file = join(folder, `${name}.yaml`);
      writeFileSync(file, stringify(tests));
      const still = promtool('test', 'rules', file);
      expect(still.code, still.text).toBe(0);
      // promtool compares annotations too, and those name values; that it fires shows in how it fails when nothing is expected.
      writeFileSync(file, stringify({ ...tests, tests: [world(fires, [{ at: `${late}m`, alerts: [] }])] }));
      const firing = promtool('test', 'rules', file);
      expect(firing.code, `${name} does not fire`).not.toBe(0);
      for (const [label, value] of Object.entries({ severity: rule.labels.severity, ...labels }))
        expect(firing.text).toContain(`${label}="${value}"`);
    },
  );
});

const EDGE = `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge-1}, spec: {driver: nftables, address: local, workloads: {}}}`;

const alertList = z.object({
  data: z.object({
    alerts: z.array(z.object({ state: z.string(), labels: z.record(z.string(), z.string()) })),
  }),
});

describe('a real Prometheus and Alertmanager', () => {
  const children: ChildProcess[] = [];
  const servers: Server[] = [];
  const stop = new AbortController();
  let running: Promise<void> | undefined;

  afterAll(async () => {
    stop.abort();
    await running;
    for (const child of children) child.kill('SIGKILL');
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  function start(program: string, ...words: readonly string[]): void {
    children.push(spawn(program, words, { cwd: folder, stdio: 'ignore' }));
  }

  test('scrape a controller whose firewall cannot be opened, and tell somebody', async () => {
    const told: string[] = [];
    const pager = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        told.push(body);
        response.end();
      });
    });
    servers.push(pager);
    await new Promise<void>((resolve) => pager.listen(0, '127.0.0.1', resolve));

    const controller = new Controller({
      cluster: 'lab',
      source: {
        name: 'static',
        run: (deliver: (delivery: Delivery) => void, signal) => {
          const changes = [...readText(EDGE, 'edge.yaml').resources.values()].map(
            (resource) => ({ kind: 'put', resource }) as const,
          );
          deliver({ changes, state: { kind: 'complete' }, diagnostics: [] });
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        },
      },
      open: () => {
        throw new SallyportError('DEVICE_SETTING', 'spec.tls: not here');
      },
      clock: systemClock,
      log: silentLog,
    });
    running = controller.run(stop.signal);
    const [probes, prometheus, alertmanager] = [await freePort(), await freePort(), await freePort()];
    servers.push(
      await serveProbes(
        { host: '127.0.0.1', port: probes },
        {
          ready: () => controller.ready(),
          metrics: () => controller.metrics.text(),
          standing: () => controller.ready().reason,
        },
      ),
    );

    // The same rules without their waiting times: nobody waits minutes here.
    const { groups } = readAlerts();
    const hasty = groups.map((group) => ({ ...group, rules: group.rules.map((rule) => ({ ...rule, for: '0s' })) }));
    writeFileSync(join(folder, 'alerts.yaml'), stringify({ groups: hasty }));
    writeFileSync(
      join(folder, 'prometheus.yaml'),
      stringify({
        global: { scrape_interval: '200ms', evaluation_interval: '200ms' },
        rule_files: ['alerts.yaml'],
        alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanager}`] }] }] },
        scrape_configs: [{ job_name: 'sallyport', static_configs: [{ targets: [`127.0.0.1:${probes}`] }] }],
      }),
    );
    writeFileSync(
      join(folder, 'alertmanager.yaml'),
      stringify({
        route: { receiver: 'pager', group_wait: '0s', group_interval: '1s' },
        receivers: [
          {
            name: 'pager',
            webhook_configs: [{ url: `http://127.0.0.1:${(pager.address() as AddressInfo).port}/` }],
          },
        ],
      }),
    );
    start(
      'prometheus-alertmanager',
      `--config.file=${folder}/alertmanager.yaml`,
      `--storage.path=${folder}/alertmanager`,
      `--web.listen-address=127.0.0.1:${alertmanager}`,
      '--cluster.listen-address=',
    );
    start(
      'prometheus',
      `--config.file=${folder}/prometheus.yaml`,
      `--storage.tsdb.path=${folder}/prometheus`,
      `--web.listen-address=127.0.0.1:${prometheus}`,
    );

    const firing = async (): Promise<readonly string[]> => {
      const response = await fetch(`http://127.0.0.1:${prometheus}/api/v1/alerts`).catch(() => undefined);
      if (response?.ok !== true) return [];
      const { data } = alertList.parse(await response.json());
      return data.alerts
        .filter(({ state }) => state === 'firing')
        .map(({ labels }) => `${labels['alertname'] ?? ''} ${labels['firewall'] ?? ''}`.trim());
    };
    await expect.poll(firing, { timeout: 60_000, interval: 200 }).toContain('SallyportFirewallStalled edge-1');
    expect(await firing()).not.toContain('SallyportGone');
    await expect
      .poll(() => told.join('\n'), { timeout: 60_000, interval: 200 })
      .toContain('Firewall edge-1 refuses what is sent to it, cannot be opened, or is described with mistakes');
  });
});
