import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { catalogue } from '../base/catalogue.ts';
import { kinds } from './kinds.ts';
import { readResource } from './read.ts';
import { type ReadResource, resourceKey } from './resource.ts';
import { type RawMap, isMap } from './shape.ts';
import { validObjects } from './valid.fixture.ts';
import { tries } from '../../test/kit/runs.ts';

const place = { file: 'x.yaml', line: 7, column: 1 };
const read = (raw: unknown): ReadResource => readResource(raw, place);

describe('an object at which its reader throws', () => {
  /** As if a reader had a mistake that this brings out, wherever it looks first. */
  const trap = {
    get: (): never => {
      throw new TypeError('not thought of');
    },
    ownKeys: (): never => {
      throw new TypeError('not thought of');
    },
  };
  const spoiled = (raw: RawMap): ReadResource => read({ ...raw, spec: new Proxy({}, trap) });
  const policies = /^(Staged)?(Global|Kubernetes)?NetworkPolicy$|BorderPolicy$/;

  for (const raw of validObjects.filter((one) => isMap(one['spec']))) {
    const name = `${String(raw['kind'])} in ${String(raw['apiVersion'])}`;
    test(`${name} is told, and harms nothing else`, () => {
      const { resource, key, diagnostics } = spoiled(raw);
      const { key: same, resource: sound } = read(raw);
      expect(key).toBe(same);
      expect(diagnostics.map(({ code, object }) => [code, object])).toContainEqual(['READER_FAILED', key]);
      if (!policies.test(sound?.type ?? '')) return expect(resource).toBeUndefined();
      // Nothing of it can be read, so it denies.
      expect(resource).toEqual(read({ ...raw, spec: 'unreadable' }).resource);
      expect(JSON.stringify(resource)).toMatch(/"(podSelector|selector)":\{"ok":false\}/);
      return undefined;
    });
  }
});

describe('right objects', () => {
  test('there is one of every kind', () => {
    expect(validObjects.map((raw) => read(raw).resource?.type)).toEqual(kinds.map(({ type }) => type));
  });

  for (const raw of validObjects)
    test(`${String(raw['kind'])} in ${String(raw['apiVersion'])} has no mistake and keeps every rule`, () => {
      const { resource, key, diagnostics, ignored } = read(raw);
      expect(diagnostics).toEqual([]);
      expect(ignored).toBeUndefined();
      expect(resource).toMatchObject({ name: isMap(raw['metadata']) ? raw['metadata']['name'] : '', place });
      expect(key).toBe(resource && resourceKey(resource));
      expect(unreadableParts(resource)).toBe(0);
    });

  test('they have no field that is written and not read', () => {
    // Every text and number of the fixture is wrong once it is a map: whoever reads the field must say so, whatever its kind.
    for (const raw of validObjects)
      for (const path of leaves({ spec: raw['spec'], status: raw['status'] })) {
        if (path.includes('options') || path.includes('conditions') || IGNORED.has(path.slice(1).join('.'))) continue;
        const { diagnostics } = read(replaced(raw, path, { surprise: {} }));
        expect(diagnostics, `${String(raw['kind'])} ${path.join('.')}`).not.toEqual([]);
      }
  });
});

/** Fields of the fixture that say nothing about policy: a container's name, and a port that has none. */
const IGNORED = new Set(['containers.0.name', 'containers.0.ports.1.containerPort']);

describe('no object can make it throw', () => {
  test('any JSON', () => {
    fc.assert(fc.property(fc.jsonValue(), (raw) => isRight(raw)));
  });

  test('any JSON as a kind that is read', () => {
    const kind = fc.constantFrom(...kinds);
    const version = fc.constantFrom('v1', 'v3', 'v1alpha1');
    fc.assert(
      fc.property(
        kind,
        version,
        fc.jsonValue(),
        fc.jsonValue(),
        fc.boolean(),
        ({ group, kind: name }, v, spec, status, bare) =>
          isRight({
            apiVersion: group === '' ? 'v1' : `${group}/${v}`,
            kind: name,
            metadata: { name: 'x', namespace: 'shop' },
            spec,
            ...(bare ? {} : { status }),
          }),
      ),
    );
  });

  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '__proto__',
      'constructor',
      '\u009b2J',
      '"; flush ruleset; #',
      '\u202e',
      '\ud800',
      '\0',
      'a'.repeat(5000),
      '999999999999/99',
    ),
    fc.constantFrom(1e308, -1e308, 2 ** 53, -1, 0, 0.5, Number.NaN, Number.POSITIVE_INFINITY),
    fc.constantFrom(null, true, [], {}, [[]], [null], JSON.parse('{"__proto__": {"action": "Allow"}}')),
    fc.jsonValue(),
  );

  test('a right object with any one value replaced', () => {
    const target = fc
      .constantFrom(...validObjects)
      .chain((raw) => fc.tuple(fc.constant(raw), fc.constantFrom(...paths(raw))));
    fc.assert(
      fc.property(target, hostile, ([raw, path], value) => isRight(replaced(raw, path, value))),
      tries(300),
    );
  });

  test('a member with a hostile name in a rule of each cluster-wide policy', () => {
    for (const kind of ['ClusterNetworkPolicy', 'AdminNetworkPolicy', 'BaselineAdminNetworkPolicy'])
      for (const raw of validObjects.filter((each) => each['kind'] === kind))
        isRight(replaced(raw, ['spec', 'egress', '0', '\u0000\u202e'], 1));
  });

  test('a right object with any member added', () => {
    const target = fc
      .constantFrom(...validObjects)
      .chain((raw) => fc.tuple(fc.constant(raw), fc.constantFrom(...paths(raw))));
    fc.assert(
      fc.property(target, fc.string({ unit: 'binary' }), hostile, ([raw, path], name, value) =>
        isRight(replaced(raw, [...path, name], value)),
      ),
      tries(100),
    );
  });
});

