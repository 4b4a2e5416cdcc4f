import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockOwners, takeLock } from './machine-lock.ts';

describe('the lock of a device', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-lock-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('one holder at a time, this process included', async () => {
    const lock = await takeLock(directory, 'netns:fw');
    await expect(takeLock(directory, 'netns:fw')).rejects.toMatchObject({
      code: 'DEVICE_LOCKED',
      message: `netns:fw is kept by process ${process.pid}`,
    });
    await (await takeLock(directory, 'netns:other')).release();
    await lock.release();
    await (await takeLock(directory, 'netns:fw')).release();
  });

  test('whoever has it is told, and it is not touched for that', async () => {
    const owners = (name: string): Promise<readonly string[] | undefined> => lockOwners(directory, name);
    expect(await owners('netns:fw')).toEqual([]);
    const lock = await takeLock(directory, 'netns:fw');
    expect(await owners('netns:fw')).toEqual([String(process.pid)]);
    expect(await owners('netns:other')).toEqual([]);
    await lock.release();
    expect(await owners('netns:fw')).toEqual([]);
  });

  test('a folder that cannot be made is tried again, not a bug', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    await expect(takeLock(join(file, 'locks'), 'x')).rejects.toMatchObject({
      code: 'LOCAL_SYSTEM',
      blame: 'transient',
    });
  });

  test('of many that come at once, one gets it', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(directory, 'x')));
    const held = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(held).toHaveLength(1);
    for (const lock of held) await lock.release();
  });

  test('a holder that is killed holds nothing', async () => {
    const source = `import { takeLock } from ${JSON.stringify(join(import.meta.dirname, 'machine-lock.ts'))};
      await takeLock(${JSON.stringify(directory)}, 'x'); console.log('held'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source]);
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    await expect(takeLock(directory, 'x')).rejects.toMatchObject({ code: 'DEVICE_LOCKED' });
    holder.kill('SIGKILL');
    await new Promise((resolve) => holder.on('close', resolve));
    await expect
      .poll(() =>
        takeLock(directory, 'x').then(
          (lock) => lock.release().then(() => 'free'),
          () => 'held',
        ),
      )
      .toBe('free');
  });
});
