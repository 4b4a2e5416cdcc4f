import { codes, done, refuse, type Answer, Refusal } from './answer.ts';
import { BadPath, keyOf, parsePath, type Place, placeOf, select, spoken, type Step } from './path.ts';
import {
  definition,
  foldersOf,
  isBuiltIn,
  isNamedIn,
  namesIn,
  referencesOf,
  referrers,
  resolves,
  type Scope,
  unitsOf,
} from './references.ts';
import { mistakesOf, type Shape, shapeAt, shapeBelow } from './shape.ts';
import { change, childAt, depthOf, find, merge, putChild, withChildren, withoutRepeats } from './tree.ts';
import { type Element, MalformedXml, parseFragment } from './xml.ts';

/** What edits must know of the device. */
export interface EditRules {
  readonly schema: Shape;
  /** Whether zones are defined in this tree (a Panorama's rules name zones of templates). */
  readonly zonesKnown: boolean;
  scopes(root: Element): readonly Scope[];
  /** Whether an edit that names what is not there is refused at once; else the commit finds it. */
  readonly referencesAtEdit: boolean;
  /** Text of code 7 on deleting what is not there. */
  readonly missingText: string;
  /** A new rule's own identity. */
  uuid(): string;
  /** Lines that keep an object from being deleted although nothing uses it (reference 1.3). */
  phantoms(place: Place): readonly string[];
  /** Throws where the administrator may not write here now: locks. */
  allow(place: Place): void;
}

/** What an edit did, for whom it belongs to. */
export interface Note {
  readonly kind: 'took' | 'moved';
  readonly place: Place;
}

/** Edits of one request on a copy of the candidate. Nothing is kept until the request as a whole went well. */
export class Draft {
  tree: Element;
  readonly notes: Note[] = [];
  readonly #rules: EditRules;

  constructor(tree: Element, rules: EditRules) {
    this.tree = tree;
    this.#rules = rules;
  }

  set(xpath: string, xml: string): Answer {
    const { place, shape } = this.#target(xpath);
    const incoming = fragment(xml);
    if (shape.kind === 'text') throw refuse(codes.invalidObject, ` ${spoken(place.slice(-2))} holds no elements`);
    this.#check({ name: '', attributes: new Map(), children: incoming, text: '' }, shape, place);
    this.#makeWay(place);
    const present = depthOf(this.tree, place);
    this.#replace(change(this.tree, place, (old) => old ?? emptyAt(place)));
    // Only the outermost new element belongs to who made it: what is inside comes with it.
    if (present < place.length) this.notes.push({ kind: 'took', place: place.slice(0, present + 1) });
    const touched = (at: Place): void => {
      if (present === place.length) this.notes.push({ kind: 'took', place: at });
    };
    this.#replace(change(this.tree, place, (old) => (old === undefined ? old : merge(old, incoming, place, touched))));
    return done;
  }

  edit(xpath: string, xml: string): Answer {
    const { place, shape } = this.#target(xpath);
    const [given, ...more] = fragment(xml);
    if (given === undefined || more.length > 0) throw refuse(codes.invalidObject, ' edit takes exactly one element');
    if (keyOf(given) !== place.at(-1))
      throw refuse(codes.invalidObject, ` ${spoken([keyOf(given)])} is not the node of the xpath`);
    if (structural(place) && place[1] !== 'shared') throw refuse(codes.denied, ` ${spoken(place)} cannot be replaced`);
    this.#check(given, shape, place);
    this.#makeWay(place);
    const before = this.tree;
    this.#replace(change(before, place, () => withoutRepeats(given)));
    this.#keepNames(before, place);
    this.notes.push({ kind: 'took', place });
    return done;
  }

