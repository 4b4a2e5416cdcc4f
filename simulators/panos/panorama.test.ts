import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { RawClient, rule, told } from './client.fixture.ts';
import { type Flow, Panorama, type PanoramaOptions, PanOs, type PanOsOptions } from './index.ts';
import { descend, type Element } from './xml.ts';

const D = "/config/devices/entry[@name='localhost.localdomain']";
const dg = (name: string): string => `${D}/device-group/entry[@name='${name}']`;
const MS = 100;
const LAG = 20;
const web: Flow = {
  source: '10.0.0.1',
  destination: '203.0.113.1',
  protocol: 'tcp',
  destinationPort: 443,
  from: 'k8s',
  to: 'internet',
};

/** A Panorama with the group `edge` below `all`, and one firewall in it. */
async function border(options: PanoramaOptions = {}, firewallOptions: PanOsOptions = {}) {
  const clock = new FakeClock();
  const panorama = await Panorama.start({
    clock,
    commitMs: MS,
    deviceLagMs: LAG,
    deviceGroups: [{ name: 'all' }, { name: 'edge', parent: 'all' }, { name: 'lab' }],
    ...options,
  });
  const firewall = await PanOs.start({
    clock,
    commitMs: MS,
    serial: '0123456789',
    hostname: 'edge-1',
    ...firewallOptions,
  });
  panorama.manage(firewall, { group: 'edge', zones: ['k8s', 'internet'] });
  const config = (action: string, xpath: string, more: Readonly<Record<string, string>>, admin = 'admin'): string =>
    told(panorama.byHand({ type: 'config', action, xpath, ...more }, admin));
  const job = (id: string): Element | undefined =>
    descend(panorama.byHand({ type: 'op', cmd: `<show><jobs><id>${id}</id></jobs></show>` }), 'result', 'job');
  const push = (cmd: string, admin = 'admin'): string =>
    told(panorama.byHand({ type: 'commit', action: 'all', cmd }, admin));
  return {
    clock,
    panorama,
    firewall,
    config,
    set: (xpath: string, element: string, admin = 'admin') => config('set', xpath, { element }, admin),
    op: (cmd: string, more: Readonly<Record<string, string>> = {}) =>
      told(panorama.byHand({ type: 'op', cmd, ...more })),
    commit(admin = 'admin', cmd = '<commit/>'): string {
      const id = / (\d+)$/.exec(told(panorama.byHand({ type: 'commit', cmd }, admin)))?.[1] ?? '';
      clock.advance(MS);
      return told(job(id) ?? panorama.byHand({}));
    },
    push,
    job,
    rows: (id: string): readonly string[] =>
      (descend(job(id), 'devices')?.children ?? []).map(
        (row) =>
          `${descend(row, 'serial-no')?.text} ${descend(row, 'result')?.text} ${
            descend(row, 'details', 'msg', 'errors')
              ?.children.map(({ text }) => text.trim())
              .join('; ') ?? ''
          }`,
      ),
    /** Pushes, waits for job and devices; gives the rows. */
    pushed(cmd: string, admin = 'admin'): readonly string[] {
      const id = / (\d+)$/.exec(push(cmd, admin))?.[1] ?? '';
      clock.advance(MS + LAG);
      return this.rows(id);
    },
    async [Symbol.asyncDispose]() {
      await panorama[Symbol.asyncDispose]();
      await firewall[Symbol.asyncDispose]();
    },
  };
}

const all = (name: string, more = ''): string =>
  `<commit-all><shared-policy><device-group><entry name="${name}"/></device-group>${more}</shared-policy></commit-all>`;
const withTemplate = '<include-template>yes</include-template>';
const OK = ['0123456789 OK '];

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

