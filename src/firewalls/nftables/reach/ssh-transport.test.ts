import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quoteForShell, remoteLine, sshTransport } from './ssh-transport.ts';

const signal = new AbortController().signal;

/** What a shell made of a line: its words, which no word can hold the end of. */
function wordsSeenBy(shell: string, line: string): readonly string[] {
  const script = `set -- ${line}\nprintf '%s\\0' "$#" "$@"`;
  const [count, ...words] = spawnSync(shell, ['-c', script], { encoding: 'utf8' }).stdout.split('\0').slice(0, -1);
  expect(count).toBe(String(words.length));
  return words;
}

describe('quoting for the far shell', () => {
  const hostile = [
    '',
    ' ',
    "'",
    "''",
    "a'b",
    '$(id)',
    '`id`',
    '$HOME',
    '; rm -rf /',
    '&& true',
    '| cat',
    '> /x',
    '*',
    '?',
    '[a]',
    '~',
    '\\',
    "\\'",
    '!!',
    '#',
    '-o',
    '--',
    'a"; flush ruleset #',
    'ü漢😀',
    '{a,b}',
    '=x',
    '%s',
  ];

  test.each(['sh', 'bash'])('%s sees every hostile word as it was', (shell) => {
    expect(wordsSeenBy(shell, remoteLine(hostile))).toEqual(hostile);
  });

  test('any printable words survive', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => !/\p{Cc}/u.test(text));
    const words = fc.array(fc.oneof(word, fc.stringMatching(/^['"\\$`!;&|<>(){}*?~# -]{0,12}$/)), { maxLength: 8 });
    fc.assert(
      fc.property(words, (list) => {
        expect(wordsSeenBy('sh', remoteLine(list))).toEqual(list);
      }),
      { numRuns: 15 },
    );
  });

  test.each(['\n', '\0', '\r', '\t', '\u0085', '\u007f'])('a control character is refused: %j', (character) => {
    expect(() => quoteForShell(`a${character}b`)).toThrow(/control character/);
  });
});

describe('the transport', () => {
  let directory: string;
  let log: string;
  let client: string;

  // Stands for ssh and sshd: drops its own options as ssh(1) does, joins what follows the host, and gives it to a shell.
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-ssh-'));
    log = join(directory, 'arguments');
    client = join(directory, 'ssh');
    writeFileSync(
      client,
      `#!/bin/sh\nprintf '%s\\n' "$@" > '${log}'\nwhile [ "$1" != "--" ]; do shift; done\nshift; shift\nexec sh -c "$*"\n`,
    );
    chmodSync(client, 0o700);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const transport = (): ReturnType<typeof sshTransport> =>
    sshTransport({ host: 'fw.example', user: 'root', port: 2222 }, { directory, program: client });

  test('passes arguments unharmed and input through', async () => {
    const outcome = await transport().run('printf', ['%s|', "it's", '$(id)', 'a b'], signal);
    expect(outcome).toEqual({ code: 0, stdout: "it's|$(id)|a b|", stderr: '' });
    expect((await transport().run('cat', [], signal, { input: 'x\ny' })).stdout).toBe('x\ny');
  });

  test('asks for strict host keys and never for a password', async () => {
    await transport().run('true', [], signal);
    const used = readFileSync(log, 'utf8').split('\n');
    expect(used).toEqual(
      expect.arrayContaining(['BatchMode=yes', 'StrictHostKeyChecking=yes', '-l', 'root', '-p', '2222']),
    );
    expect(used.slice(used.indexOf('--'), used.indexOf('--') + 2)).toEqual(['--', 'fw.example']);
  });

  test('hands a text over as a private file and removes it', async () => {
    const text = `${'x'.repeat(300_000)}\nümlaut\n`;
    const outcome = await transport().runWithFile(
      'sh',
      ['-c', 'stat -c %a "$1"; wc -c <"$1"; echo "$1"; exit 3', 'sh'],
      text,
      signal,
    );
    const [mode, size, path] = outcome.stdout.split('\n');
    expect([outcome.code, mode, size]).toEqual([3, '600', String(Buffer.byteLength(text))]);
    expect(path).toMatch(/^\/tmp\//);
    expect(existsSync(path ?? '')).toBe(false);
  });

  test('a text that arrives cut short is not run', async () => {
    const cutting = join(directory, 'cutting-ssh');
    writeFileSync(
      cutting,
      `#!/bin/sh\nwhile [ "$1" != "--" ]; do shift; done\nshift; shift\nhead -c 10 | sh -c "$*"\n`,
    );
    chmodSync(cutting, 0o700);
    const broken = sshTransport({ host: 'fw' }, { directory, program: cutting });
    const marker = join(directory, 'ran');
    await expect(broken.runWithFile('touch', [marker], 'flush set x\nadd element x\n', signal)).rejects.toMatchObject({
      code: 'DEVICE_UNREACHABLE',
    });
    expect(existsSync(marker)).toBe(false);
  });

  test('a program that goes on ends with the connection, or by itself', async () => {
    const isAlive = (argument: string): boolean => spawnSync('pgrep', ['-f', `^sleep ${argument}$`]).status === 0;
    const goes = transport().start('sleep', ['1000.12345'], 'ignores input');
    await expect.poll(() => isAlive('1000.12345')).toBe(true);
    goes.stop();
    await goes.ended;
    await expect.poll(() => isAlive('1000.12345')).toBe(false);
    const ends = transport().start('sh', ['-c', 'echo told; exit 7'], 'ignores input');
    let said = '';
    ends.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await ends.ended;
    expect(said).toBe('told\n');
  });

  test('tells a missing program from an unreachable machine', async () => {
    await expect(transport().run('no-such-program', [], signal)).rejects.toMatchObject({ code: 'PROGRAM_MISSING' });
    await expect(transport().run('sh', ['-c', 'exit 255'], signal)).rejects.toMatchObject({
      code: 'DEVICE_UNREACHABLE',
    });
  });
});
