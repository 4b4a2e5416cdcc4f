import fc from 'fast-check';
import type { PlainEntity, PlainKubernetesRule, PlainPeer, PlainRule, PlainSelector } from './plain-objects.ts';
import { labelValue, some, list, labels, NETS, PORT_NAMES, without } from './random-words.ts';

// Selectors, rules and the specs of policies, all valid.

/** Selectors over these label names, in text. */
function selectorOver(names: readonly string[]): fc.Arbitrary<string> {
  const name = fc.constantFrom(...names);
  const leaf = fc.oneof(
    fc.constant('all()'),
    name.map((one) => `has(${one})`),
    fc
      .tuple(name, fc.constantFrom('==', '!=', 'contains', 'starts with'), labelValue)
      .map(([one, operator, value]) => `${one} ${operator} '${value}'`),
    fc
      .tuple(name, fc.constantFrom('in', 'not in'), list(labelValue))
      .map(([one, operator, values]) => `${one} ${operator} {${values.map((value) => `"${value}"`).join(', ')}}`),
  );
  const negated = fc.tuple(fc.constantFrom('', '!'), leaf).map(([not, text]) => `${not}${text}`);
  return fc.oneof(
    negated,
    fc.tuple(negated, fc.constantFrom('&&', '||'), negated).map(([a, operator, b]) => `(${a} ${operator} ${b})`),
  );
}

const endpointSelector = selectorOver([
  'app',
  'role',
  '__proto__',
  'projectcalico.org/namespace',
  'pcns.env',
  'pcsa.tier',
]);
export const namespaceSelector = selectorOver(['env', 'team', 'projectcalico.org/name']);
const accountSelector = selectorOver(['tier', 'projectcalico.org/name']);

const protocolAndPorts = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  fc.record({ protocol: fc.constantFrom('TCP', 'UDP', 6, 17) }),
  fc.record({ notProtocol: fc.constantFrom('TCP', 17) }),
  fc.record({
    protocol: fc.constantFrom('TCP', 'UDP'),
    ports: list(fc.constantFrom<(number | string)[]>(53, 80, '79:443', ...PORT_NAMES), 3),
    not: fc.boolean(),
  }),
  fc.record({
    ports: fc.array(fc.constantFrom(...PORT_NAMES), { minLength: 1, maxLength: 2 }),
    not: fc.constant(false),
  }),
  fc.record({
    protocol: fc.constantFrom('ICMP', 'ICMPv6', 1, 58),
    icmp: some(fc.record({ type: fc.constantFrom(8, 128, 3) })),
    notICMP: some(fc.record({ type: fc.constantFrom(8, 128), code: fc.constant(0) })),
  }),
) as fc.Arbitrary<{
  protocol?: string | number;
  notProtocol?: string | number;
  ports?: (number | string)[];
  not?: boolean;
  icmp?: PlainRule['icmp'];
  notICMP?: PlainRule['notICMP'];
}>;

function entity(family: 4 | 6 | undefined): fc.Arbitrary<PlainEntity> {
  const net = fc.constantFrom(
    ...(family === undefined ? [] : NETS[family]),
    ...(family === undefined ? ['unused'] : []),
  );
  return fc
    .record({
      nets: some(list(net)),
      notNets: some(list(net)),
      selector: some(endpointSelector),
      notSelector: fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: endpointSelector },
      ),
      namespaceSelector: fc.oneof(
        { weight: 2, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.oneof(namespaceSelector, fc.constant('global()')) },
      ),
      serviceAccounts: fc.oneof(
        { weight: 4, arbitrary: fc.constant(undefined) },
        {
          weight: 1,
          arbitrary: fc
            .record({ names: list(fc.constantFrom('s1', 's2'), 2), selector: some(accountSelector) })
            .map(without),
        },
      ),
      plain: fc.constantFrom(true, true, false),
    })
    .map(({ plain, nets, notNets, ...rest }) =>
      without(plain ? {} : { ...rest, ...(family === undefined ? {} : { nets, notNets }) }),
    ) as fc.Arbitrary<PlainEntity>;
}

