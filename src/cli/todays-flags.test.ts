import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CONVENTION, findConfiguration } from './machine-convention.ts';
import type { RunOptions } from './options.ts';
import { buildProgram } from './program.ts';
import { ourWords } from './todays-flags.ts';

describe('the command line of today', () => {
  test.each([
    ['firewall-controller', [], ['run', '--as-today']],
    [
      'firewall-controller',
      [
        '-log-level',
        'debug',
        '-enable-IDS=false',
        '-enable-signature-check',
        '-metrics-addr=:9000',
        '-firewall-name',
        'fw-1',
      ],
      [
        'run',
        '--as-today',
        '--log-level',
        'debug',
        '--enable-IDS=false',
        '--enable-signature-check=true',
        '--metrics-addr=:9000',
        '--firewall-name',
        'fw-1',
      ],
    ],
    [
      'firewall-controller',
      ['--hosts-file=/tmp/hosts', '-kubeconfig', '/k', '-enable-IDS=T'],
      ['run', '--as-today', '--hosts-file=/tmp/hosts', '--kubeconfig', '/k', '--enable-IDS=true'],
    ],
    // Levels are words of any case there, and there are some above errors.
    ['firewall-controller', ['-log-level', 'DEBUG'], ['run', '--as-today', '--log-level', 'debug']],
    ['firewall-controller', ['-log-level=Fatal'], ['run', '--as-today', '--log-level=error']],
    ['firewall-controller', ['--log-level=warning'], ['run', '--as-today', '--log-level=warn']],
    ['firewall-controller', ['-firewall-name', 'FW-1'], ['run', '--as-today', '--firewall-name', 'FW-1']],
    ['sallyport', ['run', '--log-level', 'loud'], ['run', '--log-level', 'loud']],
    ['firewall-controller', ['-v'], ['--version']],
    ['firewall-controller', ['-v=false', '-log-level=info'], ['run', '--as-today', '--log-level=info']],
    ['firewall-controller', ['--version'], ['--version']],
    ['firewall-controller', ['validate', '-c', 'x'], ['validate', '-c', 'x']],
    ['firewall-controller', ['-unknown'], ['run', '--as-today', '-unknown']],
    ['sallyport', ['run', '-c', 'x', '-enable-IDS=false'], ['run', '-c', 'x', '--enable-IDS=false']],
    ['sallyport', ['flow', '-v'], ['flow', '-v']],
    ['sallyport', [], []],
    ['droptailer-client', [], ['droptailer']],
  ] as const)('%s %j', (program, given, words) => {
    expect(ourWords(program, given)).toEqual(words);
  });

  test('each of them is an option of `run`', () => {
    const run = buildProgram({ out: () => undefined, err: () => undefined }).root.commands.find(
      (each) => each.name() === 'run',
    );
    const known = run?.options.map((option) => option.long);
    for (const flag of [
      'log-level',
      'metrics-addr',
      'enable-IDS',
      'hosts-file',
      'enable-signature-check',
      'firewall-name',
      'kubeconfig',
    ])
      expect(known).toContain(`--${flag}`);
  });
});

describe('where the configuration of `run` comes from', () => {
  let folder: string;
  const said: string[] = [];
  const terminal = { out: (text: string) => void said.push(text), err: (text: string) => void said.push(text) };
  const defaults = { log: 'text', logLevel: 'info', hostsFile: '/etc/hosts', enableIDS: 'true' } as const;
  const find = (options: Partial<RunOptions>, environment: Record<string, string> = {}) => {
    const places = {
      folder: join(folder, 'etc'),
      config: join(folder, 'etc/config.yaml'),
      seed: join(folder, 'etc/.seed-kubeconfig'),
    };
    return findConfiguration(terminal, { ...defaults, ...options }, environment, places);
  };
  const seedOf = (options: Partial<RunOptions>, environment: Record<string, string> = {}): unknown => {
    const source = find(options, environment).configuration.sources.get('seed');
    return source?.type === 'kubernetes' ? source.kubeconfig : undefined;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-convention-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('the seed kubeconfig, else KUBECONFIG, else the place where the first one comes to stand', () => {
    expect(seedOf({ asToday: true })).toBe(join(folder, 'etc/.seed-kubeconfig'));
    expect(seedOf({ asToday: true }, { KUBECONFIG: '/k' })).toBe('/k');
    expect(seedOf({ firewallName: 'fw-1', kubeconfig: '/given' }, { KUBECONFIG: '/k' })).toBe('/given');
    mkdirSync(join(folder, 'etc'));
    writeFileSync(join(folder, 'etc/.seed-kubeconfig'), '');
    expect(seedOf({ asToday: true }, { KUBECONFIG: '/k' })).toBe(join(folder, 'etc/.seed-kubeconfig'));
  });

  test('everything is on, as today, and the workload cluster is the one that the Firewall names', () => {
    const { configuration } = find({ asToday: true, firewallName: 'fw-1' });
    expect(configuration.name).toBe('fw-1');
    expect(configuration.machine).toMatchObject({
      firewall: { source: 'seed', selfUpdate: {}, droptailer: true },
      service: { source: 'shoot' },
      cwnp: { source: 'shoot' },
      monitor: { source: 'shoot' },
    });
    expect(configuration.sources.get('shoot')).toMatchObject({ type: 'kubernetes', shootAccess: 'seed' });
  });

  test('a configuration file by convention comes before', () => {
    mkdirSync(join(folder, 'etc'));
    writeFileSync(
      join(folder, 'etc/config.yaml'),
      'name: fw-9\nsources: { static: {} }\ncontrollers: { firewall: { source: static } }\n',
    );
    expect(find({ asToday: true }).configuration.name).toBe('fw-9');
    expect(find({}).config).toBe(join(folder, 'etc/config.yaml'));
  });

  test('elsewhere nothing begins by accident', () => {
    expect(() => find({}, { KUBECONFIG: '/k' })).toThrow('give the configuration file with -c');
    expect(CONVENTION.folder).toBe('/etc/firewall-controller');
  });
});
