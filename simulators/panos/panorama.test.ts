import { describe, expect, test } from 'vitest';
import { RawClient, rule, told } from './client.fixture.ts';
import { PanOs, Panorama } from './index.ts';
import { descend, type Element } from './xml.ts';
import { D, MS, all, border, dg, web, withTemplate } from './panorama.fixture.ts';

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
