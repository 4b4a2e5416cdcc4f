import { SallyportError } from '../../../base/error.ts';

/** Where all configuration of a device hangs (reference 1.5). */
const DEVICES = "/config/devices/entry[@name='localhost.localdomain']";

/** Which part of a device's configuration is ours to write into. */
export type Scope =
  | { readonly kind: 'vsys'; readonly vsys: string }
  | { readonly kind: 'device-group'; readonly group: string; readonly rulebase: 'pre' | 'post' }
  | { readonly kind: 'shared'; readonly rulebase: 'pre' | 'post' };

/** Folders of objects. */
export type Folder = 'address' | 'address-group' | 'tag' | 'service' | 'service-group' | 'external-list';
export type Rulebase = 'security' | 'nat';

/** The path of a scope, its objects and its rules. */
export function scopePath(scope: Scope): string {
  if (scope.kind === 'vsys') return `${DEVICES}/vsys/${named(scope.vsys)}`;
  return scope.kind === 'device-group' ? `${DEVICES}/device-group/${named(scope.group)}` : '/config/shared';
}

export function folderPath(scope: Scope, folder: Folder): string {
  return `${scopePath(scope)}/${folder}`;
}

export function objectPath(scope: Scope, folder: Folder, name: string): string {
  return `${folderPath(scope, folder)}/${named(name)}`;
}

export function rulesPath(scope: Scope, rulebase: Rulebase): string {
  const base = scope.kind === 'vsys' ? 'rulebase' : `${scope.rulebase}-rulebase`;
  return `${scopePath(scope)}/${base}/${rulebase}/rules`;
}

export function rulePath(scope: Scope, rulebase: Rulebase, name: string): string {
  return `${rulesPath(scope, rulebase)}/${named(name)}`;
}

/** One member of a list, named by its text. */
export function memberPath(path: string, text: string): string {
  return `${path}/member[text()=${quoted(text)}]`;
}

/** `entry[@name='…']`. */
export function named(name: string): string {
  return `entry[@name=${quoted(name)}]`;
}

/** XPath 1.0 has no way to write both quotes into one text; no name of ours has any, and no name of PAN-OS both. */
function quoted(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  if (!text.includes('"')) return `"${text}"`;
  throw new SallyportError('DEVICE_UNREADABLE', 'a name on the device holds both kinds of quotes');
}

/** What locks and commits call it: `vsys1`, `edge`, `shared`. */
export function scopeWord(scope: Scope): string {
  if (scope.kind === 'vsys') return scope.vsys;
  return scope.kind === 'device-group' ? scope.group : 'shared';
}
