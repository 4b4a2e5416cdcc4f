import { describe, expect, test } from 'vitest';
import { rule, rules, vsys } from './client.fixture.ts';
import { byAdmin, device, partial, put } from './commit.fixture.ts';

describe('partial commit', () => {
  test("publishes one administrator's work alone", async () => {
    await using firewall = await device();
    firewall.set(...put('mine'));
    firewall.set(...put('hers'), 'alice');
    expect(firewall.commit(byAdmin('admin'))).toContain('FIN OK 100');
    expect(firewall.runs()).toContain('mine');
    expect(firewall.runs()).not.toContain('hers');
    expect(firewall.op('<check><pending-changes/></check>')).toBe('success: yes');
    expect(firewall.commit(byAdmin('alice'))).toContain('FIN OK 100');
    expect(firewall.runs()).toBe(firewall.dumpCandidate());
  });

  test('members of one group belong to whoever added them', async () => {
    await using firewall = await device();
    firewall.set("address-group/entry[@name='g']", '<static><member>10.0.0.1</member></static>');
    firewall.commit();
    firewall.set("address-group/entry[@name='g']/static", '<member>10.0.0.2</member>', 'alice');
    firewall.set("address-group/entry[@name='g']/static", '<member>10.0.0.3</member>');
    firewall.commit(byAdmin('admin'));
    expect(firewall.runs()).toContain('10.0.0.3');
    expect(firewall.runs()).not.toContain('10.0.0.2');
  });

  test('an edit of a parent takes over what others had not committed below', async () => {
    await using firewall = await device();
    firewall.set("address-group/entry[@name='g']", '<static><member>10.0.0.1</member></static>');
    firewall.commit();
    firewall.set("address-group/entry[@name='g']/static", '<member>10.0.0.2</member>', 'alice');
    firewall.edit(
      "address-group/entry[@name='g']/static",
      '<static><member>10.0.0.1</member><member>10.0.0.2</member></static>',
    );
    firewall.commit(byAdmin('admin'));
    expect(firewall.runs()).toContain('10.0.0.2');
    expect(firewall.start(byAdmin('alice'))).toBe('success 19: There are no changes to commit.');
  });

  test('deletions and positions stay with their administrator', async () => {
    await using firewall = await device();
    for (const name of ['r1', 'r2', 'r3']) firewall.set(`${rules}/entry[@name='${name}']`, rule());
    firewall.set(...put('old'));
    firewall.commit();
    firewall.remove("address/entry[@name='old']", 'alice');
    firewall.byHand({ type: 'config', action: 'move', xpath: `${rules}/entry[@name='r3']`, where: 'top' }, 'alice');
    firewall.set(`${rules}/entry[@name='r4']`, rule());
    firewall.byHand({
      type: 'config',
      action: 'move',
      xpath: `${rules}/entry[@name='r4']`,
      where: 'before',
      dst: 'r2',
    });
    const order = (text: string): string =>
      [...text.matchAll(/<entry name="(r\d)">/g)].map(([, name]) => name).join(' ');
    expect(order(firewall.dumpCandidate())).toBe('r3 r1 r4 r2');
    firewall.commit(byAdmin('admin'));
    expect(order(firewall.runs())).toBe('r1 r4 r2 r3');
    expect(firewall.runs()).toContain('"old"');
    firewall.commit(byAdmin('alice'));
    expect(order(firewall.runs())).toBe('r3 r1 r4 r2');
    expect(firewall.runs()).not.toContain('"old"');
  });

  test('what hangs on the work of others fails, and publishes nothing', async () => {
    await using firewall = await device();
    firewall.set(...put('hers'), 'alice');
    firewall.set(`${rules}/entry[@name='r1']`, rule({ source: 'hers' }));
    firewall.set(...put('mine'));
    const before = firewall.runs();
    expect(firewall.commit(byAdmin('admin'))).toBe(
      "FIN FAIL 100: Validation Error: |  vsys -> vsys1 -> rulebase -> security -> rules -> r1 -> source 'hers' is not a valid reference",
    );
    expect(firewall.runs()).toBe(before);
    firewall.set("address/entry[@name='hers']", '<description>mine</description>');
    expect(firewall.commit(byAdmin('admin'))).toContain('hers is not part of this commit');
    expect(firewall.runs()).toBe(before);
  });

  test.each([
    ['<vsys><member>vsys2</member></vsys>', 'b'],
    ['<no-vsys/>', 's'],
    ['<shared-object>excluded</shared-object>', 'a b'],
    ['<policy-and-objects>excluded</policy-and-objects>', 's'],
    ['<device-and-network>excluded</device-and-network>', 'a b s'],
    ['<shared-object>excluded</shared-object><vsys><member>vsys1</member></vsys>', 'a'],
  ])('%s', async (inside, published) => {
    await using firewall = await device({ model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
    firewall.set("address/entry[@name='a']", '<ip-netmask>10.0.0.1</ip-netmask>');
    firewall.set(`${vsys.replace('vsys1', 'vsys2')}/address/entry[@name='b']`, '<ip-netmask>10.0.0.1</ip-netmask>');
    firewall.set("/config/shared/address/entry[@name='s']", '<ip-netmask>10.0.0.1</ip-netmask>');
    const shared = inside.includes('member') && !inside.includes('shared') ? ' s' : '';
    expect(firewall.commit(partial(inside))).toContain('FIN OK');
    const found = ['a', 'b', 's'].filter((name) => firewall.runs().includes(`<entry name="${name}">`));
    expect(found.join(' ')).toBe(`${published}${shared}`);
  });

  test.each([
    '<commit><force><partial><admin><member>admin</member></admin></partial></force></commit>',
    '<commit><partial><force></force><admin><member>admin</member></admin></partial></commit>',
    '<commit><partial><admin><member>admin</member></admin></partial><force/></commit>',
  ])('%s commits even without a change', async (cmd) => {
    await using firewall = await device();
    firewall.set(...put('hers'), 'alice');
    expect(firewall.commit(cmd)).toContain('FIN OK');
    expect(firewall.runs()).not.toContain('hers');
  });

  test('what no commit understands', async () => {
    await using firewall = await device();
    firewall.set(...put('a'));
    for (const cmd of ['<commit><everything/></commit>', partial('<moon/>'), '<commitment/>'])
      expect(firewall.start(cmd)).toContain('error 17');
    expect(firewall.start('<commit>')).toContain('error 18');
    expect(firewall.start('<commit-all/>', 'admin', 'all')).toContain('error 17');
  });
});
