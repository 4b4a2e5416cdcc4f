import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localTransport, netnsTransport } from './local-transport.ts';

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

test('whoever waits for that hears when a program begins to print, before it has ended', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-local-'));
  const onLine = (): void => {};
  const answers: Promise<void>[] = [];
  const local = localTransport(directory);
  const { signal } = new AbortController();
  // It ends when it is answered.
  const script = 'mkfifo answer && echo ready && read -r word < answer && [ "$word" = heard ]';
  const onPrinting = (): void => void answers.push(writeFile(join(directory, 'answer'), 'heard\n'));
  const { code } = await local.run('sh', ['-c', `cd '${directory}' && ${script}`], signal, { onLine, onPrinting });
  expect(code).toBe(0);
  await local.run('true', [], signal, { onLine, onPrinting });
  expect(answers).toHaveLength(1);
  await Promise.all(answers);
  await rm(directory, { recursive: true });
});

test('a text in parts arrives whole', async () => {
  const parts = ['first, ', 'zweitens ä', '\n'];
  const sent = await localTransport(tmpdir()).runWithFile('cat', [], parts, new AbortController().signal);
  expect(sent).toMatchObject({ code: 0, stdout: parts.join('') });
});

test('a file of /proc is read by ourselves where programs run beside us, and nowhere else', async () => {
  const local = localTransport(tmpdir());
  const { stdout } = await local.run('cat', ['/proc/sys/kernel/ostype'], new AbortController().signal);
  expect(await local.ownFile?.('/proc/sys/kernel/ostype')).toBe(stdout);
  await expect(local.ownFile?.('/proc/nowhere')).rejects.toMatchObject({ code: 'LOCAL_SYSTEM' });
  // What /proc/net tells is about the namespace of whoever reads it.
  expect(netnsTransport('some', tmpdir()).ownFile).toBeUndefined();
});
