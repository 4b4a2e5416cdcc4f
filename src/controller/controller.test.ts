import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import type { Log } from '../base/log.ts';
import { SallyportError } from '../base/error.ts';
import { MemoryDevice } from '../firewalls/memory/device.ts';
import { MemoryDriver } from '../firewalls/memory/memory-driver.ts';
import { soleWriter } from '../firewalls/writer-lock.ts';
import { readText } from '../sources/manifests/reading.ts';
import type { Delivery, ResourceChange } from '../sources/source.ts';
import { Controller } from './controller.ts';
import { deviceMistakes } from './devices/device-mistakes.ts';

const EDGE = `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge-1}, spec: {driver: nftables, address: local, workloads: {}}}
---
{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: pods}, spec: {cidr: 10.1.0.0/16}}
---
{apiVersion: v1, kind: Pod, metadata: {name: till-1, namespace: shop}, spec: {nodeName: a}, status: {phase: Running, podIP: 10.1.0.1}}
`;
const rules = (rule: string): string =>
  `{apiVersion: sallyport.dev/v1alpha1, kind: ClusterBorderPolicy, metadata: {name: bank}, spec: {selector: all(), namespaceSelector: all(), egress: [${rule}]}}`;
const BY_NAME = rules('{action: Allow, domains: [api.example.com]}');
const BY_NET = rules('{action: Allow, nets: [203.0.113.0/24]}');

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

describe('a controller', () => {
  let lines: Line[];
  let deliver: (delivery: Delivery) => void;
  let stop: AbortController;
  let running: Promise<void>;
  let controller: Controller;
  let openable: boolean;
  let notes: readonly string[];
  /** Deliveries that were told on. */
  let taken: number;

  const level =
    (name: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level: name, message, fields: { ...fields } });
  const log: Log = { debug: () => {}, info: level('info'), warn: level('warn'), error: level('error') };

  beforeEach(() => {
    lines = [];
    stop = new AbortController();
    openable = true;
    notes = [];
    taken = 0;
    controller = new Controller({
      cluster: 'lab',
      source: {
        name: 'static',
        run: (take, signal) => {
          deliver = take;
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        },
      },
      open: () => {
        if (!openable) throw new SallyportError('DEVICE_SETTING', 'spec.tls: not here');
        const driver = new MemoryDriver(new MemoryDevice());
        const capabilities = driver.capabilities.bind(driver);
        driver.capabilities = async (signal) => ({ ...(await capabilities(signal)), notes });
        return { driver, lock: soleWriter, close: () => Promise.resolve() };
      },
      mistakes: deviceMistakes,
      taken: () => void (taken += 1),
      clock: new FakeClock(),
      log,
    });
    running = controller.run(stop.signal);
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  async function tell(manifests: string, gone: readonly string[] = []): Promise<void> {
    const changes: ResourceChange[] = [
      ...[...readText(manifests, 'world.yaml').resources.values()].map(
        (resource) => ({ kind: 'put', resource }) as const,
      ),
      ...gone.map((key) => ({ kind: 'delete', key }) as const),
    ];
    deliver({ changes, state: { kind: 'complete' }, diagnostics: [] });
    await controller.station('edge-1')?.worker.settled();
  }
  const about = (code: string): readonly string[] =>
    lines.filter(({ fields }) => fields['code'] === code).map((line) => `${line.level} ${line.message}`);
  const metric = async (name: string): Promise<readonly string[]> =>
    (await controller.metrics.text()).split('\n').filter((line) => line.startsWith(name));

  test('logs what a device cannot say once, and that it is mended', async () => {
    // In mode Observe, too: what is only looked at is told all the same.
    await tell(`${EDGE}---\n${BY_NAME}`);
    expect(about('DEVICE_CANNOT_SAY')).toEqual(['error something is wrong with what was read']);
    const [line] = lines.filter(({ fields }) => fields['code'] === 'DEVICE_CANNOT_SAY');
    expect(line?.fields).toMatchObject({ firewall: 'edge-1', object: 'ClusterBorderPolicy/bank' });
    expect(await metric('sallyport_diagnostics{severity="error"}')).toEqual([
      'sallyport_diagnostics{severity="error"} 1',
    ]);
    lines = [];
    await tell(EDGE.replaceAll('till-1', 'till-2').replaceAll('10.1.0.1', '10.1.0.2'));
    expect(about('DEVICE_CANNOT_SAY')).toEqual([]);
    await tell(BY_NET);
    expect(about('DEVICE_CANNOT_SAY')).toEqual(['info mended']);
    expect(await metric('sallyport_diagnostics{severity="error"}')).toEqual([
      'sallyport_diagnostics{severity="error"} 0',
    ]);
  });

  test('tells what a device is once, and what is worth knowing of it', async () => {
    notes = ['conntrack is missing'];
    await tell(EDGE);
    await tell(BY_NET);
    expect(lines.filter(({ message }) => message === 'the firewall answers')).toHaveLength(1);
    const worth = lines.filter(({ message }) => message === 'worth knowing of the firewall');
    expect(worth.map(({ level: each, fields }) => [each, fields['firewall'], fields['note']])).toEqual([
      ['warn', 'edge-1', 'conntrack is missing'],
    ]);
  });

  test('tells of a setting without effect when it is written, and that it is gone', async () => {
    await tell(EDGE);
    expect(about('DEVICE_SETTING_UNUSED')).toEqual([]);
    await tell(EDGE.replace('workloads: {}', 'workloads: {}, approximate: Wider'));
    expect(about('DEVICE_SETTING_UNUSED')).toEqual(['warn something is wrong with what was read']);
    await tell(EDGE);
    expect(about('DEVICE_SETTING_UNUSED').at(-1)).toBe('info mended');
  });

  test('takes a status that comes back, and what nobody reads, for no change', async () => {
    const written = (generation: number, status: string, resourceVersion: string): string =>
      `{apiVersion: sallyport.dev/v1alpha1, kind: ClusterBorderPolicy, metadata: {name: bank, uid: u-1, generation: ${generation}, resourceVersion: "${resourceVersion}"}, spec: {selector: all(), namespaceSelector: all(), egress: [{action: Allow, nets: [203.0.113.${generation}/32]}]}, status: {firewalls: [${status}]}}
`;
    const versions = (): unknown[] =>
      lines.filter(({ message }) => message === 'changes taken').map(({ fields }) => fields['version']);
    const desired = (): unknown => controller.station('edge-1')?.worker.status().desiredVersion;
    await tell(`${EDGE}---\n${written(1, '', '1')}`);
    expect(versions()).toEqual([1]);
    await tell(written(1, '{name: edge-1, state: Confirmed}', '2'));
    await tell(written(1, '', '3'));
    expect(versions()).toEqual([1]);
    expect(desired()).toBe(1);
    await tell(written(2, '{name: edge-1, state: Confirmed}', '4'));
    expect(versions()).toEqual([1, 2]);
    expect(desired()).toBe(2);
    expect(taken).toBe(4);
  });

  test('shows a firewall that cannot be opened as stalled, until its object goes', async () => {
    openable = false;
    await tell(EDGE);
    expect(about('DEVICE_SETTING')).toEqual(['error the firewall cannot be opened']);
    const stalled = 'sallyport_firewall_condition{firewall="edge-1",condition="Stalled"}';
    expect(await metric(stalled)).toEqual([`${stalled} 1`]);
    await tell('', ['BorderFirewall/edge-1']);
    expect(await metric('sallyport_firewall_condition{')).toEqual([]);
  });
});
