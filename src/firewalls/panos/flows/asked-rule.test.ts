import { describe, expect, test } from 'vitest';
import { packetOf } from '../../../engine/packet.ts';
import { type Given, tcp, unselected, list, rule, security, passagesOf, told, aboveAll } from './told-flow.fixture.ts';

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
