import fc from 'fast-check';
import type { PanOs } from '../../../../simulators/panos/index.ts';

/** Names that rules of others may use; what they stand for is in `OBJECTS`. */
export const PLAIN = ['net-0', 'net-1', 'range-0', 'six', 'nested', 'tagged', '10.0.0.0/30', 'fd00::2-fd00::200'];
/** Of both families: of others nobody says what their negation means for a flow of the other one. */
const OF_BOTH = ['nested', 'inner', 'tagged'];
const UNKNOWABLE = ['domain', 'odd', 'maybe', 'twice', 'DE'];
const SERVICES = ['web', 'names', 'both', 'streams', 'from-low'];
const UNKNOWABLE_SERVICES = ['application-default', 'service-https'];

const VSYS = "/config/devices/entry[@name='localhost.localdomain']/vsys/entry[@name='vsys1']";

const list = (name: string, all: readonly string[]): string =>
  `<${name}>${all.map((one) => `<member>${one}</member>`).join('')}</${name}>`;

/** Folder, name and content of everything that the names above stand for; `isShared`: what several places may name. */
export const OBJECTS: readonly (readonly [folder: string, name: string, xml: string, isShared: boolean])[] = [
  ['address', 'net-0', '<ip-netmask>203.0.113.0/24</ip-netmask>', false],
  ['address', 'net-1', '<ip-netmask>10.0.0.0/30</ip-netmask>', true],
  ['address', 'range-0', '<ip-range>198.51.100.1-198.51.100.200</ip-range>', false],
  ['address', 'six', '<ip-netmask>2001:db8::/32</ip-netmask>', true],
  ['address', 'domain', '<fqdn>bank.example</fqdn>', false],
  ['address', 'odd', '<ip-wildcard>10.0.0.1/0.0.0.6</ip-wildcard>', false],
  ['address', 'twice', '<ip-netmask>203.0.113.7/32</ip-netmask>', false],
  ['address', 'twice', '<ip-netmask>203.0.113.0/24</ip-netmask>', true],
  ['address-group', 'inner', list('static', ['net-1', 'six']), true],
  ['address-group', 'nested', list('static', ['inner', 'range-0', 'fd00::/126']), false],
  ['address-group', 'tagged', "<dynamic><filter>'red' and ('blue' or 'green')</filter></dynamic>", false],
  ['address-group', 'maybe', "<dynamic><filter>'red' or 'blue' and 'green'</filter></dynamic>", false],
  ['service', 'web', '<protocol><tcp><port>80,443</port></tcp></protocol>', false],
  ['service', 'names', '<protocol><udp><port>53,8000-8080</port></udp></protocol>', true],
  ['service', 'streams', '<protocol><sctp><port>1-65535</port></sctp></protocol>', false],
  [
    'service',
    'from-low',
    '<protocol><tcp><port>1-65535</port><source-port>1-1023</source-port></tcp></protocol>',
    false,
  ],
  ['service-group', 'both', list('members', ['web', 'names']), false],
  [
    'schedule',
    'nights',
    '<schedule-type><recurring><daily><member>20:00-23:00</member></daily></recurring></schedule-type>',
    false,
  ],
];

/** Addresses in both families that carry tags. */
export function registerTagged(device: PanOs): void {
  const rows = [
    ['10.0.0.1', 'red', 'blue'],
    ['10.0.0.200', 'red'],
    ['203.0.113.7', 'red', 'green'],
    ['fd00::1', 'red', 'blue'],
    ['2001:db8::7', 'green', 'red'],
  ].map(([ip, ...tags]) => `<entry ip="${ip}">${list('tag', tags)}</entry>`);
  device.byHand({
    type: 'user-id',
    cmd: `<uid-message><version>2.0</version><type>update</type><payload><register>${rows.join('')}</register></payload></uid-message>`,
  });
}

/** A security rule of others. */
export interface Theirs {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly source: readonly string[];
  readonly destination: readonly string[];
  readonly service: readonly string[];
  readonly notFrom: boolean;
  readonly notTo: boolean;
  readonly disabled: boolean;
  readonly type: string;
  readonly action: string;
  /** The rulebase it stands in, as far as there are several. */
  readonly home: number;
  /** How deep in our block it stands; absent: where `isBefore` says. */
  readonly among: number | undefined;
  readonly isBefore: boolean;
  /** More than addresses, services and zones. */
  readonly more: string;
}

