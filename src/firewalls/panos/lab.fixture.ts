import { setTimeout } from 'node:timers/promises';
import { PanOs, type PanOsOptions } from '../../../simulators/panos/index.ts';
import type { BorderFirewall } from '../../api/resource.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { PacketText } from '../../plan/fate.ts';
import type { ListWriter } from '../rulebase/translator.ts';
import { openFirewall } from './connect.ts';
import type { PanosDriver } from './firewall/driver.ts';
import { NOBODY, tagPrefix } from './entries/entries.ts';
import { normalText } from './entries/normal.ts';
import { isOurs, ownedIn } from './entries/owned.ts';
import { type Folders, foldersOf } from './entries/read-entries.ts';
import { type XmlElement, child, entriesAt, membersAt, nameOf, parseXml, textAt } from './api/xml.ts';

export const ACCOUNT = { name: 'bot', password: 'pw', role: 'superuser' } as const;
/** Options of a BorderFirewall that holds rules and translations, before the rules of somebody else. */
export const FULL = {
  zones: { from: ['k8s'], to: ['internet'] },
  position: { before: 'rest' },
  form: 'Full',
  securityProfile: 'none',
  log: 'None',
} as const;
export const VSYS = "/config/devices/entry[@name='localhost.localdomain']/vsys/entry[@name='vsys1']";

/** A simulated firewall with two zones, on which commits take no time. */
export function startDevice(options: PanOsOptions = {}): Promise<PanOs> {
  return PanOs.start({ accounts: [ACCOUNT], zones: ['k8s', 'internet'], commitMs: 0, ...options });
}

/** A driver as a new process would make it. `options`: those of the BorderFirewall. */
export function connectTo(
  device: PanOs,
  options: object = {},
  cluster = 'lab',
  { pin = device.fingerprint ?? '', password = ACCOUNT.password, clock = systemClock, write, adopt = [] }: Known = {},
): PanosDriver {
  const secret = new Map([
    ['user', ACCOUNT.name],
    ['password', password],
  ]);
  const credentials = { title: 'a test', read: () => Promise.resolve(secret) };
  const firewall = { name: 'edge-1', address: device.url, tls: { pin }, options, adopt } as BorderFirewall;
  return openFirewall(firewall, { cluster, clock, credentials, lockDirectory: undefined, write });
}

/** What a process has been told, where that is not what is true of the device. */
export interface Known {
  readonly pin?: string;
  readonly password?: string;
  readonly clock?: Clock;
  readonly adopt?: readonly string[];
  /** Absent: lists are proved, in a thread. */
  readonly write?: ListWriter;
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
  registerGuest(device);
}

function registerGuest(device: PanOs): void {
  device.byHand({
    type: 'user-id',
    cmd: '<uid-message><version>2.0</version><type>update</type><payload><register><entry ip="192.0.2.66"><tag><member>guest</member></tag></entry></register></payload></uid-message>',
  });
}

/** All registered addresses are lost; whoever keeps those of others registers them again. */
export function loseRegistered(device: PanOs): void {
  device.clearRegistered();
  registerGuest(device);
}

