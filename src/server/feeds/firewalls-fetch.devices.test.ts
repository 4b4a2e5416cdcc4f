import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FortiGate } from '../../../simulators/fortigate/index.ts';
import type { PanOs } from '../../../simulators/panos/index.ts';
import { Authority, type Issued } from '../../../test/kit/certificates.ts';
import { CommitClock } from '../../../test/kit/commit-clock.ts';
import { PATIENCE_MS } from '../../../test/kit/runs.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { Feeds } from '../../controller/feeds/feeds.ts';
import { FeedStore } from '../../firewalls/feed/feed-store.ts';
import { Publication } from '../../firewalls/feed/publication.ts';
import { byHand, commitByHand, furnish, startDevice } from '../../firewalls/panos/lab.fixture.ts';
import { openFeeds } from './open-feeds.ts';

const clock = new CommitClock();
let folder: string;
let authority: Authority;
let certificate: Issued;
let publication: Publication;
let feeds: Feeds;
let running: Server;
let port = 0;
let fortigate: FortiGate;
let panos: PanOs;

const passwordOf = (firewall: string, password: string): void => writeFileSync(join(folder, firewall), password);
const put = (four: readonly string[], six: readonly string[]): Promise<void> =>
  publication.put({
    name: 'payments',
    resource: 'AddressGroup/payments',
    use: 'Allow',
    addresses: { 4: four, 6: six },
  });

async function listen(): Promise<void> {
  const consumers = ['fortigate', 'panos'].map((name) => {
    const auth = { kind: 'Basic', username: { text: name }, password: { file: join(folder, name) } } as const;
    return { name, firewall: 'edge-1', auth };
  });
  const tls = { cert: certificate.certificateFile, key: certificate.keyFile };
  running = await openFeeds({ host: '127.0.0.1', port, tls, consumers }, feeds, silentLog);
  ({ port } = running.address() as AddressInfo);
}

async function cutOff(): Promise<void> {
  running.closeAllConnections();
  await new Promise((resolve) => running.close(resolve));
}

/** So long that both fetch. */
async function later(): Promise<void> {
  for (let minutes = 0; minutes < 6; minutes++) {
    clock.advance(60_000);
    await fortigate.settled();
    await panos.lists.settled();
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-fetching-'));
  authority = new Authority(folder, 'feed CA');
  certificate = authority.issue('/CN=feeds', { names: 'IP:127.0.0.1' });
  for (const name of ['fortigate', 'panos']) passwordOf(name, 'secret');
  feeds = new Feeds({ clock: systemClock });
  const owner = { cluster: 'lab', firewall: 'edge-1' };
  publication = new Publication(new FeedStore(join(folder, 'feeds'), owner), systemClock);
  feeds.give('edge-1', { owner, publication, holds: () => true });
  feeds.confirmed('edge-1');
  await put(['10.0.0.2'], ['fd00::1']);
  await listen();
  const url = `https://127.0.0.1:${port}/filled/lists/payments.txt`;

  fortigate = await FortiGate.start({ clock, authority: authority.certificate });
  const login = { username: 'fortigate', password: 'secret', 'server-identity-check': 'full' };
  fortigate.hand.create('system/external-resource', { name: 'payments', type: 'address', resource: url, ...login });
  for (const family of ['', '6'])
    fortigate.hand.create('firewall/policy', {
      name: `by list${family}`,
      srcintf: [{ name: 'port2' }],
      dstintf: [{ name: 'port1' }],
      [`srcaddr${family}`]: [{ name: 'payments' }],
      [`dstaddr${family}`]: [{ name: 'all' }],
      service: [{ name: 'ALL' }],
      schedule: 'always',
      action: 'accept',
    });

  panos = await startDevice({ clock });
  await furnish(panos);
  panos.installAuthority('feed-ca', authority.certificate);
  byHand(panos, 'set', "/external-list/entry[@name='payments']/type/ip", {
    element: `<url>${url}</url><certificate-profile>feed-ca</certificate-profile><auth><username>panos</username><password>secret</password></auth><recurring><five-minute/></recurring>`,
  });
  byHand(panos, 'edit', "/rulebase/security/rules/entry[@name='first']/source", {
    element: '<source><member>payments</member></source>',
  });
  byHand(panos, 'edit', "/rulebase/security/rules/entry[@name='first']/action", { element: '<action>allow</action>' });
  byHand(panos, 'edit', "/rulebase/security/rules/entry[@name='rest']/action", { element: '<action>deny</action>' });
  await commitByHand(panos);
  await later();
}, PATIENCE_MS);
afterAll(async () => {
  await fortigate[Symbol.asyncDispose]();
  await panos[Symbol.asyncDispose]();
  await cutOff();
  rmSync(folder, { recursive: true });
});

