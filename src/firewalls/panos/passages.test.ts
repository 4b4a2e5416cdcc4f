import { describe, expect, test } from 'vitest';
import type { Evaluation } from '../../border/evaluate.ts';
import { type Packet, packetOf } from '../../engine/packet.ts';
import { panosOptions } from './options.ts';
import { type FirewallRead, PanosPassages, placeInVsys } from './passages.ts';
import { parseXml } from './xml.ts';

const tcp = packetOf({ src: '10.0.0.1', dst: '203.0.113.7', proto: 'tcp', sport: 50_000, dport: 443 });

const unselected: Evaluation = {
  passes: true,
  reason: 'unselected',
  logged: [],
  seenSource: '10.0.0.1',
  leavesAs: '10.0.0.1',
};
const denied: Evaluation = { ...unselected, passes: false, reason: 'end' };
const granted: Evaluation = { ...unselected, reason: 'rule', granted: true };

const list = (name: string, ...texts: readonly string[]): string =>
  `<${name}>${texts.map((text) => `<member>${text}</member>`).join('')}</${name}>`;

/** A security rule of somebody else, which names anything where nothing else is said. */
function rule(name: string, said: Readonly<Record<string, string>> = {}): string {
  const any = Object.fromEntries(
    ['from', 'to', 'source', 'destination', 'application', 'service'].map((part) => [part, list(part, 'any')]),
  );
  const parts = { ...any, action: '<action>allow</action>', ...said };
  return `<entry name="${name}" uuid="6c1b">${Object.values(parts).join('')}</entry>`;
}

const security = (...rules: readonly string[]): string => `<security><rules>${rules.join('')}</rules></security>`;
const nat = (...rules: readonly string[]): string => `<nat><rules>${rules.join('')}</rules></nat>`;
const zone = (name: string, network = '<layer3/>'): string =>
  `<entry name="${name}"><network>${network}</network></entry>`;
const ZONES = `<zone>${zone('k8s')}${zone('internet')}</zone>`;

interface Given {
  /** What is in the vsys's own rulebase. */
  readonly own?: string;
  /** What else is in the vsys. */
  readonly objects?: string;
  readonly shared?: string;
  /** A text that is no XML: why it could not be read. */
  readonly pushed?: string;
  readonly registered?: FirewallRead['registered'];
  readonly options?: object;
  readonly zones?: string;
  readonly hasSeveralVsys?: boolean;
}

function passagesOf({
  own = '',
  objects = '',
  shared = '',
  pushed,
  registered,
  options,
  zones,
  hasSeveralVsys,
}: Given) {
  const said = panosOptions.parse({ zones: { from: ['k8s'], to: ['internet'] }, form: 'Full', ...options });
  const read: FirewallRead = {
    vsys: 'vsys1',
    serial: '0001',
    hasSeveralVsys: hasSeveralVsys ?? false,
    own: parseXml(`<entry name="vsys1">${zones ?? ZONES}${objects}<rulebase>${own}</rulebase></entry>`),
    shared: parseXml(`<shared>${shared}</shared>`),
    pushed: pushed?.startsWith('<') === true ? parseXml(pushed) : pushed,
    registered: registered ?? new Map(),
  };
  return new PanosPassages(read, { cluster: 'lab', options: said, placeIn: placeInVsys({ options: said }) });
}

/** `passes: a`, `unknown: a (it is for users), end` */
function told(given: Given, flow: Packet = tcp, evaluation = unselected): string {
  const { outcome, deciders } = passagesOf(given).of(flow, evaluation);
  const who = deciders.map(({ by, rule: one, because }) => {
    const [, name = by] = /"(.*)"$/.exec(one?.where ?? '') ?? [];
    return because.length === 0 ? name : `${name} (${because.join('; ')})`;
  });
  return `${outcome}: ${who.join(', ')}`;
}

/** Of a rule that drops above one that lets everything pass. */
const aboveAll = (said: Readonly<Record<string, string>>, more: Given = {}): string =>
  told({ ...more, own: security(rule('a', { action: '<action>deny</action>', ...said }), rule('rest')) });

