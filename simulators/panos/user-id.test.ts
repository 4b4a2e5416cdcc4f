import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { rule, rules, told, vsys } from './client.fixture.ts';
import { PanOs, type PanOsOptions } from './index.ts';
import { descend, type Element } from './xml.ts';

async function device(options: PanOsOptions = {}) {
  const clock = new FakeClock();
  const firewall = await PanOs.start({ zones: ['k8s', 'internet'], clock, commitMs: 10, ...options });
  const send = (payload: string, more: Readonly<Record<string, string>> = {}): Element =>
    firewall.byHand({
      type: 'user-id',
      cmd: `<uid-message><version>2.0</version><type>update</type><payload>${payload}</payload></uid-message>`,
      ...more,
    });
  const wrong = (answer: Element): readonly string[] =>
    (descend(answer, 'msg', 'line', 'uid-response', 'payload')?.children ?? []).flatMap((part) =>
      part.children.map((one) => `${part.name} ${one.attributes.get('ip')}: ${one.attributes.get('message')}`),
    );
  return Object.assign(firewall, {
    time: clock,
    send: (payload: string, more: Readonly<Record<string, string>> = {}) => {
      const answer = send(payload, more);
      return answer.attributes.get('status') === 'success' ? ['success'] : wrong(answer);
    },
    op: (cmd: string, more: Readonly<Record<string, string>> = {}) => firewall.byHand({ type: 'op', cmd, ...more }),
  });
}

const register = (ip: string, ...tags: readonly string[]): string =>
  `<register><entry ip="${ip}"><tag>${tags.map((tag) => `<member>${tag}</member>`).join('')}</tag></entry></register>`;
const unregister = (ip: string, ...tags: readonly string[]): string =>
  `<unregister><entry ip="${ip}">${tags.length === 0 ? '' : `<tag>${tags.map((tag) => `<member>${tag}</member>`).join('')}</tag>`}</entry></unregister>`;

