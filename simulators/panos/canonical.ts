import { compareUtf8 } from '../../src/base/compare.ts';
import { keyOf, type Place } from './path.ts';
import { type Shape, shapeBelow } from './shape.ts';
import { type Element, serialiseIndented } from './xml.ts';

/** Lists whose order means something. */
const ordered = new Set(['translated-address', 'templates']);

/**
 * The same configuration in the one form that does not depend on how it came about: objects by name, lists sorted, rules as they stand, without
 * empty folders and without the identities that the device gave.
 */
export function canonical(of: Element, shape: Shape): Element {
  const attributes = new Map([...of.attributes].filter(([name]) => name !== 'uuid' && name !== 'version'));
  const children = of.children.flatMap((one) => {
    const below = shapeBelow(shape, one.name);
    if (below === undefined) return [];
    const inner = canonical(one, below);
    const folder = below.kind === 'entries' || (below.kind === 'folder' && Object.keys(below.children).length > 0);
    return folder && one.name !== 'entry' && inner.children.length === 0 ? [] : [inner];
  });
  const keeps = shape.kind === 'opaque' || (shape.kind === 'entries' && shape.ordered) || ordered.has(of.name);
  return {
    ...of,
    attributes,
    children: keeps ? children : children.toSorted((a, b) => compareUtf8(keyOf(a), keyOf(b))),
  };
}

/** For golden files: one element a line. */
export const dumpXml = (of: Element, shape: Shape): string => serialiseIndented(canonical(of, shape));

/** The same as commands of the configuration shell, one a line, below the device. */
export function dumpSetCommands(of: Element, shape: Shape): string {
  const lines: string[] = [];
  const go = (at: Element, place: Place): void => {
    const entries = at.children.filter((one) => one.name !== 'member');
    const list = at.children.filter((one) => one.name === 'member').map(({ text }) => word(text));
    if (list.length > 0) lines.push(`set ${place.join(' ')} ${list.length === 1 ? list[0] : `[ ${list.join(' ')} ]`}`);
    else if (entries.length === 0 && place.length > 0)
      lines.push(`set ${[...place, ...(at.text === '' ? [] : [word(at.text)])].join(' ')}`);
    for (const one of entries) {
      const name = one.name === 'entry' ? word(one.attributes.get('name') ?? '') : one.name;
      // The one device is not spoken of.
      go(one, place.length === 0 && (name === 'devices' || name === 'localhost.localdomain') ? [] : [...place, name]);
    }
  };
  go(canonical(of, shape), []);
  return lines.map((line) => `${line}\n`).join('');
}

const word = (text: string): string => (/^[^\s"'[\]]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`);
