import type { Place } from '../base/diagnostic.ts';
import { Shared } from '../base/shared.ts';
import { NO_TEXTS, compactTexts } from '../base/text-map.ts';
import type { Kind } from './kinds.ts';
import { isLabelValue, labelKeyProblem, labelNameProblem, nameProblem } from './names.ts';
import type { Meta } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, isMap, show } from './shape.ts';

/** Namespace and name of an object, `namespace` being `''` for cluster scope. */
export interface Identity {
  readonly namespace: string;
  readonly name: string;
}

/** Who the object is; `undefined`, with the mistakes noted, if that cannot be said. */
export function readIdentity(kind: Kind, metadata: unknown, scope: Scope): Identity | undefined {
  const map = scope.map(metadata, 'this field is required: the name of the object stands in it');
  if (map === undefined) return undefined;
  const name = readName(kind, map, scope);
  const written = map['namespace'] ?? undefined;
  const absent = written === undefined || written === '';
  if (kind.scope === 'Cluster') {
    if (!absent)
      scope.warning('NAMESPACE_ASSUMED', `a ${kind.kind} belongs to no namespace; remove this line`, 'namespace');
    return name === undefined ? undefined : { namespace: '', name };
  }
  if (absent) {
    scope.warning('NAMESPACE_ASSUMED', 'no namespace is given; it is read as "default"', 'namespace');
    return name === undefined ? undefined : { namespace: 'default', name };
  }
  const namespace = readText(written, labelNameProblem, scope.at('namespace'));
  return name === undefined || namespace === undefined ? undefined : { namespace, name };
}

function readText(written: unknown, problemOf: (text: string) => string | undefined, scope: Scope): string | undefined {
  if (typeof written !== 'string') {
    scope.mistake('NAME_INVALID', `this is ${show(written)} and has to be text; put it in quotes`);
    return undefined;
  }
  const problem = problemOf(written);
  if (problem === undefined) return written;
  scope.mistake('NAME_INVALID', problem);
  return undefined;
}

function readName(kind: Kind, metadata: RawMap, scope: Scope): string | undefined {
  const { name } = metadata;
  if (name === undefined || name === null || name === '') {
    const generated = metadata['generateName'] !== undefined;
    scope.mistake(
      'NAME_INVALID',
      generated
        ? 'generateName gives no name that others can refer to; write a name'
        : 'the object has no name; write one',
      'name',
    );
    return undefined;
  }
  return readText(name, kind.type === 'Namespace' ? labelNameProblem : nameProblem, scope.at('name'));
}

/** What else `metadata` holds. `soundLabels` is false when labels were left out because they are no text. */
export function readMeta(
  identity: Identity,
  metadata: RawMap,
  place: Place,
  scope: Scope,
): { readonly meta: Meta; readonly soundLabels: boolean } {
  const labels = readLabels(metadata['labels'], scope.at('labels'));
  const annotations = readAnnotations(metadata['annotations'], scope.at('annotations').otherwise('It does not count.'));
  const uid = metadata['uid'];
  const deleting = metadata['deletionTimestamp'] !== undefined && metadata['deletionTimestamp'] !== null;
  return {
    meta: {
      ...identity,
      ...(typeof uid === 'string' ? { uid } : {}),
      labels: labels.texts,
      annotations: annotations.texts,
      deleting,
      place,
    },
    soundLabels: labels.sound,
  };
}

/** No value of a label is longer; annotations can be. */
const SHORT = 63;
/** Pods of one template have the same values: each is looked at once. */
const VALUES = new Shared<{ readonly text: string; readonly isLabel: boolean }>();
/** And the same keys; by key, what is wrong with it, or nothing. */
const KEYS = new Shared<string>();

/** Kubernetes' own bound, of keys and values together. */
const ANNOTATIONS_MAX = 256 * 1024;

/** A map from text to text; `sound` is false when entries were left out because they are no text. */
interface Texts {
  readonly texts: ReadonlyMap<string, string>;
  readonly sound: boolean;
}

/** A map of labels. What Kubernetes would refuse and is a text all the same counts as written. */
export function readLabels(raw: unknown, scope: Scope): Texts {
  return readTexts(raw, scope, checkLabel);
}

/** A map of annotations, whose values may be any text. What Kubernetes would refuse and is a text all the same counts as written. */
export function readAnnotations(raw: unknown, scope: Scope): Texts {
  const read = readTexts(raw, scope, checkAnnotation);
  let size = 0;
  for (const [key, value] of read.texts) size += Buffer.byteLength(key) + Buffer.byteLength(value);
  if (size > ANNOTATIONS_MAX) {
    const message = `the annotations of an object take at most ${ANNOTATIONS_MAX} bytes together, and these ${size}; shorten them`;
    scope.otherwise('They count as written.').mistake('LABELS_INVALID', message);
  }
  return read;
}

type Check = (key: string, value: string, isLabelValue: boolean, scope: Scope) => void;

function readTexts(raw: unknown, scope: Scope, check: Check): Texts {
  if (raw === undefined || raw === null) return { texts: NO_TEXTS, sound: true };
  if (!isMap(raw)) {
    scope.mistake('LABELS_INVALID', `this is ${show(raw)} and has to be a map`);
    return { texts: NO_TEXTS, sound: false };
  }
  const texts = new Map<string, string>();
  let sound = true;
  for (const [key, value] of Object.entries(raw)) {
    if (typeof value === 'string') {
      const known = value.length > SHORT ? undefined : VALUES.get(value, valueOf);
      texts.set(key, known?.text ?? value);
      check(key, value, known?.isLabel === true, scope);
    }
    // The API server stores a label without a value as an empty one.
    else if (value === null) {
      texts.set(key, '');
      check(key, '', true, scope);
    } else {
      const hint = isMap(value) || Array.isArray(value) ? '' : `; write "${show(value)}" with its quotes`;
      scope.mistake('LABELS_INVALID', `the value is ${show(value)} and has to be text${hint}`, key);
      sound = false;
    }
  }
  return { texts: compactTexts(texts), sound };
}

function valueOf(text: string): { readonly text: string; readonly isLabel: boolean } {
  return { text, isLabel: isLabelValue(text) };
}

function checkAnnotation(key: string, _value: string, _isLabelValue: boolean, scope: Scope): void {
  const problem = keyProblem(key.toLowerCase());
  if (problem !== '') scope.otherwise('It counts as written.').mistake('LABELS_INVALID', problem, key);
}

function keyProblem(key: string): string {
  return KEYS.get(key, (text) => labelKeyProblem(text) ?? '');
}

function checkLabel(key: string, value: string, isValue: boolean, scope: Scope): void {
  const problem = keyProblem(key);
  if (problem === '' && isValue) return;
  const here = scope.otherwise('It counts as written.');
  if (problem !== '') here.mistake('LABELS_INVALID', problem, key);
  if (isValue) return;
  const message = `${show(value)} is no value of a label; use at most 63 letters, digits, "-", "_" and ".", and begin and end with a letter or digit`;
  here.mistake('LABELS_INVALID', message, key);
}
