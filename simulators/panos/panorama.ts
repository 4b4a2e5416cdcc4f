import type { Account } from './accounts.ts';
import { type Answer, codes, done, refuse } from './answer.ts';
import { dumpXml } from './canonical.ts';
import type { Change } from './changes.ts';
import { Device, type DeviceOptions, type Request } from './device.ts';
import type { PanOs } from './firewall.ts';
import type { PushedTo } from './jobs.ts';
import { panoramaFamily } from './models.ts';
import { panoramaOperations } from './panorama-operations.ts';
import { readPush } from './push-request.ts';
import { devicePlace, Pushes, type PushSource, targetsOf } from './push.ts';
import type { Scope } from './references.ts';
import { panoramaSchema } from './schema.ts';
import type { ListenOptions } from './server.ts';
import { mistakesOf, type Shape } from './shape.ts';
import { change, find, merge } from './tree.ts';
import { UserId } from './user-id.ts';
import { child, element, type Element, entry, entryNames, parseFragment, parseXml } from './xml.ts';

export interface PanoramaOptions extends DeviceOptions, ListenOptions {
  /** Groups that are there from the start; a parent comes before its children. */
  readonly deviceGroups?: readonly { readonly name: string; readonly parent?: string }[];
  /** How much longer than its job a push takes on each firewall. */
  readonly deviceLagMs?: number;
}

/** A Panorama as its XML API shows it, with the firewalls that are connected to it. */
export class Panorama extends Device {
  protected readonly schema: Shape = panoramaSchema;
  protected readonly zonesKnown = false;
  deviceLagMs: number;
  readonly users: UserId;
  /** The group above each group; absent: `shared`. */
  readonly parents = new Map<string, string>();
  readonly #firewalls = new Map<string, { readonly firewall: PanOs; connected: boolean }>();
  readonly #pushes: Pushes;

  static async start(options: PanoramaOptions = {}): Promise<Panorama> {
    const device = new Panorama(options);
    await device.listen(options);
    return device;
  }

  private constructor(options: PanoramaOptions) {
    super(options, '000702000000001', emptyPanorama(options.deviceGroups ?? []), panoramaOperations);
    this.deviceLagMs = options.deviceLagMs ?? 20;
    for (const { name, parent } of options.deviceGroups ?? []) if (parent !== undefined) this.parents.set(name, parent);
    this.users = new UserId(this.clock, () => ({ reregistering: this.quirks.reregistering, capacity: 500_000 }));
    this.#pushes = new Pushes(emptyPanorama([]));
  }

  override identity(): Readonly<Record<string, string>> {
    return {
      model: 'Panorama',
      family: panoramaFamily,
      'platform-family': panoramaFamily,
      'multi-vsys': 'off',
      'system-mode': 'panorama',
    };
  }

  override scopes(root: Element): readonly Scope[] {
    const shared: Scope = { name: 'shared', place: ['config', 'shared'], sees: [], beside: [] };
    const scope = (name: string): Scope => ({
      name,
      place: [...devicePlace, 'device-group', `entry ${name}`],
      sees: [...this.ancestors(name).map(scope), shared],
      beside: [],
    });
    return [shared, ...this.groups(root).map(scope)];
  }

  groups(root: Element = this.configuration.running): readonly string[] {
    return entryNames(child(find(root, devicePlace), 'device-group'));
  }

  /** Serials that a group lists. */
  members(group: string): readonly string[] {
    const place = [...devicePlace, 'device-group', `entry ${group}`, 'devices'];
    return entryNames(find(this.configuration.running, place));
  }

  /** The groups above a group, nearest first. */
  ancestors(group: string): readonly string[] {
    const found: string[] = [];
    for (let at = this.parents.get(group); at !== undefined && !found.includes(at); at = this.parents.get(at))
      found.push(at);
    return found;
  }

