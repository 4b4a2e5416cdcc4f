import { expect, test } from 'vitest';
import type { BorderFirewall } from '../../api/resource.ts';
import { FIREWALL_CONDITIONS } from '../../api/status.ts';
import { readText } from '../../sources/manifests/reading.ts';
import { firewallConditions } from './firewall-conditions.ts';

const firewall = (options = ''): BorderFirewall => {
  const text = `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge}, spec: {driver: panos, address: edge.example, workloads: {}, options: {${options}}}}`;
  const [read] = [...readText(text, 'edge.yaml').resources.values()];
  if (read?.type !== 'BorderFirewall') throw new Error('it cannot be read');
  return read;
};
const standing = { code: 'DEVICE_SETTING', message: 'it cannot be opened' };

test('every condition that a status may have is shown where something states it', () => {
  const others = FIREWALL_CONDITIONS.filter((type) => type !== 'Ready');
  for (const condition of others) {
    const finding = { condition, severity: 'error', code: 'BORDER_BLIND', object: '', path: '', message: 'so', at: {} };
    const findings = [finding as never];
    const shown = firewallConditions({ firewall: firewall(), standing, findings, mistakes: [] }, 0, undefined);
    expect(shown.map(({ type }) => type)).toContain(condition);
  }
});

test.each([
  ['form: Full, securityProfile: none', ['Ready', 'Stalled', 'Uninspected']],
  ['form: Full, securityProfile: strict', ['Ready', 'Stalled']],
  // Whoever inspects stands below.
  ['form: Filter, securityProfile: none', ['Ready', 'Stalled']],
  ['', ['Ready', 'Stalled']],
])('who lets everything through uninspected says so: {%s}', (options, types) => {
  const shown = firewallConditions({ firewall: firewall(options), standing, findings: [], mistakes: [] }, 0, undefined);
  expect(shown.map(({ type }) => type)).toEqual(types);
});
