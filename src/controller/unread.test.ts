import { expect, test } from 'vitest';
import type { FirewallView } from '../border/firewall-view.ts';
import { readText } from '../sources/manifests/reading.ts';
import { wantedBy } from './unread.ts';

const text = (name: string, more = ''): string =>
  `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: ${name}}, spec: {driver: nftables, address: local, workloads: {}, guard: {after: [edge-9]}${more}}}`;

test('of firewalls that cannot be read one copy each has the right to speak, and of those that once could what was known stays', () => {
  const { resources } = readText([text('edge-1'), text('edge-2')].join('\n---\n'), 'before.yaml');
  const firewalls = new Map(
    resources.map((firewall) => [firewall.name, { firewall, findings: [] } as unknown as FirewallView]),
  );
  const nonsense = ', destinations: [nowhere]';
  const { unread } = readText([text('edge-2', nonsense), text('edge-3', nonsense)].join('\n---\n'), 'now.yaml');
  const wanted = wantedBy({ firewalls, unread: new Map(unread.map((one) => [one.name, one])) });
  expect(wanted.map(({ name, guard }) => [name, guard.after])).toEqual([
    ['edge-1', ['edge-9']],
    ['edge-2', ['edge-9']],
    ['edge-3', []],
  ]);
});
