import { describe, expect, test } from 'vitest';
import { rule, rules, told, vsys } from './client.fixture.ts';
import { serialise } from './xml.ts';
import { DONE, address, device } from './config.fixture.ts';

describe('set', () => {
  test('adds and replaces, and never removes', async () => {
    await using firewall = await device();
    firewall.set(...address('a1'));
    expect(firewall.set("address/entry[@name='a1']", '<description>one</description>')).toBe(DONE);
    firewall.set(...address('a1', '10.0.0.2'));
    expect(firewall.get("address/entry[@name='a1']")).toBe('success 19: 10.0.0.2 | one');
    firewall.set("address-group/entry[@name='g']", '<static><member>a1</member></static>');
    firewall.set(
      "address-group/entry[@name='g']/static",
      '<member>a1</member><member>10.9.9.9</member><member>a1</member>',
    );
    expect(firewall.get("address-group/entry[@name='g']/static")).toBe('success 19: a1 | 10.9.9.9');
  });

  test('takes a name with an apostrophe in double quotes, and refuses it as a name', async () => {
    await using firewall = await device();
    expect(firewall.get(`address/entry[@name="it's"]`)).toBe('success 7: ');
    expect(firewall.set(`address/entry[@name="it's"]`, '<ip-netmask>10.0.0.1</ip-netmask>')).toBe(
      "error 12: 'it's' is not a valid name",
    );
  });

  test('makes the way to what it sets, but no vsys', async () => {
    await using firewall = await device();
    expect(firewall.set(`${rules}/entry[@name='r1']`, rule())).toBe(DONE);
    expect(firewall.set(vsys.replace('vsys1', 'vsys7'), '<display-name>x</display-name>')).toBe(
      'error 12: vsys -> vsys7 is invalid',
    );
  });
});

describe('edit', () => {
  test('replaces the node', async () => {
    await using firewall = await device();
    firewall.set(...address('a1'));
    firewall.set("address-group/entry[@name='g']", '<static><member>a1</member><member>10.9.9.9</member></static>');
    expect(
      firewall.edit("address-group/entry[@name='g']", '<entry name="g"><static><member>a1</member></static></entry>'),
    ).toBe(DONE);
    expect(firewall.get("address-group/entry[@name='g']")).toBe('success 19: a1');
  });

  test('takes the whole node with its own name only', async () => {
    await using firewall = await device();
    firewall.set(...address('a1'));
    expect(
      firewall.edit("address/entry[@name='a1']", '<entry name="a2"><ip-netmask>10.0.0.1</ip-netmask></entry>'),
    ).toBe('error 12: a2 is not the node of the xpath');
    expect(firewall.edit("address/entry[@name='a1']", '<ip-netmask>10.0.0.1</ip-netmask>')).toContain('error 12');
    expect(firewall.edit("address/entry[@name='a1']", '<entry name="a1"/><entry name="a1"/>')).toContain('error 12');
  });

  test('keeps the identity of a rule, and its place', async () => {
    await using firewall = await device();
    firewall.set(`${rules}/entry[@name='r1']`, rule());
    firewall.set(`${rules}/entry[@name='r2']`, rule());
    const uuid = (): string | undefined =>
      firewall
        .byHand({ type: 'config', action: 'get', xpath: `${rules}/entry[@name='r1']` })
        .children[0]?.children[0]?.attributes.get('uuid');
    const before = uuid();
    expect(before).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
    firewall.edit(`${rules}/entry[@name='r1']`, `<entry name="r1">${rule({ action: 'deny' })}</entry>`);
    expect(uuid()).toBe(before);
    expect(firewall.order()).toBe('r1 r2');
  });

  test('does not drop what is named elsewhere', async () => {
    await using firewall = await device();
    firewall.set(...address('a1'));
    firewall.set("address-group/entry[@name='g']", '<static><member>a1</member></static>');
    expect(
      firewall.edit('address', '<address><entry name="a2"><ip-netmask>10.0.0.2</ip-netmask></entry></address>'),
    ).toBe(
      'error 10: a1 cannot be deleted because of references from: | vsys -> vsys1 -> address-group -> g -> static',
    );
    expect(firewall.get("address/entry[@name='a2']")).toBe('success 7: ');
  });
});

