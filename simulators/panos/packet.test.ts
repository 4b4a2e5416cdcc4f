import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { natRules, rule, rules, told, vsys } from './client.fixture.ts';
import { type Flow, PanOs } from './index.ts';

const web: Flow = {
  source: '10.0.0.1',
  destination: '203.0.113.1',
  protocol: 'tcp',
  sourcePort: 40_000,
  destinationPort: 443,
  from: 'k8s',
  to: 'internet',
};

async function device() {
  const clock = new FakeClock();
  const firewall = await PanOs.start({ zones: ['k8s', 'internet'], clock, commitMs: 0 });
  const set = (xpath: string, element: string): void => {
    const answer = told(
      firewall.byHand({
        type: 'config',
        action: 'set',
        xpath: xpath.startsWith('/') ? xpath : `${vsys}/${xpath}`,
        element,
      }),
    );
    if (!answer.startsWith('success')) throw new Error(answer);
  };
  const commit = (): void => {
    firewall.byHand({ type: 'commit', cmd: '<commit/>' });
    clock.advance(0);
  };
  return Object.assign(firewall, {
    set,
    commit,
    /** Sets, commits, asks. */
    asked: (flow: Partial<Flow>): string => {
      commit();
      const { verdict, rule: by, translation } = firewall.passes({ ...web, ...flow });
      return `${verdict} ${by}${translation === undefined ? '' : ` as ${translation.sources.join(',')} by ${translation.rule}`}`;
    },
  });
}

