import fc from 'fast-check';
import type { PlainEntity, PlainRule } from './plain-objects.ts';
import { NETS, PORT_NAMES, labelValue, list, some, sometimes, without } from './random-words.ts';

// Selectors and rules of Calico's policies, all valid, of every field.

/** Selectors over these label names, in text: every operator, negations of leaves and of groups. */
function selectorOver(names: readonly string[]): fc.Arbitrary<string> {
  const name = fc.constantFrom(...names);
  const leaf = fc.oneof(
    fc.constant('all()'),
    name.map((one) => `has(${one})`),
    fc
      .tuple(name, fc.constantFrom('==', '==', '!=', 'contains', 'starts with', 'ends with'), labelValue)
      .map(([one, operator, value]) => `${one} ${operator} '${value}'`),
    fc
      .tuple(name, fc.constantFrom('in', 'not in'), list(labelValue))
      .map(([one, operator, values]) => `${one} ${operator} {${values.map((value) => `"${value}"`).join(', ')}}`),
  );
  const not = fc.constantFrom('', '', '!');
  const negated = fc.tuple(not, leaf).map(([before, text]) => before + text);
  const pair = fc
    .tuple(not, negated, fc.constantFrom('&&', '||'), negated)
    .map(([before, a, operator, b]) => `${before}(${a} ${operator} ${b})`);
  const group = fc.tuple(not, negated).map(([before, text]) => `${before}(${text})`);
  return fc.oneof(
    { weight: 6, arbitrary: negated },
    { weight: 3, arbitrary: pair },
    { weight: 1, arbitrary: group },
    { weight: 1, arbitrary: fc.tuple(pair, negated).map(([a, b]) => `${a} && ${b}`) },
  );
}

export const endpointSelector = selectorOver([
  'app',
  'app',
  'role',
  '__proto__',
  'projectcalico.org/namespace',
  'projectcalico.org/serviceaccount',
  'projectcalico.org/orchestrator',
  'pcns.env',
  'pcns.projectcalico.org/name',
  'pcsa.tier',
]);
export const namespaceSelector = selectorOver(['env', 'env', 'team', 'projectcalico.org/name']);
export const accountSelector = selectorOver(['tier', 'projectcalico.org/name']);

type Family = 4 | 6 | undefined;
interface Drawn {
  /** What the rule says of protocols. */
  readonly words: Pick<PlainRule, 'protocol' | 'notProtocol' | 'icmp' | 'notICMP'>;
  readonly family: Family;
  readonly sides: readonly [Pick<PlainEntity, 'ports' | 'notPorts'>, Pick<PlainEntity, 'ports' | 'notPorts'>];
}

const plain = (words: Drawn['words'], family?: Family): Drawn => ({ words, family, sides: [{}, {}] });
const portsAt = (entry: fc.Arbitrary<number | string>) =>
  fc
    .record({ ports: some(list(entry, 3)), notPorts: sometimes(list(entry)) })
    .map((drawn) => without(drawn) as Pick<PlainEntity, 'ports' | 'notPorts'>);
const anyPort = fc.constantFrom<(number | string)[]>(53, 80, 443, '79:81', '50:60', ...PORT_NAMES, ...PORT_NAMES);

const protocols: fc.Arbitrary<Drawn> = fc.oneof(
  { weight: 7, arbitrary: fc.constant(plain({})) },
  { weight: 1, arbitrary: fc.constantFrom('TCP', 'UDP', 6, 17, 'SCTP', 47).map((protocol) => plain({ protocol })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('TCP', 17, 'SCTP', 47, 1).map((notProtocol) => plain({ notProtocol })),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('TCP', 'TCP', 'UDP', 6, 17, 'SCTP', 132), portsAt(anyPort), portsAt(anyPort))
      .map(([protocol, ...sides]): Drawn => ({ words: { protocol }, family: undefined, sides })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(portsAt(fc.constantFrom(...PORT_NAMES)), portsAt(fc.constantFrom(...PORT_NAMES)))
      .map((sides): Drawn => ({ words: {}, family: undefined, sides })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        protocol: fc.constantFrom('ICMP', 'ICMP', 'ICMPv6', 1, 58),
        icmp: sometimes(icmp(fc.constantFrom(8, 128, 3))),
        notICMP: some(icmp(fc.constantFrom(8, 128))),
      })
      .map(({ protocol, ...rest }) =>
        plain(
          { protocol, ...without(rest) } as Drawn['words'],
          ({ ICMP: 4, ICMPv6: 6, 1: 4, 58: 6 } as const)[protocol as 'ICMP'],
        ),
      ),
  },
);

