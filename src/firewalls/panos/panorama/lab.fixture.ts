import { setTimeout } from 'node:timers/promises';
import { PanOs, type PanOsOptions, Panorama, type PanoramaOptions } from '../../../../simulators/panos/index.ts';
import type { BorderFirewall } from '../../../api/resource.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import type { ListWriter } from '../../rulebase/translator.ts';
import { openPanorama } from '../connect.ts';
import { tagPrefix, NOBODY } from '../entries/entries.ts';
import { ACCOUNT, loseRegistered, registeredOn } from '../lab.fixture.ts';
import { normalText } from '../entries/normal.ts';
import { isOurs, ownedIn } from '../entries/owned.ts';
import type { PanoramaDriver } from './driver.ts';
import { pushedFolders } from '../configuration/pushed-rules.ts';
import { type Folders, foldersOf } from '../entries/read-entries.ts';
import { type XmlElement, child, entriesAt, membersAt, nameOf, parseXml, textAt, xmlText } from '../api/xml.ts';

export const GROUP = "/config/devices/entry[@name='localhost.localdomain']/device-group/entry[@name='edge']";
export const SERIALS = ['007951000000001', '007951000000002'] as const;
const PUSH =
  '<commit-all><shared-policy><device-group><entry name="edge"/></device-group><include-template>yes</include-template></shared-policy></commit-all>';

/** A simulated Panorama with a device group of two firewalls, to which somebody pushed once; nothing takes time. */
export interface Border extends AsyncDisposable {
  readonly panorama: Panorama;
  readonly firewalls: readonly PanOs[];
  /** One more firewall in the group, to which nothing was pushed yet. */
  add(serial: string, options?: PanOsOptions): Promise<PanOs>;
}

export async function startBorder(options: PanoramaOptions = {}, firewallOptions: PanOsOptions = {}): Promise<Border> {
  const accounts = [ACCOUNT, { name: 'alice', password: 'x', role: 'superuser' } as const];
  const panorama = await Panorama.start({
    accounts,
    commitMs: 0,
    deviceLagMs: 0,
    deviceGroups: [{ name: 'edge' }, { name: 'lab' }],
    ...options,
  });
  const firewalls: PanOs[] = [];
  const add = async (serial: string, more: PanOsOptions = {}): Promise<PanOs> => {
    const hostname = `edge-${firewalls.length + 1}`;
    const firewall = await PanOs.start({ accounts, commitMs: 0, serial, hostname, ...firewallOptions, ...more });
    firewalls.push(firewall);
    panorama.manage(firewall, { group: 'edge', zones: ['k8s', 'internet'] });
    return firewall;
  };
  for (const serial of SERIALS) loseRegistered(await add(serial));
  await furnishGroup(panorama);
  return {
    panorama,
    firewalls,
    add,
    async [Symbol.asyncDispose]() {
      await panorama[Symbol.asyncDispose]();
      for (const firewall of firewalls) await firewall[Symbol.asyncDispose]();
    },
  };
}

/** What an administrator does in the device group. */
export function editGroup(
  panorama: Panorama,
  action: string,
  path: string,
  rest: Readonly<Record<string, string>> = {},
  admin = 'alice',
): void {
  panorama.byHand({ type: 'config', action, xpath: GROUP + path, ...rest }, admin);
}

/** Commits everybody's work on Panorama. */
export async function commitOn(panorama: Panorama): Promise<void> {
  panorama.byHand({ type: 'commit', cmd: '<commit/>' }, 'alice');
  await idle(panorama);
}

/** Pushes everybody's work to every firewall of the group. */
export async function pushFrom(panorama: Panorama): Promise<void> {
  panorama.byHand({ type: 'commit', action: 'all', cmd: PUSH }, 'alice');
  await idle(panorama);
}

/** No job is under way any more. */
export async function idle(panorama: Panorama): Promise<void> {
  do await setTimeout(5);
  while (panorama.jobs.active);
  await setTimeout(5);
}

