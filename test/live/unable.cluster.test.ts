/** Firewalls on the machine of whoever works at them, and copies elsewhere that cannot: with processes that have no capability, as in a pod. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LiveBorder, until } from '../kit/live-border.ts';

let live: LiveBorder;

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: ['edge-a'] });
});
afterAll(() => live.close());

/** Status and reason of `Ready`, and who writes. */
async function standing(): Promise<string> {
  const { conditions = [], writer } = await live.status('borderfirewalls', 'edge-a');
  const ready = conditions.find(({ type }) => type === 'Ready');
  return `${ready?.status} ${ready?.reason} ${String(writer)}`;
}

const stands = (text: string): Promise<string> => until(standing, (seen) => seen === text);
const version = async (): Promise<unknown> =>
  (await live.admin.json('GET', '/apis/sallyport.dev/v1alpha1/borderfirewalls/edge-a')).metadata.resourceVersion;

test('copies that cannot run nft where they are leave a firewall to the one that can, and say so while there is none', async () => {
  await live.pod('till-1', '10.1.0.1');
  const pods = [await live.unableCopy('pod-1'), await live.unableCopy('pod-2')];
  await stands('False NOBODY_THERE undefined');
  const { conditions = [] } = await live.status('borderfirewalls', 'edge-a');
  expect(conditions.find(({ type }) => type === 'Stalled')?.message).toContain('run Sallyport on the firewall machine');
  const said = await version();
  expect([await live.table('edge-a'), (await live.holder('edge-a')).name]).toEqual(['', '']);
  for (const pod of pods) {
    expect(await pod.standing()).toContain('edge-a (nobody; this copy cannot where it is)');
    expect(pod.said('leaves firewalls on its own machine')).toMatchObject([{ code: 'DEVICE_RIGHTS' }]);
  }

  const machine = await live.copy('machine');
  await stands('True Confirmed machine');
  expect(await live.holds('edge-a')).toEqual(['10.1.0.1']);
  // Between those two words nobody said anything else.
  expect(pods.flatMap((pod) => pod.trail('edge-a'))).toEqual([]);
  const { epoch } = await live.holder('edge-a');
  expect([epoch, Number(await version()) > Number(said)]).toEqual([1, true]);

  // It dies without a word: what it held stays, and the status does not go on saying that somebody follows.
  machine.signal('SIGKILL');
  await stands('False NOBODY_THERE undefined');
  expect(await live.holds('edge-a')).toEqual(['10.1.0.1']);
  const again = await version();
  await live.pod('till-2', '10.1.0.2');
  await live.copy('machine');
  await stands('True Confirmed machine');
  expect(await live.holds('edge-a')).toEqual(['10.1.0.1', '10.1.0.2']);
  expect(Number(await version())).toBeGreaterThan(Number(again));
});
