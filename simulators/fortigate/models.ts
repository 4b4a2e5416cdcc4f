import { type Configuration, GLOBAL } from './configuration.ts';
import { textOf } from './row.ts';

/** A device by what it can hold. The reference has no numbers of models; these are ours, and a device tells them in `vdom-resource`. */
export interface Model {
  readonly name: string;
  /** `model_name` and `model_number` of the status. */
  readonly family: string;
  readonly number: string;
  readonly serial: string;
  /** Decides what feeds may hold from 7.4.4 on (reference 1.10). */
  readonly size: 'entry' | 'mid-range' | 'high-end';
  /** Rows of all VDOMs together, by the name in `vdom-resource`. */
  readonly limits: Readonly<Record<Resource, number>>;
}

/** Names in `vdom-resource`, and the tables that each counts. */
const RESOURCES = {
  'firewall-policy': ['firewall/policy'],
  'firewall-address': ['firewall/address', 'firewall/address6'],
  'firewall-addrgrp': ['firewall/addrgrp', 'firewall/addrgrp6'],
  'custom-service': ['firewall.service/custom'],
  'service-group': ['firewall.service/group'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Resource = keyof typeof RESOURCES;

export const resources = Object.keys(RESOURCES) as readonly Resource[];

export const tablesOf = (resource: Resource): readonly string[] => RESOURCES[resource];

const resourceOf = (table: string): Resource | undefined =>
  resources.find((one) => (RESOURCES[one] as readonly string[]).includes(table));

/** Tables that share a limit with this one, itself among them. */
export function countedWith(table: string): readonly string[] {
  const resource = resourceOf(table);
  return resource === undefined ? [table] : RESOURCES[resource];
}

export function limitOf(model: Model, table: string): number | undefined {
  const resource = resourceOf(table);
  return resource === undefined ? OTHER_LIMITS[table] : model.limits[resource];
}

/** Tables that no resource counts. */
const OTHER_LIMITS: Readonly<Record<string, number>> = {
  'firewall/ippool': 1024,
  'firewall/ippool6': 1024,
  'firewall/central-snat-map': 4096,
  'system/external-resource': 511,
};

/** What an administrator allows this VDOM (`system/vdom-property`); `undefined`: nothing is set. */
export function vdomLimitOf(configuration: Configuration, vdom: string, table: string): number | undefined {
  const resource = resourceOf(table);
  if (resource === undefined) return undefined;
  const most = Number(textOf(configuration.row(GLOBAL, 'system/vdom-property', vdom) ?? {}, resource).split(' ')[0]);
  return most > 0 ? most : undefined;
}

const model = (
  name: string,
  size: Model['size'],
  number: string,
  rows: readonly [number, number, number, number, number],
): Model => ({
  name,
  family: 'FortiGate',
  number,
  size,
  serial: name === 'vm' ? 'FGVM010000000001' : `FG${number.replaceAll(/\W/g, '').slice(0, 5).padEnd(5, '0')}TK00000001`,
  limits: {
    'firewall-policy': rows[0],
    'firewall-address': rows[1],
    'firewall-addrgrp': rows[2],
    'custom-service': rows[3],
    'service-group': rows[4],
  },
});

export const models: ReadonlyMap<string, Model> = new Map(
  [
    model('entry', 'entry', '60E', [5_000, 5_000, 2_500, 1_024, 500]),
    model('mid-range', 'mid-range', '400E', [10_000, 40_000, 10_000, 4_096, 2_000]),
    model('high-end', 'high-end', '3400E', [100_000, 150_000, 20_000, 8_192, 4_000]),
    model('vm', 'mid-range', 'VM64', [10_000, 40_000, 10_000, 4_096, 2_000]),
  ].map((one) => [one.name, one]),
);

export function modelOf(name: string): Model {
  const found = models.get(name);
  if (found === undefined) throw new Error(`there is no model "${name}"; there are: ${[...models.keys()].join(', ')}`);
  return found;
}
