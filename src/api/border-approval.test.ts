import { expect, test } from 'vitest';
import { readResource } from './read.ts';
import type { BorderApproval } from './resource.ts';

const digest = '0123456789abcdef'.repeat(4);

function read(more: object, spec: object = { firewall: 'edge-1', digest }): BorderApproval | undefined {
  const { resource } = readResource(
    { apiVersion: 'sallyport.dev/v1alpha1', kind: 'BorderApproval', metadata: { name: 'yes', ...more }, spec, ...more },
    {},
  );
  return resource?.type === 'BorderApproval' ? resource : undefined;
}

test('a yes names a firewall, a digest, and when the API server took it', () => {
  const yes = read({ metadata: { name: 'yes', creationTimestamp: '2026-01-05T12:00:00Z' } });
  expect(yes).toMatchObject({ firewall: 'edge-1', digest, spent: false, createdAt: Date.UTC(2026, 0, 5, 12) });
});

test.each([
  ['no digest', { firewall: 'edge-1' }],
  ['half a digest', { firewall: 'edge-1', digest: digest.slice(1) }],
  ['no firewall', { digest }],
  ['a field more', { firewall: 'edge-1', digest, also: 'edge-2' }],
])('%s is no yes', (_, spec) => {
  expect(read({}, spec)).toBeUndefined();
});

test.each([
  ['used', { state: 'Used' }],
  ['a state that nobody knows', { state: 'Fresh' }],
  ['a field that nobody knows', { used: true }],
  ['a list', ['Used']],
])('a yes whose status says %s is spent', (_, status) => {
  expect(read({ status })?.spent ?? true).toBe(true);
});

test('an empty status says nothing', () => {
  expect(read({ status: {} })?.spent).toBe(false);
});
