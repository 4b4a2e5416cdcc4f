/**
 * What an API server has forgotten when it is there again: everything, or what came after a backup. `sallyport run` as a process and nftables as
 * the border. Each in a world of its own: how much of it vanishes is judged by how much there was. docs/design/cluster-tests.md
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { EdgeBorder, podAt } from '../kit/edge-border.ts';
import { until } from '../kit/live-border.ts';

const LONG_MS = 240_000;

test.concurrent('the API server is gone until everything counts as lost, and back with a new history: the border keeps everything', async ({
  onTestFinished,
}) => {
  const border = await EdgeBorder.open();
  const { live } = border;
  onTestFinished(() => live.close());
  const copy = await live.copy('gone');
  const addresses = [await border.newPod(), await border.newPod(), await border.newPod(), await border.newPod()];
  for (const ip of addresses) await border.arrives(ip);
  await until(
    () => live.holds('edge'),
    (held) => held.length === addresses.length,
  );
  const before = await border.settled();
  await live.server.down();
  await until(
    () => copy.standing(),
    (text) => text.includes('frozen'),
    LONG_MS,
  );
  expect(await live.table('edge')).toBe(before);
  // First there is nothing, then everything but one pod comes back, in the order in which somebody would install it.
  await live.server.wipe();
  await pause(20_000);
  expect(await live.table('edge')).toBe(before);
  await live.furnish();
  const [lost = '', ...kept] = addresses;
  for (const [index, ip] of kept.entries()) await live.pod(`back-${index}`, ip);
  const late = await border.newPod();
  await until(
    () => live.holds('edge'),
    (held) => held.includes(late) && !held.includes(lost),
    LONG_MS,
  );
  expect(await live.holds('edge')).toEqual(await live.addresses());
  await until(
    () => live.status('borderfirewalls', 'edge'),
    (status) => status.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false,
  );
});

test.concurrent('the server is restored from a backup that has less than half of the pods: nothing is removed until they are back', async ({
  onTestFinished,
}) => {
  const border = await EdgeBorder.open();
  const { live } = border;
  onTestFinished(() => live.close());
  const copy = await live.copy('restored');
  const few = [await border.newPod(), await border.newPod()];
  for (const ip of few) await border.arrives(ip);
  await live.server.save();
  const many = [];
  for (let index = 0; index < 12; index++) many.push(await border.newPod());
  for (const ip of many) await border.arrives(ip);
  const all = await live.addresses();
  const before = await border.settled();
  await live.server.restore();
  await until(
    () => copy.standing(),
    (text) => /frozen: .* objects of pods vanished/.test(text),
    LONG_MS,
  );
  // Longer than what looks sound has to look so.
  await pause(70_000);
  expect(await live.table('edge')).toBe(before);
  for (const ip of many) await live.pod(podAt(ip), ip);
  const late = await border.newPod();
  await until(
    () => live.holds('edge'),
    (held) => held.includes(late),
    LONG_MS,
  );
  expect(await live.holds('edge')).toEqual([...all, late].toSorted());
});
