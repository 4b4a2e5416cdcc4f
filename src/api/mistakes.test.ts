import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LineCounter, isNode, parseAllDocuments } from 'yaml';
import type { Place } from '../base/diagnostic.ts';
import { readResource } from './read.ts';
import type { ReadResource } from './resource.ts';
import type { FieldPath } from './scope.ts';
import { isMap } from './shape.ts';

/** Every object of a YAML text, read with the places of its fields. */
function readYaml(text: string): ReadResource[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter });
  return (Array.isArray(documents) ? documents : []).map((document) => {
    const locate = (path: FieldPath): Place | undefined => {
      const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
      if (!isNode(node) || !node.range) return undefined;
      const { line, col } = lineCounter.linePos(node.range[0]);
      return { line, column: col };
    };
    return readResource(document.toJS(), { file: 'x.yaml' }, locate);
  });
}

/** What is left of an object when its mistakes are told. */
function kept({ resource, ignored }: ReadResource): string {
  if (ignored === true) return 'ignored';
  if (resource === undefined) return 'left out';
  const spec: object = 'spec' in resource ? resource.spec : resource;
  const parts = Object.entries(spec).flatMap(([name, value]: [string, unknown]) => {
    if (isMap(value) && value['ok'] === false) return [`no ${name}`];
    if (name !== 'ingress' && name !== 'egress') return [];
    return [
      `${name} ${(value as { ok: boolean; action?: string }[]).map((rule) => (rule.ok ? 'ok' : rule.action)).join(' ')}`,
    ];
  });
  return ['kept', ...parts].join(', ');
}

function print(results: readonly ReadResource[]): string {
  return results
    .map((result) => {
      const lines = result.diagnostics.map(
        ({ severity, code, object, path, message, at }) =>
          `${at?.line}:${at?.column} ${severity} ${code} ${object ?? '-'} ${path === '' ? '-' : path}\n    ${message}`,
      );
      return [...lines, `=> ${kept(result)}`, ''].join('\n');
    })
    .join('\n');
}

const folder = new URL('./mistakes/', import.meta.url);

describe('mistakes of every sort', () => {
  for (const file of readdirSync(folder).sort())
    test(file, async () => {
      const text = print(readYaml(readFileSync(new URL(file, folder), 'utf8')));
      await expect(text).toMatchFileSnapshot(`golden/${file.replace('.yaml', '.txt')}`);
    });
});
