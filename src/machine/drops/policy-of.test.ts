import { expect, test } from 'vitest';
import { cwnp, firewall, service, smallMachine } from '../../../test/kit/machine.ts';
import { PolicyNames } from './policy-of.ts';

const { text } = smallMachine(
  firewall('{ logAcceptedConnections: true }') +
    cwnp(
      'mail',
      '{ egress: [{ to: [{ cidr: 198.51.100.0/24, except: [198.51.100.7/32] }], ports: [{ port: 25 }, { port: 465, endPort: 587 }] }] }',
    ) +
    cwnp('names', '{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 53, protocol: UDP }] }] }') +
    service('web', 'spec: { type: LoadBalancer, loadBalancerIP: 203.0.113.80, ports: [{ port: 443 }] }'),
);
const accepted = 'nftables-firewall-accepted: ';
const out = { SRC: '10.0.0.10', DST: '198.51.100.9', PROTO: 'TCP', DPT: '25', ACTION: 'accept' };

test.each([
  [out, 'accept traffic for np mail tcp'],
  [{ ...out, DPT: '500' }, 'accept traffic for np mail tcp'],
  [{ ...out, DST: '198.51.100.7' }, undefined],
  [{ ...out, SRC: '192.0.2.1' }, undefined],
  [{ ...out, PROTO: 'UDP', DPT: '53' }, 'accept traffic for np names udp'],
  [{ ...out, PROTO: 'UDP' }, undefined],
  [{ ...out, SRC: '192.0.2.1', DST: '203.0.113.80', DPT: '443' }, 'accept traffic for k8s service shop/web'],
  [{ ...out, SRC: 'nonsense' }, undefined],
  [{ ...out, PROTO: 'ICMP' }, undefined],
])('%o', (fields, name) => {
  expect(new PolicyNames(text).nameOf(accepted, fields)).toBe(name);
});

test('what is dropped is so by the base rules, or because no policy allows it', () => {
  const names = new PolicyNames('');
  const fields = { ACTION: 'drop' };
  expect(names.nameOf('nftables-metal-dropped: ', fields)).toBe('base');
  expect(names.nameOf('nftables-firewall-dropped: ', fields)).toBe('none');
});
