/** `apply` and `uninstall` hold a firewall's Lease while they work: a real API server, nftables, and copies as processes of their own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { takeWriterLease } from '../../src/cli/writer-lease.ts';
import { connectKubeconfig } from '../../src/kubernetes/kubeconfig.ts';
import { LiveBorder, overlaps, until } from '../kit/live-border.ts';

const EDGE = 'edge-a';
let live: LiveBorder;
let pods = 0;

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: [EDGE] });
});
afterAll(() => live.close());
afterEach(() => live.endCopies());

async function newPod(): Promise<string> {
  pods += 1;
  const ip = `10.1.0.${pods}`;
  await live.pod(`pod-${pods}`, ip);
  return ip;
}
const arrives = (ip: string): Promise<unknown> =>
  until(
    () => live.holds(EDGE),
    (addresses) => addresses.includes(ip),
  );

/** A command with the configuration of this machine, as a process. */
async function sallyport(
  ...words: readonly string[]
): Promise<{ readonly code: number | null; readonly said: string }> {
  const file = join(live.command.root, 'commands.json');
  writeFileSync(
    file,
    JSON.stringify({
      cluster: 'live',
      sources: { cluster: { kubeconfig: live.server.kubeconfig } },
      controllers: { border: { source: 'cluster' } },
    }),
  );
  const said: string[] = [];
  const child = live.command.start([...words, '-c', file], (text) => said.push(text), {
    STATE_DIRECTORY: join(live.command.root, 'commands-state'),
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said: said.join('\n') };
}

test('a copy that begins while a command has the Lease writes nothing before it is given back', async () => {
  const connected = await connectKubeconfig({
    path: live.server.kubeconfig,
    environment: process.env,
    log: silentLog,
    isInteractive: false,
  });
  const told: string[] = [];
  const terminal = { out: () => undefined, err: (text: string) => void told.push(text) };
  const signal = new AbortController().signal;
  const lease = await takeWriterLease(terminal, { ...connected, namespace: 'sallyport' }, 'live', EDGE, signal);
  expect([lease?.grant.lock.held(), told]).toEqual([true, []]);
  const copy = await live.copy('late');
  await until(
    () => copy.standing().catch(() => ''),
    (text) => text.includes('others write to edge-a'),
  );
  await newPod();
  // Longer than a Lease that is not renewed would last.
  const end = systemClock.monotonic() + 20_000;
  while (systemClock.monotonic() < end) {
    await new Promise((resolve) => void setTimeout(resolve, 1_000));
    expect(await live.holds(EDGE)).toEqual([]);
  }
  expect(lease?.grant.lock.held()).toBe(true);
  await lease?.giveBack();
  await connected.client.close();
  await arrives('10.1.0.1');
}, 120_000);

test('while a copy lives both are refused by its name; once it is still for longer than its Lease apply goes on, and it puts nothing back', async () => {
  const copy = await live.copy('holder');
  const before = await newPod();
  await arrives(before);
  for (const words of [['apply'], ['uninstall', EDGE, '--yes']]) {
    const { code, said } = await sallyport(...words);
    expect([code, said]).toEqual([1, expect.stringMatching(/error DEVICE_LOCKED: edge-a is kept in step by holder_/)]);
  }
  copy.signal('SIGSTOP');
  const ip = await newPod();
  const applied = await sallyport('apply');
  expect(applied).toMatchObject({
    code: 0,
    said: expect.stringContaining('edge-a: its Lease is that of holder_') as string,
  });
  expect(await live.holds(EDGE)).toContain(ip);
  const { epoch } = await live.holder(EDGE);
  copy.signal('SIGCONT');
  await until(
    () => live.holder(EDGE),
    (lease) => lease.name === 'holder' && lease.epoch > epoch,
  );
  await arrives(await newPod());
  expect(await live.holds(EDGE)).toEqual(await live.addresses());
  expect(overlaps([copy], EDGE)).toEqual([]);
}, 180_000);

test('uninstall takes everything off, gives the Lease back, and a copy that comes later puts it there again', async () => {
  const { code, said } = await sallyport('uninstall', EDGE, '--yes');
  expect([code, said]).toEqual([0, expect.stringContaining('everything of ours is gone')]);
  expect(await live.table(EDGE)).toBe('');
  await live.copy('next');
  await until(
    () => live.holds(EDGE),
    (addresses) => addresses.length === pods,
  );
}, 120_000);