  moveGroup(name: string, parent: string): Answer {
    const known = this.groups(this.configuration.candidate);
    if (!known.includes(name) || (parent !== 'shared' && !known.includes(parent)))
      throw refuse(codes.notPresent, 'No such node');
    if (name === parent || this.ancestors(parent).includes(name))
      throw refuse(codes.notPossible, ` ${name} cannot stand below itself`);
    if (parent === 'shared') this.parents.delete(name);
    else this.parents.set(name, parent);
    return done;
  }

  /**
   * A firewall joins, and the Panorama's configuration lists it where it belongs, as if somebody had set and committed it. Nothing is pushed yet.
   * `zones`: of a template of its own.
   */
  manage(
    firewall: PanOs,
    {
      group,
      vsys,
      zones,
    }: { readonly group?: string; readonly vsys?: readonly string[]; readonly zones?: readonly string[] } = {},
  ): void {
    const { serial } = firewall;
    this.#firewalls.set(serial, { firewall, connected: true });
    const parts: (readonly [readonly string[], string])[] = [];
    const rows = (names: readonly string[], inner = ''): string =>
      names.map((name) => `<entry name="${name}">${inner}</entry>`).join('');
    if (group !== undefined) {
      const limits = vsys === undefined ? '' : `<vsys>${rows(vsys)}</vsys>`;
      parts.push([[...devicePlace, 'device-group', `entry ${group}`], `<devices>${rows([serial], limits)}</devices>`]);
    }
    if (zones !== undefined) {
      const inside = `<zone>${rows(zones, '<network><layer3/></network>')}</zone>`;
      const device = `<devices>${rows(['localhost.localdomain'], `<vsys>${rows(vsys ?? ['vsys1'], inside)}</vsys>`)}</devices>`;
      parts.push(
        [[...devicePlace, 'template', `entry t-${serial}`], `<config>${device}</config>`],
        [
          [...devicePlace, 'template-stack', `entry s-${serial}`],
          `<templates><member>t-${serial}</member></templates><devices>${rows([serial])}</devices>`,
        ],
      );
    }
    for (const [place, xml] of parts)
      this.configuration.plant((root) =>
        change(root, place, (old) =>
          merge(old ?? entry((place.at(-1) ?? '').slice('entry '.length)), parseFragment(xml), place, () => undefined),
        ),
      );
    this.#pushes.begin(serial, this.configuration.running);
  }

  /** The connection of a firewall is lost, or comes back. */
  setConnected(serial: string, connected: boolean): void {
    const found = this.#firewalls.get(serial);
    if (found === undefined) throw new Error(`${serial} was never managed here`);
    found.connected = connected;
  }