/** Who of these passes at each firewall, by what it fetched. */
function passing(): Readonly<Record<'fortigate' | 'panos', readonly string[]>> {
  const senders = ['10.0.0.2', '10.0.0.3', 'fd00::1', 'fd00::2'];
  const flowOf = (source: string) => {
    const destination = source.includes(':') ? '2001:db8:9::1' : '203.0.113.7';
    return { source, destination, sourcePort: 50_000, destinationPort: 443 };
  };
  return {
    fortigate: senders.filter(
      (source) =>
        fortigate.wouldPass({ ...flowOf(source), protocol: 6, from: 'port2', to: 'port1' }).verdict === 'accept',
    ),
    panos: senders.filter(
      (source) => panos.passes({ ...flowOf(source), protocol: 'tcp', from: 'k8s', to: 'internet' }).verdict === 'pass',
    ),
  };
}

// One story: each day ends as the next one begins.
test(
  'firewalls fetch what is given out; they keep it while the server is cut off; a revoked password is that consumer’s alone',
  async () => {
    expect(passing()).toEqual({ fortigate: ['10.0.0.2', 'fd00::1'], panos: ['10.0.0.2', 'fd00::1'] });
    const { version } = publication.lists.get('payments') ?? {};
    await expect
      .poll(() =>
        publication
          .fetches()
          .map(({ consumer, list, version: had }) => [consumer, list, had].join(' '))
          .toSorted(),
      )
      .toEqual(['fortigate', 'panos'].map((consumer) => `${consumer} payments ${version}`));

    await put(['10.0.0.3'], []);
    await later();
    expect(passing()).toEqual({ fortigate: ['10.0.0.3'], panos: ['10.0.0.3'] });

    // A firewall may go on with what it had rather than take a list without entries.
    await put([], []);
    await later();
    expect(passing()).toEqual({ fortigate: [], panos: [] });
    await put(['10.0.0.3'], []);
    await later();

    await cutOff();
    await put(['10.0.0.2'], ['fd00::2']);
    await later();
    expect(passing()).toEqual({ fortigate: ['10.0.0.3'], panos: ['10.0.0.3'] });
    await listen();
    await later();
    expect(passing()).toEqual({ fortigate: ['10.0.0.2', 'fd00::2'], panos: ['10.0.0.2', 'fd00::2'] });

    // FortiGate keeps what it has; PAN-OS lets no rule go by such a list.
    for (const name of ['fortigate', 'panos']) passwordOf(name, 'another');
    await expect
      .poll(
        async () => {
          await later();
          return [passing().panos, fortigate.live.feeds.state('root', 'payments').httpStatus];
        },
        { timeout: 30_000 },
      )
      .toEqual([[], 401]);
    await put(['10.0.0.3'], []);
    await later();
    expect(passing()).toEqual({ fortigate: ['10.0.0.2', 'fd00::2'], panos: [] });
    passwordOf('panos', 'secret');
    await expect
      .poll(
        async () => {
          await later();
          return passing();
        },
        { timeout: 30_000 },
      )
      .toEqual({ fortigate: ['10.0.0.2', 'fd00::2'], panos: ['10.0.0.3'] });
  },
  PATIENCE_MS,
);
