import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Configuration, parseConfiguration } from '../../src/controller/configuration/configuration.ts';

const root = join(import.meta.dirname, '../..');
const examples = join(root, 'examples/deploy');

function read(text: string, environment: Readonly<Record<string, string>> = {}): Configuration {
  const readFile = (path: string): string => {
    throw new Error(`${path} is not there`);
  };
  const { value, diagnostics } = parseConfiguration(text, '/etc/sallyport/configuration.yaml', {
    environment,
    readFile,
  });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (value === undefined) throw new Error('nothing was read');
  return value;
}

describe('every configuration that is shipped is taken', () => {
  const files = readdirSync(examples)
    .map((folder) => join(examples, folder, 'configuration.yaml'))
    .filter((file) => existsSync(file));

  test('there are some', () => {
    expect(files.length).toBeGreaterThan(1);
  });

  test.each(files)('%s', (file) => {
    const { cluster, sources } = read(readFileSync(file, 'utf8'), { KUBECONFIG: '/home/someone/.kube/config' });
    expect(cluster).toBe('prod-eu');
    for (const source of sources.values())
      expect(source).toMatchObject({ type: 'kubernetes', kubeconfig: expect.stringMatching(/kube/) as string });
  });

  test('the plain manifests have one: the cluster around it, by no kubeconfig', () => {
    const text = readFileSync(join(root, 'deploy/manifests/sallyport.yaml'), 'utf8');
    const map = text.split('\n---\n').find((one) => /^kind: ConfigMap$/m.test(one));
    const { data } = parse(map ?? '') as { data: Record<string, string> };
    const { sources, border, probes, queries, readiness } = read(data['configuration.yaml'] ?? '');
    expect([...sources]).toEqual([['kubernetes', { type: 'kubernetes' }]]);
    expect(border).toEqual({ source: 'kubernetes' });
    expect(probes).toEqual({ host: '0.0.0.0', port: 8080 });
    expect([queries, readiness]).toEqual([undefined, undefined]);
  });
});