describe('a security rule of others', () => {
  test('that names addresses, services and zones alone is worked out', () => {
    expect(aboveAll({})).toBe('drops: a');
    for (const action of ['drop', 'reset-client', 'reset-server', 'reset-both'])
      expect(aboveAll({ action: `<action>${action}</action>` }), action).toBe('drops: a');
    expect(aboveAll({ disabled: '<disabled>yes</disabled>' })).toBe('passes: rest');
    expect(aboveAll({ from: list('from', 'internet') })).toBe('passes: rest');
    expect(aboveAll({ to: list('to', 'k8s') })).toBe('passes: rest');
    expect(aboveAll({ type: '<rule-type>intrazone</rule-type>' })).toBe('passes: rest');
    expect(aboveAll({ type: '<rule-type>interzone</rule-type>' })).toBe('drops: a');
    expect(aboveAll({ source: list('source', '10.0.0.0/8') })).toBe('drops: a');
    expect(aboveAll({ source: list('source', '10.0.0.2-10.0.0.9') })).toBe('passes: rest');
    expect(aboveAll({ source: list('source', '10.0.0.1'), n: '<negate-source>yes</negate-source>' })).toBe(
      'passes: rest',
    );
    expect(
      aboveAll({
        d: list('destination', '10.0.0.1'),
        destination: '',
        n: '<negate-destination>yes</negate-destination>',
      }),
    ).toBe('drops: a');
    expect(told({ own: security(rule('a', { source: list('source', '10.9.0.0/16') })) })).toBe('drops: end');
  });

  test('says nothing about whom it is for by what it does with a flow, nor where anything is chosen', () => {
    const more = [
      list('tag', 'edge'),
      '<group-tag>edge</group-tag><description>x</description><log-start>yes</log-start><log-end>yes</log-end>',
      '<log-setting>panorama</log-setting><profile-setting><group><member>strict</member></group></profile-setting>',
      '<option><disable-server-response-inspection>yes</disable-server-response-inspection></option>',
      `${list('source-user', 'any')}${list('category', 'any')}${list('source-hip', 'any')}${list('destination-hip', 'any')}`,
      '<icmp-unreachable>no</icmp-unreachable><field-of-tomorrow/><target><devices/><negate>no</negate></target>',
    ].join('');
    expect(aboveAll({ more })).toBe('drops: a');
  });

  test.each([
    [list('source-user', 'staff'), 'it is for users'],
    [list('category', 'gambling'), 'it is for categories of sites'],
    [list('source-hip', 'patched'), 'it is for devices in a certain state'],
    ['<schedule>nights</schedule>', 'it is for times'],
    ['<target><tags><member>east</member></tags></target>', 'it is for firewalls with certain tags'],
    [
      '<target><devices><entry name="0001"><vsys><entry name="vsys2"/></vsys></entry></devices></target>',
      'it is for other vsys of this firewall',
    ],
    ['<icmp-unreachable>yes</icmp-unreachable>', 'what its field `icmp-unreachable` says is not known'],
    ['<option><of-tomorrow>yes</of-tomorrow></option>', 'what its field `option` says is not known'],
    [list('source-imsi', '1'), 'what its field `source-imsi` says is not known'],
    ['<rule-type>both</rule-type>', 'what its type both is for is not known'],
  ])('with more than that is in doubt: %s', (more, why) => {
    expect(aboveAll({ more })).toBe(`unknown: a (${why}), rest`);
    // Whatever else it is for, it is not for what comes by another zone.
    expect(aboveAll({ more, from: list('from', 'internet') })).toBe('passes: rest');
  });

  test('for applications, by default ports, or of an unknown action is in doubt too', () => {
    expect(aboveAll({ application: list('application', 'ssl') })).toBe(
      'unknown: a (it is for applications (ssl)), rest',
    );
    expect(aboveAll({ application: '' })).toBe('unknown: a (it names no application), rest');
    expect(aboveAll({ service: list('service', 'application-default') })).toMatch(/^unknown: a \(it is for the ports/);
    expect(aboveAll({ service: '' })).toBe('unknown: a (it names no service), rest');
    expect(aboveAll({ source: '' })).toBe('unknown: a (it names no `source`), rest');
    expect(aboveAll({ from: '' })).toBe('unknown: a (it names no zone (`from`)), rest');
    expect(aboveAll({ action: '<action>tunnel</action>' })).toBe(
      'unknown: a (what its action tunnel does with the flow is not known)',
    );
    expect(aboveAll({ source: list('source', 'any'), n: '<negate-source>yes</negate-source>' })).toMatch(
      /^unknown: a \(what is not any/,
    );
  });

  test('for some firewalls is for those', () => {
    const target = (serial: string, negate: string): string =>
      `<target><devices><entry name="${serial}"/></devices><negate>${negate}</negate></target>`;
    expect(aboveAll({ more: target('0001', 'no') })).toBe('drops: a');
    expect(aboveAll({ more: target('0002', 'no') })).toBe('passes: rest');
    expect(aboveAll({ more: target('0001', 'yes') })).toBe('passes: rest');
    expect(aboveAll({ more: target('0002', 'yes') })).toBe('drops: a');
  });

  test('that has profiles inspects what it lets pass', () => {
    const profile = '<profile-setting><group><member>strict</member></group></profile-setting>';
    const { deciders } = passagesOf({ own: security(rule('a', { profile })) }).of(tcp, unselected);
    expect(deciders).toMatchObject([{ by: 'rule', passes: true, inspected: true }]);
  });
});

describe('names', () => {
  const source = (name: string, objects: string, more: Given = {}): string =>
    aboveAll({ source: list('source', name) }, { objects, ...more });
  const address = (...entries: readonly string[]): string => `<address>${entries.join('')}</address>`;
  const group = (...entries: readonly string[]): string => `<address-group>${entries.join('')}</address-group>`;
  const one = (name: string, value: string): string => `<entry name="${name}">${value}</entry>`;

  test('of addresses', () => {
    expect(source('n', address(one('n', '<ip-netmask>10.0.0.0/24</ip-netmask>')))).toBe('drops: a');
    expect(source('n', address(one('n', '<ip-netmask>10.0.1.0/24</ip-netmask>')))).toBe('passes: rest');
    expect(source('n', address(one('n', '<ip-range>10.0.0.1-10.0.0.9</ip-range>')))).toBe('drops: a');
    expect(source('n', address(one('n', '<ip-netmask>fd00::/8</ip-netmask>')))).toBe('passes: rest');
    for (const [value, why] of [
      ['<fqdn>bank.example</fqdn>', 'address "n" is fqdn bank.example'],
      ['<ip-wildcard>10.0.0.1/0.0.0.6</ip-wildcard>', 'address "n" is ip-wildcard 10.0.0.1/0.0.0.6'],
      ['<ip-netmask>10.0.0.1/24</ip-netmask>', 'address "n" is ip-netmask 10.0.0.1/24'],
      ['<of-tomorrow>10.0.0.1</of-tomorrow>', 'address "n" is nothing known'],
    ])
      expect(source('n', address(one('n', value ?? '')))).toBe(`unknown: a (${why}), rest`);
    expect(source('DE', '')).toBe('unknown: a ("DE" is no address that can be read), rest');
    expect(source('l', `<external-list>${one('l', '<type/>')}</external-list>`)).toBe(
      'unknown: a (what is in the list "l" is not known), rest',
    );
  });

  test('of groups, in groups, or holding themselves', () => {
    const objects = address(one('ten', '<ip-netmask>10.0.0.0/8</ip-netmask>'), one('far', '<fqdn>x.example</fqdn>'));
    const groups = (name: string, ...members: readonly string[]): string => one(name, list('static', ...members));
    const all = group(groups('in', 'ten'), groups('out', 'in', 'far'), groups('loop', 'loop'), groups('none'));
    expect(source('out', objects + all)).toBe('drops: a');
    expect(source('loop', objects + all)).toBe('unknown: a (group "loop" holds itself), rest');
    expect(source('none', objects + all)).toBe('unknown: a (group "none" is empty), rest');
  });

  test('of which there are several count where all of them say the same', () => {
    const objects = address(one('n', '<ip-netmask>10.0.0.0/24</ip-netmask>'));
    const shared = (net: string): Given => ({ shared: address(one('n', `<ip-netmask>${net}</ip-netmask>`)) });
    expect(source('n', objects, shared('10.0.0.0/8'))).toBe('drops: a');
    expect(source('n', objects, shared('10.9.0.0/16'))).toBe(
      'unknown: a (there is more than one "n", and which of them counts is not known), rest',
    );
    const pushed = `<panorama><vsys><entry name="vsys2">${address(one('n', '<ip-netmask>10.9.0.0/16</ip-netmask>'))}</entry></vsys></panorama>`;
    expect(source('n', objects, { pushed })).toBe('drops: a');
    expect(source('n', objects, { pushed: pushed.replace('vsys2', 'vsys1') })).toMatch(/^unknown: a \(there is more/);
  });

  test('of dynamic groups', () => {
    const filtered = (filter: string, tagged = ''): string =>
      address(one('o', `<ip-netmask>10.0.0.0/24</ip-netmask>${tagged}`)) +
      group(one('g', `<dynamic><filter>${filter}</filter></dynamic>`));
    const registered = new Map([['10.0.0.1', new Set(['red', 'blue'])]]);
    expect(source('g', filtered("'red'"), { registered })).toBe('drops: a');
    expect(source('g', filtered("'green'"), { registered })).toBe('passes: rest');
    expect(source('g', filtered("'red' and 'green'"), { registered })).toBe('passes: rest');
    expect(source('g', filtered("'red' and ('green' or 'blue')"), { registered })).toBe('drops: a');
    for (const filter of ["'red' or 'blue' and 'green'", 'red', "not 'red'", "'red", "('red'", ''])
      expect(source('g', filtered(filter), { registered }), filter).toBe(
        `unknown: a (the filter of group "g" cannot be read (${filter})), rest`,
      );
    expect(source('g', filtered("'red'"), { registered: 'no right' })).toBe(
      'unknown: a (who is in "g" is not known: no right), rest',
    );
    expect(source('g', filtered("'green'", list('tag', 'green')), { registered })).toBe(
      'unknown: a (whether "o", which has the tags of "g", is in it is not known), rest',
    );
    expect(source('g', filtered("'net'"), { registered: new Map([['10.0.0.0/24', new Set(['net'])]]) })).toBe(
      'unknown: a ("10.0.0.0/24", which is registered for "g", is no address), rest',
    );
  });

  test('whose negation is for the other family are in doubt', () => {
    const negated = { n: '<negate-source>yes</negate-source>' };
    const six = address(one('six', '<ip-netmask>fd00::/8</ip-netmask>'));
    expect(aboveAll({ source: list('source', 'six'), ...negated }, { objects: six })).toMatch(
      /^unknown: a \(whether `negate-source` counts for IPv4/,
    );
    const both = { source: list('source', 'six', '10.9.0.0/16'), ...negated };
    expect(aboveAll(both, { objects: six })).toBe('drops: a');
    const said = { ...both, action: '<action>deny</action>' };
    const { deciders } = passagesOf({ own: security(rule('a', said)), objects: six }).of(tcp, unselected);
    expect(deciders).toMatchObject([{ rule: { text: 'deny not six, 10.9.0.0/16 to any, any' } }]);
  });

  test('of services', () => {
    const service = (name: string, protocol: string): string => one(name, `<protocol>${protocol}</protocol>`);
    const objects =
      `<service>${service('web', '<tcp><port>80,443</port><override><no/></override></tcp>')}` +
      `${service('low', '<tcp><port>443</port><source-port>1-1023</source-port></tcp>')}` +
      `${service('udp', '<udp><port>443</port></udp>')}${service('odd', '<tcp><port>443</port><more/></tcp>')}</service>` +
      `<service-group>${one('g', list('members', 'udp', 'web'))}${one('none', list('members'))}</service-group>`;
    const by = (name: string, flow = tcp): string =>
      told({ objects, own: security(rule('a', { service: list('service', name) })) }, flow);
    expect(['web', 'g', 'low', 'udp'].map((name) => by(name))).toEqual([
      'passes: a',
      'passes: a',
      'drops: end',
      'drops: end',
    ]);
    expect(by('odd')).toBe('unknown: a (service "odd" cannot be read), end');
    expect(by('none')).toBe('unknown: a (service group "none" is empty), end');
    expect(by('service-https')).toBe('unknown: a ("service-https" is no service that can be read), end');
    expect(by('low', packetOf({ src: '10.0.0.1', dst: '203.0.113.7', proto: 'tcp', dport: 443 }))).toMatch(
      /^unknown: a \(it is for some source ports/,
    );
    expect(by('web', packetOf({ src: '10.0.0.1', dst: '203.0.113.7', proto: 'icmp' }))).toBe('drops: end');
  });
});

describe('where no rule matches', () => {
  test('what stays in its zone passes, and the rest does not', () => {
    expect(told({})).toBe('drops: end');
    expect(told({ options: { zones: { from: ['k8s'], to: ['k8s'] } } })).toBe('passes: end');
    expect(told({ options: { zones: { from: ['k8s'] } } })).toMatch(/^unknown: end \(whether the flow stays/);
    const both = told({ options: { zones: { from: ['k8s'], to: ['k8s', 'internet'] } } });
    expect(both).toBe('unknown: end (it comes and goes by k8s > k8s), end (it comes and goes by k8s > internet)');
  });

  test('that is not known where somebody wrote other rules for it', () => {
    const changed = '<default-security-rules><rules><entry name="interzone-default"/></rules></default-security-rules>';
    expect(told({ own: changed })).toBe(
      'unknown: end (what its rules for all the rest say is not known (default-security-rules))',
    );
    expect(told({ own: changed + security(rule('a')) })).toBe('passes: a');
  });
});

describe('what stands before all rules', () => {
  const all = security(rule('rest'));

  test('zones that lead elsewhere, or that nobody knows', () => {
    const external = `<zone>${zone('k8s')}${zone('internet', '<external/>')}</zone>`;
    expect(told({ own: all, zones: external })).toBe('unknown: device (the zone internet leads to another vsys)');
    const named = security(rule('a', { to: list('to', 'internet') }));
    const without = `<zone>${zone('k8s')}</zone>`;
    expect(told({ own: all, zones: without })).toBe('unknown: device (the firewall tells of no zone internet)');
    expect(told({ own: named, zones: without })).toBe('passes: a');
    expect(told({ own: named, zones: without, hasSeveralVsys: true })).toBe(
      'unknown: device (whether the zone internet leads to another vsys is not known)',
    );
  });

  test('rules of other kinds, unless they surely are about others', () => {
    const other = (said: string): string => `<pbf><rules><entry name="p">${said}</entry></rules></pbf>`;
    expect(told({ own: all + other('') })).toBe(
      'unknown: device (what its pbf rule "p" does with the flow is not known)',
    );
    expect(told({ own: all + other('<disabled>yes</disabled>') })).toBe('passes: rest');
    expect(told({ own: all + other(list('source', '10.9.0.0/16')) })).toBe('passes: rest');
    expect(told({ own: all + other(list('destination', '203.0.113.0/24')) })).toMatch(/^unknown: device/);
  });

  test('translations that send a flow elsewhere', () => {
    const translation = (said: string, ends = ''): string =>
      nat(
        `<entry name="n">${list('from', 'k8s')}${list('to', 'internet')}${list('source', 'any')}${ends || list('destination', 'any')}<service>any</service>${said}</entry>`,
      );
    const source = (kind: string): string => `<source-translation>${kind}</source-translation>`;
    const pool = source(`<dynamic-ip-and-port>${list('translated-address', '198.51.100.1')}</dynamic-ip-and-port>`);
    expect(told({ own: all + translation(pool) })).toBe('passes: rest');
    expect(told({ own: all + translation('<nat-type>nat64</nat-type>') })).toBe(
      'unknown: device (the NAT rule "n" may be for it: it is of the type nat64)',
    );
    expect(told({ own: all + translation('<nat-type>nptv6</nat-type>') })).toBe('passes: rest');
    const elsewhere =
      '<destination-translation><translated-address>10.0.0.9</translated-address></destination-translation>';
    expect(told({ own: all + translation(elsewhere) })).toBe(
      'unknown: device (the NAT rule "n" may be for it: what its field `destination-translation` says is not known)',
    );
    expect(told({ own: all + translation(elsewhere, list('destination', '203.0.113.8')) })).toBe('passes: rest');
    expect(told({ own: all + translation(`${elsewhere}<to-interface>ethernet1/1</to-interface>`) })).toMatch(
      /^unknown/,
    );
    const both = (address: string): string =>
      source(
        `<static-ip><translated-address>${address}</translated-address><bi-directional>yes</bi-directional></static-ip>`,
      );
    expect(told({ own: all + translation(both('203.0.113.7')) })).toBe(
      'unknown: device (its destination may be the address "203.0.113.7" of the NAT rule "n")',
    );
    expect(told({ own: all + translation(both('203.0.113.8')) })).toBe('passes: rest');
    expect(told({ own: all + translation(`${both('203.0.113.7')}<disabled>yes</disabled>`) })).toBe('passes: rest');
  });

  test('translations of others before ours may give a flow another source', () => {
    const pool = `<source-translation><dynamic-ip>${list('translated-address', '198.51.100.1')}</dynamic-ip></source-translation>`;
    const translation = (name: string, said: string, source = 'any'): string =>
      `<entry name="${name}">${list('from', 'k8s')}${list('to', 'internet')}${list('source', source)}${list('destination', 'any')}${said}</entry>`;
    const mark = '<description>sallyport:lab:SourceNAT/x IPv4</description>';
    const translated: Evaluation = {
      ...unselected,
      translation: { origin: { policy: 'SourceNAT/x' }, target: { kind: 'Address', address: '198.51.100.9' } },
    } as Evaluation;
    const isOther = (evaluation: Evaluation, ...rules: readonly string[]): boolean | undefined =>
      passagesOf({ own: all + nat(...rules) }).of(tcp, evaluation).retranslated;
    expect(isOther(unselected)).toBe(undefined);
    expect(isOther(unselected, translation('n', pool))).toBe(true);
    expect(isOther(unselected, translation('n', pool, '10.9.0.0/16'))).toBe(undefined);
    expect(isOther(translated, translation('sp', pool + mark), translation('n', pool))).toBe(undefined);
    expect(isOther(translated, translation('n', pool), translation('sp', pool + mark))).toBe(true);
    // What is exempted by others leaves as it came, which is right for what nobody is to translate.
    expect(isOther(unselected, translation('n', ''), translation('m', pool))).toBe(undefined);
    expect(isOther(translated, translation('n', ''), translation('sp', pool + mark))).toBe(true);
  });

  test('an address of many', () => {
    for (const dst of ['224.0.0.1', '255.255.255.255'])
      expect(told({ own: all }, packetOf({ src: '10.0.0.1', dst, proto: 'udp', dport: 53 }))).toBe(
        'unknown: device (its destination is an address of many)',
      );
  });

  test('what could not be read, or stands where nobody knows', () => {
    expect(told({ own: all, pushed: 'no right to read it' })).toBe(
      'unknown: device (what a Panorama pushed is not known: no right to read it)',
    );
    const pushed = `<panorama><rulebase>${security(rule('a'))}</rulebase></panorama>`;
    expect(told({ own: all, pushed })).toBe(
      'unknown: device (where the rules of its rulebase of a Panorama stand is not known)',
    );
  });
});

describe('rules that a Panorama pushed', () => {
  const layer = (name: string, pre: string, post = ''): string =>
    `<layer name="${name}"><pre-rulebase>${security(pre)}</pre-rulebase><post-rulebase>${security(post)}</post-rulebase></layer>`;
  const pushed = (...layers: readonly string[]): string =>
    `<panorama><vsys><entry name="vsys1">${layers.join('')}</entry><entry name="vsys2">${layer('x', rule('x'))}</entry></vsys></panorama>`;
  const deny = (name: string): string => rule(name, { action: '<action>deny</action>' });

  test('stand above and below those of the firewall', () => {
    expect(told({ own: security(rule('own')), pushed: pushed(layer('edge', deny('pre'), deny('post'))) })).toBe(
      'drops: pre',
    );
    expect(told({ own: security(rule('own')), pushed: pushed(layer('edge', '', deny('post'))) })).toBe('passes: own');
    expect(told({ pushed: pushed(layer('edge', '', rule('post'))) })).toBe('passes: post');
  });

  test('from several groups are asked in an order that nobody says', () => {
    expect(told({ pushed: pushed(layer('edge', rule('a')), layer('shared', deny('b'))) })).toBe(
      'unknown: a (Panorama, pre rules (edge) come before Panorama, pre rules (shared), which nobody says), b (Panorama, pre rules (shared) come before Panorama, pre rules (edge), which nobody says)',
    );
    expect(told({ pushed: pushed(layer('edge', rule('a')), layer('shared', rule('b'))) })).toMatch(/^passes: a \(/);
    expect(told({ pushed: pushed(layer('edge', '', rule('a')), layer('shared', '', deny('b'))) })).toMatch(
      /^unknown: a \(.*, b \(/,
    );
    // One that is for other flows does not count.
    const other = rule('b', { action: '<action>deny</action>', source: list('source', '10.9.0.0/16') });
    expect(told({ pushed: pushed(layer('edge', rule('a')), layer('shared', other)) })).toBe('passes: a');
    const many = ['a', 'b', 'c', 'd', 'e'].map((name) => layer(name, rule(name)));
    expect(told({ pushed: pushed(...many) })).toMatch(/^unknown: device \(rules of many device groups/);
    expect(told({ pushed: pushed(...many.slice(1)) })).toMatch(/^passes: b \(/);
  });
});

describe('our block', () => {
  const deny = rule('deny', { action: '<action>deny</action>' });
  const said = { options: { position: { before: 'deny' } } };

  test('that is not there yet counts where it will stand', () => {
    expect(told({ own: security(deny), ...said }, tcp, granted)).toBe('passes: ours');
    expect(told({ own: security(rule('a'), deny), ...said }, tcp, denied)).toBe('passes: a');
    expect(told({ own: security(deny), options: { position: { after: 'deny' } } }, tcp, granted)).toBe('drops: deny');
    const nowhere = 'unknown: ours (nobody says where rules of ours stand on this device), deny';
    expect(told({ own: security(deny) }, tcp, granted)).toBe(nowhere);
    expect(told({ own: security(deny), options: { position: { before: 'gone' } } }, tcp, granted)).toBe(nowhere);
    // Below what a Panorama put above it.
    const pushed = `<panorama><pre-rulebase>${security(rule('pre', { action: '<action>drop</action>' }))}</pre-rulebase></panorama>`;
    expect(told({ own: security(deny), pushed, ...said }, tcp, granted)).toBe('drops: pre');
  });

  test('of another cluster is a rule of others, and may want the same place', () => {
    const theirs = rule('b', { more: '<description>sallyport:other:layer/x</description>' });
    expect(told({ own: security(theirs, deny), ...said }, tcp, denied)).toBe(
      'unknown: ours (nobody says where rules of ours stand on this device), b',
    );
  });

  test('that is there is asked with what stands above it', () => {
    const ours = rule('sp-1', { more: '<description>sallyport:lab:layer/x IPv4</description>' });
    expect(told({ own: security(ours, deny), ...said }, tcp, granted)).toBe('passes: ours');
    expect(told({ own: security(deny, ours), ...said }, tcp, granted)).toBe('drops: deny');
    const { deciders } = passagesOf({ own: security(deny, ours) }).of(tcp, granted);
    expect(deciders).toMatchObject([
      { rule: { where: 'vsys1 "deny"', text: 'deny any to any, any', effect: 'before ours' } },
    ]);
  });
});