describe('groups', () => {
  test('rules in their order: shared, parent, own, local, own, parent, shared', async () => {
    await using at = await border({}, { zones: ['k8s', 'internet'] });
    const places: readonly (readonly [string, string])[] = [
      ['shared-pre', '/config/shared/pre-rulebase'],
      ['all-pre', `${dg('all')}/pre-rulebase`],
      ['edge-pre', `${dg('edge')}/pre-rulebase`],
      ['edge-post', `${dg('edge')}/post-rulebase`],
      ['all-post', `${dg('all')}/post-rulebase`],
      ['shared-post', '/config/shared/post-rulebase'],
    ];
    for (const [name, base] of places) at.set(`${base}/security/rules/entry[@name='${name}']`, rule());
    at.firewall.byHand({
      type: 'config',
      action: 'set',
      xpath: `${D}/vsys/entry[@name='vsys1']/rulebase/security/rules/entry[@name='local']`,
      element: rule(),
    });
    at.firewall.byHand({ type: 'commit', cmd: '<commit/>' });
    at.clock.advance(MS);
    at.commit();
    at.pushed(all('edge'));
    const order = ['shared-pre', 'all-pre', 'edge-pre', 'local', 'edge-post', 'all-post', 'shared-post'];
    for (const name of order) {
      expect(at.firewall.passes(web).rule).toBe(name);
      const [, base] = places.find(([one]) => one === name) ?? [];
      const disable = { type: 'config', action: 'set', element: '<disabled>yes</disabled>' };
      if (base === undefined) {
        at.firewall.byHand({
          ...disable,
          xpath: `${D}/vsys/entry[@name='vsys1']/rulebase/security/rules/entry[@name='local']`,
        });
        at.firewall.byHand({ type: 'commit', cmd: '<commit/>' });
        at.clock.advance(MS);
      } else {
        at.panorama.byHand({ ...disable, xpath: `${base}/security/rules/entry[@name='${name}']` });
        at.commit();
        at.pushed(all('edge'));
      }
    }
    expect(at.firewall.passes(web).rule).toBe('interzone-default');
  });

  test('names are looked up in the own group, its ancestors, shared; a deletion tells its users', async () => {
    await using at = await border();
    at.set(`${dg('edge')}/address-group/entry[@name='g']`, '<static><member>a</member></static>');
    expect(at.set(`${dg('edge')}/address-group/entry[@name='g']`, '<static><member>a</member></static>')).toContain(
      'is not a valid reference',
    );
    at.set(`${dg('all')}/address/entry[@name='a']`, '<ip-netmask>10.0.0.1</ip-netmask>');
    expect(at.set(`${dg('edge')}/address-group/entry[@name='g']`, '<static><member>a</member></static>')).toContain(
      'success',
    );
    expect(at.set(`${dg('lab')}/address-group/entry[@name='g']`, '<static><member>a</member></static>')).toContain(
      'is not a valid reference',
    );
    expect(at.config('delete', `${dg('all')}/address/entry[@name='a']`, {})).toBe(
      'error 10: a cannot be deleted because of references from: | device-group -> edge -> address-group -> g -> static',
    );
    at.set("/config/shared/address/entry[@name='a']", '<ip-netmask>10.0.0.2</ip-netmask>');
    expect(at.config('delete', `${dg('all')}/address/entry[@name='a']`, {})).toContain('success');
  });

  test('their hierarchy, and moves in it', async () => {
    await using at = await border();
    const shape = (): string => {
      const go = (of: Element | undefined): string =>
        (of?.children ?? [])
          .map((one) => `${one.attributes.get('name')}${one.children.length === 0 ? '' : `(${go(one)})`}`)
          .join(' ');
      return go(
        descend(at.panorama.byHand({ type: 'op', cmd: '<show><dg-hierarchy/></show>' }), 'result', 'dg-hierarchy'),
      );
    };
    const move = (name: string, parent: string): string =>
      at.op(
        `<request><move-dg><entry name="${name}"><new-parent-dg>${parent}</new-parent-dg></entry></move-dg></request>`,
      );
    expect(shape()).toBe('all(edge) lab');
    expect(move('lab', 'edge')).toContain('success');
    expect(shape()).toBe('all(edge(lab))');
    expect(move('all', 'lab')).toContain('error 14');
    expect(move('nobody', 'lab')).toContain('error 7');
    expect(move('edge', 'shared')).toContain('success');
    expect(shape()).toBe('all edge(lab)');
  });

  test('a lock on a group keeps others from editing it, and no other group', async () => {
    await using at = await border();
    at.panorama.byHand(
      { type: 'op', cmd: '<request><config-lock><add/></config-lock></request>', vsys: 'edge' },
      'alice',
    );
    expect(at.set(`${dg('edge')}/address/entry[@name='a']`, '<ip-netmask>10.0.0.1</ip-netmask>')).toBe(
      'error 15: Configuration is locked by alice',
    );
    expect(at.set(`${dg('lab')}/address/entry[@name='a']`, '<ip-netmask>10.0.0.1</ip-netmask>')).toContain('success');
  });

  test('a dump is loaded again', async () => {
    await using at = await border();
    at.set(`${dg('edge')}/pre-rulebase/security/rules/entry[@name='r1']`, rule());
    at.commit();
    await using other = await Panorama.start();
    other.load(at.panorama.dump());
    expect(other.dump()).toBe(at.panorama.dump());
    expect(() => other.load('<config><moon/></config>')).toThrow('unexpected here');
  });
});