describe('a mistake never gives more than the right object does', () => {
  /** What a rule can be without opening anything: left out, or closed. */
  test('an unknown field in any rule of ours makes that rule, and no other, unreadable', () => {
    const policy = validObjects.find((raw) => raw['kind'] === 'ClusterBorderPolicy');
    expect(policy).toBeDefined();
    for (let index = 0; index < 5; index++) {
      const { resource } = read(replaced(policy, ['spec', 'egress', String(index), 'unknown'], 1));
      if (resource?.type !== 'ClusterBorderPolicy') throw new Error('not kept');
      expect(resource.spec.egress.map(({ ok }) => ok)).toEqual([0, 1, 2, 3, 4].map((each) => each !== index));
    }
  });

  test('no broken value in a rule of ours or of Calico leaves the rule readable and wider', () => {
    for (const kind of ['ClusterBorderPolicy', 'GlobalNetworkPolicy'])
      for (const raw of validObjects.filter((each) => each['kind'] === kind))
        for (const path of leaves({ spec: raw['spec'] })) {
          const rule = /^spec\.(ingress|egress)\.(\d+)\.(?!action)/.exec(path.join('.'));
          if (rule === null) continue;
          const { resource } = read(replaced(raw, path, { no: 'value' }));
          if (resource?.type !== 'ClusterBorderPolicy' && resource?.type !== 'GlobalNetworkPolicy')
            throw new Error('not kept');
          const rules =
            rule[1] === 'ingress' && 'ingress' in resource.spec ? resource.spec.ingress : resource.spec.egress;
          expect(rules[Number(rule[2])]?.ok, path.join('.')).toBe(false);
        }
  });
});

/** Checks what holds for whatever was read. */
function isRight(raw: unknown): void {
  const { resource, key, diagnostics, ignored } = read(raw);
  for (const { message, path, code, at, object } of diagnostics) {
    expect(message).not.toMatch(/undefined|\[object/);
    // Nothing that a terminal would obey, in any part that is printed.
    expect(`${message}${object}${path}`).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    expect(message.length).toBeLessThan(1_500);
    expect(catalogue).toHaveProperty(code);
    expect(at).toMatchObject({ file: 'x.yaml' });
  }
  if (resource === undefined)
    expect(ignored === true || diagnostics.some(({ severity }) => severity === 'error')).toBe(true);
  else expect(key).toBe(resourceKey(resource));
  if (diagnostics.length === 0 && resource !== undefined) expect(unreadableParts(resource)).toBe(0);
}

function unreadableParts(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, entry) => sum + unreadableParts(entry), 0);
  if (!isMap(value)) return 0;
  return (value['ok'] === false ? 1 : 0) + unreadableParts(Object.values(value));
}

/** Ways to every member of a value. */
function paths(value: unknown, here: readonly string[] = []): string[][] {
  const entries = isMap(value) ? Object.entries(value) : Array.isArray(value) ? Object.entries(value as unknown[]) : [];
  return entries.flatMap(([name, entry]) => [[...here, name], ...paths(entry, [...here, name])]);
}

/** Ways to every text, number and truth value. */
function leaves(value: unknown): string[][] {
  return paths(value).filter((path) => {
    const leaf = path.reduce<unknown>((here, step) => (here as RawMap)[step], value);
    return leaf !== undefined && typeof leaf !== 'object';
  });
}

/** A copy with the value at `path` replaced; where the way leads through no map or list, maps are put there. */
function replaced(value: unknown, path: readonly string[], by: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return by;
  if (Array.isArray(value))
    return value.map((entry: unknown, index) => (String(index) === step ? replaced(entry, rest, by) : entry));
  const map: RawMap = isMap(value) ? value : {};
  return Object.fromEntries([
    ...Object.entries(map).filter(([name]) => name !== step),
    [step, replaced(map[step], rest, by)],
  ]);
}