describe('would a flow pass', () => {
  test('inside a zone yes, between zones no, unless a rule says so', async () => {
    await using firewall = await device();
    expect(firewall.asked({})).toBe('stop interzone-default');
    expect(firewall.asked({ to: 'k8s' })).toBe('pass intrazone-default');
    firewall.set(`${rules}/entry[@name='r1']`, rule());
    // Only what runs counts.
    expect(firewall.passes(web).verdict).toBe('stop');
    expect(firewall.asked({})).toBe('pass r1');
    expect(firewall.asked({ from: 'internet', to: 'k8s' })).toBe('stop interzone-default');
  });

  test('the first rule that matches decides', async () => {
    await using firewall = await device();
    firewall.set(`${rules}/entry[@name='r1']`, rule({ source: '10.0.0.0/24', action: 'drop' }));
    firewall.set(`${rules}/entry[@name='r2']`, rule());
    expect(firewall.asked({})).toBe('stop r1');
    expect(firewall.asked({ source: '10.0.1.1' })).toBe('pass r2');
    firewall.set(`${rules}/entry[@name='r1']`, '<disabled>yes</disabled>');
    expect(firewall.asked({})).toBe('pass r2');
  });

  test.each([
    [
      'address',
      "address/entry[@name='x']",
      '<ip-netmask>10.0.0.0/30</ip-netmask>',
      ['10.0.0.3'],
      ['10.0.0.4', '2001:db8::1'],
    ],
    [
      'range',
      "address/entry[@name='x']",
      '<ip-range>10.0.0.5-10.0.0.7</ip-range>',
      ['10.0.0.5', '10.0.0.7'],
      ['10.0.0.4', '10.0.0.8'],
    ],
    [
      'wildcard',
      "address/entry[@name='x']",
      '<ip-wildcard>10.0.7.1/0.0.255.0</ip-wildcard>',
      ['10.0.9.1'],
      ['10.0.9.2', '10.1.9.1'],
    ],
    [
      'IPv6',
      "address/entry[@name='x']",
      '<ip-netmask>2001:db8:1::/48</ip-netmask>',
      ['2001:db8:1::9'],
      ['2001:db8:2::9'],
    ],
    [
      'static group',
      "address-group/entry[@name='x']",
      '<static><member>10.0.0.1</member><member>10.0.1.0/24</member></static>',
      ['10.0.0.1', '10.0.1.9'],
      ['10.0.0.2'],
    ],
  ])('by %s', async (_, place, content, inside, outside) => {
    await using firewall = await device();
    firewall.set(place, content);
    firewall.set(`${rules}/entry[@name='r1']`, rule({ source: 'x' }));
    firewall.set("address-group/entry[@name='outer']", '<static><member>x</member></static>');
    firewall.set(`${rules}/entry[@name='r2']`, rule({ source: 'outer', service: 'service-http' }));
    const flow = (source: string, destinationPort: number) => ({
      source,
      destination: source.includes(':') ? '2001:db8:ffff::1' : '203.0.113.1',
      destinationPort,
    });
    for (const source of inside) expect(firewall.asked(flow(source, 443))).toBe('pass r1');
    for (const source of outside) expect(firewall.asked(flow(source, 80))).toBe('stop interzone-default');
    firewall.set(`${rules}/entry[@name='r1']`, '<negate-source>yes</negate-source>');
    for (const source of inside) expect(firewall.asked(flow(source, 80))).toBe('pass r2');
    for (const source of outside) expect(firewall.asked(flow(source, 443))).toBe('pass r1');
  });

  test('tags reach rules at once', async () => {
    await using firewall = await device();
    firewall.set("address-group/entry[@name='web']", "<dynamic><filter>'web'</filter></dynamic>");
    firewall.set(`${rules}/entry[@name='r1']`, rule({ source: 'web' }));
    expect(firewall.asked({})).toBe('stop interzone-default');
    const tag = (what: string): unknown =>
      firewall.byHand({
        type: 'user-id',
        cmd: `<uid-message><payload><${what}><entry ip="10.0.0.1"><tag><member>web</member></tag></entry></${what}></payload></uid-message>`,
      });
    tag('register');
    expect(firewall.passes(web).verdict).toBe('pass');
    tag('unregister');
    expect(firewall.passes(web).verdict).toBe('stop');
  });

  test('services', async () => {
    await using firewall = await device();
    firewall.set(
      "service/entry[@name='s']",
      '<protocol><udp><port>53,1000-2000</port><source-port>1024-65535</source-port></udp></protocol>',
    );
    firewall.set(
      "service-group/entry[@name='g']",
      '<members><member>s</member><member>service-https</member></members>',
    );
    firewall.set(`${rules}/entry[@name='r1']`, rule({ service: 'g' }));
    const verdict = (protocol: Flow['protocol'], destinationPort: number, sourcePort = 40_000): string =>
      firewall.asked({ protocol, destinationPort, sourcePort });
    expect(verdict('tcp', 443)).toBe('pass r1');
    expect(verdict('tcp', 80)).toBe('stop interzone-default');
    expect(verdict('udp', 53)).toBe('pass r1');
    expect(verdict('udp', 1500)).toBe('pass r1');
    expect(verdict('udp', 1500, 1000)).toBe('stop interzone-default');
    // What has no ports is meant by `any` alone.
    expect(verdict('icmp', 0)).toBe('stop interzone-default');
  });

  test('kinds of rules, targets', async () => {
    await using firewall = await device();
    firewall.set(
      `${rules}/entry[@name='r1']`,
      rule({ from: 'any', to: 'any', more: '<rule-type>intrazone</rule-type>', action: 'deny' }),
    );
    expect(firewall.asked({})).toBe('stop interzone-default');
    expect(firewall.asked({ to: 'k8s' })).toBe('stop r1');
    firewall.set(
      `${rules}/entry[@name='r2']`,
      rule({ more: `<target><devices><entry name="${firewall.serial}"/></devices><negate>yes</negate></target>` }),
    );
    expect(firewall.asked({})).toBe('stop interzone-default');
    firewall.set(`${rules}/entry[@name='r2']`, '<target><negate>no</negate></target>');
    expect(firewall.asked({})).toBe('pass r2');
  });

  test('what cannot be known here is unknown, unless it makes no difference', async () => {
    await using firewall = await device();
    firewall.set("schedule/entry[@name='night']", '<schedule-type/>');
    firewall.set(`${rules}/entry[@name='r1']`, rule({ more: '<schedule>night</schedule>', action: 'deny' }));
    firewall.set(`${rules}/entry[@name='r2']`, rule({ action: 'deny' }));
    firewall.commit();
    expect(firewall.passes(web)).toMatchObject({ verdict: 'stop', rule: 'r2', doubtful: ['r1'] });
    firewall.set(`${rules}/entry[@name='r2']`, '<action>allow</action>');
    firewall.commit();
    expect(firewall.passes(web)).toMatchObject({ verdict: 'unknown', rule: 'r2', doubtful: ['r1'] });
    for (const [name, more] of [
      ['region', '<source><member>DE</member></source>'],
      ['user', '<source-user><member>corp\\ann</member></source-user>'],
      ['port', '<service><member>application-default</member></service>'],
    ] as const) {
      await using other = await device();
      other.set(
        `${rules}/entry[@name='${name}']`,
        rule().replace(/<(source|service)>.*?<\/\1>/, (all, word: string) =>
          more.startsWith(`<${word}>`) ? more : all,
        ),
      );
      other.set(`${rules}/entry[@name='${name}']`, more);
      if (name !== 'user')
        other.byHand({
          type: 'config',
          action: 'delete',
          xpath: `${rules}/entry[@name='${name}']/${name === 'region' ? 'source' : 'service'}/member[text()='any']`,
        });
      expect(other.asked({})).toContain('unknown');
    }
    await using apps = await device();
    apps.set(`${rules}/entry[@name='r1']`, rule().replace('<application><member>any', '<application><member>ssl'));
    expect(apps.asked({})).toContain('unknown');
    expect(apps.asked({ application: 'ssl' })).toBe('pass r1');
    expect(apps.asked({ application: 'ssh' })).toBe('stop interzone-default');
  });

  test('domain names', async () => {
    await using firewall = await device();
    firewall.set("address/entry[@name='x']", '<fqdn>bank.example.com</fqdn>');
    firewall.set(`${rules}/entry[@name='r1']`, rule({ destination: 'x' }));
    expect(firewall.asked({})).toContain('unknown');
    firewall.resolveName('bank.example.com', ['203.0.113.1', '2001:db8::1']);
    expect(firewall.asked({})).toBe('pass r1');
    expect(firewall.asked({ destination: '203.0.113.2' })).toBe('stop interzone-default');
  });
});

