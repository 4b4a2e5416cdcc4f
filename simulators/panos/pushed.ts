import { spoken } from './path.ts';
import type { Scope } from './references.ts';
import { namesIn, referencesOf, unitsOf } from './references.ts';
import { panoramaSchema } from './schema.ts';
import { childAt } from './tree.ts';
import { child, descend, element, type Element, entry } from './xml.ts';

/** One part of a Panorama's configuration as a firewall has it. */
export interface Layer {
  /** The device group's name, or `shared`. */
  readonly name: string;
  readonly part: Element;
}

/** What a Panorama has pushed to a vsys: read only there, and beside the firewall's own configuration. */
export interface Pushed {
  /** The own device group first, then its ancestors, `shared` last. */
  readonly layers: readonly Layer[];
  /** The `vsys` entry of the template, with its zones. */
  readonly template: Element | undefined;
}

export const nothingPushed: Pushed = { layers: [], template: undefined };

/** Rules of one kind in the order in which they are asked (reference 1.11). */
export function rulesInOrder(pushed: Pushed, own: Element | undefined, type: 'security' | 'nat'): readonly Element[] {
  const of = (part: Element | undefined, base: string): readonly Element[] =>
    descend(part, base, type, 'rules')?.children ?? [];
  return [
    ...pushed.layers.toReversed().flatMap(({ part }) => of(part, 'pre-rulebase')),
    ...of(own, 'rulebase'),
    ...pushed.layers.flatMap(({ part }) => of(part, 'post-rulebase')),
  ];
}

/** What a firewall shows of it at `/config/panorama`. */
export function pushedTree(all: ReadonlyMap<string, Pushed>): readonly Element[] {
  const rows = [...all]
    .filter(([, { layers, template }]) => layers.length > 0 || template !== undefined)
    .map(([vsys, { layers, template }]) =>
      entry(vsys, [
        ...layers.map(({ name, part }) => element('layer', part.children, { name })),
        ...(template === undefined ? [] : [element('template', template.children)]),
      ]),
    );
  return rows.length === 0 ? [] : [element('panorama', [element('vsys', rows)])];
}

/** Zones that pushed rules name and that the firewall does not have: the Panorama cannot know (reference 1.5, *zones live in templates*). */
export function unknownZones({ layers, template }: Pushed, own: Element | undefined): readonly string[] {
  const known = (name: string): boolean =>
    name === 'any' || [own, template].some((part) => childAt(child(part, 'zone'), `entry ${name}`) !== undefined);
  return layers.flatMap(({ name, part }) => {
    // Read as the tree of a Panorama in which this part is the only device group.
    const home: Scope = {
      name,
      place: ['config', 'devices', 'entry localhost.localdomain', 'device-group', `entry ${name}`],
      sees: [],
      beside: [],
    };
    const root = element('config', [
      element('devices', [entry('localhost.localdomain', [element('device-group', [entry(name, part.children)])])]),
    ]);
    return [...unitsOf(root, home, panoramaSchema)].flatMap(({ place, element: rule, shape }) =>
      referencesOf(rule, shape)
        .filter(({ kind }) => kind === 'zone')
        .flatMap((one) =>
          namesIn(one)
            .filter((zone) => !known(zone))
            .map((zone) => ` ${spoken([...place.slice(5), ...one.within])} '${zone}' is not a valid reference`),
        ),
    );
  });
}
