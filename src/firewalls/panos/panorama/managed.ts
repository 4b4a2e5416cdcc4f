import { compareUtf8 } from '../../../base/compare.ts';
import type { Clock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import { type PanosApi, command } from '../api/api.ts';
import { type Scope, scopePath } from '../api/scope.ts';
import { type XmlElement, child, entriesAt, nameOf, textAt } from '../api/xml.ts';
import { holdsOurs } from '../entries/owned.ts';
import { foldersOf, rulesIn } from '../entries/read-entries.ts';

/** So often it is asked how device groups lie in each other. */
const ASK_AGAIN_MS = 60_000;
/** Above all groups (reference 1.11). */
const SHARED = 'shared';

/** A firewall that a device group reaches, or one vsys of it. */
export interface ManagedFirewall {
  /** Of serial and vsys. */
  readonly key: string;
  readonly serial: string;
  readonly vsys: string;
  /** The device group that it is in: ours, or one below. */
  readonly group: string;
  /** For people: `edge-1 (007951000000001)`. */
  readonly title: string;
  readonly connected: boolean;
}

/** What a group and those below it say in Panorama's running configuration. */
interface Listed {
  readonly firewalls: readonly { readonly serial: string; readonly vsys: string; readonly group: string }[];
  /** Rules of the groups below, which may name what is in ours. */
  readonly rules: readonly XmlElement[];
}

export interface Managed {
  /** In the order of their keys. */
  readonly firewalls: readonly ManagedFirewall[];
  /** Rules of the groups below; the same list as long as nothing changed. */
  readonly rules: readonly XmlElement[];
}

/** The firewalls of a device group and of all groups below it, which inherit its rules; those of `shared` are all (reference 1.11). */
export class ManagedFirewalls {
  readonly #scope: Scope;
  readonly #cluster: string;
  /** Names of firewalls that were connected once, by serial. */
  readonly #hostnames = new Map<string, string>();
  readonly #clock: Clock;
  #known: { readonly since: object; readonly at: number; readonly groups: string; readonly listed: Listed } | undefined;

  /** `cluster`: whose marks no other group may bear that reaches the same firewalls. */
  constructor(scope: Scope, cluster: string, clock: Clock) {
    this.#scope = scope;
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /** `since`: another object whenever Panorama's configuration may be another one. */
  async read(api: PanosApi, since: object, signal: AbortSignal): Promise<Managed> {
    const [listed, devices] = await Promise.all([
      this.#listed(api, since, signal),
      api.op(command(['show', 'devices', 'connected']), signal),
    ]);
    const present = new Map(entriesAt(devices, 'devices').map((entry) => [serialOf(entry), entry]));
    const firewalls = listed.firewalls.map(({ serial, vsys, group }) => {
      const entry = present.get(serial);
      const hostname = textAt(entry, 'hostname') ?? this.#hostnames.get(serial) ?? '';
      this.#hostnames.set(serial, hostname);
      const title = hostname === '' || hostname === serial ? serial : `${hostname} (${serial})`;
      const isOnly = listed.firewalls.filter((one) => one.serial === serial).length === 1;
      return {
        key: `${serial} ${vsys}`,
        serial,
        vsys,
        group,
        title: isOnly ? title : `${title} ${vsys}`,
        connected: entry !== undefined && textAt(entry, 'connected') !== 'no',
      };
    });
    return { firewalls, rules: listed.rules };
  }

  /** Groups are moved without a commit, and seldom. */
  async #listed(api: PanosApi, since: object, signal: AbortSignal): Promise<Listed> {
    const at = this.#clock.monotonic();
    const known = this.#known;
    if (known?.since === since && at - known.at < ASK_AGAIN_MS) return known.listed;
    const hierarchy = await api.op(command(['show', 'dg-hierarchy']), signal);
    const names = this.#groups(child(hierarchy, 'dg-hierarchy'));
    const above = this.#above(child(hierarchy, 'dg-hierarchy'));
    const groups = [...names, '', ...above].join('\n');
    const isSame = known?.since === since && known.groups === groups;
    const listed = isSame ? known.listed : await list(api, names, this.#scope, this.#cluster, signal);
    if (!isSame) await refuseShared(api, above, this.#cluster, signal);
    this.#known = { since, at, groups, listed };
    return listed;
  }

  /** Groups whose rules our firewalls have as well, though they are not below ours. */
  #above(hierarchy: XmlElement | undefined): readonly string[] {
    const scope = this.#scope;
    return scope.kind === 'device-group' ? [...(pathTo(hierarchy, scope.group) ?? []), SHARED] : [];
  }

  #groups(hierarchy: XmlElement | undefined): readonly string[] {
    const scope = this.#scope;
    if (scope.kind !== 'device-group') return namesBelow(hierarchy);
    const own = find(hierarchy, scope.group);
    if (own !== undefined) return [scope.group, ...namesBelow(own)];
    throw new SallyportError(
      'DEVICE_SETTING',
      `spec.options.deviceGroup: Panorama has no device group "${scope.group}"`,
    );
  }
}

async function list(
  api: PanosApi,
  groups: readonly string[],
  scope: Scope,
  cluster: string,
  signal: AbortSignal,
): Promise<Listed> {
  const nodes = await Promise.all(
    groups.map(async (group) => ({
      group,
      node: await api.running(scopePath({ kind: 'device-group', group, rulebase: 'pre' }), signal),
    })),
  );
  const firewalls = nodes.flatMap(({ group, node }) =>
    entriesAt(node, 'devices').flatMap((entry) => {
      const listed = entriesAt(entry, 'vsys').map(nameOf);
      const all = listed.length === 0 ? ['vsys1'] : listed;
      return all.map((vsys) => ({ serial: nameOf(entry), vsys, group }));
    }),
  );
  const below = nodes.filter(({ group }) => scope.kind !== 'device-group' || group !== scope.group);
  for (const { group, node } of below) refuseOurs(group, node, cluster);
  return {
    firewalls: firewalls.toSorted((a, b) => compareUtf8(`${a.serial} ${a.vsys}`, `${b.serial} ${b.vsys}`)),
    rules: below.flatMap(({ node }) => rulesIn(node)),
  };
}

/** What stands above a group reaches its firewalls too. */
async function refuseShared(
  api: PanosApi,
  above: readonly string[],
  cluster: string,
  signal: AbortSignal,
): Promise<void> {
  const scopes = above.map(
    (group): Scope =>
      group === SHARED ? { kind: 'shared', rulebase: 'pre' } : { kind: 'device-group', group, rulebase: 'pre' },
  );
  const nodes = await Promise.all(scopes.map((scope) => api.running(scopePath(scope), signal)));
  for (const [at, node] of nodes.entries()) refuseOurs(above[at] ?? '', node, cluster);
}

/**
 * Two that keep the same firewalls for one cluster would each take what the other made for its own: what was pushed does not say which group it is from,
 * and a registered address not whose it is. Throws `DEVICE_OWNED`.
 */
function refuseOurs(group: string, node: XmlElement | undefined, cluster: string): void {
  const isFree = ['pre-rulebase', 'post-rulebase'].every((base) => !holdsOurs(foldersOf(node, base), cluster));
  if (isFree) return;
  throw new SallyportError(
    'DEVICE_OWNED',
    `the device group "${group}" of this Panorama, which reaches the same firewalls, holds rules or objects of the cluster ${cluster} already: keep both by one BorderFirewall, or take them out there`,
  );
}

function serialOf(entry: XmlElement): string {
  return textAt(entry, 'serial') ?? nameOf(entry);
}

function groupsIn(from: XmlElement | undefined): readonly XmlElement[] {
  return (from?.children ?? []).filter(({ name }) => name === 'dg');
}

function namesBelow(from: XmlElement | undefined): readonly string[] {
  return groupsIn(from).flatMap((group) => [nameOf(group), ...namesBelow(group)]);
}

/** The groups that a group is in, from the top; `undefined`: it is in none of these. */
function pathTo(from: XmlElement | undefined, name: string): readonly string[] | undefined {
  for (const group of groupsIn(from)) {
    if (nameOf(group) === name) return [];
    const below = pathTo(group, name);
    if (below !== undefined) return [nameOf(group), ...below];
  }
  return undefined;
}

function find(from: XmlElement | undefined, name: string): XmlElement | undefined {
  for (const group of groupsIn(from)) {
    const found = nameOf(group) === name ? group : find(group, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