describe('translated to what', () => {
  const nat = (
    translation: string,
    more: Readonly<{ source?: string; service?: string; extra?: string }> = {},
  ): string =>
    `<from><member>k8s</member></from><to><member>internet</member></to><source><member>${more.source ?? 'any'}</member></source><destination><member>any</member></destination><service>${more.service ?? 'any'}</service>${translation}${more.extra ?? ''}`;
  const pool = (...all: readonly string[]): string =>
    `<source-translation><dynamic-ip-and-port><translated-address>${all.map((one) => `<member>${one}</member>`).join('')}</translated-address></dynamic-ip-and-port></source-translation>`;

  test.each([
    [pool('198.51.100.20'), '198.51.100.20'],
    [pool('198.51.100.20', '198.51.100.30-198.51.100.31'), '198.51.100.20,198.51.100.30,198.51.100.31'],
    [pool('public'), '198.51.100.8,198.51.100.9,198.51.100.10,198.51.100.11'],
    [
      '<source-translation><dynamic-ip-and-port><interface-address><interface>ethernet1/1</interface></interface-address></dynamic-ip-and-port></source-translation>',
      'interface ethernet1/1',
    ],
    [
      '<source-translation><dynamic-ip-and-port><interface-address><interface>ethernet1/1</interface><ip>198.51.100.1</ip></interface-address></dynamic-ip-and-port></source-translation>',
      '198.51.100.1',
    ],
    [
      '<source-translation><dynamic-ip><translated-address><member>198.51.100.40</member></translated-address></dynamic-ip></source-translation>',
      '198.51.100.40',
    ],
    [
      '<source-translation><static-ip><translated-address>198.51.100.0/24</translated-address></static-ip></source-translation>',
      '198.51.100.1',
    ],
  ])('%s', async (translation, becomes) => {
    await using firewall = await device();
    firewall.set("address/entry[@name='public']", '<ip-netmask>198.51.100.8/30</ip-netmask>');
    firewall.set(`${rules}/entry[@name='r1']`, rule());
    firewall.set(`${natRules}/entry[@name='n1']`, nat(translation));
    expect(firewall.asked({})).toBe(`pass r1 as ${becomes} by n1`);
  });

  test('the first rule that matches, exemptions included; IPv6 and stopped flows have none', async () => {
    await using firewall = await device();
    firewall.set(`${rules}/entry[@name='r1']`, rule());
    firewall.set(`${natRules}/entry[@name='n0']`, nat('', { source: '10.0.0.9' }));
    firewall.set(`${natRules}/entry[@name='n1']`, nat(pool('198.51.100.20'), { service: 'service-https' }));
    expect(firewall.asked({})).toBe('pass r1 as 198.51.100.20 by n1');
    expect(firewall.asked({ source: '10.0.0.9' })).toBe('pass r1');
    expect(firewall.asked({ destinationPort: 22 })).toBe('pass r1');
    expect(firewall.asked({ source: '2001:db8::1', destination: '2001:db8::2' })).toBe('pass r1');
    expect(firewall.asked({ from: 'internet' })).toBe('pass intrazone-default');
    firewall.set(`${rules}/entry[@name='r1']`, '<action>deny</action>');
    expect(firewall.asked({})).toBe('stop r1');
  });
});

