/**
 * A copy of Sallyport that gives lists out, in a process of its own, so that it can be put to sleep. Its right to write comes from its parent:
 * `{renew}` answers each question. Arguments: state folder, certificate, key, the address in the list, `asks` or `believes` (a copy that never
 * asks whether it still has the right, to show that a test would notice).
 */
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { BucketMap } from '../../src/base/bucket-map.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { BorderFirewall } from '../../src/api/resource.ts';
import { readResource } from '../../src/api/read.ts';
import type { Ruleset } from '../../src/border/ruleset.ts';
import { Feeds } from '../../src/controller/feeds/feeds.ts';
import { openDevice } from '../../src/controller/devices/devices.ts';
import { TimedLock, soleWriter } from '../../src/firewalls/writer-lock.ts';
import { PrefixSet } from '../../src/ip/prefix-set.ts';
import { openFeeds } from '../../src/server/feeds/open-feeds.ts';

/** Milliseconds for which the right is given, and by which it ends early. */
const LEASE_MS = 2_000;
const MARGIN_MS = 500;

const [stateFolder = '', cert = '', key = '', address = '', manner = 'asks'] = process.argv.slice(2);
const signal = new AbortController().signal;
const { resource } = readResource(
  {
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'BorderFirewall',
    metadata: { name: 'edge-1' },
    spec: { driver: 'feed', address: 'feeds', mode: 'Enforce', workloads: {} },
  },
  {},
);
const firewall = resource as BorderFirewall;
const timed = new TimedLock(systemClock, MARGIN_MS);
const lock = manner === 'asks' ? timed : soleWriter;

let sentAt = systemClock.monotonic();
process.on('message', (granted: boolean) => {
  if (granted) timed.renewed(sentAt, LEASE_MS);
  else timed.lost();
});
const renew = (): void => {
  sentAt = systemClock.monotonic();
  process.send?.({ renew: true });
};
setInterval(renew, 200);
renew();

const ruleset: Ruleset = {
  firewall: firewall.name,
  cluster: 'lab',
  destinations: PrefixSet.all,
  inside: PrefixSet.empty,
  networks: PrefixSet.empty,
  classes: new Map(),
  members: BucketMap.empty(),
  groups: new Map([
    [
      'g',
      {
        id: 'g',
        kind: 'AddressGroup',
        family: 4,
        deviceName: 'payments',
        resource: 'AddressGroup/payments',
        use: 'Allow',
        members: BucketMap.from([[address, true as const]]),
      },
    ],
  ]),
  nats: [],
  established: 'Cut',
};

const feeds = new Feeds({ clock: systemClock });
const surroundings = { log: silentLog, cluster: 'lab', stateFolder, by: 'test', feeds };
const epoch = { now: () => ({ lease: 'test', number: 1 }), outranked: () => undefined };
const { driver } = openDevice(firewall, surroundings, { lock, epoch });
const wanted = driver.translate(ruleset, await driver.capabilities(signal));
for (const step of driver.steps(await driver.observe(signal), wanted)) await driver.apply(step, signal);
const consumers = [
  { name: 'panos', firewall: firewall.name, auth: { kind: 'Bearer', token: { text: 'token' } } },
] as const;
const server = await openFeeds({ host: '127.0.0.1', port: 0, tls: { cert, key }, consumers }, feeds, silentLog);
process.send?.({ port: (server.address() as AddressInfo).port });