describe('get and show', () => {
  test('get reads many nodes of the candidate', async () => {
    await using firewall = await device();
    firewall.set(...address('a1', '10.0.0.1'));
    firewall.set(...address('a2', '10.0.0.2'));
    firewall.set(...address('a3', '10.0.0.3'));
    expect(firewall.get('address/entry')).toBe('success 19: 10.0.0.1 | 10.0.0.2 | 10.0.0.3');
    expect(firewall.get("address/entry[@name='a3' or @name='a1']")).toBe('success 19: 10.0.0.1 | 10.0.0.3');
    const answer = firewall.byHand({ type: 'config', action: 'get', xpath: `${vsys}/address/entry` });
    expect(Object.fromEntries(answer.children[0]?.attributes ?? [])).toEqual({ 'total-count': '3', count: '3' });
  });

  test('names alone', async () => {
    await using firewall = await device();
    firewall.set(...address('a1'));
    firewall.set(...address('a2'));
    const answer = firewall.byHand({ type: 'config', action: 'get', xpath: `${vsys}/address/entry/@name` });
    expect(answer.attributes.get('code')).toBe('19');
    expect(answer.children[0]?.children.map(serialise)).toEqual(['<entry name="a1"/>', '<entry name="a2"/>']);
    expect(firewall.get("address/entry[@name='a1']/@name")).toContain('error 6');
    expect(firewall.remove('address/entry/@name')).toContain('error 6');
  });

  test('a miss of get has an empty result, a miss of show is an error without a code', async () => {
    await using firewall = await device();
    const miss = firewall.byHand({ type: 'config', action: 'get', xpath: `${vsys}/address/entry[@name='x']` });
    expect(miss.children).toMatchObject([{ name: 'result', children: [], text: '' }]);
    expect(firewall.show("address/entry[@name='x']")).toBe('error: No such node');
    expect(firewall.show('zone/entry')).toContain('error 8');
  });

  test.each([
    'config/shared',
    '/config/shared/',
    '//entry',
    '/config/*',
    "/config/shared/address/entry[@id='a']",
    "/config/shared/address/entry[@name='a'",
    "/config/shared/address/entry[@name='a' and @name='b']",
    "/config/shared/address[@name='a']",
    '/config/shared/address/entry[1]',
    '/config/shared/adress',
    '/shared',
    '',
  ])('refuses the xpath %s', async (wrong) => {
    await using firewall = await device();
    expect(told(firewall.byHand({ type: 'config', action: 'get', xpath: wrong }))).toContain('error 6');
  });
});

