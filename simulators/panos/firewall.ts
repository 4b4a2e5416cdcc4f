import { parseAddress, type Span } from './addresses.ts';
import { type Answer, codes, refuse } from './answer.ts';
import { dumpSetCommands, dumpXml } from './canonical.ts';
import { beyond } from './capacity.ts';
import { Device, type DeviceOptions, type Request } from './device.ts';
import { type ConfiguredList, ExternalLists, type LogLine } from './external-lists.ts';
import { firewallOperations, vsysOf } from './firewall-operations.ts';
import { type HaState, HighAvailability } from './high-availability.ts';
import { Membership } from './membership.ts';
import { type Capacity, models } from './models.ts';
import { type Flow, judge, type Passage } from './packet.ts';
import { nothingPushed, type Pushed, pushedTree, rulesInOrder, unknownZones } from './pushed.ts';
import type { Scope } from './references.ts';
import { firewallSchema } from './schema.ts';
import type { ListenOptions } from './server.ts';
import { Sessions } from './sessions.ts';
import { mistakesOf, type Shape } from './shape.ts';
import { find } from './tree.ts';
import { UserId } from './user-id.ts';
import { child, element, type Element, entry, parseXml } from './xml.ts';

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
export class PanOs extends Device {
  readonly model: string;
  readonly capacity: Capacity;
  readonly vsys: readonly string[];
  readonly lists: ExternalLists;
  readonly ha = new HighAvailability(this);
  readonly sessions = new Sessions();
  protected readonly schema: Shape = firewallSchema;
  protected readonly zonesKnown = true;
  /** Whether it runs: not while it restarts. */
  online = true;
  readonly #userIds: ReadonlyMap<string, UserId>;
  readonly #authorities = new Map<string, string>();
  readonly #names = new Map<string, readonly Span[]>();
  #pushed = new Map<string, Pushed>();

  /** A device that answers. */
  static async start(options: PanOsOptions = {}): Promise<PanOs> {
    const device = new PanOs(options);
    await device.listen(options);
    return device;
  }

  /** Two devices of one configuration; the first carries the traffic. */
  static async startPair(options: Omit<PanOsOptions, 'serial' | 'listen'> = {}): Promise<readonly [PanOs, PanOs]> {
    const active = await PanOs.start({ ...options, serial: '007951000000001' });
    const passive = await PanOs.start({ ...options, serial: '007951000000002' });
    HighAvailability.join(active.ha, passive.ha);
    return [active, passive];
  }

  private constructor(options: PanOsOptions) {
    const vsys = options.vsys ?? ['vsys1'];
    super(options, '007951000000001', emptyFirewall(vsys, options.zones ?? []), firewallOperations);
    this.model = options.model ?? 'PA-VM';
    const model = models[this.model];
    if (model === undefined) throw new Error(`model ${this.model} is none of ${Object.keys(models).join(', ')}`);
    this.capacity = { ...model.capacity, ...options.capacity };
    if (vsys.length > this.capacity['max-vsys'])
      throw new Error(`${this.model} has at most ${this.capacity['max-vsys']} vsys`);
    this.vsys = vsys;
    const rules = () => ({
      reregistering: this.quirks.reregistering,
      capacity: this.capacity['max-registered-ip-address'],
    });
    this.#userIds = new Map(vsys.map((name) => [name, new UserId(this.clock, rules)]));
    this.lists = new ExternalLists(
      this.clock,
      () => this.capacity['edl-ip'],
      (profile) => this.#authorities.get(profile),
      () => this.quirks.emptyLists,
    );
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.lists.close();
    await super[Symbol.asyncDispose]();
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

  override scopes(): readonly Scope[] {
    const shared: Scope = { name: 'shared', place: ['config', 'shared'], sees: [], beside: [] };
    return [
      shared,
      ...this.vsys.map((name) => {
        const { layers, template } = this.pushedTo(name);
        const beside = [...layers.map(({ part }) => part), ...(template === undefined ? [] : [template])];
        return { name, place: vsysPlace(name), sees: [shared], beside };
      }),
    ];
  }

  #scope(vsys: string): Scope {
    const found = this.scopes().find(({ name }) => name === vsys);
    if (found === undefined || vsys === 'shared') throw refuse(codes.invalidObject, ` vsys ${vsys} is invalid`);
    return found;
  }

  /** Who belongs to what in the running configuration of a vsys. */
  membership(vsys: string): Membership {
    const scope = this.#scope(vsys);
    return new Membership({
      root: this.configuration.running,
      scope,
      userId: this.userIdOf(vsys),
      list: (name) => {
        const id = this.listIn(vsys, name);
        return id === undefined ? undefined : this.lists.spans(id);
      },
      resolve: (name) => this.#names.get(name),
    });
  }

  /** Whether a flow would pass now, by which rule, and translated to what: from what runs, is registered and was fetched. */
  passes(flow: Flow, vsys = 'vsys1'): Passage {
    return this.judging(vsys)(flow);
  }

  /** `passes` for many flows at one moment: what changes later is not seen. */
  judging(vsys = 'vsys1'): (flow: Flow) => Passage {
    const own = find(this.configuration.running, vsysPlace(vsys));
    const pushed = this.pushedTo(vsys);
    const policy = {
      security: rulesInOrder(pushed, own, 'security'),
      nat: rulesInOrder(pushed, own, 'nat'),
      membership: this.membership(vsys),
      serial: this.serial,
    };
    return (flow) => judge(policy, flow);
  }

