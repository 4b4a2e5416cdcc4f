import { setTimeout } from 'node:timers/promises';
import type { Simulate } from '../frame/simulated.ts';
import { PanOs } from './firewall.ts';
import { Panorama } from './panorama.ts';

/** How long a commit or push takes. */
const COMMIT_MS = 5_000;
/** How much longer a push takes on each firewall. */
const DEVICE_LAG_MS = 20;
const ACCOUNT = { name: 'admin', password: 'admin' };
const credentials = { user: ACCOUNT.name, password: ACCOUNT.password };

/** `sallyport simulate panos`: a firewall with the zones `inside` and `outside`. */
export const simulatePanOs: Simulate = async ({ version, model, listen, plain, latencyMs, say }) => {
  const device = await PanOs.start({
    listen,
    plain,
    say,
    latencyMs,
    accounts: [ACCOUNT],
    zones: ['inside', 'outside'],
    commitMs: COMMIT_MS,
    ...(version === undefined ? {} : { version }),
    ...(model === undefined ? {} : { model }),
  });
  const { fingerprint } = device;
  return {
    title: `${device.model}, PAN-OS ${device.version}`,
    url: device.url,
    credentials,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  };
};

/** Everybody's work, and the templates, to the firewalls of the group: what its owner does when they join. */
const FIRST_PUSH =
  '<commit-all><shared-policy><device-group><entry name="edge"/></device-group><include-template>yes</include-template></shared-policy></commit-all>';

/**
 * `sallyport simulate panorama`: with one device group, `edge`, and two firewalls in it, to which it was pushed. Resolves when that push has ended:
 * nobody is told of a device in the middle of one.
 */
export const simulatePanorama: Simulate = async ({ version, model, listen, plain, latencyMs, say }) => {
  if (model !== undefined) throw new Error('a Panorama has no model; --model is for panos');
  const common = { commitMs: 0, accounts: [ACCOUNT], ...(version === undefined ? {} : { version }) };
  const device = await Panorama.start({
    listen,
    plain,
    say,
    latencyMs,
    deviceLagMs: 0,
    deviceGroups: [{ name: 'edge' }],
    ...common,
  });
  const firewalls = await Promise.all(
    ['007951000000001', '007951000000002'].map((serial) => PanOs.start({ serial, ...common })),
  );
  for (const firewall of firewalls) device.manage(firewall, { group: 'edge', zones: ['inside', 'outside'] });
  device.byHand({ type: 'commit', action: 'all', cmd: FIRST_PUSH }, ACCOUNT.name);
  while (device.jobs.active) await setTimeout(1);
  for (const each of [device, ...firewalls]) each.commitMs = COMMIT_MS;
  device.deviceLagMs = DEVICE_LAG_MS;
  const { fingerprint } = device;
  return {
    title: `Panorama ${device.version}`,
    url: device.url,
    credentials,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    async [Symbol.asyncDispose]() {
      await device[Symbol.asyncDispose]();
      for (const firewall of firewalls) await firewall[Symbol.asyncDispose]();
    },
  };
};
