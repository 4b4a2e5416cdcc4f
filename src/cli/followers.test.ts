import { expect, test } from 'vitest';
import { renewedLeases, unfollowedText } from './followers.ts';
import type { LeaseHolder } from './lease-holders.ts';

const NOW = Date.UTC(2026, 0, 5, 12);
const lease = (name: string, agoMs: number, more: Partial<LeaseHolder> = {}): LeaseHolder => ({
  holder: `copy-of-${name}`,
  lease: `sallyport/${name}`,
  renewed: new Date(NOW - agoMs).toISOString(),
  lastsMs: 15_000,
  version: '1',
  ...more,
});

/** Those that are renewed, and for how long was waited; `later`: as they are when they are looked at again. */
async function look(seen: readonly LeaseHolder[], later: readonly LeaseHolder[] = seen) {
  let waited = 0;
  let asked = 0;
  const again = (): Promise<readonly LeaseHolder[]> => {
    asked += 1;
    return Promise.resolve(later);
  };
  const pause = (ms: number): Promise<void> => {
    waited += ms;
    return Promise.resolve();
  };
  return { living: [...(await renewedLeases(seen, again, NOW, pause))], waited, asked };
}

test('what was renewed in time is believed at once', async () => {
  expect(await look([lease('a', 0), lease('b', 15_000)])).toEqual({
    living: ['sallyport/a', 'sallyport/b'],
    waited: 0,
    asked: 0,
  });
  // As the Lease says for how long.
  expect((await look([lease('a', 50_000, { lastsMs: 60_000 })])).waited).toBe(0);
});

test.each([
  ['too long ago', 15_001],
  ['in time to come, by a clock that is ahead', -60_000],
])('what was renewed %s is looked at again, and believed if it moves', async (_, agoMs) => {
  const before = lease('a', agoMs);
  expect(await look([before, lease('b', 0)])).toEqual({ living: ['sallyport/b'], waited: 3_000, asked: 1 });
  expect((await look([before], [{ ...before, version: '2' }])).living).toEqual(['sallyport/a']);
  // Let go of, or gone, meanwhile.
  expect((await look([before], [{ ...before, holder: '', version: '2' }])).living).toEqual([]);
  expect((await look([before], [])).living).toEqual([]);
});

test('one without a time is looked at again, one that nobody holds is not', async () => {
  expect((await look([lease('a', 0, { renewed: '' })])).waited).toBe(3_000);
  expect(await look([lease('a', 0, { holder: '' })])).toEqual({ living: [], waited: 0, asked: 0 });
});

test('since when nobody follows is told by the newest', () => {
  expect(unfollowedText([lease('old', 7_200_000), lease('new', 3_600_000)])).toBe(
    'nobody holds its Lease sallyport/new, which copy-of-new renewed last 2026-01-05T11:00:00.000Z',
  );
  expect(unfollowedText([lease('a', 60_000, { holder: '' })])).toBe(
    'nobody holds its Lease sallyport/a, which was let go of 2026-01-05T11:59:00.000Z',
  );
  expect(unfollowedText([lease('a', 0, { renewed: '' })])).toContain('at a time that it does not tell');
  expect(unfollowedText([])).toBe('it has no Lease');
});
