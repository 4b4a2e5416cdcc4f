import { describe, expect, test } from 'vitest';
import { endpointSlice, hostEndpoint, namespace, pod, policy, profile } from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { A, B, OUT, allowAll, ask, everywhere, web } from '../../test/kit/two-pods.ts';
import { mentions } from './queries.ts';
import { loadWorld } from './world.ts';

const H = '192.0.2.1';
const host = (...profiles: readonly string[]): PlainObject => hostEndpoint('h', {}, { expectedIPs: [H], profiles });
const deny = [{ action: 'Deny' }];
const arriving = `${OUT} -> ${H}:80/TCP`;

describe('6.3: profiles that are given', () => {
  const web80 = { protocol: 'TCP', destination: { ports: [80] } };

  test.each<[string, readonly PlainObject[], string]>([
    [
      'the first rule that matches decides',
      [host('p'), profile('p', { ingress: [{ action: 'Log' }, ...allowAll] })],
      'yes: - | allow Profile/p#1 profile',
    ],
    [
      '…a Deny too',
      [
        host('p', 'q'),
        profile('p', { ingress: [{ action: 'Deny', ...web80 }, ...allowAll] }),
        profile('q', { ingress: allowAll }),
      ],
      'no: - | deny Profile/p#0 profile',
    ],
    [
      'in the order of the list of the endpoint',
      [host('q', 'p'), profile('p', { ingress: deny }), profile('q', { ingress: allowAll })],
      'yes: - | allow Profile/q#0 profile',
    ],
    [
      '6.3.5 one that matches nothing leaves it to the next',
      [
        host('p', 'q'),
        profile('p', { ingress: [{ action: 'Deny', protocol: 'UDP' }] }),
        profile('q', { ingress: allowAll }),
      ],
      'yes: - | allow Profile/q#0 profile',
    ],
    ['6.3.5 and the last one denies', [host('p'), profile('p', { egress: allowAll })], 'no: - | deny no-profile-match'],
    ['6.3.5 one that does not exist has no rules', [host('gone')], 'no: - | deny no-profile-match'],
    [
      '6.3.6 a Pass denies what it matches',
      [host('p', 'q'), profile('p', { ingress: [{ action: 'Pass', ...web80 }] }), profile('q', { ingress: allowAll })],
      'no: - | deny Profile/p#0 profile',
    ],
    [
      '6.3 the tiers come first',
      [host('p'), profile('p', { ingress: allowAll }), policy('g', { ...everywhere, types: ['Ingress'] })],
      'no: - | deny default tier-default',
    ],
    [
      'an Allow that cannot be read is absent',
      [host('p'), profile('p', { ingress: [{ action: 'Allow', protocol: 'TPC' }] })],
      'no: - | deny no-profile-match',
    ],
    [
      'a Deny that cannot be read denies everything',
      [host('p'), profile('p', { ingress: [{ action: 'Deny', protocol: 'TPC' }, ...allowAll] })],
      'no: - | deny Profile/p#0 profile',
    ],
    [
      '2.7 projectcalico-default-allow allows everything, whatever an object of its name says',
      [host('projectcalico-default-allow'), profile('projectcalico-default-allow', { ingress: deny })],
      'yes: - | allow Profile/projectcalico-default-allow#0 profile',
    ],
  ])('%s', (_, objects, expected) => {
    expect(ask(web(...objects), arriving)).toBe(expected);
  });

  test('6.3.6 a Pass is reported', () => {
    const { diagnostics } = web(host('p'), profile('p', { egress: [{ action: 'Pass' }] }));
    expect(diagnostics).toMatchObject([
      { severity: 'warning', code: 'PROFILE_PASS', object: 'Profile/p', path: 'spec.egress[0].action' },
    ]);
  });

  test('3.2 rules of a profile have no namespace: their selectors range over everything', () => {
    const rules = { ingress: [{ action: 'Allow', source: { selector: 'has(app)' } }] };
    expect(ask(web(host('p'), profile('p', rules)), `${B} -> ${H}:80/TCP`)).toContain('| allow Profile/p#0 profile');
  });

  test('2.1 endpoints inherit its labels: their own win, then the first profile that has them', () => {
    const world = web(
      hostEndpoint('h', { own: 'x' }, { expectedIPs: [H], profiles: ['p', 'q', 'gone'] }),
      profile('p', { labelsToApply: { own: 'p', both: 'p' } }),
      profile('q', { labelsToApply: { both: 'q', more: 'q' } }),
      policy('g', { selector: "own == 'x' && both == 'p' && more == 'q'", types: ['Ingress'] }),
    );
    expect(ask(world, arriving)).toBe('no: - | deny default tier-default');
  });

  test('4.1 the rules of profiles that some endpoint has make sets', () => {
    const rules = { ingress: [{ action: 'Allow', source: { selector: "app == 'web'" } }] };
    const sets = (...objects: readonly PlainObject[]): readonly string[] =>
      web(...objects)
        .ipSets()
        .map(({ selector, members }) => `${selector} ${members.join(' ')}`);
    expect(sets(host('p'), profile('p', rules))).toEqual([`app == "web" ${A}/32 fd00::1/128`]);
    expect(sets(host('q'), profile('p', rules))).toEqual([]);
  });

  test('6.5.2 they mention endpoints as policies do', () => {
    const services = { name: 'db', namespace: 'b' };
    const { engine } = web(
      host('p'),
      endpointSlice('b/db-1', 'db', [B], ['80']),
      profile('p', { ingress: [{ action: 'Allow', source: { services } }] }),
    );
    expect(mentions(engine, 'pod:b/db')).toEqual([
      { endpoint: 'pod:b/db', policy: 'Profile/p', direction: 'ingress', rule: 0, side: 'source', selector: '' },
    ]);
  });
});

describe('6.3.4: profiles of namespaces and service accounts', () => {
  const exported = profile('kns.a', {
    labelsToApply: { 'pcns.projectcalico.org/name': 'a', 'pcns.env': 'exported' },
    ingress: deny,
    egress: allowAll,
  });
  const lonely = pod('a/web', { labels: { app: 'web' }, ips: [A] });
  const selected = policy('g', { selector: "pcns.env == 'exported'", types: ['Egress'] });

  test('an exported one counts while its namespace is not there', () => {
    const world = loadWorld([lonely, exported, selected]);
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe('no: - | deny Profile/kns.a#0 profile');
    expect(ask(world, `${A} -> ${OUT}:80/TCP`)).toBe('no: deny default tier-default | -');
  });

  test('and not while it is', () => {
    for (const objects of [
      [lonely, exported, namespace('a', { env: 'prod' })],
      [namespace('a', { env: 'prod' }), exported, lonely],
    ]) {
      const world = loadWorld([...objects, selected]);
      expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe('yes: - | allow Profile/kns.a#0 profile');
      expect(ask(world, `${A} -> ${OUT}:80/TCP`)).toBe('yes: allow Profile/kns.a#0 profile | -');
    }
  });
});
