import { expect, test } from 'vitest';
import { FakeApiServer } from '../../../../test/kit/fake-apiserver/server.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { cwnp, smallMachine } from '../../../../test/kit/machine.ts';
import { CWNP_DEFINITION } from '../../../../test/kit/metal-stack-crds.ts';
import { isMap, type RawMap } from '../../../api/shape.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { GivenCredentials } from '../../../kubernetes/given-credentials.ts';
import { HttpApiClient } from '../../../kubernetes/http-api-client.ts';
import { getObject } from '../../../kubernetes/objects.ts';
import { clusterObject } from '../sources/machine-kinds.ts';
import { PolicyStatuses } from './policy-statuses.ts';

const signal = new AbortController().signal;
const COLLECTION = { group: 'metal-stack.io', version: 'v1', plural: 'clusterwidenetworkpolicies' };
const WHICH = { namespace: 'firewall', name: 'web' };
const state = (address: string, time: string): RawMap => ({
  'example.org': [
    { fqdn: 'example.org.', setName: 'e91c11d2b23d2393', version: 'ip', ipExpirationTimes: { [address]: time } },
  ],
});

test('what names come to is written when an address comes, not when a time moves, and goes with the names', async () => {
  await using api = await FakeApiServer.start();
  const client = new HttpApiClient(
    { title: 'fake', url: new URL(api.url), isInsecure: false },
    new GivenCredentials({}, systemClock),
  );
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'firewall' } });
  api.put({ ...CWNP_DEFINITION, apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' });
  api.put({ apiVersion: 'metal-stack.io/v1', kind: 'ClusterwideNetworkPolicy', metadata: WHICH, spec: {} });
  const read = async (): Promise<RawMap> => {
    const object = await getObject(client, COLLECTION, WHICH, signal);
    if (!isMap(object)) throw new Error('there is no policy');
    return object;
  };
  const statusNow = async (): Promise<unknown> => (await read())['status'];
  // Writes are seconds apart.
  const clock = new FakeClock();
  const later = (): Promise<unknown> => {
    clock.advance(500);
    return statusNow();
  };
  const statuses = new PolicyStatuses({ client, clock, log: silentLog });
  const policy = clusterObject('ClusterwideNetworkPolicy', await read());
  if (policy === undefined) throw new Error('there is no policy');
  statuses.seen([policy]);
  const [own] = smallMachine(cwnp('web', '{}')).input.policies;
  if (own === undefined) throw new Error('there is no policy');
  statuses.tell({
    policies: [{ policy: own, state: 'deployed', message: '' }],
    findings: [],
    leftOut: [],
    result: { kind: 'inForce', isChanged: true },
  });
  const first = state('198.51.100.1', '2026-01-02T03:04:05Z');
  statuses.tellNames(new Map([['firewall/web', first]]));
  await expect.poll(later).toEqual({ state: 'deployed', fqdn_state: first });
  statuses.tellNames(new Map([['firewall/web', state('198.51.100.1', '2026-02-02T03:04:05Z')]]));
  // The next write would show the time that came before it.
  const second = state('198.51.100.2', '2026-03-02T03:04:05Z');
  statuses.tellNames(new Map([['firewall/web', second]]));
  await expect.poll(later).toEqual({ state: 'deployed', fqdn_state: second });
  const written = clusterObject('ClusterwideNetworkPolicy', await read());
  if (written === undefined) throw new Error('there is no policy');
  statuses.seen([written]);
  statuses.tellNames(new Map([['firewall/web', 'none']]));
  await expect.poll(later).toEqual({ state: 'deployed' });
  await statuses.stop();
  await client.close();
});
