import { compareUtf8 } from '../../../base/compare.ts';
import { type XmlElement, xmlText } from '../api/xml.ts';

/** Flags and lists that mean the same as if they were not there. */
function meansNothing({ name, children, text }: XmlElement): boolean {
  if (children.length === 0) return text.trim() === 'no' || (text.trim() === '' && name !== 'entry');
  return children.length === 1 && children[0]?.name === 'member' && children[0].text.trim() === 'any';
}

/**
 * One text for all ways in which a device may print the same entry: children sorted, attributes but the name left out (who edited it
 * last, and when), and what means nothing left out. For comparing what is there with what we write, in either direction.
 */
export function normalText(entry: XmlElement): string {
  return xmlText(normal(entry));
}

/** Names of the parts in which two entries differ; none where they mean the same. */
export function differences(one: XmlElement, other: XmlElement): readonly string[] {
  const [left, right] = [partsOf(one), partsOf(other)];
  const names = new Set([...left.keys(), ...right.keys()]);
  return [...names].filter((name) => left.get(name) !== right.get(name)).toSorted(compareUtf8);
}

function partsOf(entry: XmlElement): ReadonlyMap<string, string> {
  return new Map(normal(entry).children.map((part) => [part.name, xmlText(part)]));
}

function normal({ name, attributes, children, text }: XmlElement): XmlElement {
  const named = attributes.get('name');
  const parts = children
    .filter((part) => !meansNothing(part))
    .map(normal)
    .map((part) => [xmlText(part), part] as const)
    .toSorted(([a], [b]) => compareUtf8(a, b))
    .map(([, part]) => part);
  return {
    name,
    attributes: named === undefined ? new Map() : new Map([['name', named]]),
    children: parts,
    text: children.length === 0 ? text.trim() : '',
  };
}
