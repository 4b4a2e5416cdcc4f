import type { Field } from './field.ts';
import type { Release } from './release.ts';
import type { Row } from './row.ts';
import type { Switches } from './switches.ts';

/** Which rights a request needs (reference 1.1, "Least privilege"). */
export type Right =
  | 'fwgrp.address'
  | 'fwgrp.policy'
  | 'fwgrp.service'
  | 'fwgrp.schedule'
  | 'fwgrp.others'
  | 'sysgrp.cfg'
  | 'sysgrp.admin'
  | 'utmgrp'
  | 'any';

/** What a table's own check may look at. */
export interface CheckView {
  readonly release: Release;
  readonly switches: Switches;
  /** Entries of another table that this VDOM sees. */
  entries(table: string): ReadonlyMap<string, Row>;
  /** Of `system/settings` in this VDOM. */
  setting(field: string): string;
}

export interface Table {
  /** `firewall/address`: path and name, as the URL has them. */
  readonly id: string;
  readonly path: string;
  readonly name: string;
  /** `single`: one entry without a key. */
  readonly shape: 'entries' | 'ordered' | 'single';
  /** `either`: entries of a VDOM, and global ones that every VDOM sees. */
  readonly scope: 'vdom' | 'global' | 'either';
  /** The field that is the key; empty for `single`. */
  readonly key: string;
  readonly keyKind: 'text' | 'number';
  readonly right: Right;
  readonly fields: readonly Field[];
  /** Tables whose entries may not have the same name, with the code that says so. */
  readonly apart: readonly { readonly table: string; readonly code: number }[];
  /** Whether requests may write; the others are for the administrator's hand. */
  readonly writable: boolean;
  /** Entries that nobody may remove. */
  readonly fixed: ReadonlySet<string>;
  /** The whole entry before it is kept: throws `CmdbFault`. `given`: what the request named, if it made the entry. */
  readonly check?: (row: Row, view: CheckView, given: Row | undefined) => void;
  /** The entry with what does not belong to it put back to its default. */
  readonly settle?: (row: Row, given: Row) => Row;
  /** For `skip=1`: whether a field says anything about this entry. */
  readonly relevant?: (row: Row, field: string) => boolean;
}

type TableOptions = Partial<Omit<Table, 'id' | 'path' | 'name' | 'fields'>> & Pick<Table, 'right'>;

export function table(id: string, options: TableOptions, fields: readonly Field[]): Table {
  const [path = '', name = ''] = id.split('/');
  return {
    id,
    path,
    name,
    shape: 'entries',
    scope: 'vdom',
    key: options.shape === 'single' ? '' : (fields[0]?.name ?? ''),
    keyKind: fields[0]?.kind === 'number' ? 'number' : 'text',
    apart: [],
    writable: true,
    fixed: new Set(),
    fields,
    ...options,
  };
}
