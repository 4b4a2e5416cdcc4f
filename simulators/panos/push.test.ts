import { describe, expect, test } from 'vitest';
import { rule, told } from './client.fixture.ts';
import { PanOs } from './index.ts';
import type { Element } from './xml.ts';
import { D, LAG, MS, OK, all, border, dg, web, withTemplate } from './panorama.fixture.ts';

describe('commit, then push', () => {
  test('a rule reaches the firewall by the push alone', async () => {
    await using at = await border();
    at.set(`${dg('edge')}/pre-rulebase/security/rules/entry[@name='r1']`, rule());
    expect(at.commit()).toContain('OK');
    expect(at.firewall.passes(web).rule).toBe('interzone-default');
    expect(at.pushed(all('edge', withTemplate))).toEqual(OK);
    expect(at.firewall.passes(web)).toMatchObject({ verdict: 'pass', rule: 'r1' });
    expect(told(at.firewall.byHand({ type: 'config', action: 'show', xpath: '/config/panorama' }))).toContain(
      'success',
    );
    expect(
      told(at.firewall.byHand({ type: 'config', action: 'set', xpath: '/config/panorama/vsys', element: '<x/>' })),
    ).toContain('error 15');
    expect(told(at.firewall.byHand({ type: 'op', cmd: '<show><config><merged/></config></show>' }))).toContain('allow');
  });

  test('jobs: the answer, the end, and devices that end later', async () => {
    await using at = await border();
    at.set(`${dg('edge')}/address/entry[@name='a']`, '<ip-netmask>10.0.0.1</ip-netmask>');
    at.commit();
    expect(at.push(all('edge'))).toBe('success 19: CommitAll job enqueued with jobid 2 | 2');
    expect(at.push(all('edge'))).toBe('error 14: Another commit/validate is in progress. Please try again later');
    at.clock.advance(MS);
    expect(told(at.job('2') as Element)).toContain('FIN');
    expect(at.rows('2')).toEqual(['0123456789 PEND ']);
    at.clock.advance(LAG);
    expect(at.rows('2')).toEqual(OK);
    expect(told(at.job('2') as Element)).toContain('OK | 2026/01/05 12:00:00 | 2026/01/05 12:00:00');
    expect(at.op('<show><devicegroups/></show>')).toContain('0123456789 | yes | edge-1');
  });

  test('older form, one device of several, template alone', async () => {
    await using at = await border();
    const second = await PanOs.start({ clock: at.clock, serial: '0000000002' });
    await using _ = second;
    at.panorama.manage(second, { group: 'edge', zones: ['k8s'] });
    expect(
      at.pushed('<commit-all><shared-policy><device-group>edge</device-group></shared-policy></commit-all>'),
    ).toHaveLength(2);
    expect(
      at.pushed(
        '<commit-all><shared-policy><device-group><entry name="edge"><devices><entry name="0000000002"/></devices></entry></device-group></shared-policy></commit-all>',
      ),
    ).toEqual(['0000000002 OK ']);
    expect(at.pushed('<commit-all><template><name>t-0123456789</name></template></commit-all>')).toEqual(OK);
    expect(at.pushed('<commit-all><template-stack><name>s-0123456789</name></template-stack></commit-all>')).toEqual(
      OK,
    );
    expect(at.push('<commit-all><template><name>none</name></template></commit-all>')).toContain('error 12');
  });

  test.each([
    [
      '<commit-all><shared-policy><device-group><entry name="none"/></device-group></shared-policy></commit-all>',
      'error 12: device-group -> none is invalid',
    ],
    [
      '<commit-all><shared-policy><device-group><entry name="edge"><devices><entry name="9"/></devices></entry></device-group></shared-policy></commit-all>',
      'error 12: devices is invalid',
    ],
    ['<commit-all><shared-policy/></commit-all>', 'error 17: device-group is missing'],
    [
      '<commit-all><shared-policy><device-group><entry name="edge"/></device-group><everything/></shared-policy></commit-all>',
      'error 17',
    ],
    ['<commit-all/>', 'error 17'],
    ['<commit/>', 'error 17'],
    [all('lab'), 'success 19: There are no devices to push to.'],
  ])('%s', async (cmd, answer) => {
    await using at = await border();
    expect(at.push(cmd)).toContain(answer);
  });

  test('a zone that the firewall does not have: the push fails there, and nothing of it runs', async () => {
    await using at = await border();
    at.set(`${dg('edge')}/pre-rulebase/security/rules/entry[@name='r1']`, rule());
    at.commit();
    expect(at.pushed(all('edge', withTemplate))).toEqual(OK);
    at.set(`${dg('edge')}/pre-rulebase/security/rules/entry[@name='r0']`, rule({ from: 'moon', action: 'deny' }));
    at.config('move', `${dg('edge')}/pre-rulebase/security/rules/entry[@name='r0']`, { where: 'top' });
    expect(at.commit()).toContain('OK');
    expect(at.pushed(all('edge'))).toEqual([
      "0123456789 FAIL pre-rulebase -> security -> rules -> r0 -> from 'moon' is not a valid reference",
    ]);
    expect(told(at.job('4') as Element)).toContain('FAIL');
    expect(at.firewall.passes(web).rule).toBe('r1');
  });

  test('failures of one device: on demand, away, restarting, locked, busy, too small', async () => {
    await using at = await border({}, { capacity: { 'max-address': 1 } });
    at.set(`${dg('edge')}/address/entry[@name='a']`, '<ip-netmask>10.0.0.1</ip-netmask>');
    at.commit();
    at.panorama.failNextPush('0123456789', 'commit failed', 'out of memory');
    expect(at.pushed(all('edge'))).toEqual(['0123456789 FAIL commit failed; out of memory']);
    at.panorama.setConnected('0123456789', false);
    expect(at.pushed(all('edge'))).toEqual(['0123456789 FAIL Device is not connected']);
    at.panorama.setConnected('0123456789', true);
    at.firewall.reboot(60_000);
    expect(at.pushed(all('edge'))).toEqual(['0123456789 FAIL Device is not connected']);
    at.clock.advance(60_000);
    at.firewall.locks.take('commit', 'shared', 'alice');
    expect(at.pushed(all('edge'))).toEqual(['0123456789 FAIL Configuration is locked by alice']);
    at.firewall.locks.release('commit', 'shared', 'alice');
    expect(at.pushed(all('edge'))).toEqual(OK);
    at.set(`${dg('edge')}/address/entry[@name='b']`, '<ip-netmask>10.0.0.2</ip-netmask>');
    at.commit();
    expect(at.pushed(all('edge'))).toEqual([
      '0123456789 FAIL Number of address objects (2) exceeds platform limit (1)',
    ]);
  });

  test('a firewall in two groups cannot be committed', async () => {
    await using at = await border();
    at.set(`${dg('lab')}/devices`, '<entry name="0123456789"/>');
    expect(at.commit()).toContain('device-group -> lab -> devices -> 0123456789 is in edge already');
  });
});