  /** A connection through the device, if it passes: its session, which stays until it is cleared. */
  connect(flow: Flow, vsys = 'vsys1'): number | undefined {
    return this.sessions.open(flow, this.passes(flow, vsys));
  }

  /** What a domain name of an address object stands for. */
  resolveName(name: string, addresses: readonly string[]): void {
    this.#names.set(
      name,
      addresses.flatMap((one) => parseAddress(one) ?? []),
    );
  }

  /** The certificate profile of that name gets an authority (PEM) by which servers of lists are checked. */
  installAuthority(profile: string, pem: string): void {
    this.#authorities.set(profile, pem);
    this.byHand({
      type: 'config',
      action: 'set',
      xpath: `/config/shared/certificate-profile/entry[@name='${profile}']`,
      element: `<CA><entry name="${profile}-ca"/></CA>`,
    });
  }

  get systemLog(): readonly LogLine[] {
    return this.lists.log;
  }

  /** Every list that runs: own ones of each vsys, shared ones, pushed ones. */
  #configuredLists(): readonly ConfiguredList[] {
    const parts = this.scopes().flatMap(({ name, place, beside }) => [
      { scope: name, part: find(this.configuration.running, place) },
      ...beside.map((part, index) => ({ scope: `${name} pushed ${index}`, part })),
    ]);
    return parts.flatMap(({ scope, part }) =>
      (child(part, 'external-list')?.children ?? []).map((definition) => {
        const name = definition.attributes.get('name') ?? '';
        return { id: `${scope}/${name}`, name, definition };
      }),
    );
  }

  /** The list that a name means in a vsys. */
  listIn(vsys: string, name: string): string | undefined {
    const scopes = [vsys, 'shared', ...this.#scope(vsys).beside.map((_, index) => `${vsys} pushed ${index}`)];
    return scopes.map((scope) => `${scope}/${name}`).find((id) => this.lists.has(id));
  }

  protected override userId(request: Request, message: Element): Answer {
    const vsys = vsysOf(request);
    const answer = this.userIdOf(vsys).update(message);
    this.ha.carryRegistered(vsys);
    return answer;
  }

  protected override commitAll(): Answer {
    throw refuse(codes.invalidCommand, ' commit-all is for a Panorama');
  }

  protected override forward(): Answer {
    throw refuse(codes.invalidCommand, ' target is for a Panorama');
  }

  protected override committed(): void {
    this.lists.follow(this.#configuredLists());
    this.ha.carryOver();
  }

  /** What the other one of a pair runs. */
  takeOver(root: Element): void {
    this.configuration.replace(root);
    this.lists.follow(this.#configuredLists());
  }

  protected override tooMuch(root: Element): readonly string[] {
    return beyond(
      this.scopes().flatMap(({ place, beside }) => [find(root, place), ...beside]),
      this.capacity,
    );
  }

  pushedTo(vsys: string): Pushed {
    return this.#pushed.get(vsys) ?? nothingPushed;
  }

  /** What a Panorama has pushed, as the firewall shows it. */
  pushedParts(): readonly Element[] {
    return pushedTree(this.#pushed);
  }

  protected override extraRoots(): readonly Element[] {
    return this.pushedParts();
  }

  /** A push of a Panorama to some vsys, whole or (with the lines that say why) not at all. */
  receive(pushed: ReadonlyMap<string, Pushed>, mergeCandidate: boolean): readonly string[] {
    const foreign = [...pushed.keys()].filter((name) => !this.vsys.includes(name));
    if (foreign.length > 0) return foreign.map((name) => ` ${name} is invalid`);
    if (this.jobs.active) return ['Another commit/validate is in progress. Please try again later'];
    const [lock] = this.locks.held('commit');
    if (lock !== undefined) return [`Configuration is locked by ${lock.owner}`];
    const before = this.#pushed;
    this.#pushed = new Map([...before, ...pushed]);
    const prepared = this.prepare(() => mergeCandidate, 'panorama');
    const zones = [...pushed].flatMap(([name, one]) => unknownZones(one, find(prepared.root, vsysPlace(name))));
    const wrong = [...prepared.mistakes, ...zones];
    if (wrong.length > 0) {
      this.#pushed = before;
      return wrong;
    }
    if (mergeCandidate) this.configuration.publish(prepared);
    this.committed();
    return [];
  }

  override reboot(ms = 0): void {
    this.online = false;
    for (const one of this.#userIds.values()) one.reboot();
    this.sessions.clear();
    this.ha.failOver('non-functional');
    this.restart(ms, () => {
      this.online = true;
      this.ha.comeBack();
      this.lists.restart();
    });
  }

  /** The other one of the pair takes over. */
  failOver(becomes: HaState = 'passive'): void {
    this.ha.failOver(becomes);
  }

  /** Every address with tags is forgotten, persistent or not. */
  clearRegistered(): void {
    for (const one of this.#userIds.values()) one.clear();
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
    const missing = this.vsys.filter((name) => find(root, vsysPlace(name)) === undefined);
    if (wrong.length + missing.length > 0)
      throw new Error([...wrong, ...missing.map((name) => `no ${name}`)].join('\n'));
    this.configuration.replace(root);
    this.lists.follow(this.#configuredLists());
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
