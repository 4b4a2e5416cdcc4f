import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { configurationSchema, parseConfiguration } from '../../src/controller/configuration/configuration.ts';
import { readText } from '../../src/sources/manifests/reading.ts';
import { splitMarkdown } from '../kit/markdown.ts';

const root = resolve(import.meta.dirname, '../..');

/** Every Markdown page of the project: those of the root, and all below `docs` and `examples`. */
function pages(): readonly string[] {
  const below = (folder: string): readonly string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? below(path) : [path];
    });
  const own = readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
  return [...own, ...below('docs'), ...below('examples')].filter((path) => path.endsWith('.md')).toSorted();
}

/** Names of headings as links write them. */
function anchors(prose: string): ReadonlySet<string> {
  return new Set(
    [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe.each(pages())('%s', (page) => {
  const { fences, prose } = splitMarkdown(read(page));

  test('its links lead somewhere', () => {
    const lost: string[] = [];
    const withoutCode = prose.replaceAll(/`[^`\n]*`/g, '');
    for (const [, target = ''] of withoutCode.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path);
      if (!existsSync(file)) lost.push(target);
      else if (anchor !== undefined && !anchors(splitMarkdown(readFileSync(file, 'utf8')).prose).has(anchor))
        lost.push(target);
    }
    expect(lost).toEqual([]);
  });

  const manifests = fences.filter(
    ({ language, text, note }) => language === 'yaml' && /^apiVersion:/m.test(text) && !note.endsWith('with mistakes'),
  );
  if (manifests.length === 0) return;
  test('its manifests read without a complaint', () => {
    const complaints = manifests.flatMap(({ text, line }) => {
      const { diagnostics, resources } = readText(text, page);
      const said = diagnostics.map(
        (one) => `${page}:${line + (one.at?.line ?? 0)} ${one.code} ${one.path}: ${one.message}`,
      );
      return resources.length === 0 ? [...said, `${page}:${line} holds no object that is read`] : said;
    });
    expect(complaints).toEqual([]);
  });
});

describe('the example configuration', () => {
  const file = 'examples/configuration.yaml';

  test('reads without a complaint, and its folder is there', () => {
    const { value, diagnostics } = parseConfiguration(read(file), join(root, file), {
      readFile: () => '',
      environment: {},
    });
    expect(diagnostics).toEqual([]);
    for (const source of value?.sources.values() ?? [])
      if (source.type === 'manifests') expect(existsSync(source.path), relative(root, source.path)).toBe(true);
  });

  test('has every key, if need be in a comment', () => {
    const keys = new Set<string>();
    const collect = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      const { properties, additionalProperties } = node as Record<string, unknown>;
      if (typeof properties === 'object' && properties !== null)
        for (const [key, child] of Object.entries(properties)) {
          keys.add(key);
          collect(child);
        }
      collect(additionalProperties);
    };
    collect(z.toJSONSchema(configurationSchema, { io: 'input' }));
    expect([...keys].filter((key) => !new RegExp(`^ *(# *)?${key}:`, 'm').test(read(file)))).toEqual([]);
  });
});
