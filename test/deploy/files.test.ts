import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('the Dockerfile', () => {
  const text = read('Dockerfile').replaceAll('\\\n', ' ');
  const lines = text.split('\n').filter((line) => /^[A-Z]+ /.test(line));
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));

  test('ends as nobody, by number, so that `runAsNonRoot` can see it', () => {
    expect(last.filter((line) => line.startsWith('USER '))).toEqual(['USER 65532:65532']);
  });

  test('starts the command itself, with no shell between it and its signals', () => {
    const entry = last.filter((line) => /^(ENTRYPOINT|CMD) /.test(line));
    expect(entry).toHaveLength(2);
    for (const line of entry)
      expect(z.array(z.string()).safeParse(JSON.parse(line.replace(/^[A-Z]+ /, ''))).success).toBe(true);
  });

  test('names its base by version, once', () => {
    expect(text).toMatch(/^ARG BASE=node:20\.\d+\.\d+-bookworm-slim$/m);
    expect(lines.filter((line) => line.startsWith('FROM '))).toEqual(['FROM ${BASE} AS build', 'FROM ${BASE}']);
  });

  test('copies what is there, and the context holds that and nothing else', () => {
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/ +/).slice(1, -1));
    for (const path of copied) expect(existsSync(join(root, path)), path).toBe(true);
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    expect(allowed.map((line) => line.slice(1)).toSorted()).toEqual([...new Set(copied)].toSorted());
  });
});

describe('the chart', () => {
  test('each value has a place in its schema, and the other way round', () => {
    const values = parse(read('deploy/chart/values.yaml')) as object;
    const { properties } = JSON.parse(read('deploy/chart/values.schema.json')) as { properties: object };
    const overrides = ['nameOverride', 'fullnameOverride', 'global'];
    expect(
      Object.keys(properties)
        .filter((name) => !overrides.includes(name))
        .toSorted(),
    ).toEqual(Object.keys(values).toSorted());
  });

  test('has the version of the command', () => {
    const { appVersion } = parse(read('deploy/chart/Chart.yaml')) as { appVersion: string };
    expect(appVersion).toBe((JSON.parse(read('package.json')) as { version: string }).version);
  });

  test('brings its definitions where Helm never deletes them', () => {
    expect(readdirSync(join(root, 'deploy/chart/crds'))).toEqual(readdirSync(join(root, 'deploy/crds')));
    for (const file of readdirSync(join(root, 'deploy/crds')))
      expect(read(`deploy/crds/${file}`)).toContain('helm.sh/resource-policy: keep');
  });
});

describe('the service for a firewall machine', () => {
  const unit = read('examples/deploy/on-the-firewall/sallyport.service');

  test('has one capability, and nothing to write to but its state', () => {
    expect(unit).toMatch(/^CapabilityBoundingSet=CAP_NET_ADMIN$/m);
    for (const line of ['DynamicUser=yes', 'ProtectSystem=strict', 'NoNewPrivileges=yes', 'StateDirectory=sallyport'])
      expect(unit).toContain(line);
    expect(unit).not.toMatch(/^ReadWritePaths=/m);
  });

  test('says nothing that systemd does not know', () => {
    const { error, stderr } = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', join(root, 'examples/deploy/on-the-firewall/sallyport.service')],
      {
        encoding: 'utf8',
      },
    );
    // Without systemd nobody can tell; where it is, its complaints about this file count.
    const complaints =
      error === undefined ? stderr.split('\n').filter((line) => /sallyport\.service:\d+/.test(line)) : [];
    expect(complaints).toEqual([]);
  });
});
