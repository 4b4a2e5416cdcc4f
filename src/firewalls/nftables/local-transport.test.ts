import { mkdtemp, rm } from 'node:fs/promises';
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
