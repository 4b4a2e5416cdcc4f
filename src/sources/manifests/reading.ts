import { readResource } from '../../api/read.ts';
import { type Resource, type ResourceKey, resourceKey, type UnreadFirewall } from '../../api/resource.ts';
import { unfoldList } from '../../api/list.ts';
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { readManifestText } from './document.ts';
import { withPlaces } from './places.ts';

/** What one text gave. */
export interface TextReading {
  readonly resources: readonly Resource[];
  /** Objects that are there and too broken to be kept. */
  readonly broken: readonly ResourceKey[];
  /** Of those, the BorderFirewalls, as far as they can be read. */
  readonly unread: readonly UnreadFirewall[];
  readonly diagnostics: readonly Diagnostic[];
  /** The text cannot be read as YAML or JSON at all; `diagnostics` says where. */
  readonly unreadable: boolean;
  /** Objects of any kind, used or not. */
  readonly objects: number;
  /** It holds nothing at all (not even a comment), or something of which nobody can tell which object it is: what was in it before need not be gone. */
  readonly doubtful: boolean;
}

/** Reads the objects of one manifest text: single objects, lists in any form, several documents. */
export function readText(text: string, file: string): TextReading {
  const { objects, problems } = readManifestText(text, file);
  const resources: Resource[] = [];
  const broken: ResourceKey[] = [];
  const unread: UnreadFirewall[] = [];
  const diagnostics: Diagnostic[] = [...problems];
  let count = 0;
  let isUnnamed = false;
  for (const { raw, locate, placeOf } of objects) {
    for (const { item, path } of unfoldList(raw) ?? [{ item: raw, path: [] }]) {
      count += 1;
      const within = (field: readonly (string | number)[]): Place => locate([...path, ...field]);
      const read = withPlaces(readResource(item, placeOf(path), within), item, (field) => placeOf([...path, ...field]));
      if (read.resource !== undefined) resources.push(read.resource);
      else if (read.key !== undefined) broken.push(read.key);
      else isUnnamed ||= read.ignored !== true;
      if (read.unread !== undefined) unread.push(read.unread);
      for (const diagnostic of read.diagnostics) diagnostics.push(diagnostic);
    }
  }
  // Its other documents were read for their mistakes alone: nobody knows what the unreadable one would have been.
  if (problems.length > 0)
    return { resources: [], broken: [], unread: [], diagnostics, unreadable: true, objects: 0, doubtful: true };
  return {
    resources,
    broken,
    unread,
    diagnostics,
    unreadable: false,
    objects: count,
    doubtful: isUnnamed || text.trim() === '',
  };
}

/** Several texts as one state. */
export interface Reading {
  readonly resources: ReadonlyMap<ResourceKey, Resource>;
  /** Objects that are there and too broken to be kept; none of them is in `resources`. */
  readonly broken: ReadonlySet<ResourceKey>;
  /** Of those, the BorderFirewalls, as far as they can be read; of one that stands twice the first counts. */
  readonly unread: readonly UnreadFirewall[];
  readonly diagnostics: readonly Diagnostic[];
  readonly unreadable: boolean;
  readonly objects: number;
}

/** Puts the readings of texts together, in the given order; of an object that stands twice the first counts. */
export function combineReadings(texts: Iterable<TextReading>): Reading {
  const resources = new Map<ResourceKey, Resource>();
  const broken = new Set<ResourceKey>();
  const unread = new Map<ResourceKey, UnreadFirewall>();
  const diagnostics: Diagnostic[] = [];
  let unreadable = false;
  let objects = 0;
  for (const text of texts) {
    unreadable ||= text.unreadable;
    objects += text.objects;
    for (const diagnostic of text.diagnostics) diagnostics.push(diagnostic);
    for (const key of text.broken) broken.add(key);
    for (const firewall of text.unread)
      if (!unread.has(resourceKey(firewall))) unread.set(resourceKey(firewall), firewall);
    for (const resource of text.resources) {
      const key = resourceKey(resource);
      const first = resources.get(key);
      if (first === undefined) resources.set(key, resource);
      else diagnostics.push(duplicate(key, resource, first));
    }
  }
  for (const key of resources.keys()) {
    broken.delete(key);
    unread.delete(key);
  }
  return { resources, broken, unread: [...unread.values()], diagnostics, unreadable, objects };
}

function duplicate(key: ResourceKey, second: Resource, first: Resource): Diagnostic {
  const { file = 'the manifests', line = 1 } = first.place;
  const message = `the same object stands in ${file}:${line}; that one counts, remove this one`;
  return { severity: 'error', code: 'MANIFEST_DUPLICATE', message, object: key, path: '', at: second.place };
}