describe('sessions', () => {
  const op = (firewall: PanOs, cmd: string): string => told(firewall.byHand({ type: 'op', cmd }));

  test('outlive their rule until they are cleared, by exactly what the filter says', async () => {
    await using firewall = await device();
    expect(firewall.connect(web)).toBe(undefined);
    firewall.set(`${rules}/entry[@name='r1']`, rule());
    firewall.commit();
    const one = firewall.connect(web) ?? 0;
    const other = firewall.connect({ ...web, source: '10.0.0.2' }) ?? 0;
    firewall.set(`${rules}/entry[@name='r1']`, '<action>deny</action>');
    firewall.commit();
    expect(firewall.connect(web)).toBe(undefined);
    expect(firewall.sessions.lives(one)).toBe(true);
    expect(op(firewall, '<show><session><all/></session></show>')).toContain(
      '10.0.0.2 | 40000 | 203.0.113.1 | 443 | 6 | k8s | internet',
    );
    const clear = (inside: string): string => op(firewall, `<clear><session><all>${inside}</all></session></clear>`);
    expect(clear('<filter><source>10.0.0.0/24</source></filter>')).toContain('error 17');
    expect(clear('<filter><colour>red</colour></filter>')).toContain('error 17');
    expect(clear('<filter><source>10.0.0.1</source><destination-port>80</destination-port></filter>')).toContain(
      'success',
    );
    expect(firewall.sessions.lives(one)).toBe(true);
    clear(
      '<filter><source>10.0.0.1</source><destination>203.0.113.1</destination><destination-port>443</destination-port><protocol>6</protocol></filter>',
    );
    expect([one, other].map((id) => firewall.sessions.lives(id))).toEqual([false, true]);
    expect(op(firewall, `<clear><session><id>${other}</id></session></clear>`)).toContain('success');
    expect(op(firewall, `<clear><session><id>${other}</id></session></clear>`)).toContain('error 13');
    expect(firewall.sessions.lives(other)).toBe(false);
  });
});
