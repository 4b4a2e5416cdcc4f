import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { checkClock, checkServer, OLDEST_MINOR } from './server.ts';

test('clocks that are apart are told by how far', () => {
  const said = (apart: number): string => {
    const theirs = Date.parse('2026-11-21T10:00:00Z');
    const { result, message } = checkClock({ clocks: { theirs, ours: theirs + 500 + apart } });
    return `${result} ${message}`;
  };
  expect([0, 4_000, 6_000, -59_000, -61_000].map(said)).toMatchInlineSnapshot(`
    [
      "OK ours and that of the API server agree",
      "OK ours and that of the API server agree",
      "Warning ours is 6 s ahead of that of the API server",
      "Warning ours is 59 s behind that of the API server",
      "Error ours is 61 s behind that of the API server; certificates, tokens and approvals may count as not yet valid, or as expired",
    ]
  `);
  fc.assert(
    fc.property(fc.integer({ min: -1e9, max: 1e9 }), (apart) => {
      const far = Math.abs(apart);
      const expected = far > 60_000 ? 'Error' : far > 5_000 ? 'Warning' : 'OK';
      expect(said(apart).split(' ', 1)[0]).toBe(expected);
    }),
  );
});

test('the oldest version is the one that the chart asks for', () => {
  expect(readFileSync('deploy/chart/Chart.yaml', 'utf8')).toContain(`kubeVersion: '>=1.${OLDEST_MINOR}.0-0'`);
});

test.each([
  ['v1.29.14', 'Error'],
  ['v1.30.0', 'OK'],
  ['v1.36.3+k3s1', 'OK'],
  ['v2.0.0', 'Warning'],
  ['nonsense', 'Warning'],
])('a server of version %s is %s', async (gitVersion, result) => {
  const api = { title: 'server', call: () => Promise.resolve({ gitVersion }) } as unknown as ApiClient;
  expect((await checkServer(api, 'server', new AbortController().signal)).result).toBe(result);
});