  delete(xpath: string): Answer {
    const steps = this.#steps(xpath);
    const found = select(this.tree, steps);
    if (found.length === 0) throw refuse(codes.notPresent, this.#rules.missingText);
    const before = this.tree;
    for (const { place } of found) {
      this.#rules.allow(place);
      if (structural(place) || (place[3] === 'vsys' && place.length === 5))
        throw refuse(codes.denied, ` ${spoken(place)} cannot be deleted`);
      const phantom = this.#rules.phantoms(place);
      if (phantom.length > 0) throw blocked(spoken(place.slice(-1)), phantom);
      this.tree = change(this.tree, place, () => undefined);
    }
    for (const { place } of found) {
      this.#keepNames(before, place);
      this.notes.push({ kind: 'took', place });
    }
    return done;
  }

  move(xpath: string, where: string | undefined, target: string | undefined): Answer {
    const { place } = this.#target(xpath);
    const folder = place.slice(0, -1);
    const key = place.at(-1) ?? '';
    const home = find(this.tree, folder);
    const moved = childAt(home, key);
    const shape = shapeAt(this.#rules.schema, folder);
    if (shape?.kind !== 'entries' || !shape.ordered)
      throw refuse(codes.notPossible, ` ${spoken(place.slice(-1))} has no order`);
    if (home === undefined || moved === undefined) throw refuse(codes.notPresent, 'No such node');
    const others = home.children.filter((one) => one !== moved);
    const at = (): number => {
      if (where === 'top') return 0;
      if (where === 'bottom') return others.length;
      const beside = others.findIndex((one) => keyOf(one) === `entry ${target ?? ''}`);
      if (where !== 'before' && where !== 'after')
        throw refuse(codes.malformedCommand, ` where '${where ?? ''}' is none of top, bottom, before, after`);
      if (beside < 0) throw refuse(codes.notPresent, `No such node: dst '${target ?? ''}'`);
      return where === 'before' ? beside : beside + 1;
    };
    const children = others.toSpliced(at(), 0, moved);
    this.#replace(change(this.tree, folder, (old) => (old === undefined ? old : withChildren(old, children))));
    this.notes.push({ kind: 'moved', place });
    return done;
  }

  rename(xpath: string, newName: string | undefined): Answer {
    const { place } = this.#target(xpath);
    const folder = place.slice(0, -1);
    const key = place.at(-1) ?? '';
    const old = find(this.tree, place);
    if (old === undefined) throw refuse(codes.notPresent, 'No such node');
    if (
      !this.#rules.scopes(this.tree).some((scope) => scope.place.length < folder.length && within(folder, scope.place))
    )
      throw refuse(codes.notPossible, ` ${spoken([key])} cannot be renamed`);
    const name = this.#newName(folder, newName);
    const before = this.tree;
    const renamed: Element = { ...old, attributes: new Map([...old.attributes, ['name', name]]) };
    this.#replace(
      change(before, folder, (home) =>
        home === undefined
          ? home
          : withChildren(
              home,
              home.children.map((one) => (one === old ? renamed : one)),
            ),
      ),
    );
    this.notes.push({ kind: 'took', place }, { kind: 'took', place: [...folder, `entry ${name}`] });
    this.#follow(before, folder, key.slice('entry '.length), name);
    return done;
  }

  clone(xpath: string, from: string | undefined, newName: string | undefined): Answer {
    const steps = this.#steps(xpath);
    const place = placeOf(steps);
    const shape = place === undefined ? undefined : shapeAt(this.#rules.schema, place);
    if (place === undefined || shape?.kind !== 'entries') throw refuse(codes.badPath, ' xpath of clone is a folder');
    this.#rules.allow(place);
    const [source, ...more] = select(this.tree, this.#steps(from ?? ''));
    if (source === undefined || more.length > 0) throw refuse(codes.notPresent, 'No such node');
    const sourceShape = shapeAt(this.#rules.schema, source.place);
    if (sourceShape !== shape.of)
      throw refuse(codes.invalidObject, ` ${spoken(source.place.slice(-1))} is of another kind`);
    const name = this.#newName(place, newName);
    const copy: Element = { ...source.element, attributes: new Map([['name', name]]) };
    this.#replace(change(this.tree, [...place, `entry ${name}`], () => copy));
    this.notes.push({ kind: 'took', place: [...place, `entry ${name}`] });
    return done;
  }

  #newName(folder: Place, given: string | undefined): string {
    if (given === undefined) throw refuse(codes.malformedCommand, ' newname is missing');
    this.#checkNames([...folder, `entry ${given}`]);
    if (find(this.tree, [...folder, `entry ${given}`]) !== undefined)
      throw refuse(codes.notUnique, ` ${given} is already in use`);
    return given;
  }

  /** Renames what named the object, wherever it was the one that was meant. */
  #follow(before: Element, folder: Place, oldName: string, newName: string): void {
    const scopes = this.#rules.scopes(before);
    const home = scopes.find(({ place }) => within(folder, place));
    if (home === undefined) return;
    const way = folder.slice(home.place.length).join('/');
    for (const scope of scopes)
      for (const { place, element, shape } of unitsOf(before, scope, this.#rules.schema))
        for (const reference of referencesOf(element, shape)) {
          const meant = isNamedIn(reference, oldName) ? definition(before, scope, reference.kind, oldName) : undefined;
          if (meant?.scope?.name !== home.name || meant.folder.join('/') !== way) continue;
          // The entry itself may be the one that has another name now.
          const unit = place.map((key, index) =>
            index === folder.length && within(place, folder) && key === `entry ${oldName}` ? `entry ${newName}` : key,
          );
          const at = [...unit, ...reference.within];
          const list = reference.holder.children.length > 0;
          this.tree = change(this.tree, at, (old) =>
            old === undefined ? old : list ? withMember(old, oldName, newName) : { ...old, text: newName },
          );
          if (list)
            this.notes.push(
              { kind: 'took', place: [...at, `member ${oldName}`] },
              { kind: 'took', place: [...at, `member ${newName}`] },
            );
          else this.notes.push({ kind: 'took', place: at });
        }
  }

  #steps(xpath: string): readonly Step[] {
    try {
      const steps = parsePath(xpath);
      if (steps[1]?.name === 'panorama') throw refuse(codes.denied, ' pushed configuration is read only');
      checkSteps(steps, this.#rules.schema);
      return steps;
    } catch (thrown) {
      if (thrown instanceof BadPath) throw refuse(codes.badPath, `Invalid xpath: ${thrown.message}`);
      throw thrown;
    }
  }

  /** The one place that a write means. */
  #target(xpath: string): { readonly place: Place; readonly shape: Shape } {
    const place = placeOf(this.#steps(xpath));
    const shape = place === undefined ? undefined : shapeAt(this.#rules.schema, place);
    if (place === undefined || shape === undefined)
      throw refuse(codes.badPath, 'Invalid xpath: it names no single node');
    this.#rules.allow(place);
    return { place, shape };
  }

  #makeWay(place: Place): void {
    this.#checkNames(place);
    // A vsys needs more than a line of configuration: none appears by being written to.
    const vsys = place.slice(0, 5);
    if (place[3] === 'vsys' && vsys.length === 5 && find(this.tree, vsys) === undefined)
      throw refuse(codes.invalidObject, ` ${spoken(vsys.slice(3))} is invalid`);
  }

  #checkNames(place: Place): void {
    let shape: Shape | undefined = this.#rules.schema;
    for (const key of place.slice(1)) {
      if (shape?.kind === 'entries') {
        const entry: Element = {
          name: 'entry',
          attributes: new Map([['name', key.slice('entry '.length)]]),
          children: [],
          text: '',
        };
        const wrong = mistakesOf(
          { name: '', attributes: new Map(), children: [entry], text: '' },
          { ...shape, of: { kind: 'opaque' } },
          [],
        );
        if (wrong.length > 0) throw refuse(codes.invalidObject, ...wrong);
      }
      shape = shape === undefined ? undefined : shapeBelow(shape, key);
    }
  }

  #check(given: Element, shape: Shape, place: Place): void {
    const wrong = mistakesOf(given, shape, place);
    if (wrong.length > 0) throw refuse(codes.invalidObject, ...wrong);
    if (!this.#rules.referencesAtEdit) return;
    const scope = this.#rules.scopes(this.tree).find((one) => within(place, one.place));
    if (scope === undefined) return;
    const lost = referencesOf(given, shape)
      .filter(({ kind }) => kind !== 'zone' || this.#rules.zonesKnown)
      .flatMap((reference) =>
        namesIn(reference)
          .filter((name) => !isBuiltIn(reference.kind, name) && !resolves(this.tree, scope, reference.kind, name))
          .map((name) => ` ${spoken([...place.slice(-1), ...reference.within])} '${name}' is not a valid reference`),
      );
    if (lost.length > 0) throw refuse(codes.invalidObject, ...lost);
  }

  /** Refuses with code 10 if something that was named is gone from below `place`. */
  #keepNames(before: Element, place: Place): void {
    const scopes = this.#rules.scopes(before);
    for (const scope of scopes) {
      if (!scope.place.every((key, index) => (place[index] ?? key) === key)) continue;
      for (const folder of new Set(Object.values(foldersOf).flat())) {
        if (folder.length === 0 || (folder[0] === 'zone' && !this.#rules.zonesKnown)) continue;
        const home = [...scope.place, ...folder];
        if (!home.every((key, index) => (place[index] ?? key) === key)) continue;
        const old = find(before, home);
        const next = find(this.tree, home);
        if (old === next || old === undefined) continue;
        const only = place[home.length];
        const lost =
          only === undefined
            ? old.children.filter((one) => childAt(next, keyOf(one)) === undefined)
            : old.children.filter((one) => keyOf(one) === only && childAt(next, only) === undefined);
        for (const one of lost) {
          const name = one.attributes.get('name') ?? '';
          const users = referrers(this.tree, this.#rules.scopes(this.tree), this.#rules.schema, { folder, name });
          if (users.length > 0) throw blocked(name, users);
        }
      }
    }
  }

  /** Takes a tree over; new rules get their identity, old ones keep theirs. */
  #replace(next: Element): void {
    const before = this.tree;
    let tree = next;
    for (const scope of this.#rules.scopes(next))
      for (const base of ['rulebase', 'pre-rulebase', 'post-rulebase'])
        for (const type of ['security', 'nat']) {
          const place = [...scope.place, base, type, 'rules'];
          const rules = find(tree, place);
          if (rules === undefined || rules === find(before, place)) continue;
          for (const rule of rules.children) {
            if (rule.attributes.has('uuid')) continue;
            const own = childAt(find(before, place), keyOf(rule))?.attributes.get('uuid') ?? this.#rules.uuid();
            const withIdentity: Element = { ...rule, attributes: new Map([...rule.attributes, ['uuid', own]]) };
            tree = change(tree, place, (old) => (old === undefined ? old : putChild(old, keyOf(rule), withIdentity)));
          }
        }
    this.tree = tree;
  }
}

const emptyAt = (place: Place): Element => {
  const key = place.at(-1) ?? '';
  if (key.startsWith('entry '))
    return { name: 'entry', attributes: new Map([['name', key.slice('entry '.length)]]), children: [], text: '' };
  return key.startsWith('member ')
    ? { name: 'member', attributes: new Map(), children: [], text: key.slice('member '.length) }
    : { name: key, attributes: new Map(), children: [], text: '' };
};

const blocked = (name: string, users: readonly string[]): Refusal =>
  refuse(codes.referenced, { quoted: ` ${name}`, rest: ' cannot be deleted because of references from:' }, ...users);

function fragment(xml: string): readonly Element[] {
  try {
    const found = parseFragment(xml);
    if (found.length === 0) throw refuse(codes.malformedCommand, ' element is missing');
    return found;
  } catch (thrown) {
    if (thrown instanceof MalformedXml) throw refuse(codes.malformedCommand, ` element: ${thrown.message}`);
    throw thrown;
  }
}

/** Whether a place is this one or below it. */
const within = (place: Place, above: Place): boolean => above.every((key, index) => place[index] === key);

/** What holds the device together: neither replaced nor removed whole. */
const structural = (place: Place): boolean =>
  place.length < 3 || (place[1] === 'devices' && (place.length < 4 || (place.length === 4 && place[3] === 'vsys')));

/** A list in which one member has another name. */
const withMember = (list: Element, oldName: string, newName: string): Element =>
  withoutRepeats(
    withChildren(
      list,
      list.children.map((one) => (one.text === oldName ? { ...one, text: newName } : one)),
    ),
  );

/** Refuses a path on which an element stands that the configuration cannot have. */
export function checkSteps(steps: readonly Step[], schema: Shape): void {
  let shape: Shape | undefined = schema;
  for (const { name } of steps.slice(1)) {
    shape = shape === undefined ? undefined : shapeBelow(shape, name);
    if (shape === undefined) throw new BadPath(`${name} is unexpected here`);
  }
}
