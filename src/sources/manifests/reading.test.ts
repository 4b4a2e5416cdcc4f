import { describe, expect, test } from 'vitest';
import { combineReadings, readText } from './reading.ts';

const namespace = (name: string): string => `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n`;
const keys = (text: string, file = 'a.yaml'): readonly string[] => [
  ...combineReadings([readText(text, file)]).resources.keys(),
];
const codes = (text: string): readonly string[] =>
  readText(text, 'a.yaml').diagnostics.map((d) => `${d.code} ${d.at?.line}:${d.at?.column}`);

describe('forms of a manifest text', () => {
  test('several documents', () => {
    expect(keys(`${namespace('a')}---\n---\n${namespace('b')}...\n---\n# end\n---\n`)).toEqual([
      'Namespace/a',
      'Namespace/b',
    ]);
  });

  test('lists, as kubectl and calicoctl print them', () => {
    const items = (indent: string): string => namespace('a').replaceAll(/^/gm, indent).replace(/^ {4}/, '  - ');
    expect(keys(`apiVersion: v1\nkind: List\nitems:\n${items('    ').trimEnd()}\n`)).toEqual(['Namespace/a']);
    const tier = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'Tier',
      metadata: { name: 'security' },
      spec: { order: 1 },
    };
    expect(keys(JSON.stringify({ apiVersion: 'projectcalico.org/v3', kind: 'TierList', items: [tier] }))).toEqual([
      'Tier/security',
    ]);
    expect(keys(JSON.stringify([tier]))).toEqual(['Tier/security']);
  });

  test('kinds that nobody uses are passed over without a word', () => {
    const text = 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n';
    expect(readText(text, 'a.yaml')).toMatchObject({ resources: [], diagnostics: [], unreadable: false, objects: 1 });
  });

  test('an empty text holds nothing and is no mistake', () => {
    expect(readText('# nothing\n', 'a.yaml')).toEqual({
      resources: [],
      broken: [],
      unread: [],
      diagnostics: [],
      unreadable: false,
      objects: 0,
      doubtful: false,
    });
  });
});

describe('a text with a mistake gives nothing at all', () => {
  test.each([
    ['an open bracket', `${namespace('a')}---\na: [1\n`, 'MANIFEST_SYNTAX 7:1'],
    ['a key that stands twice', 'kind: A\nkind: B\n', 'MANIFEST_SYNTAX 2:1'],
    ['a tab as indent', 'a:\n\tb: 1\n', 'MANIFEST_SYNTAX 2:1'],
    ['an alias to nothing', 'a: *b\n', 'MANIFEST_SYNTAX 1:4'],
    ['a key that is a list', '? [a]\n: b\n', 'MANIFEST_SYNTAX 1:3'],
    ['a truncated JSON list', '{"kind": "List", "items": [{"kind": "Pod"', 'MANIFEST_SYNTAX 1:42'],
  ])('%s', (_, text, code) => {
    const reading = readText(text, 'a.yaml');
    expect(reading).toMatchObject({ unreadable: true, resources: [], objects: 0 });
    expect(codes(text)[0]).toBe(code);
  });

  test('but the mistakes of all its documents at once', () => {
    const policy =
      'apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: { name: g }\nspec: { selector: a = b }\n';
    const reading = readText(`${policy}---\na: b: c\n---\n${policy}`, 'a.yaml');
    expect(reading).toMatchObject({ unreadable: true, resources: [], broken: [], objects: 0 });
    expect(reading.diagnostics.map(({ code, at }) => `${code} ${at?.line}`)).toEqual([
      'MANIFEST_SYNTAX 6',
      'SELECTOR_SYNTAX 4',
      'SELECTOR_SYNTAX 11',
    ]);
  });

  test('aliases that would fill the memory', () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) =>
        `l${level}: &l${level} [${Array(12)
          .fill(level === 0 ? 'x' : `*l${level - 1}`)
          .join(', ')}]`,
    );
    const reading = readText(levels.join('\n'), 'bomb.yaml');
    expect(reading.unreadable).toBe(true);
    expect(reading.diagnostics.map((d) => d.code)).toEqual(['MANIFEST_TOO_LARGE']);
  });
});

describe('texts that are made to cost much', () => {
  const text = (reading: ReturnType<typeof readText>): unknown => [
    reading.unreadable,
    reading.diagnostics.map((d) => d.code),
  ];
  test('a hundred thousand aliases', () => {
    expect(text(readText(`x: &x 1\ny:\n${'  - *x\n'.repeat(100_000)}`, 'a.yaml'))).toEqual([
      true,
      ['MANIFEST_TOO_LARGE'],
    ]);
  });
  test('lists in lists', () => {
    const list = `${'{"apiVersion":"v1","kind":"List","items":['.repeat(20_000)}${']}'.repeat(20_000)}`;
    expect(text(readText(list, 'a.json'))).toEqual([false, ['OBJECT_INVALID']]);
  });
  test('more YAML than fits', () => {
    expect(text(readText(`${namespace('a')}#${' '.repeat(33 * 1024 * 1024)}`, 'a.yaml'))).toEqual([
      true,
      ['MANIFEST_TOO_LARGE'],
    ]);
  });
  test('an alias to what it stands in', () => {
    expect(text(readText('apiVersion: v1\nkind: Pod\nmetadata: &m\n  name: *m\n', 'a.yaml'))).toEqual([
      true,
      ['MANIFEST_SYNTAX'],
    ]);
  });
});

describe('places', () => {
  const policy = (field: string): string =>
    `apiVersion: sallyport.dev/v1alpha1\nkind: ClusterBorderPolicy\nmetadata:\n  name: bank\nspec:\n  namespaceSelector: all()\n  ${field}\n`;

  test('a mistake is found in its file, line and column', () => {
    const { diagnostics } = readText(`${namespace('a')}---\n${policy('selector: a ===')}`, 'border.yaml');
    expect(diagnostics).toMatchObject([
      { object: 'ClusterBorderPolicy/bank', path: 'spec.selector', at: { file: 'border.yaml', line: 12 } },
    ]);
  });

  test('in JSON too', () => {
    const raw = {
      apiVersion: 'v1',
      kind: 'List',
      items: [{ apiVersion: 'projectcalico.org/v3', kind: 'Tier', metadata: { name: 'a' }, spec: { order: 'x' } }],
    };
    const { diagnostics } = readText(JSON.stringify(raw, null, 1), 'tiers.json');
    expect(diagnostics).toMatchObject([{ object: 'Tier/a', at: { file: 'tiers.json', line: 12 } }]);
  });
});

test('of an object that stands twice the first counts, and both places are told', () => {
  const reading = combineReadings([readText(namespace('a'), 'a.yaml'), readText(`\n${namespace('a')}`, 'b.yaml')]);
  expect(reading.resources.get('Namespace/a')?.place.file).toBe('a.yaml');
  expect(reading.diagnostics).toMatchObject([
    {
      code: 'MANIFEST_DUPLICATE',
      object: 'Namespace/a',
      message: expect.stringContaining('a.yaml:1') as string,
      at: { file: 'b.yaml', line: 2 },
    },
  ]);
});
