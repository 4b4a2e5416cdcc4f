import { randomBytes } from 'node:crypto';
import type { Simulate } from '../frame/simulated.ts';
import { MetalApi } from './metal-api.ts';
import type { Firewall, Network } from './store.ts';

const DAY_MS = 86_400_000;
const PROJECT = '00000000-0000-4000-8000-000000000001';
const NETWORKS: readonly Network[] = [
  { id: 'nodes', prefixes: ['10.0.0.0/22'], vrf: 42 },
  { id: 'internet', prefixes: ['198.51.100.0/24'], destinationprefixes: ['0.0.0.0/0'], vrf: 104_009 },
  { id: 'underlay', prefixes: ['10.1.0.0/24'], vrf: 0 },
];
const FIREWALL: Firewall = {
  id: '00000000-0000-4000-8000-000000000002',
  allocation: {
    name: 'fw-1',
    hostname: 'fw-1',
    project: PROJECT,
    networks: [
      {
        networkid: 'nodes',
        networktype: 'privateprimaryunshared',
        vrf: 42,
        prefixes: ['10.0.0.0/22'],
        ips: ['10.0.0.1'],
      },
      {
        networkid: 'internet',
        networktype: 'external',
        vrf: 104_009,
        nat: true,
        prefixes: ['198.51.100.0/24'],
        destinationprefixes: ['0.0.0.0/0'],
        ips: ['198.51.100.2'],
      },
      { networkid: 'underlay', networktype: 'underlay', vrf: 0, prefixes: ['10.1.0.0/24'], ips: ['10.1.0.1'] },
    ],
    firewall_rules: { egress: [{ protocol: 'tcp', ports: [443], to: ['0.0.0.0/0'], comment: 'allow https' }] },
  },
};

/** `sallyport simulate metal`: both metal-apis over one firewall, which a hand changes by `PUT URL/simulate/firewall` (v1's form, JSON). */
export const simulateMetal: Simulate = async ({ version, model, listen, latencyMs, say }) => {
  if (version !== undefined) throw new Error('both metal-apis are simulated at once; there is no version to choose');
  if (model !== undefined) throw new Error('a metal-api has no model');
  const hmac = randomBytes(12).toString('hex');
  const token = randomBytes(12).toString('hex');
  const api = await MetalApi.start({ secrets: { 'Metal-View': hmac }, listen, latencyMs, say, hasHand: true });
  const methods = ['MachineService/List', 'MachineService/Get', 'NetworkService/Get'];
  api.grants.set(token, {
    methods: methods.map((method) => `/metalstack.api.v2.${method}`),
    projects: [PROJECT],
    expires: Date.now() + 365 * DAY_MS,
  });
  for (const network of NETWORKS) api.store.putNetwork(network);
  api.store.putFirewall(FIREWALL);
  return {
    title: 'metal-api v1 (REST) and metal-apiserver v2 (Connect)',
    url: api.url,
    credentials: { hmac, type: 'Metal-View', token, projectID: PROJECT, name: FIREWALL.allocation.hostname },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
};
