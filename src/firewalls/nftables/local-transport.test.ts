import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localTransport } from './local-transport.ts';

test('a text that cannot be written is not sent in part, and is tried again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-local-'));
  await rm(directory, { recursive: true });
  const sent = localTransport(directory).runWithFile('false', [], 'text', new AbortController().signal);
  await expect(sent).rejects.toMatchObject({ code: 'LOCAL_SYSTEM', blame: 'transient' });
});

test('what a program prints comes line by line, wherever its output is cut', async () => {
  const lines: string[] = [];
  // The second write begins in the middle of a letter.
  const script = "printf 'one\\ntw\\303'; sleep 0.2; printf '\\266\\n\\nlast'";
  const { code, stdout } = await localTransport(tmpdir()).run('sh', ['-c', script], new AbortController().signal, {
    onLine: (line) => lines.push(line),
  });
  expect([code, stdout, lines]).toEqual([0, '', ['one', 'twö', '', 'last']]);
});

test('a long text comes line by line, whole letters, and leaves no file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-local-'));
  const lines: string[] = [];
  // Whatever is read at once: some letter of two bytes stands across its end.
  const script =
    'printf x; i=0; while [ $i -lt 3000 ]; do echo "ööööööööööööööööööööööööööööööööööööööööööööö $i"; i=$((i + 1)); done';
  await localTransport(directory).run('sh', ['-c', script], new AbortController().signal, {
    onLine: (line) => lines.push(line),
  });
  const expected = Array.from({ length: 3_000 }, (_, n) => `${'ö'.repeat(45)} ${n}`);
  expect(lines).toEqual([`x${expected[0]}`, ...expected.slice(1)]);
  expect(await readdir(directory)).toEqual([]);
  await rm(directory, { recursive: true });
});

test('a text in parts arrives whole', async () => {
  const parts = ['first, ', 'zweitens ä', '\n'];
  const sent = await localTransport(tmpdir()).runWithFile('cat', [], parts, new AbortController().signal);
  expect(sent).toMatchObject({ code: 0, stdout: parts.join('') });
});