describe('firewalls through their Panorama', () => {
  test('are listed, asked and tagged by serial', async () => {
    await using at = await border();
    const client = await RawClient.login(at.panorama.url);
    expect(told(await client.op('<show><devices><connected/></devices></show>'))).toContain(
      '0123456789 | yes | edge-1',
    );
    expect(told(await client.op('<show><system><info/></system></show>'))).toContain('Panorama');
    expect(told(await client.op('<show><system><info/></system></show>', { target: '0123456789' }))).toContain('PA-VM');
    const tag = '<register><entry ip="10.0.0.1"><tag><member>web</member></tag></entry></register>';
    expect(told(await client.userId(tag, { target: '0123456789' }))).toContain('success');
    expect(at.firewall.dumpRegistered()).toBe('10.0.0.1 web\n');
    // What is registered on the Panorama itself reaches nobody.
    expect(told(await client.userId(tag.replace('.1"', '.2"')))).toContain('success');
    expect(at.firewall.dumpRegistered()).toBe('10.0.0.1 web\n');
    expect(told(await client.op('<show><object><registered-ip><all/></registered-ip></object></show>'))).toContain(
      'web | 1',
    );
    expect(told(await client.config('get', `${D}/vsys`, { target: '0123456789' }))).toContain('success 19');
    expect(told(await client.op('<show><system><info/></system></show>', { target: '999' }))).toContain('error 14');
    at.panorama.setConnected('0123456789', false);
    expect(told(await client.op('<show><system><info/></system></show>', { target: '0123456789' }))).toContain(
      'not connected',
    );
    expect(told(await client.op('<show><devices><connected/></devices></show>'))).toBe('success: ');
    expect(told(await client.op('<show><devices><all/></devices></show>'))).toContain('0123456789 | no');
  });

  test('a new firewall gets everything with its first push', async () => {
    await using at = await border();
    at.set(`${dg('edge')}/pre-rulebase/security/rules/entry[@name='r1']`, rule());
    at.commit();
    at.pushed(all('edge', withTemplate));
    await using second = await PanOs.start({ clock: at.clock, serial: '0000000002' });
    at.panorama.manage(second, { group: 'edge', zones: ['k8s', 'internet'] });
    expect(second.passes(web).rule).toBe('interzone-default');
    at.pushed(all('edge', `${withTemplate}<admin><member>admin</member></admin>`));
    expect(second.passes(web).rule).toBe('r1');
  });

  test('a restart of the Panorama leaves the firewalls alone', async () => {
    await using at = await border();
    at.set(`${dg('edge')}/pre-rulebase/security/rules/entry[@name='r1']`, rule());
    at.commit();
    at.pushed(all('edge', withTemplate));
    at.set(`${dg('edge')}/address/entry[@name='a']`, '<ip-netmask>10.0.0.1</ip-netmask>');
    at.panorama.reboot();
    expect(at.panorama.dumpCandidate()).toBe(at.panorama.dump());
    expect(at.firewall.passes(web).rule).toBe('r1');
  });
});
