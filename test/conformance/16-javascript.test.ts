import { describe, expect, test } from 'vitest';
import { LabelIndex, loadWorld } from '../../src/engine/index.ts';
import { aggregate } from '../../src/ip/index.ts';
import { parseSelector } from '../../src/selector/index.ts';
import { hostEndpoint, namespace, networkSet, pod, policy } from '../kit/objects.ts';

const HOSTILE = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', '-1'];
const labelled = (name: string): Record<string, string> => JSON.parse(`{"${name}": "x"}`) as Record<string, string>;
const IP = '10.0.0.1';
const arriving = (...objects: Parameters<typeof loadWorld>[0][]) =>
  loadWorld([namespace('a'), pod('a/p', { ips: [IP, 'fd00::1'] }), ...objects.flatMap((each) => [...each])]);

describe('16: traps of the language', () => {
  test('16.1 sorted by UTF-8 bytes: above U+FFFF comes after U+E000 to U+FFFF', () => {
    expect(parseSelector("a in {'\u{1f600}', '\ue000', '\uffff', 'z'}").value?.canonical).toBe(
      'a in {"z", "\ue000", "\uffff", "\u{1f600}"}',
    );
  });

  test.each(HOSTILE)('16.2 a label called %s is one like any other', (name) => {
    const { value } = parseSelector(`${name} == 'x'`);
    expect([value?.matches(labelled(name)), value?.matches({}), value?.matches(new Map())]).toEqual([
      true,
      false,
      false,
    ]);
    const ingress = [{ action: 'Allow', source: { selector: `has(${name})` } }];
    const [set] = arriving([
      pod('a/q', { labels: labelled(name), ips: ['10.0.0.2'] }),
      networkSet('g', labelled(name), ['192.0.2.0/24']),
      policy('p', { selector: 'all()', ingress }),
    ]).ipSets();
    expect(set?.members).toEqual(['10.0.0.2/32', '192.0.2.0/24']);
  });

  test('16.2 and so are names of sets, endpoints and parents', () => {
    const index = new LabelIndex();
    for (const name of HOSTILE) {
      index.setParent(name, { [`under-${name}`]: 'x' });
      index.setSelector(name, `has(under-${name})`);
      const { added } = index.setEndpoint(name, { labels: {}, nets: ['10.0.0.1/32'], ports: [], parents: [name] });
      expect(added).toEqual([{ set: name, member: '10.0.0.1/32' }]);
    }
  });

  test('16.3 orders are doubles: 1e308, -5, 100.5, and absent is last', () => {
    const written = { a: undefined, b: 1e308, c: 100.5, d: 100.25, e: -5, f: 0, g: -0.5 };
    const world = arriving(
      Object.entries(written).map(([name, order]) =>
        policy(name, { selector: 'all()', ...(order === undefined ? {} : { order }) }),
      ),
    );
    expect(world.endpoints()[0]?.tiers[0]?.ingress.map((id) => id.at(-1))).toEqual(['e', 'g', 'f', 'd', 'c', 'b', 'a']);
  });

  test('16.4 case of protocols: of questions, rules and ports', () => {
    const ingress = [{ action: 'Allow', protocol: 'TCP', destination: { ports: [80] } }];
    const world = arriving([policy('q', { selector: 'all()', types: ['Ingress'], ingress })]);
    for (const proto of ['TCP', 'tcp', 'Tcp', 6, '6'])
      expect(world.verdict({ src: '192.0.2.1', dst: IP, proto, dport: 80 }).allowed).toBe(true);
    const index = new LabelIndex();
    index.setSelector('s', 'all()', { namedPort: 'web', namedPortProtocol: 'tcp' });
    const ports = [
      { name: 'web', proto: 'TCP', port: 80 },
      { name: 'web', proto: 'tcp', port: 81 },
    ];
    expect(
      index
        .setEndpoint('e', { labels: {}, nets: ['10.0.0.1/32'], ports, parents: [] })
        .added.map(({ member }) => member)
        .sort(),
    ).toEqual(['10.0.0.1,tcp:80', '10.0.0.1,tcp:81']);
  });

  test.each([
    ['2001:DB8:0:0:0:0:0:1/128', '2001:db8::1/128'],
    ['2001:db8:0:1:0:0:0:1/128', '2001:db8:0:1::1/128'],
    ['2001:0:0:1:0:0:1:1/128', '2001::1:0:0:1:1/128'],
    ['2001:db8:0:1:1:1:1:1/128', '2001:db8:0:1:1:1:1:1/128'],
    ['0:0:0:0:0:0:0:0/128', '::/128'],
  ])('16.5 IPv6 in one spelling: %s', (text, expected) => {
    expect(aggregate([text])).toEqual([expected]);
  });

  test('16.5 two spellings are one address', () => {
    const world = arriving([policy('q', { selector: 'all()', types: ['Ingress'] })]);
    expect(world.verdict({ src: '2001:db8::1', dst: 'FD00:0:0::1', proto: 'TCP' }).ingress?.endpoint).toBe('pod:a/p');
  });

  test.each(['fe80::1%eth0', '::ffff:10.0.0.2', '010.0.0.2', '10.0.0', '0x0a.0.0.2'])(
    '16.5 refused everywhere, in policy and in status: %s',
    (ip) => {
      expect(() => aggregate([ip])).toThrow();
      const errors = (object: object): readonly string[] =>
        loadWorld([namespace('a'), object])
          .diagnostics.filter(({ severity }) => severity === 'error')
          .map(({ code }) => code);
      const inStatus = loadWorld([namespace('a'), pod('a/q', { ips: [ip] })]);
      expect([inStatus.endpoints(), inStatus.diagnostics.length]).toEqual([[], 1]);
      expect(errors(hostEndpoint('h', {}, { expectedIPs: [ip] }))).toHaveLength(1);
      expect(errors(networkSet('g', {}, [ip]))).toHaveLength(1);
      expect(errors(policy('q', { ingress: [{ action: 'Allow', source: { nets: [`${ip}/32`] } }] }))).toHaveLength(1);
    },
  );

  test('16.6 the upper half of IPv4 is as good as the lower', () => {
    expect(aggregate(['255.255.255.255', '255.255.255.254', '128.0.0.0/1'])).toEqual(['128.0.0.0/1']);
    const ingress = [{ action: 'Allow', source: { nets: ['224.0.0.0/3'] } }];
    const world = arriving([policy('q', { selector: 'all()', types: ['Ingress'], ingress })]);
    const comes = (src: string) => world.verdict({ src, dst: IP, proto: 'TCP' }).allowed;
    expect(['223.255.255.255', '224.0.0.0', '255.255.255.255', '127.0.0.1'].map(comes)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('16.7 deep and wide selectors are read and evaluated', () => {
    const deep = `${'!('.repeat(5000)}has(a)${')'.repeat(5000)}`;
    expect(parseSelector(deep).value?.matches({ a: '' })).toBe(true);
    const wide = Array.from({ length: 5000 }, (_, at) => `a == '${at}'`).join(' || ');
    expect(parseSelector(wide).value?.matches({ a: '4999' })).toBe(true);
  });

  test('16.8 values are text, never patterns', () => {
    for (const operator of ['==', 'contains', 'starts with', 'ends with']) {
      const { value } = parseSelector(`a ${operator} '.*(x|y)+$'`);
      expect([value?.matches({ a: '.*(x|y)+$' }), value?.matches({ a: 'xyx' })]).toEqual([true, false]);
    }
  });
});
