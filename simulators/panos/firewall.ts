import { type Answer, codes, refuse } from './answer.ts';
import { dumpSetCommands, dumpXml } from './canonical.ts';
import { type DynamicGroup, Membership } from './membership.ts';
import { Device, type DeviceOptions, type Request } from './device.ts';
import { firewallOperations, vsysOf } from './firewall-operations.ts';
import { type Capacity, models } from './models.ts';
import type { Scope } from './references.ts';
import { firewallSchema } from './schema.ts';
import { Front, type ListenOptions, type Tls } from './server.ts';
import { type Shape, mistakesOf } from './shape.ts';
import { childAt, find } from './tree.ts';
import { UserId } from './user-id.ts';
import { descend, element, type Element, entry, parseXml } from './xml.ts';

export interface PanOsOptions extends DeviceOptions, ListenOptions {
  /** A name of `models`; default `PA-VM`. */
  readonly model?: string;
  /** Default: `vsys1` alone. */
  readonly vsys?: readonly string[];
  /** Zones that every vsys has from the start. */
  readonly zones?: readonly string[];
  /** What the device holds, where it is not what its model does. */
  readonly capacity?: Partial<Capacity>;
}

/** A firewall as its XML API shows it. */
export class PanOs extends Device implements AsyncDisposable {
  readonly model: string;
  readonly capacity: Capacity;
  readonly vsys: readonly string[];
  protected readonly schema: Shape = firewallSchema;
  protected readonly zonesKnown = true;
  readonly #userIds: ReadonlyMap<string, UserId>;
  #front: Front | undefined;

  /** A device that answers. */
  static async start(options: PanOsOptions = {}): Promise<PanOs> {
    const device = new PanOs(options);
    device.#front = await Front.listen(device, options);
    return device;
  }

  private constructor(options: PanOsOptions) {
    const vsys = options.vsys ?? ['vsys1'];
    super(options, '007951000000001', emptyFirewall(vsys, options.zones ?? []), firewallOperations);
    this.model = options.model ?? 'PA-VM';
    const model = models[this.model];
    if (model === undefined) throw new Error(`model ${this.model} is none of ${Object.keys(models).join(', ')}`);
    this.capacity = { ...model.capacity, ...options.capacity };
    this.vsys = vsys;
    const rules = () => ({
      reregistering: this.quirks.reregistering,
      capacity: this.capacity['max-registered-ip-address'],
    });
    this.#userIds = new Map(vsys.map((name) => [name, new UserId(this.clock, rules)]));
  }

  get url(): string {
    return this.front.url;
  }