describe('whose work is pushed', () => {
  const put = (name: string) =>
    [`${dg('edge')}/address/entry[@name='${name}']`, '<ip-netmask>10.0.0.1</ip-netmask>'] as const;
  const runs = (at: Awaited<ReturnType<typeof border>>): string =>
    ['mine', 'hers']
      .filter(
        (name) =>
          told(at.firewall.byHand({ type: 'config', action: 'get', xpath: '/config/panorama' })) !== '' &&
          at.firewall.membership('vsys1').lookup(name, 'address') !== undefined,
      )
      .join(' ');
  const mine = all('edge', '<admin><member>admin</member></admin>');

  test("one administrator's alone, where the release can", async () => {
    await using at = await border();
    at.set(...put('mine'));
    at.set(...put('hers'), 'alice');
    at.commit();
    expect(at.pushed(mine)).toEqual(OK);
    expect(runs(at)).toBe('mine');
    expect(at.pushed(all('edge'))).toEqual(OK);
    expect(runs(at)).toBe('mine hers');
  });

  test("that hangs on others' fails on the firewall; a template by itself brings none of it", async () => {
    await using at = await border();
    at.set(...put('hers'), 'alice');
    at.set(`${dg('edge')}/address-group/entry[@name='mine']`, '<static><member>hers</member></static>');
    at.commit();
    expect(at.pushed('<commit-all><template><name>t-0123456789</name></template></commit-all>')).toEqual(OK);
    expect(at.pushed(mine)).toEqual([
      "0123456789 FAIL device-group -> edge -> address-group -> mine -> static 'hers' is not a valid reference",
    ]);
    expect(at.pushed(all('edge', '<admin><member>alice</member></admin>'))).toEqual(OK);
    expect(at.pushed(mine)).toEqual(OK);
    expect(runs(at)).toBe('hers');
    expect(at.firewall.membership('vsys1').lookup('mine', 'address-group')).toBeDefined();
  });

  test('several vsys of one firewall get all of it, or nothing', async () => {
    await using at = await border();
    await using large = await PanOs.start({
      clock: at.clock,
      model: 'PA-3220',
      serial: '0000000003',
      vsys: ['vsys1', 'vsys2'],
      zones: ['k8s'],
    });
    at.panorama.manage(large, { group: 'lab', vsys: ['vsys1', 'vsys2'] });
    at.set(`${dg('lab')}/address/entry[@name='a']`, '<ip-netmask>10.0.0.1</ip-netmask>');
    at.commit();
    expect(at.pushed(all('lab'))).toEqual(['0000000003 OK ']);
    for (const vsys of large.vsys) expect(large.membership(vsys).lookup('a', 'address')).toBeDefined();
    large.byHand({
      type: 'config',
      action: 'set',
      xpath: `${D}/vsys/entry[@name='vsys2']/zone/entry[@name='internet']`,
      element: '<network><layer3/></network>',
    });
    large.byHand({ type: 'commit', cmd: '<commit/>' });
    at.clock.advance(MS);
    // vsys2 has both zones, vsys1 has not.
    at.set(`${dg('lab')}/pre-rulebase/security/rules/entry[@name='r1']`, rule());
    at.commit();
    expect(at.pushed(all('lab'))[0]).toContain('FAIL');
    expect(large.passes(web, 'vsys2').rule).toBe('interzone-default');
  });

  test("everybody's, before 10.2", async () => {
    await using at = await border({ version: '10.1.9' });
    at.set(...put('mine'));
    at.set(...put('hers'), 'alice');
    at.commit();
    expect(at.push(mine)).toContain('error 17');
    at.pushed(all('edge'));
    expect(runs(at)).toBe('mine hers');
  });

  test("the firewall's own candidate goes along only where that is asked for", async () => {
    await using at = await border();
    at.firewall.byHand({
      type: 'config',
      action: 'set',
      xpath: '/config/shared/address',
      element: '<entry name="local"><ip-netmask>10.0.0.1</ip-netmask></entry>',
    });
    at.pushed(all('edge'));
    expect(at.firewall.dump()).not.toContain('local"');
    at.pushed(all('edge', '<merge-with-candidate-cfg>yes</merge-with-candidate-cfg>'));
    expect(at.firewall.dump()).toContain('local"');
  });

  test('partial commits by device group', async () => {
    await using at = await border();
    at.set(...put('mine'));
    at.set(`${dg('lab')}/address/entry[@name='x']`, '<ip-netmask>10.0.0.1</ip-netmask>');
    at.commit('admin', '<commit><partial><device-group><member>lab</member></device-group></partial></commit>');
    expect(at.panorama.dump()).toContain('"x"');
    expect(at.panorama.dump()).not.toContain('"mine"');
  });
});
