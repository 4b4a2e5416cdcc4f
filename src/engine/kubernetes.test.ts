import { describe, expect, test } from 'vitest';
import { kubernetesPolicy, pod } from '../../test/kit/objects.ts';
import { A, B, ask, web } from '../../test/kit/two-pods.ts';

describe('8: Kubernetes NetworkPolicy', () => {
  test('8.1.4 ipBlock with exceptions, both families; pods are matched by their address', () => {
    const from = [
      { ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.2/32'] } },
      { ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] } },
    ];
    const world = web(
      pod('b/x', { ips: ['10.0.0.3'] }),
      kubernetesPolicy('a/k', { podSelector: {}, ingress: [{ from }] }),
    );
    expect(ask(world, `10.0.0.3 -> ${A}:80/TCP`)).toBe(
      'yes: allow Profile/kns.b#0 profile | allow default KubernetesNetworkPolicy/a/k#0 rule',
    );
    expect(world.verdict({ src: B, dst: A, proto: 'TCP' }).ingress?.allowed).toBe(false);
    expect(world.verdict({ src: '2001:db8::9', dst: 'fd00::1', proto: 'TCP' }).ingress?.rule).toBe(1);
    expect(world.verdict({ src: '2001:db8:1::9', dst: 'fd00::1', proto: 'TCP' }).ingress?.allowed).toBe(false);
  });

  test('8.2.6 one rule for each protocol by name and each peer; an entry without a port absorbs the others', () => {
    const ports = [{ protocol: 'UDP', port: 53 }, { port: 80, endPort: 90 }, { port: 'admin' }, { protocol: 'UDP' }];
    const from = [{ podSelector: { matchLabels: { app: 'db' } } }, { namespaceSelector: {} }];
    const world = web(kubernetesPolicy('a/k', { podSelector: {}, ingress: [{ from, ports }] }));
    const rules = world.engine.policies
      .get('KubernetesNetworkPolicy/a/k')
      ?.ingress?.map(({ index, protocol, source, destination }) => [
        index,
        protocol,
        source.selector?.canonical,
        destination.ports === undefined
          ? 'any'
          : `${destination.ports.numbers.toString()} ${destination.ports.names.join(' ')}`,
      ]);
    const orchestrated = 'projectcalico.org/orchestrator == "k8s"';
    const own = `(projectcalico.org/namespace == "a" && (${orchestrated} && app == "db"))`;
    const any = `(has(projectcalico.org/namespace) && ${orchestrated})`;
    expect(rules).toEqual([
      [0, 6, own, '80-90 admin'],
      [1, 6, any, '80-90 admin'],
      [2, 17, own, 'any'],
      [3, 17, any, 'any'],
    ]);
    expect(ask(world, `${B} -> ${A}:9000/TCP`)).toBe(
      'yes: allow Profile/kns.b#0 profile | allow default KubernetesNetworkPolicy/a/k#1 rule',
    );
  });

  test('8.1.6 NotIn and DoesNotExist hold for an absent key; 8.2.2 in the order as written', () => {
    const podSelector = {
      matchExpressions: [
        { key: 'role', operator: 'NotIn', values: ['y', 'x'] },
        { key: 'x', operator: 'DoesNotExist' },
      ],
      matchLabels: { b: '2', a: '1' },
    };
    const world = web(kubernetesPolicy('a/k', { podSelector }));
    expect(world.policySelectors().get('KubernetesNetworkPolicy/a/k')).toBe(
      '((projectcalico.org/orchestrator == "k8s" && a == "1" && b == "2" && role not in {"x", "y"} && !has(x)) && projectcalico.org/namespace == "a")',
    );
  });

  test('8.1.2 isolation only in the directions of the policy', () => {
    const world = web(
      kubernetesPolicy('a/k', {
        podSelector: { matchLabels: { app: 'web' } },
        egress: [{ to: [{ podSelector: {} }] }],
      }),
    );
    expect(ask(world, `${A} -> ${B}:80/TCP`)).toBe('no: deny default tier-default | allow Profile/kns.b#0 profile');
    expect(ask(world, `${B} -> ${A}:80/TCP`)).toBe('no: allow Profile/kns.b#0 profile | deny default tier-default');
  });
});
