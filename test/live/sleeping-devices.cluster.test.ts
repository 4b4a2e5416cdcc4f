/** Invariant 8 on devices with an API: a process that sleeps in the middle of a write for longer than its Lease, while another one takes over. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Copy, LiveBorder, until } from '../kit/live-border.ts';
import { type LiveDevice, liveFortiGate, livePanOs, livePanorama } from '../kit/live-devices.ts';

let live: LiveBorder;
let pods = 0;
/** By the names of their BorderFirewalls. */
const devices = new Map<string, LiveDevice>();

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: [] });
});
afterAll(() => live.close());
afterEach(async () => {
  await live.endCopies();
  for (const [firewall, device] of devices) {
    await live.admin.send({ method: 'DELETE', path: `/apis/sallyport.dev/v1alpha1/borderfirewalls/${firewall}` });
    await device[Symbol.asyncDispose]();
  }
  devices.clear();
});

/** A running pod, with the address by which it is known here. */
async function newPod(): Promise<string> {
  pods += 1;
  const ip = `10.1.0.${pods}`;
  await live.pod(nameOf(ip), ip);
  return ip;
}

const nameOf = (ip: string): string => `pod-${ip.replaceAll('.', '-')}`;

/** Who of the copies has the Lease of a firewall, stopped while it has it; and the other one. */
async function putToSleep(copies: readonly Copy[], firewall: string) {
  const { name } = await live.holder(firewall);
  const sleeper = copies.find((copy) => copy.name === name);
  const other = copies.find((copy) => copy.name !== name);
  if (sleeper === undefined || other === undefined) throw new Error(`${name} is neither of the two`);
  sleeper.signal('SIGSTOP');
  expect((await live.holder(firewall)).name).toBe(sleeper.name);
  return { sleeper, other };
}

const kinds: readonly (readonly [string, () => Promise<LiveDevice>, readonly (readonly [string, RegExp])[]])[] = [
  [
    'fortigate',
    liveFortiGate,
    [
      ['a transaction that has begun', /transaction-start/],
      ['an entry in a transaction', /^POST .*\/cmdb\/firewall\/address\?/],
      ['a commit', /transaction-commit/],
      ['entries of a feed', /external-resource\/dynamic/],
    ],
  ],
  [
    'panos',
    livePanOs,
    [
      ['the config lock', /^config-lock/],
      ['edits', /^config multi-config/],
      ['a commit', /^commit/],
      ['registered addresses', /^user-id/],
    ],
  ],
  [
    'panorama',
    livePanorama,
    [
      ['edits', /^config multi-config/],
      ['a commit', /^commit$|^commit partial/],
      ['a push', /^commit all/],
      ['registered addresses', /^user-id/],
    ],
  ],
];
const cases = kinds.flatMap(([kind, open, moments]) =>
  moments.map(([moment, matches]) => [kind, moment, open, matches] as const),
);

test.each(cases)(
  '%s, asleep while it waits for the answer to %s: what it was about to do is not done any more',
  async (kind, _moment, open, matches) => {
    const device = await open();
    const firewall = `${kind}-${pods}`;
    devices.set(firewall, device);
    const credentials = { apiVersion: 'v1', kind: 'Secret', metadata: { name: firewall }, stringData: device.secret };
    await live.admin.json('POST', '/api/v1/namespaces/default/secrets', credentials);
    await live.addFirewall(firewall, '', {
      ...device.spec,
      credentialsRef: { secret: firewall },
      workloads: {},
    });
    const [stays, leaves] = [await newPod(), await newPod()];
    const copies = [await live.copy(`one-${pods}`), await live.copy(`two-${pods}`)];
    const arrives = (ip: string): Promise<unknown> => until(() => device.passes(ip), Boolean);
    for (const ip of [stays, leaves]) await arrives(ip);
    await until(
      () => copies.flatMap((copy) => copy.said('confirmed', firewall)).length,
      (count) => count > 0,
    );

    // Somebody comes, and rules change, so that there is a write of every kind.
    const held = device.hold(matches);
    const late = await newPod();
    await rules([443, 8_000 + pods]);
    await held.arrived;
    const { sleeper, other } = await putToSleep(copies, firewall);

    // By now something else is wanted.
    await live.removePod(nameOf(late));
    await live.removePod(nameOf(leaves));
    await rules([443, 9_000 + pods]);
    const newer = await newPod();
    await until(
      () => live.holder(firewall),
      ({ name }) => name === other.name,
    );
    await arrives(newer);
    await until(
      () => live.status('borderfirewalls', firewall),
      ({ conditions = [], writer }) =>
        writer === other.name && conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    );
    const judged = (): readonly boolean[] => [
      device.passes(stays),
      device.passes(newer),
      device.passesAnywhere(leaves),
      device.passesAnywhere(late),
    ];
    expect(judged()).toEqual([true, true, false, false]);
    const [state, sent] = [device.dump(), device.writes().length];

    // The answer lies there when it wakes up.
    held.letGo();
    await pause(200);
    sleeper.signal('SIGCONT');
    const seen = new Set<string>();
    const watching = setInterval(() => void seen.add(judged().join()), 10);
    await until(
      () => sleeper.standing().catch(() => ''),
      (text) => text.includes(`${firewall} (${other.name}_`),
    );
    await pause(3_000);
    clearInterval(watching);
    expect([...seen]).toEqual(['true,true,false,false']);
    expect(device.writes().slice(sent)).toEqual([]);
    expect(device.dump()).toBe(state);
    expect((await live.holder(firewall)).name).toBe(other.name);
  },
);

/** What whoever is chosen may do. */
async function rules(ports: readonly number[]): Promise<void> {
  const path = '/apis/sallyport.dev/v1alpha1/clusterborderpolicies/bank';
  const egress = [{ action: 'Allow', protocol: 'TCP', nets: ['203.0.113.0/24'], ports }];
  await live.admin.json('PATCH', path, { spec: { egress } }, 'application/merge-patch+json');
}