/** What of a device is of our cluster, running and beside it; who of us wrote last is left out. */
export function oursOn(device: PanOs, cluster = 'lab'): string {
  const { objects, security, nat } = ownedIn(foldersOn(device), cluster);
  const folders = Object.entries(objects).flatMap(([folder, entries]) =>
    [...entries.values()].map((one) => `${folder} ${normalText(one)}`),
  );
  return [...folders.toSorted(), ...[...security, ...nat].map(normalText), ...registeredOn(device, true, cluster)].join(
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
  return [...rest(device.dump()), ...rest(device.dumpCandidate()), ...registeredOn(device, false, cluster)].join('\n');
}

/** Registered addresses of our cluster, or all others. */
export function registeredOn(device: PanOs, ours: boolean, cluster = 'lab'): readonly string[] {
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

/** What vsys1 of a device runs. */
export function foldersOn(device: PanOs): Folders {
  return foldersOf(vsysOf(device.dump()), 'rulebase');
}

function vsysOf(text: string): XmlElement | undefined {
  const devices = child(parseXml(text), 'devices', 'entry', 'vsys', 'entry');
  return devices;
}

/** Addresses in AddressGroups of ours, by what the device holds. */
export function membersOn(device: PanOs, groups: readonly string[], cluster = 'lab'): readonly string[] {
  const vsys = vsysOf(device.dump());
  const addresses = new Map(
    entriesAt(vsys, 'address').map((entry) => [
      nameOf(entry),
      (textAt(entry, 'ip-netmask') ?? '').replace(/\/32$/, ''),
    ]),
  );
  const inside = new Map(entriesAt(vsys, 'address-group').map((entry) => [nameOf(entry), membersAt(entry, 'static')]));
  const configured = groups
    .flatMap((name) => inside.get(name) ?? [])
    .flatMap((name) => inside.get(name) ?? [name])
    .map((name) => addresses.get(name) ?? name);
  const tags = groups.map((name) => ` ${tagPrefix(cluster)}${name}`);
  const tagged = registeredOn(device, true, cluster).flatMap((line) =>
    tags.some((tag) => line.endsWith(tag)) ? [line.split(' ')[0] ?? ''] : [],
  );
  return [...configured, ...tagged].filter((one) => one !== NOBODY[4]);
}

/** What the device itself does with a packet, by what runs there; `undefined`: of a protocol that it has other words for. */
export function passingOn(device: PanOs): (packet: PacketText) => boolean | undefined {
  const judge = device.judging();
  return ({ source, destination, protocol, sourcePort = 1024, destinationPort = 0 }) => {
    const word = PROTOCOLS.get(protocol);
    if (word === undefined) return undefined;
    const ends = { sourcePort, destinationPort, from: 'k8s', to: 'internet' };
    return judge({ source, destination, protocol: word, ...ends }).verdict === 'pass';
  };
}

const PROTOCOLS = new Map([
  [6, 'tcp'],
  [17, 'udp'],
] as const) as ReadonlyMap<number, 'tcp' | 'udp'>;

/** Whether a request would change something. */
export function isWrite(given: ReadonlyMap<string, string>): boolean {
  const [type, action, cmd] = [given.get('type'), given.get('action'), given.get('cmd')];
  if (type === 'op') return cmd?.startsWith('<request>') === true;
  return type === 'commit' || type === 'user-id' || (type === 'config' && action !== 'get' && action !== 'show');
}

/** What an administrator does to what is ours, in the `variant`-th way, and commits; `false`: there are no more ways. */
export async function tamper(device: PanOs, variant: number): Promise<boolean | 'lost'> {
  const vsys = vsysOf(device.dump());
  const rules = entriesAt(vsys, 'rulebase', 'security', 'rules')
    .map(nameOf)
    .filter((name) => name.startsWith('sp-'));
  const groups = entriesAt(vsys, 'address-group').filter((one) => isOurs(one, 'lab'));
  const rule = `/rulebase/security/rules/entry[@name='${rules[0]}']`;
  const dynamic = groups.find((one) => child(one, 'dynamic') !== undefined);
  const fixed = groups.find((one) => child(one, 'static') !== undefined);
  const group = (one: XmlElement | undefined): string =>
    `/address-group/entry[@name='${one === undefined ? '' : nameOf(one)}']`;
  const edits: readonly (() => void)[] = [
    () => byHand(device, 'delete', rule),
    () => byHand(device, 'set', rule, { element: '<disabled>yes</disabled>' }),
    () => byHand(device, 'edit', `${rule}/action`, { element: '<action>reset-both</action>' }),
    () => byHand(device, 'move', rule, { where: 'bottom' }),
    () => byHand(device, 'set', `${rule}/source`, { element: '<member>any</member>' }),
    () => byHand(device, 'rename', rule, { newname: 'sp-renamed' }),
    () => byHand(device, 'edit', `${group(dynamic)}/dynamic/filter`, { element: "<filter>'guest'</filter>" }),
    () => byHand(device, 'set', `${group(fixed)}/static`, { element: '<member>theirs</member>' }),
    () => byHand(device, 'rename', group(fixed), { newname: 'renamed-by-hand' }),
    () => byHand(device, 'rename', group(dynamic), { newname: 'tags-renamed-by-hand' }),
    // Emptied whole, as a start empties it.
    () => loseRegistered(device),
  ];
  const edit = edits[variant];
  if (edit === undefined) return false;
  edit();
  await commitByHand(device);
  return variant === edits.length - 1 ? 'lost' : true;
}

/** Requests that changed something, so far. */
export function writesOn(device: PanOs): number {
  return device.served.filter(({ parameters: { type, action } }) => {
    if (type === 'config') return action !== 'get' && action !== 'show';
    return type === 'commit' || type === 'user-id';
  }).length;
}
