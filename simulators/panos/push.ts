import { codes, refuse } from './answer.ts';
import { type Change, Changes } from './changes.ts';
import type { EditRules } from './draft.ts';
import type { PanOs } from './firewall.ts';
import type { PushedTo } from './jobs.ts';
import type { Layer, Pushed } from './pushed.ts';
import type { PushRequest } from './push-request.ts';
import { childAt, find } from './tree.ts';
import { mistakesInWhole } from './validation.ts';
import { child, descend, type Element, element, entry, entryNames, members } from './xml.ts';

/** What one firewall has of a Panorama's configuration, and what has been committed there since. */
interface Received {
  root: Element;
  readonly since: Changes;
}

export const devicePlace = ['config', 'devices', 'entry localhost.localdomain'] as const;

/** One firewall that a push is for. */
export interface Target {
  readonly serial: string;
  /** Where its rules come from; `undefined`: only its template is pushed. */
  readonly group: string | undefined;
  readonly vsys: readonly string[];
}

/** What a push is taken from. */
export interface PushSource {
  readonly running: Element;
  readonly rules: EditRules;
  /** A group and those above it, nearest first. */
  readonly chain: (group: string) => readonly string[];
}

/** What has been pushed to whom: pushes of one administrator's work leave the others' behind (reference 1.7). */
export class Pushes {
  readonly #received = new Map<string, Received>();
  readonly #failing = new Map<string, (readonly string[])[]>();
  readonly #empty: Element;

  constructor(empty: Element) {
    this.#empty = empty;
  }

  #of(serial: string): Received {
    let found = this.#received.get(serial);
    if (found === undefined) {
      found = { root: this.#empty, since: new Changes() };
      this.#received.set(serial, found);
    }
    return found;
  }

  /** A firewall joins: its first push brings all that runs now, whoever made it. */
  begin(serial: string, running: Element): void {
    this.#received.set(serial, { root: running, since: new Changes() });
  }

  /** What a commit of the Panorama has changed. */
  committed(changes: readonly Change[], serials: readonly string[]): void {
    for (const serial of serials) {
      const { since } = this.#of(serial);
      for (const { kind, place, admin } of changes)
        if (kind === 'took') since.took(place, admin);
        else since.moved(place, admin);
    }
  }

  failNext(serial: string, lines: readonly string[]): void {
    this.#failing.set(serial, [...(this.#failing.get(serial) ?? []), lines]);
  }

  /** Brings one firewall up to date. `row` tells what became of it. */
  push(firewall: PanOs | undefined, target: Target, request: PushRequest, source: PushSource, row: PushedTo): void {
    const wrong = this.#bring(firewall, target, request, source);
    row.result = wrong.length > 0 ? 'FAIL' : 'OK';
    row.errors = wrong;
  }

  #bring(
    firewall: PanOs | undefined,
    { serial, group, vsys }: Target,
    request: PushRequest,
    source: PushSource,
  ): readonly string[] {
    if (firewall === undefined || !firewall.online) return ['Device is not connected'];
    const planned = this.#failing.get(serial)?.shift();
    if (planned !== undefined) return planned;
    const received = this.#of(serial);
    const admins = request.admins === undefined ? undefined : new Set(request.admins);
    const included = ({ admin }: Change): boolean => admins?.has(admin) !== false;
    const { root, orphans } =
      admins === undefined
        ? { root: source.running, orphans: [] }
        : received.since.compose(received.root, source.running, included);
    const wrong = mistakesInWhole(root, source.rules, orphans);
    if (wrong.length > 0) return wrong;
    const parts = new Map(
      vsys.map((name): readonly [string, Pushed] => {
        const before = firewall.pushedTo(name);
        return [
          name,
          {
            layers: group === undefined ? before.layers : layersOf(root, source.chain(group)),
            template: group === undefined || request.includeTemplate ? templateOf(root, serial, name) : before.template,
          },
        ];
      }),
    );
    const refused = firewall.receive(parts, request.mergeCandidate);
    if (refused.length > 0) return refused;
    // A template by itself brings nothing of the device group.
    if (group === undefined) return [];
    received.root = root;
    received.since.settle(included);
    return [];
  }
}

/** The parts that a firewall of a group gets, nearest first. */
function layersOf(root: Element, groups: readonly string[]): readonly Layer[] {
  const own = groups.flatMap((name) => {
    const part = find(root, [...devicePlace, 'device-group', `entry ${name}`]);
    return part === undefined ? [] : [{ name, part }];
  });
  const shared = child(root, 'shared');
  return shared === undefined ? own : [...own, { name: 'shared', part: shared }];
}

/** The zones of every template of the firewall's stacks; the first template that has a zone counts. */
function templateOf(root: Element, serial: string, vsys: string): Element | undefined {
  const home = find(root, devicePlace);
  const zones = templatesFor(root, serial).flatMap((name) => {
    const template = childAt(child(home, 'template'), `entry ${name}`);
    const device = childAt(descend(template, 'config', 'devices'), 'entry localhost.localdomain');
    return descend(childAt(child(device, 'vsys'), `entry ${vsys}`), 'zone')?.children ?? [];
  });
  if (zones.length === 0) return undefined;
  const first = new Map(zones.toReversed().map((one) => [one.attributes.get('name'), one]));
  return entry(vsys, [element('zone', [...first.values()])]);
}

/** Names of the templates in the stacks that list a firewall. */
export function templatesFor(root: Element, serial: string): readonly string[] {
  const stacks = child(find(root, devicePlace), 'template-stack')?.children ?? [];
  return stacks
    .filter((one) => entryNames(child(one, 'devices')).includes(serial))
    .flatMap((one) => members(child(one, 'templates')));
}

/** The firewalls that a request means, or its refusal. */
export function targetsOf(root: Element, request: PushRequest): readonly Target[] {
  const home = find(root, devicePlace);
  const groups = request.groups.flatMap(({ name, devices }) => {
    const group = childAt(child(home, 'device-group'), `entry ${name}`);
    if (group === undefined) throw refuse(codes.invalidObject, ` device-group -> ${name} is invalid`);
    const listed = child(group, 'devices')?.children ?? [];
    const known = new Set(entryNames(child(group, 'devices')));
    if (devices?.every((serial) => known.has(serial)) === false)
      throw refuse(codes.invalidObject, ' devices is invalid');
    return listed
      .map((one) => ({ serial: one.attributes.get('name') ?? '', vsys: entryNames(child(one, 'vsys')) }))
      .filter(({ serial }) => devices?.includes(serial) !== false)
      .map(({ serial, vsys }) => ({ serial, group: name, vsys: vsys.length === 0 ? ['vsys1'] : vsys }));
  });
  const templates = request.templates.flatMap((name) => {
    const stack = childAt(child(home, 'template-stack'), `entry ${name}`);
    if (stack === undefined && childAt(child(home, 'template'), `entry ${name}`) === undefined)
      throw refuse(codes.invalidObject, ` template -> ${name} is invalid`);
    const stacks = (child(home, 'template-stack')?.children ?? []).filter(
      (one) => one === stack || members(child(one, 'templates')).includes(name),
    );
    return stacks
      .flatMap((one) => entryNames(child(one, 'devices')))
      .map((serial) => ({ serial, group: undefined, vsys: ['vsys1'] }));
  });
  return [...groups, ...templates];
}