  get front(): Front {
    if (this.#front === undefined) throw new Error('the device does not listen');
    return this.#front;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.jobs.forget();
    await this.#front?.[Symbol.asyncDispose]();
  }

  override identity(): Readonly<Record<string, string>> {
    const family = models[this.model]?.family ?? '';
    return {
      model: this.model,
      family,
      'platform-family': family,
      'multi-vsys': this.vsys.length > 1 ? 'on' : 'off',
      'operational-mode': 'normal',
    };
  }

  /** Registered addresses and users of a vsys. */
  userIdOf(vsys: string): UserId {
    const found = this.#userIds.get(vsys);
    if (found === undefined) throw refuse(codes.invalidObject, ` vsys ${vsys} is invalid`);
    return found;
  }

  override scopes(_root: Element): readonly Scope[] {
    const shared: Scope = { name: 'shared', place: ['config', 'shared'], sees: [], beside: [] };
    return [shared, ...this.vsys.map((name) => ({ name, place: vsysPlace(name), sees: [shared], beside: [] }))];
  }

  /** Groups of a vsys whose members follow from tags, as they run. */
  dynamicGroups(vsys: string): readonly DynamicGroup[] {
    return this.membership(vsys).dynamicGroups();
  }

  membership(vsys: string): Membership {
    const scope = this.scopes(this.configuration.running).find(({ name }) => name === vsys);
    if (scope === undefined) throw refuse(codes.invalidObject, ` vsys ${vsys} is invalid`);
    return new Membership({ root: this.configuration.running, scope, userId: this.userIdOf(vsys) });
  }

  protected override userId(request: Request, message: Element): Answer {
    return this.userIdOf(vsysOf(request)).update(message);
  }

  protected override commitAll(): Answer {
    throw refuse(codes.invalidCommand, ' commit-all is for a Panorama');
  }

  protected override forward(): Answer {
    throw refuse(codes.invalidCommand, ' target is for a Panorama');
  }

  protected override committed(): void {}

  protected override tooMuch(root: Element): readonly string[] {
    const found: string[] = [];
    const check = (what: string, count: number, limit: number): void => {
      if (count > limit) found.push(` Number of ${what} (${count}) exceeds platform limit (${limit})`);
    };
    const homes = this.scopes(root).map(({ place }) => find(root, place));
    const total = (...way: readonly string[]): number =>
      homes.reduce((sum, home) => sum + (descend(home, ...way)?.children.length ?? 0), 0);
    check('address objects', total('address'), this.capacity['max-address']);
    check('address groups', total('address-group'), this.capacity['max-address-group']);
    check('services', total('service'), this.capacity['max-service']);
    check('security rules', total('rulebase', 'security', 'rules'), this.capacity['max-policy-rule']);
    check('nat rules', total('rulebase', 'nat', 'rules'), this.capacity['max-nat-policy-rule']);
    check('external lists', total('external-list'), this.capacity['max-edl-objs']);
    check('zones', total('zone'), this.capacity['max-zone']);
    for (const home of homes)
      for (const group of descend(home, 'address-group')?.children ?? [])
        check(
          `members of address group ${group.attributes.get('name') ?? ''}`,
          descend(group, 'static')?.children.length ?? 0,
          this.capacity['max-address-per-group'],
        );
    return found;
  }

  /** The device restarts: what lives in memory is gone, and nobody is answered for `ms`. */
  reboot(ms = 0): void {
    this.restarted();
    for (const one of this.#userIds.values()) one.reboot();
    this.#front?.down();
    if (ms === 0) this.#front?.up();
    else this.clock.after(ms, () => this.#front?.up());
  }

  override upgrade(version: string): void {
    this.version = version;
    this.reboot();
  }

  /** Every address with tags is forgotten, persistent or not. */
  clearRegistered(): void {
    for (const one of this.#userIds.values()) one.clear();
  }

  /** Another certificate from the next handshake on. */
  present(tls: Tls): void {
    this.front.present(tls);
  }

  /** The running configuration, in canonical form. */
  dump(): string {
    return dumpXml(this.configuration.running, this.schema);
  }

  dumpCandidate(): string {
    return dumpXml(this.configuration.candidate, this.schema);
  }

  dumpSetCommands(): string {
    return dumpSetCommands(this.configuration.running, this.schema);
  }

  /** Registered addresses with their tags, sorted, one a line. */
  dumpRegistered(vsys = 'vsys1'): string {
    return this.userIdOf(vsys)
      .registered()
      .map(({ ip, tags, persistent }) => `${ip} ${tags.toSorted().join(',')}${persistent ? '' : ' volatile'}\n`)
      .toSorted()
      .join('');
  }

  /** Takes over a dump as candidate and running configuration. Throws on what the device could not run. */
  load(text: string): void {
    const root = parseXml(text);
    const wrong = root.name === 'config' ? mistakesOf(root, this.schema, ['config']) : ['the root is not config'];
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    const missing = this.vsys.filter(
      (name) => childAt(find(root, vsysPlace(name).slice(0, -1)), `entry ${name}`) === undefined,
    );
    if (missing.length > 0) throw new Error(`no ${missing.join(', ')} in what is loaded`);
    this.configuration.replace(root);
  }
}

export const vsysPlace = (vsys: string): readonly string[] => [
  'config',
  'devices',
  'entry localhost.localdomain',
  'vsys',
  `entry ${vsys}`,
];

function emptyFirewall(vsys: readonly string[], zones: readonly string[]): Element {
  const zone = element(
    'zone',
    zones.map((name) => entry(name, [element('network', [element('layer3')])])),
  );
  return element(
    'config',
    [
      element('shared'),
      element('devices', [
        entry('localhost.localdomain', [
          element(
            'vsys',
            vsys.map((name) => entry(name, zones.length === 0 ? [] : [zone])),
          ),
        ]),
      ]),
    ],
    { version: '11.1.0' },
  );
}
