import { describe, expect, test } from 'vitest';
import type { Evaluation } from '../../../border/evaluate.ts';
import { packetOf } from '../../../engine/packet.ts';
import {
  tcp,
  unselected,
  denied,
  granted,
  list,
  rule,
  security,
  nat,
  zone,
  passagesOf,
  told,
} from './told-flow.fixture.ts';

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
    // The first one that matches decides, so that those below it are not asked.
    const inOrder = (first: string, second: string): string =>
      translation(first).replace('</rules></nat>', '') + translation(second).replace('<nat><rules>', '');
    expect(told({ own: all + inOrder(pool, elsewhere) })).toBe('passes: rest');
    expect(told({ own: all + inOrder(elsewhere, pool) })).toMatch(/^unknown: device/);
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
    expect(isOther(translated, translation('n', ''), translation('sp', pool + mark))).toBe(undefined);
  });

  test('translations that come to one address are told with it, those of others by their name', () => {
    const by = (how: string): string => `<source-translation>${how}</source-translation>`;
    const one = (address: string): string =>
      by(`<dynamic-ip-and-port>${list('translated-address', address)}</dynamic-ip-and-port>`);
    const translation = (name: string, said: string, source = 'any', more = ''): string =>
      `<entry name="${name}">${list('from', 'k8s')}${list('to', 'internet')}${list('source', source)}${list('destination', 'any')}${said}${more}</entry>`;
    const mark = '<description>sallyport:lab:SourceNAT/x IPv4</description>';
    const wished = (target: object): Evaluation =>
      ({ ...unselected, translation: { origin: { policy: 'SourceNAT/x' }, target } }) as Evaluation;
    const translated = wished({ kind: 'Address', address: '198.51.100.9' });
    const leaves = (evaluation: Evaluation, ...rules: readonly string[]): unknown => {
      const { leaves: found, retranslated } = passagesOf({ own: all + nat(...rules) }).of(tcp, evaluation);
      return found === undefined
        ? (retranslated ?? 'ours')
        : [found.source, ...(found.by === undefined ? [] : [found.by])];
    };
    const own = unselected.seenSource;
    expect(leaves(unselected)).toEqual([own]);
    expect(leaves(unselected, translation('n', one('198.51.100.1')))).toEqual(['198.51.100.1', 'vsys1 "n"']);
    expect(leaves(unselected, translation('n', ''), translation('m', one('198.51.100.1')))).toEqual([own]);
    // Where ours shall translate, and do.
    expect(leaves(translated, translation('sp', one('198.51.100.9') + mark))).toEqual(['198.51.100.9']);
    expect(leaves(translated, translation('sp', one('198.51.100.8') + mark))).toBe('ours');
    expect(leaves(translated)).toBe('ours');
    // Ours stand below it; nowhere yet; above it, and do not do it.
    const theirs = translation('n', one('198.51.100.1'));
    const elsewhere = translation('sp', one('198.51.100.9'), '10.9.0.0/16', mark);
    expect(leaves(translated, theirs, elsewhere)).toEqual(['198.51.100.1', 'vsys1 "n"']);
    expect(leaves(translated, theirs)).toBe(true);
    expect(leaves(translated, elsewhere, theirs)).toBe(true);
    expect(leaves(wished({ kind: 'Exempt' }), translation('sp', mark), theirs)).toEqual([own]);
    // In doubt, unless it comes to the same.
    const domain = translation('d', one('198.51.100.1'), 'no-such-name');
    expect(leaves(unselected, domain)).toBe(true);
    expect(leaves(unselected, domain, theirs)).toEqual(['198.51.100.1', 'vsys1 "d"']);
    expect(leaves(translated, domain, translation('sp', one('198.51.100.8') + mark))).toBe(true);
    // What the device chooses, or how is not documented.
    for (const how of [
      by(`<dynamic-ip-and-port>${list('translated-address', '198.51.100.1', '198.51.100.2')}</dynamic-ip-and-port>`),
      one('198.51.100.0/30'),
      by('<dynamic-ip-and-port><interface-address><ip>198.51.100.1</ip></interface-address></dynamic-ip-and-port>'),
      by('<static-ip><translated-address>198.51.100.1</translated-address></static-ip>'),
    ])
      expect(leaves(unselected, translation('n', how))).toBe(true);
    const fixed = by('<static-ip><translated-address>198.51.100.1</translated-address></static-ip>');
    expect(leaves(unselected, translation('n', fixed, own))).toEqual(['198.51.100.1', 'vsys1 "n"']);
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
    expect(told({ own: all, unshared: 'no right to read it' })).toBe(
      'unknown: device (what all vsys share is not known: no right to read it)',
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
    // A flow without a port is to ours one that no rule with ports is for, as it is to whoever says what ours shall do.
    const objects = '<service><entry name="web"><protocol><tcp><port>443</port></tcp></protocol></entry></service>';
    const ported = rule('sp-1', {
      service: list('service', 'web'),
      more: '<description>sallyport:lab:layer/x IPv4</description>',
    });
    const portless = packetOf({ src: '10.0.0.1', dst: '203.0.113.7', proto: 'tcp' });
    expect(told({ own: security(ported, rule('rest')), objects, ...said }, portless)).toBe('passes: rest');
    const { deciders } = passagesOf({ own: security(deny, ours) }).of(tcp, granted);
    expect(deciders).toMatchObject([
      { rule: { where: 'vsys1 "deny"', text: 'deny any to any, any', effect: 'before ours' } },
    ]);
  });
});
