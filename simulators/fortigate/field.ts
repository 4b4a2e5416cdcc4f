import type { Row } from './row.ts';

/** A table that a field's names may come from. */
export interface Target {
  /** `firewall/address` */
  readonly table: string;
  /** The release from which on. */
  readonly since?: string;
  /** Only such entries. */
  readonly only?: (row: Row) => boolean;
}

export interface Choice {
  readonly value: string;
  readonly since?: string;
  /** The first release without it. */
  readonly before?: string;
}

interface Common {
  readonly name: string;
  readonly since?: string;
}

/** What a field holds, and what the device refuses to put there. */
export type Field =
  | (Common & {
      readonly kind: 'text';
      readonly max: number;
      readonly default: string;
      /** Reads what is written and gives what is kept; throws `CmdbFault`. Empty text is not given to it. */
      readonly read?: (text: string) => string;
      /** Is not told again once written. */
      readonly secret?: true;
      /** Refused characters are not looked for. */
      readonly free?: true;
    })
  | (Common & { readonly kind: 'choice'; readonly values: readonly Choice[]; readonly default: string })
  | (Common & { readonly kind: 'number'; readonly min: number; readonly max: number; readonly default: number })
  | (Common & {
      readonly kind: 'reference';
      readonly to: readonly Target[];
      readonly also: readonly string[];
      readonly max: number;
    })
  | (Common & {
      readonly kind: 'references';
      readonly to: readonly Target[];
      readonly also: readonly string[];
      /** The name of the only field of its rows. */
      readonly key: string;
      readonly most?: number;
    })
  | (Common & {
      readonly kind: 'rows';
      readonly key: string;
      readonly fields: readonly Field[];
      readonly most?: number;
    })
  | (Common & { readonly kind: 'part'; readonly fields: readonly Field[] })
  | (Common & { readonly kind: 'uuid' });

type Since = { readonly since?: string };

export const text = (
  name: string,
  max: number,
  more: Since & { default?: string; read?: (text: string) => string; secret?: true; free?: true } = {},
): Field => ({
  kind: 'text',
  name,
  max,
  default: '',
  ...more,
});

/** The first value is the default; a value may name its releases: `route-tag@7.4.0`, or `TCP/UDP/SCTP!7.6.0` for the first without it. */
export const choice = (name: string, values: string, more: Since & { default?: string } = {}): Field => {
  const read = values.split(' ').map((word): Choice => {
    const [, value = '', since, before] = /^([^@!]+)(?:@([\d.]+))?(?:!([\d.]+))?$/.exec(word) ?? [];
    return { value, ...(since === undefined ? {} : { since }), ...(before === undefined ? {} : { before }) };
  });
  return { kind: 'choice', name, values: read, default: read[0]?.value ?? '', ...more };
};

export const onOff = (name: string, initial: 'enable' | 'disable', more: Since = {}): Field =>
  choice(name, 'enable disable', { default: initial, ...more });

export const number = (name: string, min: number, max: number, initial: number, more: Since = {}): Field => ({
  kind: 'number',
  name,
  min,
  max,
  default: initial,
  ...more,
});

const targets = (to: readonly (string | Target)[]): readonly Target[] =>
  to.map((one) => (typeof one === 'string' ? { table: one } : one));

export const reference = (
  name: string,
  max: number,
  to: readonly (string | Target)[],
  more: Since & { also?: readonly string[] } = {},
): Field => ({
  kind: 'reference',
  name,
  max,
  to: targets(to),
  also: [],
  ...more,
});

export const references = (
  name: string,
  to: readonly (string | Target)[],
  more: Since & { also?: readonly string[]; most?: number; key?: string } = {},
): Field => ({
  kind: 'references',
  name,
  to: targets(to),
  also: [],
  key: 'name',
  ...more,
});

export const rows = (
  name: string,
  key: string,
  fields: readonly Field[],
  more: Since & { most?: number } = {},
): Field => ({
  kind: 'rows',
  name,
  key,
  fields,
  ...more,
});

export const part = (name: string, fields: readonly Field[]): Field => ({ kind: 'part', name, fields });

export const uuid = (more: Since = {}): Field => ({ kind: 'uuid', name: 'uuid', ...more });