describe('registering', () => {
  test('and unregistering in one message, tag by tag and whole', async () => {
    await using firewall = await device();
    expect(firewall.send(register('10.0.0.1', 'a', 'b') + register('2001:DB8::1', 'a'))).toEqual(['success']);
    expect(firewall.dumpRegistered()).toBe('10.0.0.1 a,b\n2001:db8::1 a\n');
    expect(
      firewall.send(register('10.0.0.2', 'a') + unregister('10.0.0.1', 'b') + unregister('2001:db8:0::1')),
    ).toEqual(['success']);
    expect(firewall.dumpRegistered()).toBe('10.0.0.1 a\n10.0.0.2 a\n');
    expect(firewall.send(unregister('10.0.0.1', 'a'))).toEqual(['success']);
    expect(firewall.dumpRegistered()).toBe('10.0.0.2 a\n');
  });

  test('what is there already, on an older release and on a newer one', async () => {
    const again = register('10.0.0.1', 'a', 'b') + register('10.0.0.2', 'a');
    for (const [reregistering, messages, left] of [
      ['error', ['register 10.0.0.1: tag a already exists, ignore'], '10.0.0.1 a,b\n10.0.0.2 a\n'],
      ['error and skip', ['register 10.0.0.1: tag a already exists, ignore'], '10.0.0.1 a\n10.0.0.2 a\n'],
      ['silent', ['success'], '10.0.0.1 a,b\n10.0.0.2 a\n'],
    ] as const) {
      await using firewall = await device({ quirks: { reregistering } });
      firewall.send(register('10.0.0.1', 'a'));
      expect(firewall.send(again)).toEqual(messages);
      expect(firewall.dumpRegistered()).toBe(left);
    }
  });

  test('what is not there', async () => {
    await using firewall = await device();
    firewall.send(register('10.0.0.1', 'a'));
    expect(firewall.send(unregister('10.0.0.9') + unregister('10.0.0.1', 'z'))).toEqual([
      'unregister 10.0.0.9: ip 10.0.0.9 does not exist, ignore unreg',
      'unregister 10.0.0.1: tag z does not exist, ignore unreg',
    ]);
  });

  test('single addresses alone, 32 tags each, names of 127 characters, 30 days at most', async () => {
    await using firewall = await device();
    for (const ip of ['10.0.0.0/24', '10.0.0.1-10.0.0.2', '2001:db8::/64', 'host', ''])
      expect(firewall.send(register(ip, 'a'))[0]).toContain('Failed to register');
    const many = Array.from({ length: 33 }, (_, index) => `t${index}`);
    expect(firewall.send(register('10.0.0.1', ...many))).toEqual([
      'register 10.0.0.1: Failed to register: ip 10.0.0.1 has 32 tags',
    ]);
    expect(firewall.send(register('10.0.0.2', 'x'.repeat(128)))[0]).toContain('Failed to register');
    expect(firewall.send(register('10.0.0.2', 'x'.repeat(127)))).toEqual(['success']);
    expect(firewall.send(register('10.0.0.3', "it's"))[0]).toContain('Failed to register');
    expect(
      firewall.send(
        '<register><entry ip="10.0.0.4"><tag><member timeout="2592001">a</member></tag></entry></register>',
      )[0],
    ).toContain('timeout');
    expect(firewall.send('<register><entry ip="10.0.0.4"/></register>')[0]).toContain('no tag');
  });

  test('as many addresses as the device holds', async () => {
    await using firewall = await device({ capacity: { 'max-registered-ip-address': 2 } });
    firewall.send(register('10.0.0.1', 'a') + register('10.0.0.2', 'a'));
    expect(firewall.send(register('10.0.0.3', 'a') + register('10.0.0.1', 'b'))).toEqual([
      'register 10.0.0.3: Failed to register: registered ip capacity 2 is reached',
    ]);
    expect(firewall.dumpRegistered()).toBe('10.0.0.1 a,b\n10.0.0.2 a\n');
  });

  test('tags that end by themselves', async () => {
    await using firewall = await device();
    firewall.send(
      '<register><entry ip="10.0.0.1"><tag><member timeout="60">short</member><member>long</member></tag></entry></register>',
    );
    firewall.send('<register><entry ip="10.0.0.2"><tag><member timeout="60">short</member></tag></entry></register>');
    firewall.time.advance(59_999);
    expect(firewall.dumpRegistered()).toBe('10.0.0.1 long,short\n10.0.0.2 short\n');
    firewall.time.advance(1);
    expect(firewall.dumpRegistered()).toBe('10.0.0.1 long\n');
  });

  test('a restart keeps what is persistent, which is the default', async () => {
    await using firewall = await device();
    firewall.send(
      `${register('10.0.0.1', 'a')}<register><entry ip="10.0.0.2" persistent="0"><tag><member>a</member></tag></entry></register>`,
    );
    firewall.reboot();
    expect(firewall.dumpRegistered()).toBe('10.0.0.1 a\n');
    firewall.clearRegistered();
    expect(firewall.dumpRegistered()).toBe('');
  });

  test('each vsys has its own table', async () => {
    await using firewall = await device({ model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
    firewall.send(register('10.0.0.1', 'a'), { vsys: 'vsys2' });
    expect(firewall.dumpRegistered()).toBe('');
    expect(firewall.dumpRegistered('vsys2')).toBe('10.0.0.1 a\n');
    expect(
      told(firewall.byHand({ type: 'user-id', vsys: 'vsys9', cmd: '<uid-message><payload/></uid-message>' })),
    ).toContain('error 12');
  });

  test('forms that are accepted, and those that are not', async () => {
    await using firewall = await device();
    const send = (cmd: string): string => told(firewall.byHand({ type: 'user-id', cmd }));
    const payload = `<payload>${register('10.0.0.1', 'a')}</payload>`;
    expect(send(`<uid-message><type>update${payload}</type></uid-message>`)).toContain('success');
    expect(
      send(
        '<uid-message><version>1.0</version><payload><unregister><entry ip="10.0.0.1" hostname="x"/></unregister></payload></uid-message>',
      ),
    ).toContain('success');
    expect(firewall.dumpRegistered()).toBe('');
    expect(send('<uid-message/>')).toContain('error 18');
    expect(send('<message/>')).toContain('error 18');
    expect(send('<uid-message>')).toContain('error 18');
    expect(send('<uid-message><payload><enrol/></payload></uid-message>')).toContain('error 18');
  });

  test('10 addresses with 15 tags in one message', async () => {
    await using firewall = await device();
    const tags = Array.from({ length: 15 }, (_, index) => `tag${index}`);
    const all = Array.from({ length: 10 }, (_, index) => register(`10.0.0.${index + 1}`, ...tags)).join('');
    expect(firewall.send(all)).toEqual(['success']);
    expect(
      firewall
        .userIdOf('vsys1')
        .registered()
        .flatMap((one) => one.tags),
    ).toHaveLength(150);
  });

  test('users of addresses', async () => {
    await using firewall = await device();
    const mapped = (): string =>
      told(firewall.op('<show><user><ip-user-mapping-mp><ip>10.0.0.1</ip></ip-user-mapping-mp></user></show>'));
    firewall.send('<login><entry name="corp\\ann" ip="10.0.0.1"/></login>');
    expect(mapped()).toContain('10.0.0.1');
    firewall.send('<logout><entry name="corp\\ann" ip="10.0.0.1"/></logout>');
    expect(mapped()).toBe('success: ');
  });
});

describe('reading', () => {
  const show = (inside: string): string => `<show><object><registered-ip>${inside}</registered-ip></object></show>`;
  const rows = (answer: Element): number =>
    descend(answer, 'result')?.children.filter(({ name }) => name === 'entry').length ?? 0;

  test('pages of 500 at most', async () => {
    await using firewall = await device();
    for (let part = 0; part < 3; part++)
      firewall.send(
        Array.from({ length: 400 }, (_, index) =>
          register(`10.${part}.${index >> 8}.${index & 255}`, part === 2 ? 'c' : 'ab'),
        ).join(''),
      );
    const page = (start: number): Element => firewall.op(show(`<limit>500</limit><start-point>${start}</start-point>`));
    expect([page(1), page(501), page(1001), page(1501)].map(rows)).toEqual([500, 500, 200, 0]);
    expect(rows(firewall.op(show('<all/>')))).toBe(500);
    expect(told(firewall.op(show('<all><option>count</option></all>')))).toBe('success: 1200');
    expect(rows(firewall.op(show('<limit>500</limit><start-point>1</start-point><tag><entry name="c"/></tag>')))).toBe(
      400,
    );
    expect(told(firewall.op(show('<ip>10.2.0.5</ip>')))).toBe('success: c | 1');
    expect(told(firewall.op(show('<ip>10.9.0.5</ip>')))).toBe('success: 0');
    expect(told(firewall.op(show('<limit>501</limit>')))).toContain('error 17');
    expect(told(firewall.op(show('<start-point>0</start-point>')))).toContain('error 17');
  });

  test('dynamic groups: by tags of both kinds, and only where a running rule uses them', async () => {
    await using firewall = await device();
    const set = (xpath: string, element: string) => firewall.byHand({ type: 'config', action: 'set', xpath, element });
    const commit = (): void => {
      firewall.byHand({ type: 'commit', cmd: '<commit/>' });
      firewall.time.advance(10);
    };
    const groups = (): string =>
      (
        descend(
          firewall.op('<show><object><dynamic-address-group><all/></dynamic-address-group></object></show>'),
          'result',
          'dyn-addr-grp',
        )?.children ?? []
      )
        .map(
          (one) =>
            `${descend(one, 'group-name')?.text}: ${(descend(one, 'member-list')?.children ?? []).map((row) => `${row.attributes.get('name')} ${row.attributes.get('type')}`).join(', ')}`,
        )
        .join('\n');
    set(`${vsys}/tag/entry[@name='k8s.web']`, '<comments>x</comments>');
    set(`${vsys}/address/entry[@name='fixed']`, '<ip-netmask>10.5.0.1</ip-netmask><tag><member>k8s.web</member></tag>');
    set(
      `${vsys}/address-group/entry[@name='web']`,
      "<dynamic><filter>'k8s.web' and ('prod' or 'k8s.web')</filter></dynamic>",
    );
    set(`${vsys}/address-group/entry[@name='other']`, "<dynamic><filter>'none'</filter></dynamic>");
    firewall.send(register('10.0.0.1', 'k8s.web') + register('10.0.0.2', 'prod'));
    commit();
    expect(groups()).toBe('other: \nweb: ');
    set(`${vsys}/address-group/entry[@name='both']`, '<static><member>web</member></static>');
    set(`${rules}/entry[@name='r1']`, rule({ source: 'both' }));
    expect(groups()).toBe('other: \nweb: ');
    commit();
    expect(groups()).toBe('other: \nweb: 10.0.0.1 registered-ip, fixed address-object');
    firewall.send(unregister('10.0.0.1'));
    expect(groups()).toBe('other: \nweb: fixed address-object');
  });
});