  /** Every firewall that ever joined. */
  managed(): readonly { readonly firewall: PanOs; readonly connected: boolean }[] {
    return [...this.#firewalls.values()].map(({ firewall, connected }) => ({
      firewall,
      connected: connected && firewall.online,
    }));
  }

  /** The next push to a firewall ends there with these lines and without an effect. */
  failNextPush(serial: string, ...lines: readonly string[]): void {
    this.#pushes.failNext(serial, lines.length === 0 ? ['Commit failed on device'] : lines);
  }

  protected override committed(published: readonly Change[]): void {
    this.#pushes.committed(published, [...this.#firewalls.keys()]);
  }

  protected override commitAll(cmd: Element, account: Account): Answer {
    const request = readPush(cmd);
    if (request.admins !== undefined && !atLeast(this.version, 10, 2))
      throw refuse(codes.invalidCommand, ' shared-policy -> admin unexpected here');
    this.locks.checkCommit(account.name);
    this.checkIdle();
    const targets = targetsOf(this.configuration.running, request);
    if (targets.length === 0)
      return { status: 'success', code: codes.data, body: '<msg>There are no devices to push to.</msg>' };
    const rows: PushedTo[] = targets.map(({ serial }) => ({
      serial,
      name: this.#firewalls.get(serial)?.firewall.hostname ?? serial,
      result: 'PEND',
      errors: [],
      warnings: this.#firewalls.get(serial)?.firewall.commitWarnings ?? [],
      started: undefined,
      finished: undefined,
    }));
    const outcome: { result: 'OK' | 'FAIL'; details: string[] } = { result: 'OK', details: [] };
    const id = this.jobs.enqueue({
      type: 'CommitAll',
      user: account.name,
      ms: this.commitMs,
      devices: rows,
      begin: () => {
        for (const row of rows) row.started = this.clock.wall();
        const source: PushSource = {
          running: this.configuration.running,
          rules: this.rulesFor(account.name),
          chain: (group) => [group, ...this.ancestors(group)],
        };
        return () => {
          const bring = (): void => {
            for (const [index, target] of targets.entries()) {
              const row = rows[index];
              const known = this.#firewalls.get(target.serial);
              if (row === undefined) continue;
              row.finished = this.clock.wall();
              this.#pushes.push(known?.connected === true ? known.firewall : undefined, target, request, source, row);
              if (row.result === 'FAIL') {
                outcome.result = 'FAIL';
                outcome.details.push(`${row.name}: commit failed`, ...row.errors);
              }
            }
          };
          // The job may be at its end while its devices are not (reference 1.7).
          if (this.deviceLagMs === 0) bring();
          else this.clock.after(this.deviceLagMs, bring);
          return outcome;
        };
      },
    });
    return this.enqueued(id, 'CommitAll');
  }

  protected override userId(_request: Request, message: Element): Answer {
    return this.users.update(message);
  }

  protected override forward(request: Request, target: string): Answer {
    const known = this.#firewalls.get(target);
    if (known === undefined || !known.connected || !known.firewall.online)
      throw refuse(codes.notPossible, `Target device ${target} is not connected`);
    const parameters = new Map(request.parameters);
    parameters.delete('target');
    return known.firewall.answer({ ...request, parameters });
  }

  /** A serial belongs to one group, or to several by different vsys. */
  protected override tooMuch(root: Element): readonly string[] {
    const seen = new Map<string, string>();
    return (child(find(root, devicePlace), 'device-group')?.children ?? []).flatMap((group) =>
      (child(group, 'devices')?.children ?? []).flatMap((device) => {
        const serial = device.attributes.get('name') ?? '';
        const parts = entryNames(child(device, 'vsys'));
        const name = group.attributes.get('name') ?? '';
        return (parts.length === 0 ? ['all'] : parts).flatMap((vsys) => {
          const other = seen.get(`${serial}/${vsys}`) ?? seen.get(`${serial}/all`);
          seen.set(`${serial}/${vsys}`, name);
          return other === undefined ? [] : [` device-group -> ${name} -> devices -> ${serial} is in ${other} already`];
        });
      }),
    );
  }

  /** Firewalls go on with what they have. */
  override reboot(ms = 0): void {
    this.users.reboot();
    this.restart(ms, () => undefined);
  }

  /** The running configuration, in canonical form. */
  dump(): string {
    return dumpXml(this.configuration.running, this.schema);
  }

  dumpCandidate(): string {
    return dumpXml(this.configuration.candidate, this.schema);
  }

  /** Takes over a dump as candidate and running configuration. */
  load(text: string): void {
    const root = parseXml(text);
    const wrong = root.name === 'config' ? mistakesOf(root, this.schema, ['config']) : ['the root is not config'];
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    this.configuration.replace(root);
  }
}

/** Whether a release is this one or a later one. */
export function atLeast(version: string, major: number, minor: number): boolean {
  const [, first, second] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}

function emptyPanorama(groups: readonly { readonly name: string }[]): Element {
  const rows = groups.map(({ name }) => entry(name));
  return element(
    'config',
    [
      element('shared'),
      element('devices', [entry('localhost.localdomain', rows.length === 0 ? [] : [element('device-group', rows)])]),
    ],
    { version: '11.1.0' },
  );
}
