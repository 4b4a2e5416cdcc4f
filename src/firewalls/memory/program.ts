import { BucketMap } from '../../base/bucket-map.ts';
import { encodeForDevice } from '../../base/encode.ts';
import type { BorderRule, Class, Group, Nat, NatTarget, Origin, Part, Ruleset, Stage } from '../../border/ruleset.ts';
import { canonicalText } from '../../plan/canonical.ts';

/** What the device of this driver holds of ours: named texts, and tables from address to text. Immutable. */
export interface Program {
  /** `settings`, `nat-order`, `class ID`, `group ID`, `nat ID` and their texts, one line each. */
  readonly objects: ReadonlyMap<string, string>;
  /** `members` (address → class), `group ID` (address → ''), `nat ID` (address → target). */
  readonly tables: ReadonlyMap<string, BucketMap<string>>;
}

export const emptyProgram: Program = { objects: new Map(), tables: new Map() };

/** Longest name or user text on this device. */
const NAME_LIMIT = 100;

const name = (text: string): string => encodeForDevice(text, NAME_LIMIT);

/** A ruleset in this device's texts. */
export function programOf(ruleset: Ruleset): Program {
  const objects = new Map<string, string>();
  const tables = new Map<string, BucketMap<string>>();
  const { destinations, inside, networks, established } = ruleset;
  objects.set('settings', canonicalText({ destinations, inside, networks, established }));
  for (const one of ruleset.classes.values()) objects.set(`class ${name(one.id)}`, canonicalText(classForm(one)));
  for (const group of ruleset.groups.values()) {
    objects.set(`group ${name(group.id)}`, canonicalText(groupForm(group)));
    if (group.kind === 'AddressGroup')
      tables.set(
        `group ${name(group.id)}`,
        mapped(group.members, () => ''),
      );
  }
  for (const nat of ruleset.nats) {
    objects.set(`nat ${name(nat.id)}`, canonicalText(natForm(nat)));
    tables.set(`nat ${name(nat.id)}`, mapped(nat.sources, targetText));
  }
  if (ruleset.nats.length > 0) objects.set('nat-order', canonicalText(ruleset.nats.map((nat) => name(nat.id))));
  tables.set('members', mapped(ruleset.members, name));
  return { objects, tables };
}

/** Names of tables about which the ruleset says nothing: the device's rows stay. */
export function heldTables(ruleset: Ruleset): ReadonlySet<string> {
  const held = [...ruleset.groups.values()].filter((group) => group.kind === 'AddressGroup' && group.held === true);
  return new Set(held.map((group) => `group ${name(group.id)}`));
}

/** A wanted program with the rows that a device holds in held tables. */
export function holding(wanted: Program, held: ReadonlySet<string>, actual: Program): Program {
  if (held.size === 0) return wanted;
  const tables = new Map(wanted.tables);
  for (const table of held) tables.set(table, actual.tables.get(table) ?? BucketMap.empty());
  return { ...wanted, tables };
}

/** The text of a translation's target. */
export function targetText(target: NatTarget): string {
  switch (target.kind) {
    case 'Address':
      return target.address;
    case 'Exempt':
      return 'exempt';
    case 'Hold':
      return 'hold';
  }
}

function mapped<V>(map: BucketMap<V>, textOfValue: (value: V) => string): BucketMap<string> {
  return BucketMap.from([...map.entries()].map(([key, value]) => [key, textOfValue(value)] as const));
}

function originForm(origin: Origin): Origin {
  return { ...origin, policy: name(origin.policy) };
}

function ruleForm(rule: BorderRule): unknown {
  const { outside } = rule;
  const domains = outside.domains.map(name);
  return {
    ...rule,
    origin: originForm(rule.origin),
    outside: { ...outside, groups: outside.groups.map(name), notGroups: outside.notGroups.map(name), domains },
  };
}

function stageForm(stage: Stage): unknown {
  return {
    ...stage,
    id: name(stage.id),
    name: name(stage.name),
    rules: stage.rules.map(ruleForm),
    endOrigin: originForm(stage.endOrigin),
  };
}

function partForm(part: Part): unknown {
  return {
    ...part,
    id: name(part.id),
    stages: part.stages.map(stageForm),
    otherwiseOrigin: originForm(part.otherwiseOrigin),
  };
}

function classForm(one: Class): unknown {
  const { id, family, parts, widened } = one;
  return { id: name(id), family, parts: parts.map(partForm), widened: widened.map(partForm) };
}

function groupForm(group: Group): unknown {
  if (group.kind === 'Outside')
    return {
      id: name(group.id),
      kind: group.kind,
      family: group.family,
      selector: name(group.selector),
      nets: group.nets,
    };
  const { kind, family, deviceName, resource, use } = group;
  return { id: name(group.id), kind, family, deviceName: name(deviceName), resource: name(resource), use };
}

function natForm(nat: Nat): unknown {
  const { family, origin, destination, protocol, ports } = nat;
  return { id: name(nat.id), family, origin: originForm(origin), destination, protocol, ports };
}
