import { setTimeout } from 'node:timers/promises';
import { PanOs, type PanOsOptions } from '../../../simulators/panos/index.ts';
import type { BorderFirewall } from '../../api/resource.ts';
import { systemClock } from '../../base/clock.ts';
import { openPanos } from './connect.ts';
import type { PanosDriver } from './driver.ts';
import { tagPrefix } from './entries.ts';
import { normalText } from './normal.ts';
import { isOurs, ownedIn } from './owned.ts';
import { foldersOf } from './read-entries.ts';
import { type XmlElement, child, parseXml } from './xml.ts';

export const ACCOUNT = { name: 'bot', password: 'pw', role: 'superuser' } as const;
const VSYS = "/config/devices/entry[@name='localhost.localdomain']/vsys/entry[@name='vsys1']";

/** A simulated firewall with two zones, on which commits take no time. */
export function startDevice(options: PanOsOptions = {}): Promise<PanOs> {
  return PanOs.start({ accounts: [ACCOUNT], zones: ['k8s', 'internet'], commitMs: 0, ...options });
}

/** A driver as a new process would make it. `options`: those of the BorderFirewall. */
export function connectTo(device: PanOs, options: object = {}, cluster = 'lab'): PanosDriver {
  const { url, fingerprint = '' } = device;
  const secret = new Map([
    ['user', ACCOUNT.name],
    ['password', ACCOUNT.password],
  ]);
  const credentials = { title: 'a test', read: () => Promise.resolve(secret) };
  const firewall = { name: 'edge-1', address: url, tls: { pin: fingerprint }, options } as BorderFirewall;
  return openPanos(firewall, { cluster, clock: systemClock, credentials, lockDirectory: undefined });
}

/** What an administrator does, in vsys1; and commits. */
export function byHand(device: PanOs, action: string, path: string, rest: Readonly<Record<string, string>> = {}): void {
  device.byHand({ type: 'config', action, xpath: VSYS + path, ...rest }, 'alice');
}

export async function commitByHand(device: PanOs): Promise<void> {
  device.byHand({ type: 'commit', cmd: '<commit></commit>' }, 'alice');
  while (device.jobs.active) await setTimeout(1);
}

/** Rules, objects and addresses of somebody else, on both sides of where ours stand. */
export async function furnish(device: PanOs): Promise<void> {
  device.accounts.put({ name: 'alice', password: 'x', role: 'superuser' });
  const rule = (source: string, action: string): string =>
    `<from><member>any</member></from><to><member>any</member></to><source><member>${source}</member></source>` +
    `<destination><member>any</member></destination><application><member>any</member></application>` +
    `<service><member>any</member></service><action>${action}</action>`;
  byHand(device, 'set', "/address/entry[@name='theirs']", { element: '<ip-netmask>192.0.2.0/24</ip-netmask>' });
  byHand(device, 'set', "/address/entry[@name='sp-theirs']", { element: '<ip-netmask>192.0.2.7/32</ip-netmask>' });
  byHand(device, 'set', "/address-group/entry[@name='guests']", {
    element: "<dynamic><filter>'guest'</filter></dynamic>",
  });
  byHand(device, 'set', "/rulebase/security/rules/entry[@name='first']", { element: rule('guests', 'deny') });
  byHand(device, 'set', "/rulebase/security/rules/entry[@name='rest']", { element: rule('any', 'allow') });
  await commitByHand(device);
  device.byHand({
    type: 'user-id',
    cmd: '<uid-message><version>2.0</version><type>update</type><payload><register><entry ip="192.0.2.66"><tag><member>guest</member></tag></entry></register></payload></uid-message>',
  });
}

/** What of a device is of our cluster, running and beside it; who of us wrote last is left out. */
export function oursOn(device: PanOs, cluster = 'lab'): string {
  const { objects, security, nat } = ownedIn(foldersOf(vsysOf(device.dump()), 'rulebase'), cluster);
  const folders = Object.entries(objects).flatMap(([folder, entries]) =>
    [...entries.values()].map((one) => `${folder} ${normalText(one)}`),
  );
  return [...folders.toSorted(), ...[...security, ...nat].map(normalText), ...registered(device, true, cluster)].join(
    '\n',
  );
}

/** All the rest, and the candidate's rest. */
export function foreignOn(device: PanOs, cluster = 'lab'): string {
  const rest = (text: string): readonly string[] => {
    const folders = foldersOf(vsysOf(text), 'rulebase');
    const ours = new Set(ownedIn(folders, cluster).objects['service-group'].values());
    const others = (list: readonly XmlElement[]): readonly string[] =>
      list.filter((one) => !isOurs(one, cluster) && !ours.has(one)).map(normalText);
    const { objects, security, nat } = folders;
    return [...Object.values(objects).flatMap(others).toSorted(), ...others(security), ...others(nat)];
  };
  return [...rest(device.dump()), ...rest(device.dumpCandidate()), ...registered(device, false, cluster)].join('\n');
}

function registered(device: PanOs, ours: boolean, cluster: string): readonly string[] {
  const lines = device
    .dumpRegistered()
    .split('\n')
    .flatMap((line) => {
      const [address = '', tags = ''] = line.split(' ');
      return tags.split(',').map((tag) => `${address} ${tag}`);
    });
  const told = lines.filter((line) => line.trim() !== '' && !/ sp-\w+-w\./.test(line));
  return told.filter((line) => line.includes(` ${tagPrefix(cluster)}`) === ours).toSorted();
}

function vsysOf(text: string): XmlElement | undefined {
  const devices = child(parseXml(text), 'devices', 'entry', 'vsys', 'entry');
  return devices;
}

/** Requests that changed something, so far. */
export function writesOn(device: PanOs): number {
  return device.served.filter(({ parameters: { type, action } }) => {
    if (type === 'config') return action !== 'get' && action !== 'show';
    return type === 'commit' || type === 'user-id';
  }).length;
}