describe('delete', () => {
  test('what is named cannot be deleted: every user is told', async () => {
    await using firewall = await device();
    firewall.set(...address('k8s-a1'));
    firewall.set("address-group/entry[@name='k8s-web']", '<static><member>k8s-a1</member></static>');
    firewall.set(`${rules}/entry[@name='r1']`, rule({ source: 'k8s-a1' }));
    const refused = firewall.byHand({
      type: 'config',
      action: 'delete',
      xpath: `${vsys}/address/entry[@name='k8s-a1']`,
    });
    expect(told(refused)).toBe(
      'error 10: k8s-a1 cannot be deleted because of references from: | vsys -> vsys1 -> address-group -> k8s-web -> static | vsys -> vsys1 -> rulebase -> security -> rules -> r1 -> source',
    );
    expect(firewall.remove("address-group/entry[@name='k8s-web']")).toBe(DONE);
    expect(firewall.remove(`${rules}/entry[@name='r1']`)).toBe(DONE);
    expect(firewall.remove("address/entry[@name='k8s-a1']")).toBe(DONE);
  });

  test.each([
    [
      'tag',
      "tag/entry[@name='t']",
      '<comments>x</comments>',
      "address/entry[@name='u']",
      '<ip-netmask>10.0.0.1</ip-netmask><tag><member>t</member></tag>',
      'address -> u -> tag',
    ],
    [
      'service',
      "service/entry[@name='s']",
      '<protocol><tcp><port>443</port></tcp></protocol>',
      "service-group/entry[@name='u']",
      '<members><member>s</member></members>',
      'service-group -> u -> members',
    ],
    [
      'zone',
      "zone/entry[@name='z']",
      '<network><layer3/></network>',
      `${rules}/entry[@name='u']`,
      rule({ from: 'z' }),
      'rulebase -> security -> rules -> u -> from',
    ],
    [
      'profile group',
      "profile-group/entry[@name='p']",
      '<virus><member>default</member></virus>',
      `${rules}/entry[@name='u']`,
      rule({ more: '<profile-setting><group><member>p</member></group></profile-setting>' }),
      'rulebase -> security -> rules -> u -> profile-setting -> group',
    ],
    [
      'log profile',
      "log-settings/profiles/entry[@name='l']",
      '<match-list/>',
      `${rules}/entry[@name='u']`,
      rule({ more: '<log-setting>l</log-setting>' }),
      'rulebase -> security -> rules -> u -> log-setting',
    ],
    [
      'external list',
      "external-list/entry[@name='e']",
      '<type><ip><url>https://127.0.0.1/x</url><recurring><five-minute/></recurring></ip></type>',
      `${rules}/entry[@name='u']`,
      rule({ source: 'e' }),
      'rulebase -> security -> rules -> u -> source',
    ],
    [
      'address of a translation',
      "address/entry[@name='a']",
      '<ip-netmask>198.51.100.1</ip-netmask>',
      "rulebase/nat/rules/entry[@name='u']",
      '<from><member>k8s</member></from><to><member>internet</member></to><source><member>any</member></source><destination><member>any</member></destination><service>any</service><source-translation><dynamic-ip-and-port><translated-address><member>a</member></translated-address></dynamic-ip-and-port></source-translation>',
      'rulebase -> nat -> rules -> u -> source-translation -> dynamic-ip-and-port -> translated-address',
    ],
  ])('a %s', async (_, object, content, user, uses, line) => {
    await using firewall = await device();
    // Named before it is there: refused.
    expect(firewall.set(user, uses)).toMatch(/error 12: .*is not a valid reference/);
    expect(firewall.set(object, content)).toBe(DONE);
    expect(firewall.set(user, uses)).toBe(DONE);
    expect(firewall.remove(object)).toContain(`references from: | vsys -> vsys1 -> ${line}`);
    firewall.remove(user);
    expect(firewall.remove(object)).toBe(DONE);
  });

  test('an object of the same name that is seen further away takes over', async () => {
    await using firewall = await device();
    firewall.set("/config/shared/address/entry[@name='a1']", '<ip-netmask>10.0.0.9</ip-netmask>');
    firewall.set(...address('a1'));
    firewall.set("address-group/entry[@name='g']", '<static><member>a1</member></static>');
    expect(firewall.remove("address/entry[@name='a1']")).toBe(DONE);
    expect(firewall.remove("/config/shared/address/entry[@name='a1']")).toContain('error 10');
  });

  test('one member, several entries, and nothing', async () => {
    await using firewall = await device();
    firewall.set(
      "address-group/entry[@name='g']",
      '<static><member>10.0.0.1</member><member>10.0.0.2</member></static>',
    );
    expect(firewall.remove("address-group/entry[@name='g']/static/member[text()='10.0.0.1']")).toBe(DONE);
    expect(firewall.get("address-group/entry[@name='g']")).toBe('success 19: 10.0.0.2');
    firewall.set(...address('a1'));
    firewall.set(...address('a2'));
    expect(firewall.remove("address/entry[@name='a1' or @name='a2']")).toBe(DONE);
    expect(firewall.remove("address/entry[@name='a1']")).toBe("error 7: Object doesn't exist");
  });

  test('a phantom reference stays until a restart', async () => {
    await using firewall = await device({ commitMs: 0 });
    firewall.set(...address('a1'));
    firewall.byHand({ type: 'commit', cmd: '<commit/>' });
    await expect.poll(() => firewall.jobs.active).toBe(false);
    firewall.keepPhantomReference(
      `${vsys}/address/entry[@name='a1']`,
      ' vsys -> vsys1 -> address-group -> gone -> static',
    );
    expect(firewall.remove("address/entry[@name='a1']")).toContain(
      'error 10: a1 cannot be deleted because of references from: | vsys -> vsys1 -> address-group -> gone',
    );
    firewall.reboot();
    expect(firewall.remove("address/entry[@name='a1']")).toBe(DONE);
  });
});