const rarely = fc.constantFrom(false, false, false, true);

/** `isPlain`: of what can be worked out alone. */
export function theirs(isPlain: boolean): fc.Arbitrary<Theirs> {
  const names = isPlain ? PLAIN : [...PLAIN, ...UNKNOWABLE];
  const services = isPlain ? SERVICES : [...SERVICES, ...UNKNOWABLE_SERVICES];
  const some = (of: readonly string[]): fc.Arbitrary<readonly string[]> =>
    fc.oneof(fc.constant(['any']), fc.subarray([...of], { minLength: 1, maxLength: 2 }));
  const zones = fc.constantFrom(['any'], ['k8s'], ['internet'], ['k8s', 'internet'], ['lab']);
  const negated = fc.subarray(OF_BOTH, { minLength: 1, maxLength: 2 });
  return fc
    .record({
      from: zones,
      to: zones,
      source: some(names),
      destination: some(names),
      service: some(services),
      notFrom: rarely,
      notTo: rarely,
      disabled: rarely,
      type: fc.constantFrom('universal', 'universal', 'interzone', 'intrazone'),
      action: fc.constantFrom('allow', 'allow', 'deny', 'drop', 'reset-both'),
      home: fc.nat(5),
      among: fc.option(fc.nat(6), { nil: undefined }),
      isBefore: fc.boolean(),
      more: fc.constantFrom(...(isPlain ? [''] : ['', '', ...MORE])),
      negated: fc.tuple(negated, negated),
    })
    .map(({ negated: [source, destination], ...one }) => ({
      ...one,
      ...(one.notFrom && isPlain ? { source } : {}),
      ...(one.notTo && isPlain ? { destination } : {}),
    }));
}

const MORE = [
  '<source-user><member>staff</member></source-user>',
  '<category><member>gambling</member></category>',
  '<schedule>nights</schedule>',
  '<source-hip><member>patched</member></source-hip>',
  '<target><devices><entry name="007951000000009"/></devices></target>',
  '<target><tags><member>east</member></tags></target>',
  '<application><member>ssl</member></application>',
];

/** A rule that nobody can judge, and that leaves open what is dropped otherwise. */
export const STAFF: Theirs = {
  from: ['any'],
  to: ['any'],
  source: ['any'],
  destination: ['net-0'],
  service: ['any'],
  notFrom: false,
  notTo: false,
  disabled: false,
  type: 'universal',
  action: 'allow',
  home: 0,
  among: undefined,
  isBefore: true,
  more: '<source-user><member>staff</member></source-user>',
};

export function ruleXml(one: Theirs): string {
  const yes = (is: boolean): string => (is ? 'yes' : 'no');
  return [
    list('from', one.from),
    list('to', one.to),
    list('source', one.source),
    list('destination', one.destination),
    one.more.startsWith('<application>') ? '' : list('application', ['any']),
    list('service', one.service),
    `<negate-source>${yes(one.notFrom && !one.source.includes('any'))}</negate-source>`,
    `<negate-destination>${yes(one.notTo && !one.destination.includes('any'))}</negate-destination>`,
    `<disabled>${yes(one.disabled)}</disabled>`,
    `<rule-type>${one.type}</rule-type>`,
    `<action>${one.action}</action>`,
    one.more,
  ].join('');
}

/** Puts a rule of vsys1 into its place among ours and all others. */
export function placeRule(
  edit: (action: string, path: string, rest?: Readonly<Record<string, string>>) => void,
  rules: string,
  name: string,
  one: Theirs,
  ours: readonly string[],
): void {
  const path = `${rules}/entry[@name='${name}']`;
  edit('set', path, { element: ruleXml(one) });
  const beside = ours[(one.among ?? 0) % Math.max(1, ours.length)];
  if (one.among !== undefined && beside !== undefined) edit('move', path, { where: 'after', dst: beside });
  else if (one.isBefore) edit('move', path, { where: 'top' });
}

/** Puts everything that the names stand for into a vsys. */
export function furnishVsys(device: PanOs): void {
  for (const [folder, name, element, isShared] of OBJECTS)
    device.byHand(
      {
        type: 'config',
        action: 'set',
        xpath: `${isShared ? '/config/shared' : VSYS}/${folder}/entry[@name='${name}']`,
        element,
      },
      'alice',
    );
  registerTagged(device);
}
