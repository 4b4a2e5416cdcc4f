import { beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import { silentLog } from '../../../base/log.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import type { ApiClient } from '../../../kubernetes/api-client.ts';
import { type ClusterObject, clusterObject } from '../sources/machine-kinds.ts';
import { RESTART_ANNOTATION, ServiceRestarts, WHITELIST_ANNOTATION } from './service-restarts.ts';

const signal = new AbortController().signal;
/** What happened, in order: restarts, what was told, and when the annotation went. */
let story: string[];
let annotations: Record<string, string>;
let whitelist: string | undefined;
let isRefused: boolean;
let restarts: ServiceRestarts;

const object = (kind: 'Firewall' | 'FirewallMonitor', given: Record<string, string>): ClusterObject => {
  const read = clusterObject(kind, {
    metadata: { name: 'fw-1', namespace: 'firewall', uid: 'u-1', annotations: given },
  });
  if (read === undefined) throw new Error('not an object');
  return read;
};
const transport = {
  run: (program: string, words: readonly string[]) => {
    story.push([program, ...words].join(' '));
    const isBroken = words.at(-1) === 'node-exporter.service';
    return Promise.resolve({ code: isBroken ? 1 : 0, stdout: '', stderr: isBroken ? 'Unit not found.\n' : '' });
  },
} as unknown as Transport;
const client = {
  call: (request: { readonly body: unknown }) => {
    if (isRefused) return Promise.reject(new SallyportError('API_BUSY', 'not now'));
    story.push(`patch ${JSON.stringify(request.body)}`);
    annotations = {};
    return Promise.resolve({});
  },
} as unknown as ApiClient;
const TAKEN_AWAY = `patch ${JSON.stringify({ metadata: { uid: 'u-1', annotations: { [RESTART_ANNOTATION]: null } } })}`;

beforeEach(() => {
  story = [];
  annotations = {};
  whitelist = undefined;
  isRefused = false;
  restarts = new ServiceRestarts({
    monitor: () => ({ access: { client, namespace: 'firewall' }, object: object('FirewallMonitor', annotations) }),
    firewall: () => object('Firewall', whitelist === undefined ? {} : { [WHITELIST_ANNOTATION]: whitelist }),
    transport,
    tell: ({ type, note }) => void story.push(`${type}: ${note}`),
    clock: systemClock,
    log: silentLog,
  });
});

test('nothing is asked for, nothing is done', async () => {
  await restarts.look(signal);
  expect(story).toEqual([]);
});

test('each unit once, with the suffix or without, those of the whitelist alone, our own at the end', async () => {
  annotations = {
    [RESTART_ANNOTATION]:
      'firewall-controller, droptailer,tailscaled.service,droptailer.service, sshd,-H evil,node-exporter',
  };
  await restarts.look(signal);
  expect(story).toEqual([
    'systemctl restart -- droptailer.service',
    'Normal: restarted droptailer.service',
    'systemctl restart -- tailscaled.service',
    'Normal: restarted tailscaled.service',
    'Warning: skipped restart of sshd.service, because it is not whitelisted',
    'systemctl restart -- node-exporter.service',
    'Warning: failed to restart node-exporter.service: systemctl restart -- node-exporter.service: Unit not found.',
    TAKEN_AWAY,
    'Normal: restarted firewall-controller.service',
    'systemctl restart --no-block -- firewall-controller.service',
  ]);
  story = [];
  await restarts.look(signal);
  expect(story).toEqual([]);
});

test('the whitelist of the Firewall stands in the place of ours, an empty one too', async () => {
  whitelist = 'suricata';
  annotations = { [RESTART_ANNOTATION]: 'suricata,droptailer' };
  await restarts.look(signal);
  expect(story.slice(0, 3)).toEqual([
    'systemctl restart -- suricata.service',
    'Normal: restarted suricata.service',
    'Warning: skipped restart of droptailer.service, because it is not whitelisted',
  ]);
  story = [];
  whitelist = '';
  annotations = { [RESTART_ANNOTATION]: 'droptailer' };
  await restarts.look(signal);
  expect(story).toEqual(['Warning: skipped restart of droptailer.service, because it is not whitelisted', TAKEN_AWAY]);
});

test('while the annotation cannot be taken away nothing is restarted twice, and never ourselves', async () => {
  annotations = { [RESTART_ANNOTATION]: 'droptailer,firewall-controller' };
  isRefused = true;
  for (let n = 0; n < 3; n++) await expect(restarts.look(signal)).rejects.toThrow('not now');
  expect(story).toEqual(['systemctl restart -- droptailer.service', 'Normal: restarted droptailer.service']);
  isRefused = false;
  await restarts.look(signal);
  expect(story.slice(2)).toEqual([
    TAKEN_AWAY,
    'Normal: restarted firewall-controller.service',
    'systemctl restart --no-block -- firewall-controller.service',
  ]);
});

test('the same asked for again is done again', async () => {
  for (let n = 0; n < 2; n++) {
    annotations = { [RESTART_ANNOTATION]: 'droptailer' };
    await restarts.look(signal);
    await restarts.look(signal);
  }
  expect(story.filter((line) => line.startsWith('systemctl'))).toHaveLength(2);
});