function icmp(type: fc.Arbitrary<number>): fc.Arbitrary<object> {
  return fc.record({ type, code: some(fc.constantFrom(0, 1)) }).map(without);
}

function entity(family: Family): fc.Arbitrary<PlainEntity> {
  const net = family === undefined ? undefined : fc.constantFrom(...NETS[family]);
  const nets = net === undefined ? {} : { nets: some(list(net)), notNets: sometimes(list(net)) };
  const labelled = fc.record({
    ...nets,
    selector: some(endpointSelector),
    notSelector: sometimes(endpointSelector),
    namespaceSelector: sometimes(
      fc.oneof({ weight: 3, arbitrary: namespaceSelector }, { weight: 1, arbitrary: fc.constant('global()') }),
    ),
    serviceAccounts: sometimes(
      fc.record({ names: list(fc.constantFrom('s1', 's2'), 2), selector: some(accountSelector) }).map(without),
    ),
  });
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant({}) },
    { weight: 3, arbitrary: labelled.map((drawn) => without(drawn) as PlainEntity) },
    { weight: 1, arbitrary: fc.record(nets).map((drawn) => without(drawn) as PlainEntity) },
  );
}

/** A service of the policy's own namespace or of another; global policies have to name one. */
const service = fc.record({ name: fc.constantFrom('web', 'dns', 'none'), namespace: fc.constantFrom('a', 'b') });

function ruleIn(direction: 'ingress' | 'egress', actions: readonly PlainRule['action'][]): fc.Arbitrary<PlainRule> {
  return protocols.chain(({ words, family, sides }) => {
    const families = family === undefined ? ([4, 4, 6, undefined, undefined] as const) : ([family, undefined] as const);
    return fc.constantFrom<Family>(...families).chain((of) =>
      fc
        .record({
          action: fc.constantFrom(...actions),
          source: entity(of),
          destination: entity(of),
          services: sometimes(service),
          ipVersion: sometimes(fc.constantFrom<(4 | 6)[]>(4, 6)),
        })
        .map(({ action, source, destination, services, ipVersion }): PlainRule => {
          const version = of ?? family ?? ipVersion;
          const atService = services === undefined ? undefined : { services };
          return {
            action,
            ...words,
            ...(ipVersion === undefined || version === undefined ? {} : { ipVersion: version }),
            source: { ...(direction === 'ingress' ? (atService ?? source) : source), ...sides[0] },
            destination:
              direction === 'egress' && atService !== undefined ? atService : { ...destination, ...sides[1] },
          };
        }),
    );
  });
}

const ACTIONS = ['Allow', 'Allow', 'Deny', 'Pass', 'Log'] as const;
export const rulesIn = (direction: 'ingress' | 'egress'): fc.Arbitrary<PlainRule[]> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.constant<PlainRule[]>([]) },
    { weight: 6, arbitrary: fc.array(ruleIn(direction, ACTIONS), { minLength: 1, maxLength: 4, size: 'max' }) },
  );
/** Pass is none for profiles (6.3.6). */
export const profileRulesIn = (direction: 'ingress' | 'egress'): fc.Arbitrary<PlainRule[]> =>
  list(ruleIn(direction, ['Allow', 'Deny', 'Log']));
