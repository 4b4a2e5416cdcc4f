import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Fault } from '../../test/kit/fake-apiserver/faults.ts';
import { FakeApiServer, type Given } from '../../test/kit/fake-apiserver/server.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { GivenCredentials } from '../kubernetes/given-credentials.ts';
import { HttpApiClient } from '../kubernetes/http-api-client.ts';
import type { Delivery } from '../sources/source.ts';
import { readCluster } from './read-cluster.ts';

let server: FakeApiServer;
beforeEach(async () => {
  server = await FakeApiServer.start();
  const uid = '0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9';
  server.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system', uid } });
  for (let index = 0; index < 700; index++) server.put(pod(`p${index}`));
});
afterEach(async () => {
  await server.stop();
});

const pod = (name: string): Given => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'kube-system', name, labels: { app: name } },
  spec: { containers: [{ name: 'main', image: 'web' }], nodeName: 'node-1' },
  status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] },
});

async function read(): Promise<Delivery> {
  const url = new URL(server.url);
  const api = new HttpApiClient({ title: 'fake', url, isInsecure: false }, new GivenCredentials({}, systemClock));
  try {
    return await readCluster({ name: 'prod', api, clock: hasty, log: silentLog, progress: () => undefined });
  } finally {
    await api.close();
  }
}

/** Pauses before another try are short here. */
const hasty: Clock = {
  ...systemClock,
  after: (ms, callback) => systemClock.after(ms < 2_000 ? ms / 20 : ms, callback),
};

const faults: Readonly<Record<string, readonly Fault[]>> = {
  nothing: [],
  'tiny pieces': [{ fault: 'pieces', bytes: 1_000 }],
  'large lumps': [{ fault: 'lumps', bytes: 100_000 }],
  'a failure': [{ fault: 'status', status: 500 }],
  'too many requests': [{ fault: 'status', status: 429, retryAfterSeconds: 0 }],
  'a page of a proxy': [{ fault: 'status', status: 502, body: 'html' }],
  'a reset in the middle': [{ fault: 'reset', afterBytes: 2_000 }],
  'a polite end in the middle': [{ fault: 'truncate', afterBytes: 2_000 }],
  'a body that is too short': [{ fault: 'shorten', afterBytes: 2_000 }],
  'a wrong type': [{ fault: 'contentType', contentType: 'text/html' }],
  'an insertion': [{ fault: 'insert', text: 'surprise' }],
};

test.each(Object.entries(faults))(
  'a cluster is read once, whole, whatever is wrong with the first answers: %s',
  async (_, wrong) => {
    // Both ways of listing meet it.
    if (wrong.length > 0) server.faults.times(2, wrong, { resource: 'pods' });
    const delivery = await read();
    expect([delivery.state, delivery.diagnostics]).toEqual([{ kind: 'complete' }, []]);
    const names = new Set<string>();
    for (const change of delivery.changes)
      if (change.kind === 'put' && change.resource.type === 'Pod') names.add(change.resource.name);
      else if (change.kind === 'delete') names.delete(change.key);
    expect(names.size).toBe(700);
  },
);