const rule = (source: string, action: string): string =>
  `<from><member>any</member></from><to><member>any</member></to><source><member>${source}</member></source>` +
  `<destination><member>any</member></destination><application><member>any</member></application>` +
  `<service><member>any</member></service><action>${action}</action>`;

/** Rules and objects of somebody else, on both sides of where ours stand, on Panorama and on the firewalls. */
async function furnishGroup(panorama: Panorama): Promise<void> {
  const set = (path: string, element: string): void => editGroup(panorama, 'set', path, { element });
  set("/address/entry[@name='theirs']", '<ip-netmask>192.0.2.0/24</ip-netmask>');
  set("/address/entry[@name='sp-theirs']", '<ip-netmask>192.0.2.7/32</ip-netmask>');
  set("/address-group/entry[@name='guests']", "<dynamic><filter>'guest'</filter></dynamic>");
  set("/pre-rulebase/security/rules/entry[@name='first']", rule('guests', 'deny'));
  set("/pre-rulebase/security/rules/entry[@name='rest']", rule('any', 'allow'));
  await commitOn(panorama);
  await pushFrom(panorama);
}

/** What a process has been told, where that is not what is true. */
interface Told {
  readonly cluster?: string;
  readonly clock?: Clock;
  readonly pin?: string;
  readonly password?: string;
  readonly adopt?: readonly string[];
  /** Absent: lists are proved, in a thread. */
  readonly write?: ListWriter;
}

/** A driver as a new process would make it. `options`: those of the BorderFirewall. */
export function connectToBorder(
  { panorama }: Pick<Border, 'panorama'>,
  options: object = {},
  {
    cluster = 'lab',
    clock = systemClock,
    pin = panorama.fingerprint ?? '',
    password = ACCOUNT.password,
    adopt = [],
    write,
  }: Told = {},
): PanoramaDriver {
  const secret = new Map([
    ['user', ACCOUNT.name],
    ['password', password],
  ]);
  const credentials = { title: 'a test', read: () => Promise.resolve(secret) };
  const said: object = { deviceGroup: 'edge', ...options };
  const firewall = { name: 'edge-1', address: panorama.url, tls: { pin }, options: said, adopt } as BorderFirewall;
  return openPanorama(firewall, { cluster, clock, credentials, lockDirectory: undefined, write });
}

/** What of Panorama's group, or of all of one firewall's pushed configuration, is of our cluster, or is not. */
function told(folders: Folders, ours: boolean, cluster: string): readonly string[] {
  const owned = ownedIn(folders, cluster);
  const services = new Set(owned.objects['service-group'].values());
  const belongs = (entry: XmlElement): boolean => (isOurs(entry, cluster) || services.has(entry)) === ours;
  const { objects, security, nat } = folders;
  return [
    ...Object.entries(objects)
      .flatMap(([folder, entries]) => entries.filter(belongs).map((one) => `${folder} ${normalText(one)}`))
      .toSorted(),
    ...[...security, ...nat].filter(belongs).map(normalText),
  ];
}

export function groupOn(text: string): Folders {
  const groups = entriesAt(child(parseXml(text), 'devices', 'entry', 'device-group'));
  return foldersOf(
    groups.find((one) => nameOf(one) === 'edge'),
    'pre-rulebase',
  );
}

function pushedTo(firewall: PanOs): Folders {
  const answer = firewall.byHand({ type: 'config', action: 'show', xpath: '/config/panorama' });
  return pushedFolders(parseXml(xmlText(answer as unknown as XmlElement)), 'vsys1', 'pre-rulebase');
}

/** Everything of our cluster: on Panorama, and on each firewall; who of us wrote last is left out. */
export function oursOnBorder({ panorama, firewalls }: Border, cluster = 'lab'): string {
  return [
    ...told(groupOn(panorama.dump()), true, cluster),
    ...firewalls.flatMap((firewall, at) => [
      `firewall ${at}`,
      ...told(pushedTo(firewall), true, cluster),
      ...registeredOn(firewall, true, cluster),
    ]),
  ].join('\n');
}