describe('order, names, copies', () => {
  test('move', async () => {
    await using firewall = await device();
    for (const name of ['r1', 'r2', 'r3']) firewall.set(`${rules}/entry[@name='${name}']`, rule());
    const at = (name: string) => `${rules}/entry[@name='${name}']`;
    expect(firewall.move(at('r3'), { where: 'top' })).toBe(DONE);
    expect(firewall.order()).toBe('r3 r1 r2');
    firewall.move(at('r3'), { where: 'bottom' });
    firewall.move(at('r2'), { where: 'before', dst: 'r1' });
    expect(firewall.order()).toBe('r2 r1 r3');
    firewall.move(at('r2'), { where: 'after', dst: 'r3' });
    expect(firewall.order()).toBe('r1 r3 r2');
    expect(firewall.move(at('r9'), { where: 'top' })).toContain('error 7');
    expect(firewall.move(at('r1'), { where: 'after', dst: 'r9' })).toContain('error 7');
    expect(firewall.move(at('r1'), { where: 'up' })).toContain('error 18');
    firewall.set(...address('a1'));
    expect(firewall.move("address/entry[@name='a1']", { where: 'top' })).toContain('error 14');
  });

  test('rename takes references along', async () => {
    await using firewall = await device();
    firewall.set(...address('a1'));
    firewall.set(...address('a2'));
    firewall.set("address-group/entry[@name='g']", '<static><member>a1</member></static>');
    firewall.set(`${rules}/entry[@name='r1']`, rule({ source: 'a1', destination: 'g' }));
    expect(firewall.rename("address/entry[@name='a1']", { newname: 'a2' })).toBe('error 8: a2 is already in use');
    expect(firewall.rename("address/entry[@name='a1']", { newname: 'b1' })).toBe(DONE);
    expect(firewall.get("address-group/entry[@name='g']")).toBe('success 19: b1');
    expect(firewall.get(`${rules}/entry[@name='r1']/source`)).toBe('success 19: b1');
    expect(firewall.rename("address/entry[@name='a1']", { newname: 'b2' })).toBe('error 7: No such node');
    expect(firewall.rename("address/entry[@name='b1']")).toContain('error 18');
  });

  test('rename follows the object that was meant, in every scope, and nothing else', async () => {
    await using firewall = await device();
    firewall.set("/config/shared/address/entry[@name='a1']", '<ip-netmask>10.0.0.9</ip-netmask>');
    firewall.set("/config/shared/address-group/entry[@name='far']", '<static><member>a1</member></static>');
    firewall.set("address-group/entry[@name='near']", '<static><member>a1</member></static>');
    firewall.set(...address('own'));
    firewall.set("address-group/entry[@name='near']/static", '<member>own</member>');
    firewall.rename("/config/shared/address/entry[@name='a1']", { newname: 'b1' });
    expect(firewall.get("address-group/entry[@name='near']")).toBe('success 19: b1 | own');
    expect(firewall.get("/config/shared/address-group/entry[@name='far']")).toBe('success 19: b1');
    // An own object of that name is another object.
    firewall.set(...address('b1'));
    firewall.rename("address/entry[@name='b1']", { newname: 'c1' });
    expect(firewall.get("address-group/entry[@name='near']")).toBe('success 19: c1 | own');
    expect(firewall.get("/config/shared/address-group/entry[@name='far']")).toBe('success 19: b1');
    // A group that is named by itself and by a rule.
    firewall.set(`${rules}/entry[@name='r1']`, rule({ source: 'near' }));
    firewall.rename("address-group/entry[@name='near']", { newname: 'close' });
    expect(firewall.get(`${rules}/entry[@name='r1']/source`)).toBe('success 19: close');
    expect(firewall.rename(vsys, { newname: 'vsys2' })).toContain('error 14');
  });

  test('clone names a folder and a source', async () => {
    await using firewall = await device();
    firewall.set(...address('a1'));
    const from = `${vsys}/address/entry[@name='a1']`;
    expect(firewall.clone('address', { from, newname: 'a2' })).toBe(DONE);
    expect(firewall.get("address/entry[@name='a2']")).toBe('success 19: 10.0.0.1');
    expect(firewall.clone('address', { from, newname: 'a2' })).toContain('error 8');
    expect(firewall.clone('service', { from, newname: 'a3' })).toContain('error 12');
    expect(firewall.clone("address/entry[@name='a1']", { from, newname: 'a3' })).toContain('error 6');
    expect(firewall.clone('address', { from: from.replace('a1', 'zz'), newname: 'a3' })).toContain('error 7');
  });
});

describe('what no administrator may', () => {
  test('pushed configuration, the device itself, actions that are not built, elements that are no XML', async () => {
    await using firewall = await device();
    expect(firewall.set('/config/panorama/vsys', '<x/>')).toContain('error 15');
    for (const place of [
      '/config',
      '/config/shared',
      '/config/devices',
      vsys,
      vsys.replace(/\/entry\[@name='vsys1'\]$/, ''),
    ])
      expect(firewall.remove(place)).toContain('error 15');
    expect(firewall.edit('/config', '<config><shared/></config>')).toContain('error 15');
    expect(firewall.edit('/config/devices', '<devices/>')).toContain('error 15');
    expect(firewall.set("/config/shared/address/entry[@name='a']", '<ip-netmask>10.0.0.1</ip-netmask>')).toBe(DONE);
    expect(firewall.remove('/config/shared/address')).toBe(DONE);
    expect(firewall.set("address/entry[@name='a']", '<ip-netmask>')).toContain('error 18');
    expect(firewall.set("address/entry[@name='a']", '<!DOCTYPE x><a/>')).toContain('error 18');
    expect(firewall.set("address/entry[@name='a']")).toContain('error 18');
    expect(firewall.set('address/entry', '<ip-netmask>10.0.0.1</ip-netmask>')).toContain('error 6');
    for (const action of ['override', 'multi-move', 'multi-clone', 'complete', 'nonsense'])
      expect(told(firewall.byHand({ type: 'config', action, xpath: vsys }))).toContain('error 17');
  });
});