export const rule: fc.Arbitrary<PlainRule> = protocolAndPorts.chain(({ ports, not, ...protocol }) => {
  const implied = { ICMP: 4, ICMPv6: 6, 1: 4, 58: 6 }[String(protocol.protocol)] as 4 | 6 | undefined;
  const family =
    implied === undefined
      ? fc.constantFrom<(4 | 6 | undefined)[]>(4, 4, 6, undefined, undefined)
      : fc.constantFrom(implied, undefined);
  return family.chain((of) =>
    fc
      .record({
        action: fc.constantFrom('Allow', 'Allow', 'Deny', 'Pass', 'Log'),
        source: entity(of),
        destination: entity(of),
        portsAt: fc.constantFrom('source', 'destination', 'destination'),
      })
      .map(({ action, source, destination, portsAt }) => {
        const withPorts = ports === undefined ? {} : not === true ? { notPorts: ports } : { ports };
        return {
          action,
          ...without(protocol),
          source: portsAt === 'source' ? { ...source, ...withPorts } : source,
          destination: portsAt === 'destination' ? { ...destination, ...withPorts } : destination,
        } as PlainRule;
      }),
  );
});

export const types = some(fc.uniqueArray(fc.constantFrom('Ingress', 'Egress'), { maxLength: 2 }));
export const calicoSpec = {
  tier: some(fc.constantFrom('default', 'first', 'second', 'gone')),
  order: some(fc.constantFrom(-5, 0, 100.5, 100.5, 1e308)),
  selector: some(endpointSelector),
  serviceAccountSelector: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: accountSelector },
  ),
  types,
  ingress: some(list(rule, 3)),
  egress: some(list(rule, 3)),
};

export const plainSelector: fc.Arbitrary<PlainSelector> = fc
  .record({
    matchLabels: some(
      labels.map((record) => Object.fromEntries(Object.entries(record).filter(([name]) => name !== '__proto__'))),
    ),
    matchExpressions: some(
      list(
        fc.oneof(
          fc.record({
            key: fc.constantFrom('app', 'role', 'env'),
            operator: fc.constantFrom('In', 'NotIn'),
            values: fc.array(labelValue, { minLength: 1, maxLength: 2 }),
          }),
          fc.record({
            key: fc.constantFrom('app', 'role', 'env'),
            operator: fc.constantFrom('Exists', 'DoesNotExist'),
          }),
        ),
        1,
      ),
    ),
  })
  .map(without) as fc.Arbitrary<PlainSelector>;

const peer: fc.Arbitrary<PlainPeer> = fc.oneof(
  fc.record({ podSelector: plainSelector }),
  fc.record({ namespaceSelector: plainSelector }),
  fc.record({ podSelector: plainSelector, namespaceSelector: plainSelector }),
  fc.constantFrom<PlainPeer[]>(
    { ipBlock: { cidr: '10.0.0.0/8' } },
    { ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.2/32', '10.0.1.0/24'] } },
    { ipBlock: { cidr: 'fd00::/64', except: ['fd00::2/128'] } },
  ),
);

const kubernetesPort = fc
  .record({
    protocol: some(fc.constantFrom('TCP', 'UDP')),
    port: some(fc.constantFrom<(number | string)[]>(53, 80, 'web', 'dns')),
    far: fc.boolean(),
  })
  .map(({ far, ...port }) => without({ ...port, ...(far && typeof port.port === 'number' ? { endPort: 443 } : {}) }));

export function kubernetesRule(side: 'from' | 'to'): fc.Arbitrary<PlainKubernetesRule> {
  return fc
    .record({ [side]: some(list(peer)), ports: some(list(kubernetesPort)) })
    .map(without) as fc.Arbitrary<PlainKubernetesRule>;
}