/** All the rest, on Panorama's candidate too. */
export function foreignOnBorder({ panorama, firewalls }: Border, cluster = 'lab'): string {
  return [
    ...told(groupOn(panorama.dump()), false, cluster),
    ...told(groupOn(panorama.dumpCandidate()), false, cluster),
    ...firewalls.flatMap((firewall, at) => [
      `firewall ${at}`,
      firewall.dump(),
      ...told(pushedTo(firewall), false, cluster),
      ...registeredOn(firewall, false, cluster),
    ]),
  ].join('\n');
}

/** Requests that changed something, so far. */
export function writesOnBorder({ panorama }: Border): number {
  return panorama.served.filter(({ parameters: { type, action } }) => {
    if (type === 'config') return action !== 'get' && action !== 'show';
    return type === 'commit' || type === 'user-id';
  }).length;
}

/** Addresses in AddressGroups of ours, on any of the firewalls. */
export function membersOnBorder({ panorama, firewalls }: Border, groups: readonly string[]): readonly string[] {
  const { objects } = groupOn(panorama.dump());
  const addresses = new Map(
    objects.address.map((entry) => [nameOf(entry), (textAt(entry, 'ip-netmask') ?? '').replace(/\/32$/, '')]),
  );
  const configured = objects['address-group']
    .filter((entry) => groups.includes(nameOf(entry)))
    .flatMap((entry) => membersAt(entry, 'static').map((name) => addresses.get(name) ?? name));
  const tags = groups.map((name) => ` ${tagPrefix('lab')}${name}`);
  const tagged = firewalls.flatMap((firewall) =>
    registeredOn(firewall, true).flatMap((line) =>
      tags.some((tag) => line.endsWith(tag)) ? [line.split(' ')[0] ?? ''] : [],
    ),
  );
  return [...configured, ...tagged].filter((one) => one !== NOBODY[4]);
}

/** What an administrator does to what is ours, in the `variant`-th way, commits, and pushes; `false`: there are no more ways. */
export async function tamperOnBorder({ panorama, firewalls }: Border, variant: number): Promise<boolean | 'lost'> {
  const { security, objects } = groupOn(panorama.dump());
  const [first] = security.map(nameOf).filter((name) => name.startsWith('sp-'));
  const groups = objects['address-group'].filter((one) => isOurs(one, 'lab'));
  const rule = `/pre-rulebase/security/rules/entry[@name='${first}']`;
  const group = (kind: string): string => {
    const found = groups.find((one) => child(one, kind) !== undefined);
    return `/address-group/entry[@name='${found === undefined ? '' : nameOf(found)}']`;
  };
  const edit = (action: string, path: string, rest: Readonly<Record<string, string>> = {}): void =>
    editGroup(panorama, action, path, rest);
  const edits: readonly (() => void)[] = [
    () => edit('delete', rule),
    () => edit('set', rule, { element: '<disabled>yes</disabled>' }),
    () => edit('edit', `${rule}/action`, { element: '<action>reset-both</action>' }),
    () => edit('move', rule, { where: 'bottom' }),
    () => edit('set', `${rule}/source`, { element: '<member>any</member>' }),
    () => edit('rename', rule, { newname: 'sp-renamed' }),
    () => edit('edit', `${group('dynamic')}/dynamic/filter`, { element: "<filter>'guest'</filter>" }),
    () => edit('set', `${group('static')}/static`, { element: '<member>theirs</member>' }),
    () => edit('rename', group('static'), { newname: 'renamed-by-hand' }),
    () => edit('rename', group('dynamic'), { newname: 'tags-renamed-by-hand' }),
    // Emptied whole, as a start empties it.
    () => firewalls.forEach(loseRegistered),
  ];
  const one = edits[variant];
  if (one === undefined) return false;
  one();
  await commitOn(panorama);
  await pushFrom(panorama);
  return variant === edits.length - 1 ? 'lost' : true;
}
