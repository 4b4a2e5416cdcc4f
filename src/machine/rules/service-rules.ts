import { show } from '../../api/shape.ts';
import type { Scope } from '../../api/scope.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { type Address, type Family, formatAddress, parseAddress } from '../../ip/address.ts';
import { type Prefix, parsePrefix, prefixOf } from '../../ip/prefix.ts';
import type { AllowedNetworks } from '../kinds/firewall.ts';
import type { Service } from '../kinds/service.ts';
import { scopeOf } from '../subject.ts';
import { forbidden, isAllowed } from './allowed.ts';
import { header, inlineSet, portRule, prefixMatch, type RuleUnit } from './text.ts';

interface ServiceContext {
  readonly allowed: AllowedNetworks | undefined;
  readonly log: boolean;
}

/**
 * The rules of one Service: from its source ranges to its own addresses, family by family. Without an address nothing is opened, whatever
 * today's controller does: its rule without a destination lets the ports through to everything behind the firewall (reference 4.6).
 */
export function serviceRules(
  service: Service,
  context: ServiceContext,
  diagnostics: Diagnostic[],
): readonly RuleUnit[] {
  const { type, subject } = service;
  if (type !== 'LoadBalancer' && type !== 'NodePort') return [];
  const scope = scopeOf(subject, diagnostics);
  if (type === 'NodePort') {
    if (service.sourceRanges.length > 0)
      scope.warning(
        'SERVICE_PENDING',
        'a Service of type NodePort has no address of its own, so its source ranges open nothing; use type LoadBalancer',
        'spec',
        'loadBalancerSourceRanges',
      );
    return [];
  }
  const [ranges] = service.sourceRanges;
  if (ranges !== undefined && service.isRangedBesides)
    scope.warning(
      'SERVICE_NARROWED',
      'says who may come, and nobody else does, as in the cluster itself',
      ...ranges.path,
    );
  const sources = readSources(service, scope);
  const addresses = readAddresses(service, context.allowed, scope);
  if (service.addresses.length === 0 && service.sourceRanges.length > 0)
    scope.warning(
      'SERVICE_PENDING',
      'has no address yet; nothing is opened until it has one',
      'status',
      'loadBalancer',
    );
  return ([4, 6] as const).flatMap((family) => {
    if (sources.length > 0 && isShut(service, family, sources, addresses))
      scope.warning(
        'SERVICE_NARROWED',
        `none of them is of IPv${family}, so nobody comes to its addresses of IPv${family}`,
        'spec',
        'loadBalancerSourceRanges',
      );
    return rulesOfFamily(service, family, sources, addresses, context.log);
  });
}

/** Whether source ranges of the other family alone let nobody of this one in. */
function isShut(
  { sourceRanges }: Service,
  family: Family,
  sources: readonly Prefix[],
  addresses: readonly Address[],
): boolean {
  return (
    sourceRanges.length > 0 &&
    addresses.some((address) => address.family === family) &&
    !sources.some((source) => source.family === family)
  );
}

function rulesOfFamily(
  service: Service,
  family: Family,
  sources: readonly Prefix[],
  addresses: readonly Address[],
  log: boolean,
): readonly RuleUnit[] {
  const to = addresses.filter((address) => address.family === family).map(formatAddress);
  if (to.length === 0 || isShut(service, family, sources, addresses)) return [];
  const from = prefixMatch('saddr', '', family, sources);
  const matches = [...from, `${header(family)} daddr ${inlineSet(to)}`];
  const words = `accept traffic for k8s service ${service.namespace}/${service.name}`;
  const owner = service.subject.object ?? words;
  return (['TCP', 'UDP'] as const).flatMap((protocol) => {
    const ports = service.ports.filter((given) => given.protocol === protocol).map(({ port }) => String(port));
    if (ports.length === 0) return [];
    return [portRule(owner, matches, protocol === 'TCP' ? 'tcp' : 'udp', ports, log, words)];
  });
}

function readSources({ sourceRanges }: Service, scope: Scope): readonly Prefix[] {
  return sourceRanges.flatMap(({ text, path }) => {
    // The API server takes spaces around them.
    const read = parsePrefix(text.trim(), { hostBits: 'mask' });
    if ('value' in read) return [read.value];
    scope.otherwise('It lets nobody in.').mistake('SERVICE_ADDRESS', read.problem, ...path);
    return [];
  });
}

function readAddresses({ addresses }: Service, allowed: AllowedNetworks | undefined, scope: Scope): readonly Address[] {
  return addresses.flatMap(({ text, path }) => {
    const read = parseAddress(text);
    if (read === undefined) {
      scope
        .otherwise('Nothing is opened towards it.')
        .mistake('SERVICE_ADDRESS', `${show(text)} is no IP address`, ...path);
      return [];
    }
    if (allowed === undefined || isAllowed(prefixOf(read), allowed.ingress)) return [read];
    scope
      .otherwise('Nothing is opened towards it.')
      .mistake('SERVICE_ADDRESS', forbidden(prefixOf(read), allowed.ingress), ...path);
    return [];
  });
}
