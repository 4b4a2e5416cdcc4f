import { expect, test } from 'vitest';
import type { BorderFirewall } from '../../api/resource.ts';
import { readText } from '../../sources/manifests/reading.ts';
import { deviceMistakes } from './device-mistakes.ts';

function firewall(spec: string): BorderFirewall {
  const text = `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: edge-1}, spec: {workloads: {}, ${spec}}}`;
  const { resources, diagnostics } = readText(text, 'edge.yaml');
  expect(diagnostics).toEqual([]);
  const [read] = [...resources.values()];
  if (read?.type !== 'BorderFirewall') throw new Error('no BorderFirewall was read');
  return read;
}

test.each([
  ['driver: nftables, address: local', []],
  ['driver: nftabels, address: local', ['error DEVICE_DRIVER spec.driver']],
  ['driver: nftables, address: "ssh:/edge"', ['error DEVICE_ADDRESS spec.address']],
  ['driver: nftables, address: local, options: {position: top}', ['error DEVICE_OPTIONS spec.options.position']],
  ['driver: nftables, address: local, credentialsRef: {file: key}', ['error DEVICE_SETTING spec.credentialsRef']],
  ['driver: nftables, address: local, tls: {pin: "sha256:abc"}', ['error DEVICE_SETTING spec.tls']],
  ['driver: nftables, address: local, adopt: [web]', ['error DEVICE_SETTING spec.adopt']],
  ['driver: nftables, address: local, approximate: Wider', ['warning DEVICE_SETTING_UNUSED spec.approximate']],
  ['driver: nftables, address: local, readiness: {timeout: 30s, onTimeout: Release}, approximate: Never', []],
])('{ %s } is told about', (spec, expected) => {
  const found = deviceMistakes(firewall(spec));
  expect(found.map(({ severity, code, path }) => `${severity} ${code} ${path}`)).toEqual(expected);
  for (const { object, at } of found) expect([object, at?.file]).toEqual(['BorderFirewall/edge-1', 'edge.yaml']);
});

test.each(['nftables', 'fortigate', 'panos', 'feed'])('what lets somebody in is not said: driver %s', (driver) => {
  const found = deviceMistakes(firewall(`driver: ${driver}, address: "https://admin:hunter2@fw"`));
  expect(found.map(({ path }) => path)).toContain('spec.address');
  expect(JSON.stringify(found)).not.toContain('hunter2');
});

test('all that is wrong with one is said at once', () => {
  const found = deviceMistakes(firewall('driver: nftables, address: nowhere, tls: {pin: a}, adopt: [a]'));
  expect(found.map(({ path }) => path)).toEqual(['spec.address', 'spec.tls', 'spec.adopt']);
});

const PANOS = 'driver: panos, address: "https://fw", credentialsRef: {file: key}';

test.each([
  [
    'driver: nftables, address: local, options: {position: top}',
    'options.position',
    'there is no field "position" here; no field is possible here; remove it',
  ],
  [
    `${PANOS}, options: {postion: First}`,
    'options.postion',
    'there is no field "postion" here; did you mean "position"?',
  ],
  [`${PANOS}, options: {form: full}`, 'options.form', '"full" is not possible here; did you mean Full?'],
  [
    `${PANOS}, options: {position: 3}`,
    'options.position',
    '3 is not possible here: write First, Last, {before: RULE} or {after: RULE}',
  ],
])('{ %s } is corrected', (spec, path, message) => {
  expect(deviceMistakes(firewall(spec))).toMatchObject([{ code: 'DEVICE_OPTIONS', path: `spec.${path}`, message }]);
});
