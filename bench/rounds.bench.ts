/**
 * What the answers of a PAN-OS alone make a change of members wait for: the real worker and driver, and the simulated device in this process, in time
 * that stands still while anything is computed. Each answer takes 50 ms, as many go side by side as the driver has connections. What is
 * printed is about requests and their order, whatever the machine is.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { PanOs } from '../simulators/panos/index.ts';
import { Refusal, write } from '../simulators/panos/answer.ts';
import { BucketMap } from '../src/base/bucket-map.ts';
import { silentLog } from '../src/base/log.ts';
import type { Group, Ruleset } from '../src/border/ruleset.ts';
import type { DeviceApi, DeviceRequest } from '../src/firewalls/https/device-api.ts';
import type { DeviceAnswer } from '../src/firewalls/https/whole-answer.ts';
import { PanosApi } from '../src/firewalls/panos/api/api.ts';
import { CONNECTIONS } from '../src/firewalls/panos/connect.ts';
import { PanosDevice } from '../src/firewalls/panos/firewall/device.ts';
import { PanosDriver } from '../src/firewalls/panos/firewall/driver.ts';
import { Login } from '../src/firewalls/panos/api/login.ts';
import { panosOptions } from '../src/firewalls/panos/configuration/options.ts';
import { Worker } from '../src/firewalls/worker/worker.ts';
import { soleWriter } from '../src/firewalls/writer-lock.ts';
import { PrefixSet } from '../src/ip/prefix-set.ts';
import { FakeClock, turns } from '../test/kit/fake-clock.ts';
import { print, quantile, smoke } from './figure.ts';
import { address, largeRuleset } from './ruleset.ts';

const ANSWER_MS = 50;
const PER_SECOND = 100;
const pods = smoke ? 200 : 10_000;
const groups = smoke ? 2 : 20;
const seconds = smoke ? 2 : 30;
const limit = { percent: 100, atLeast: 1_000, percentPerHour: 100 };

const clock = new FakeClock();
await using device = await PanOs.start({ clock, capacity: { 'max-registered-ip-address': 100_000 } });
const key = device.accounts.keygen('admin', 'admin');
let requests = 0;
let messages = 0;

/** The way to the device: so many requests at a time, each answered when its time has come. */
class Way implements Pick<DeviceApi, 'ask' | 'close'> {
  #free = CONNECTIONS;
  readonly #waiting: (() => void)[] = [];

  async ask({ body }: DeviceRequest): Promise<DeviceAnswer> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    await new Promise<void>((resolve) => void clock.after(ANSWER_MS, resolve));
    const parameters = new Map(new URLSearchParams(String(body)));
    requests += 1;
    if (parameters.get('type') === 'user-id') messages += 1;
    const text = this.#answer(parameters);
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
    return { status: 200, headers: {}, body: Buffer.from(text) };
  }

  #answer(parameters: ReadonlyMap<string, string>): string {
    try {
      return write(device.answer({ parameters, account: device.accounts.who(key, undefined), connection: this }));
    } catch (thrown) {
      if (thrown instanceof Refusal) return write(thrown.answer);
      throw thrown;
    }
  }

  async close(): Promise<void> {}
}

/** Lets time pass, with all that follows from each moment. */
async function pass(ms: number): Promise<void> {
  const end = clock.monotonic() + ms;
  for (;;) {
    for (let again = 0; again < 3; again++) await turns();
    const next = clock.next();
    if (next === undefined || clock.monotonic() + next > end) break;
    clock.advance(next);
  }
  clock.advance(end - clock.monotonic());
  await turns();
}

function without(ruleset: Ruleset): Ruleset {
  const members = BucketMap.from([...ruleset.members.keys()].map((one) => [one, 'all'] as const));
  const all = { id: 'all', family: 4, parts: [], widened: [] } as const;
  return { ...ruleset, networks: PrefixSet.empty, members, classes: new Map([[all.id, all]]) };
}

/** One address comes to its group, or goes. */
function changed(ruleset: Ruleset, n: number, isThere: boolean): Ruleset {
  const id = `group-${n % groups}`;
  const group = ruleset.groups.get(id) as Extract<Group, { kind: 'AddressGroup' }>;
  const members = group.members.with([[address(n), isThere ? true : undefined]]);
  return {
    ...ruleset,
    members: ruleset.members.with([[address(n), isThere ? 'all' : undefined]]),
    groups: new Map([...ruleset.groups, [id, { ...group, members }]]),
  };
}

const credentials = {
  title: 'the bench',
  read: () =>
    Promise.resolve(
      new Map([
        ['key', key],
        ['user', 'admin'],
      ]),
    ),
};
const api = new PanosApi(new Way() as Pick<DeviceApi, 'ask' | 'close'> as DeviceApi, new Login(credentials, clock));
const driver = new PanosDriver({
  units: (scope, positions) => {
    const about = { scope, positions, cluster: 'bench', firewall: 'edge', unit: '1', isOfPair: false, clock };
    return [{ title: 'edge', api, device: new PanosDevice(api, about) }];
  },
  cluster: 'bench',
  firewall: 'edge',
  options: panosOptions.parse({ position: 'Last' }),
  adopt: [],
  clock,
  identity: 'edge',
  close: () => Promise.resolve(),
});
const confirmedAt = new Map<number, number>();
const worker = new Worker({
  cluster: 'bench',
  firewall: 'edge',
  driver,
  settings: {
    mode: 'Enforce',
    approve: 'Rules',
    drift: 'Show',
    guard: { removals: limit, gains: limit, quiet: [], after: [] },
  },
  clock,
  log: silentLog,
  lock: soleWriter,
  events: { confirmed: (version) => void confirmedAt.set(version, clock.monotonic()) },
});
/** Resolves when a version is confirmed; what a thread works out has real time for it. */
async function confirmed(version: number): Promise<void> {
  while (!confirmedAt.has(version)) {
    await pass(100);
    await pause(1);
    if (clock.monotonic() > 600_000) throw new Error(`version ${version} never came about`);
  }
}

worker.start();
let ruleset = without(largeRuleset({ addresses: pods, groups, classes: 1 }));
worker.desire({ kind: 'ruleset', ruleset, version: 0 });
await confirmed(0);
await pass(2_000);
const before = { requests, messages };
const wishedAt: number[] = [];
const changes = seconds * PER_SECOND;
for (let n = 1; n <= changes; n++) {
  ruleset = n % 2 === 0 ? changed(ruleset, n / 2, false) : changed(ruleset, pods + n, true);
  wishedAt[n] = clock.monotonic();
  worker.desire({ kind: 'ruleset', ruleset, version: n });
  await pass(1_000 / PER_SECOND);
}
await confirmed(changes);
const taken = wishedAt.flatMap((at, n) => (n === 0 ? [] : [(confirmedAt.get(n) ?? Number.NaN) - at]));
await worker.stop();

const about = { pods, groups, perSecond: PER_SECOND, seconds, answerMs: ANSWER_MS, connections: CONNECTIONS };
const rounds = messages - before.messages;
const perRound = (requests - before.requests) / rounds;
print({ bench: 'rounds/panos/confirmed/p50', unit: 'ms', value: quantile(taken, 0.5), ...about });
print({
  bench: 'rounds/panos/confirmed/p99',
  unit: 'ms',
  value: quantile(taken, 0.99),
  ...(smoke ? {} : { budget: 1_000 }),
  ...about,
});
print({ bench: 'rounds/panos/round', unit: 'ms', value: (seconds * 1_000) / rounds, ...about });
print({ bench: 'rounds/panos/requests', unit: 'count', value: perRound, ...about });
