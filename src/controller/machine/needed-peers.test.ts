import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formatPrefix } from '../../ip/prefix.ts';
import type { SourcePlace } from '../configuration/source-places.ts';
import { flowsTo, neededPeers } from './needed-peers.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-peers-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('API servers, the metal-api, resolvers and the droptailer, as far as they are known', async () => {
  writeFileSync(
    join(folder, 'seed'),
    'clusters: [{ name: c, cluster: { server: "https://[2001:db8::6]:6443" } }]\ncontexts: [{ name: c, context: { cluster: c } }]\ncurrent-context: c\n',
  );
  const cluster = (server: string, proxy: string): string =>
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server, 'proxy-url': proxy } }],
      contexts: [{ name: 'c', context: { cluster: 'c' } }],
      'current-context': 'c',
    });
  writeFileSync(join(folder, 'behind'), cluster('https://api.example.org', 'http://proxy.example.org:3128'));
  writeFileSync(join(folder, 'shoot'), cluster('https://shoot.example.org', ''));
  writeFileSync(join(folder, 'resolv.conf'), 'search x\nnameserver 8.8.8.8\nnameserver fe80::1%eth0\n');
  const metal = { type: 'metal', url: 'https://api.example.org/metal' } as SourcePlace;
  const sources = new Map<string, SourcePlace>([
    ['seed', { type: 'kubernetes', kubeconfig: join(folder, 'seed') }],
    ['gone', { type: 'kubernetes', kubeconfig: join(folder, 'none') }],
    ['inside', { type: 'kubernetes' }],
    ['behind', { type: 'kubernetes', kubeconfig: join(folder, 'behind') }],
    ['shoot', { type: 'kubernetes', shootAccess: 'seed' }],
    ['metal', metal],
  ]);
  const files = {
    resolvers: join(folder, 'resolv.conf'),
    droptailer: 'droptailer:50051',
    environment: { KUBERNETES_SERVICE_HOST: '10.96.0.1' },
  };
  const shootAccess = join(folder, 'shoot');
  const shipping = (droptailer: boolean) => ({ sources, machine: { shootAccess, firewall: { droptailer } } });
  const peers = await neededPeers(shipping(true), files);
  expect(await neededPeers(shipping(false), files)).toEqual(peers.slice(0, -1));
  expect(peers.map(({ name, host, port, protocol }) => `${name}: ${host} ${protocol} ${port}`)).toEqual([
    'API server of source seed: 2001:db8::6 tcp 6443',
    'API server of source inside: 10.96.0.1 tcp 443',
    'API server of source behind: proxy.example.org tcp 3128',
    'API server of source shoot: shoot.example.org tcp 443',
    'metal-api of source metal: api.example.org tcp 443',
    'DNS resolver 8.8.8.8: 8.8.8.8 udp 53',
    'DNS resolver 8.8.8.8 over TCP: 8.8.8.8 tcp 53',
    'DNS resolver fe80::1%eth0: fe80::1 udp 53',
    'DNS resolver fe80::1%eth0 over TCP: fe80::1 tcp 53',
    'droptailer server: droptailer tcp 50051',
  ]);
  // Another kubeconfig in its place counts with the next look.
  writeFileSync(shootAccess, cluster('https://[2001:db8::7]:8443', ''));
  const changed = await neededPeers(shipping(false), files);
  expect(changed.find(({ name }) => name.endsWith('shoot'))).toMatchObject({ host: '2001:db8::7', port: 8443 });
  const [first] = peers;
  const [flow] = first === undefined ? [] : await flowsTo(first);
  expect(flow?.peer === undefined ? undefined : formatPrefix(flow.peer)).toBe('2001:db8::6/128');
});
