import { afterAll, beforeAll, expect, test } from 'vitest';
import { FirewallMachine } from '../../kit/firewall-machine.ts';
import { policyCases } from './policy-cases.ts';
import { policy, rendered, service } from './rendered.ts';
import { serviceCases } from './service-cases.ts';

// What the cases of this folder come to is a file that a kernel takes: it forwards by it from the first line to the last.

let world: FirewallMachine;
beforeAll(async () => {
  world = await FirewallMachine.open();
});
afterAll(async () => world.close());

test('nft takes the file of every case', async () => {
  const files = await Promise.all(
    [
      ...policyCases.map(({ spec, ...rest }) => ({ ...rest, objects: [policy('p', spec)] })),
      ...serviceCases.map(({ spec, addresses, ...rest }) => ({ ...rest, objects: [service('web', spec, addresses)] })),
    ].map(async ({ firewall, objects }) => rendered({ objects, ...(firewall === undefined ? {} : { firewall }) })),
  );
  // All in one transaction that is not kept, each as a table of its own.
  const input = files
    .map(({ text }, n) => `${text.replace('table inet firewall {', `table inet firewall_${n} {`)}\n`)
    .join('');
  expect(await world.machine.run('nft', ['-c', '-f', '-'], { input })).toMatchObject({ code: 0, stderr: '' });
});

test('nft takes what is odd and not wrong: ports twice and in each other, nets in each other, lists of thousands', async () => {
  const { text, rules, said } = await rendered({
    firewall:
      'internalPrefixes: [10.0.0.0/8, 10.1.0.0/16], rateLimits: [{ networkID: internet, rate: 4294967295 }], egressRules: [{ networkID: internet, ips: [203.0.113.7, 203.0.113.7] }, { networkID: internet, ips: [203.0.113.8] }]',
    objects: [
      policy(
        'ports',
        'ingress: [{ ports: [{ port: 80 }, { port: 80 }, { port: 70, endPort: 90 }, { port: 80, endPort: 80 }] }]',
      ),
      policy(
        'nets',
        'ingress: [{ from: [{ cidr: 192.0.2.0/24 }, { cidr: 192.0.2.128/25 }, { cidr: 0.0.0.0/0 }], ports: [{ port: 1 }] }]',
      ),
      policy(
        'all-out',
        'egress: [{ to: [{ cidr: 192.0.2.0/24, except: [192.0.2.0/24] }, { cidr: "::/0" }], ports: [{ port: 1 }] }]',
      ),
      policy(
        'many',
        `ingress: [{ from: [${Array.from({ length: 2_000 }, (_, n) => `{ cidr: 11.${n >> 8}.${n & 255}.0/24 }`).join(', ')}], ports: [${Array.from({ length: 2_000 }, (_, n) => `{ port: ${2 * n + 1} }`).join(', ')}] }]`,
      ),
      service(
        'web',
        'type: LoadBalancer, loadBalancerIP: 203.0.113.80, ports: [{ port: 443 }]',
        '{ ip: 203.0.113.80 }',
      ),
    ],
  });
  expect([rules.length, said.filter((line) => line.startsWith('error'))]).toEqual([6, []]);
  await world.load(text);
});
