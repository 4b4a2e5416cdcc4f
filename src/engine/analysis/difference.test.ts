import { describe, expect, test } from 'vitest';
import { namespace, pod } from '../../../test/kit/objects.ts';
import { loadWorld } from '../world.ts';
import type { Connection } from './connections.ts';
import { diffWorlds } from './difference.ts';

const outOnly = (name: string, ...nets: string[]): object => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'NetworkPolicy',
  metadata: { namespace: 'shop', name },
  spec: {
    selector: `app == '${name}'`,
    types: ['Ingress', 'Egress'],
    egress: [{ action: 'Allow', protocol: 'TCP', destination: { nets, ports: [443] } }],
  },
});
const shop = namespace('shop');
const web = (ip: string): object => pod('shop/web', { labels: { app: 'web' }, ips: [ip] });

const short = (connections: readonly Connection[]): readonly string[] =>
  connections.map(
    ({ from, to, services }) =>
      `${[...from.workloads, ...from.nets].join(', ')} -> ${[...to.workloads, ...to.nets].join(', ')}: ${services.map(({ text }) => text).join('; ')}`,
  );

function difference(before: object[], after: object[]): object {
  const { gained, lost, ...rest } = diffWorlds(loadWorld(before), loadWorld(after));
  return { gained: short(gained), lost: short(lost), ...rest };
}

describe('the difference of two worlds', () => {
  test('is what a rule gives and takes, and nothing of what stays', () => {
    expect(
      difference(
        [shop, web('10.0.0.1'), outOnly('web', '203.0.113.0/24', '198.51.100.0/24')],
        [shop, web('10.0.0.1'), outOnly('web', '203.0.113.0/24', '192.0.2.0/24')],
      ),
    ).toEqual({
      gained: ['Pod/shop/web -> 192.0.2.0/24: TCP 443'],
      lost: ['Pod/shop/web -> 198.51.100.0/24: TCP 443'],
      gone: [],
      come: [],
    });
  });

  test('does not mind that an endpoint has another address', () => {
    const rules = outOnly('web', '203.0.113.0/24');
    expect(difference([shop, web('10.0.0.1'), rules], [shop, web('10.0.9.9'), rules])).toEqual({
      gained: [],
      lost: [],
      gone: [],
      come: [],
    });
  });

  test('names endpoints that are only in one, with all they may', () => {
    const rules = outOnly('web', '203.0.113.0/24');
    expect(difference([shop, rules], [shop, rules, web('10.0.0.1')])).toEqual({
      gained: ['Pod/shop/web -> 203.0.113.0/24: TCP 443'],
      lost: [],
      gone: [],
      come: ['pod:shop/web'],
    });
  });
});
