import type { Flow } from '../../src/engine/packet.ts';
import { type World, loadWorld } from '../../src/engine/world.ts';
import { namespace, pod } from './objects.ts';
import type { PlainObject } from './plain-objects.ts';

/** `10.0.0.1 -> 10.0.0.2:80/TCP`, `… ICMP 8.0`; the answer as `egress | ingress`, each hop as `allow tier policy#rule reason (passes)`. */
export function ask(world: World, question: string): string {
  const { allowed, egress, ingress } = world.verdict(flowOf(question));
  const hops = [egress, ingress].map((hop) => {
    if (hop === undefined) return '-';
    const where = [hop.tier, hop.policy === undefined ? undefined : `${hop.policy}#${hop.rule}`].filter(
      (part) => part !== undefined,
    );
    const passed = hop.passes === undefined ? [] : [`after ${hop.passes.join(', ')}`];
    return [hop.allowed ? 'allow' : 'deny', ...where, hop.reason, ...passed].join(' ');
  });
  return `${allowed ? 'yes' : 'no'}: ${hops.join(' | ')}`;
}

export function flowOf(question: string): Flow {
  const [src = '', , rest = '', icmp] = question.split(' ');
  if (icmp !== undefined) {
    const [type, code] = (question.split(' ')[4] ?? '8.0').split('.').map(Number);
    return {
      src,
      dst: rest,
      proto: icmp,
      ...(type === undefined ? {} : { icmpType: type }),
      ...(code === undefined ? {} : { icmpCode: code }),
    };
  }
  const slash = rest.lastIndexOf('/');
  const colon = rest.lastIndexOf(':', slash);
  const dst = rest.slice(0, colon).replace(/^\[|\]$/g, '');
  return { src, dst, proto: rest.slice(slash + 1), dport: Number(rest.slice(colon + 1, slash)), sport: 40_000 };
}

/** The addresses of `a/web` and `b/db`, and one outside. */
export const A = '10.0.0.1';
export const B = '10.0.0.2';
export const OUT = '198.51.100.7';
/** Two namespaces with a pod each, both families. */
export const cluster = [
  namespace('a', { env: 'prod' }),
  namespace('b', { env: 'test' }),
  pod('a/web', { labels: { app: 'web' }, ips: [A, 'fd00::1'], ports: ['http:80', 'http:81/UDP', 'admin:9000'] }),
  pod('b/db', { labels: { app: 'db' }, ips: [B, 'fd00::2'], ports: ['http:8080'] }),
];
/** The world of `cluster` and more. */
export const web = (...more: PlainObject[]): World => loadWorld([...cluster, ...more]);
export const everywhere = { selector: 'all()' };
export const allowAll = [{ action: 'Allow' }];
