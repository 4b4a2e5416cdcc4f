import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chooseContext } from './kubeconfig-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-kubeconfig-file-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a mistake is told with its place, and without the text, which holds secrets', () => {
  test.each([
    ['no YAML', 'users: [{name: hidden', 'is no YAML at line 1, column '],
    ['no mapping', '- hidden', 'the file: '],
    ['no server', 'clusters: [{name: c, cluster: {hidden: 1}}]', 'clusters.0.cluster.server: '],
    ['no context', 'clusters: []', 'no current-context; name one of its contexts: none'],
    [
      'no such cluster',
      'current-context: a\ncontexts: [{name: a, context: {cluster: b}}]',
      'has no cluster "b"; it has: none',
    ],
  ])('%s', async (_, text, said) => {
    const path = join(folder, 'broken');
    writeFileSync(path, text);
    await expect(chooseContext([path], undefined)).rejects.toMatchObject({
      code: 'KUBECONFIG_INVALID',
      message: expect.stringContaining(`kubeconfig ${path}: ${said}`) as string,
    });
    expect(await chooseContext([path], undefined).catch(String)).not.toContain('hidden');
  });
});
