import { OUR_FOLDERS, type OurFolder } from '../entries/entries.ts';
import { type XmlElement, entriesAt, nameOf } from '../api/xml.ts';

/** Rules that stand together: those of the firewall itself, or the ones that a Panorama pushed from one of its groups. */
export interface Layer {
  /** `pre` stand above those of the firewall itself, `post` below (reference 1.11). */
  readonly side: 'pre' | 'own' | 'post';
  /** For people: `vsys1`, `Panorama, pre rules (edge)`. */
  readonly where: string;
  readonly security: readonly XmlElement[];
  readonly nat: readonly XmlElement[];
}

/** Everything that decides about flows through one vsys, whoever wrote it: its own, what all vsys share, and what a Panorama pushed. */
export interface WholeFirewall {
  /** In no certain order among those of one side: the reference says it of none but these sides. */
  readonly layers: readonly Layer[];
  /** Rules of other kinds, of which the reference does not say what they do to flows. */
  readonly elsewhere: readonly { readonly kind: string; readonly entry: XmlElement }[];
  /** Rules in place of the two that every device ends with, by the name of their folder; absent: there are none. */
  readonly defaults: string | undefined;
  /** Entries by name; several of one name where several layers have it. */
  readonly objects: Readonly<Record<OurFolder | 'zone', ReadonlyMap<string, readonly XmlElement[]>>>;
  /** A folder of rules that has no known place among the others. */
  readonly misplaced: string | undefined;
}

type Folder = OurFolder | 'zone';
const FOLDERS: readonly Folder[] = [...OUR_FOLDERS, 'zone'];

/**
 * `pushed`: what hangs at `/config/panorama`. The reference says no more about what stands between it and its folders, so that these are
 * looked for in all of it but other vsys.
 */
export function wholeFirewall(
  vsys: string,
  own: XmlElement | undefined,
  shared: XmlElement | undefined,
  pushed: XmlElement | undefined,
): WholeFirewall {
  const gathered = new Gathered(vsys);
  for (const node of [own, shared]) for (const part of node?.children ?? []) gathered.takeOwn(part);
  if (pushed !== undefined) gathered.takePushed(pushed, '');
  if (!gathered.layers.some(({ side }) => side === 'own'))
    gathered.layers.push({ side: 'own', where: vsys, security: [], nat: [] });
  return gathered;
}

class Gathered implements WholeFirewall {
  readonly layers: Layer[] = [];
  readonly elsewhere: { readonly kind: string; readonly entry: XmlElement }[] = [];
  defaults: string | undefined;
  misplaced: string | undefined;
  readonly objects = {
    address: new Map<string, XmlElement[]>(),
    'address-group': new Map<string, XmlElement[]>(),
    service: new Map<string, XmlElement[]>(),
    'service-group': new Map<string, XmlElement[]>(),
    'external-list': new Map<string, XmlElement[]>(),
    zone: new Map<string, XmlElement[]>(),
  };
  readonly #vsys: string;

  constructor(vsys: string) {
    this.#vsys = vsys;
  }

  takeOwn(part: XmlElement): void {
    if (part.name.endsWith('rulebase')) {
      if (part.name === 'rulebase') this.#takeRules(part, 'own', this.#vsys);
      else this.misplaced ??= part.name;
    } else this.#takeObjects(part);
  }

  /** `group`: the name that stands nearest above, which may be that of a device group. */
  takePushed(node: XmlElement, group: string): void {
    const of = group === '' ? '' : ` (${group})`;
    for (const part of node.children) {
      if (part.name === 'pre-rulebase') this.#takeRules(part, 'pre', `Panorama, pre rules${of}`);
      else if (part.name === 'post-rulebase') this.#takeRules(part, 'post', `Panorama, post rules${of}`);
      else if (part.name.endsWith('rulebase')) this.misplaced ??= `${part.name} of a Panorama`;
      else if (part.name === 'vsys') {
        for (const entry of part.children) if (nameOf(entry) === this.#vsys) this.takePushed(entry, group);
      } else if (!this.#takeObjects(part)) this.takePushed(part, nameOf(part) || group);
    }
  }

  #takeObjects(part: XmlElement): boolean {
    const folder = FOLDERS.find((name) => name === part.name);
    if (folder === undefined) return false;
    for (const entry of entriesAt(part)) {
      const all = this.objects[folder].get(nameOf(entry));
      if (all === undefined) this.objects[folder].set(nameOf(entry), [entry]);
      else all.push(entry);
    }
    return true;
  }

  #takeRules(rulebase: XmlElement, side: Layer['side'], where: string): void {
    this.layers.push({
      side,
      where,
      security: entriesAt(rulebase, 'security', 'rules'),
      nat: entriesAt(rulebase, 'nat', 'rules'),
    });
    for (const kind of rulebase.children) {
      if (kind.name === 'security' || kind.name === 'nat') continue;
      const entries = entriesAt(kind, 'rules');
      if (kind.name.includes('default')) this.defaults ??= entries.length === 0 ? undefined : kind.name;
      else for (const entry of entries) this.elsewhere.push({ kind: kind.name, entry });
    }
  }
}
