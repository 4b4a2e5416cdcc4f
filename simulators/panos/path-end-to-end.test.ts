import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { natRules, RawClient, rule, rules, told, vsys } from './client.fixture.ts';
import { PanOs } from './index.ts';

const zones = ['k8s', 'internet'];

describe('from a key to a running rule', () => {
  test('as a client goes', async () => {
    const clock = new FakeClock();
    await using device = await PanOs.start({ zones, clock, commitMs: 1000 });
    const client = await RawClient.login(device.url);
    expect(told(await client.op('<show><system><info/></system></show>'))).toContain('11.1.2');

    const address = `${vsys}/address/entry[@name='k8s-a1']`;
    expect(await client.config('get', address)).toMatchObject({ children: [{ name: 'result', children: [] }] });
    expect(told(await client.config('get', address))).toBe('success 7: ');
    expect(
      told(
        await client.config('set', `${vsys}/tag/entry[@name='owner-efc']`, { element: '<comments>ours</comments>' }),
      ),
    ).toBe('success 20: command succeeded');
    const given = '<ip-netmask>10.1.2.3/32</ip-netmask><tag><member>owner-efc</member></tag>';
    expect(told(await client.config('set', address, { element: given }))).toBe('success 20: command succeeded');
    expect((await client.raw({ type: 'config', action: 'get', xpath: address })).text).toBe(
      `<response status="success" code="19"><result total-count="1" count="1"><entry name="k8s-a1">${given}</entry></result></response>`,
    );
    await client.config('set', `${rules}/entry[@name='r1']`, { element: rule({ source: 'k8s-a1' }) });
    await client.config('set', `${rules}/entry[@name='r2']`, { element: rule({ action: 'deny' }) });
    await client.config('move', `${rules}/entry[@name='r2']`, { where: 'before', dst: 'r1' });
    expect(told(await client.config('show', address))).toBe('error: No such node');

    expect(told(await client.op('<check><pending-changes/></check>'))).toBe('success: yes');
    const committed = await client.post({ type: 'commit', cmd: '<commit></commit>' });
    expect(told(committed)).toBe('success 19: Commit job enqueued with jobid 1 | 1');
    const job = (): Promise<string> => client.op('<show><jobs><id>1</id></jobs></show>').then(told);
    clock.advance(550);
    expect(await job()).toContain('ACT | NO | yes | PEND | Still Active | 0 | 55');
    expect(told(await client.config('show', address))).toBe('error: No such node');
    clock.advance(450);
    expect(await job()).toMatch(/FIN .* OK .* 100 \| Configuration committed successfully$/);
    expect(told(await client.config('show', address))).toBe('success: 10.1.2.3/32 | owner-efc');
    expect(told(await client.op('<check><pending-changes/></check>'))).toBe('success: no');
    expect(told(await client.post({ type: 'commit', cmd: '<commit></commit>' }))).toBe(
      'success 19: There are no changes to commit.',
    );
    await expect(device.dump()).toMatchFileSnapshot('golden/first-path.xml');
    await expect(device.dumpSetCommands()).toMatchFileSnapshot('golden/first-path.set');
  });

  test('addresses with tags', async () => {
    await using device = await PanOs.start({ zones });
    const client = await RawClient.login(device.url);
    expect(
      (
        await client.raw({
          type: 'user-id',
          cmd: '<uid-message><version>2.0</version><type>update</type><payload><register><entry ip="10.1.2.3" persistent="0"><tag><member timeout="3600">k8s.web</member></tag></entry></register></payload></uid-message>',
        })
      ).text,
    ).toBe(
      '<response status="success"><result><uid-response><version>2.0</version><payload><register/></payload></uid-response></result></response>',
    );
    expect(
      (
        await client.raw({
          type: 'op',
          cmd: '<show><object><registered-ip><limit>500</limit><start-point>1</start-point></registered-ip></object></show>',
        })
      ).text,
    ).toBe(
      '<response status="success"><result><entry ip="10.1.2.3" from_agent="0" persistent="0"><tag><member>k8s.web</member></tag></entry><count>1</count></result></response>',
    );
    expect(device.dumpRegistered()).toBe('10.1.2.3 k8s.web volatile\n');
    device.reboot();
    expect(device.dumpRegistered()).toBe('');
  });

  test('a translation', async () => {
    await using device = await PanOs.start({ zones, commitMs: 0 });
    const client = await RawClient.login(device.url);
    await client.config('set', `${vsys}/address-group/entry[@name='k8s-payments']`, {
      element: "<dynamic><filter>'k8s.payments'</filter></dynamic>",
    });
    await client.config('set', natRules, {
      element: `<entry name="efc-snat-payments">
        <nat-type>ipv4</nat-type><from><member>k8s</member></from><to><member>internet</member></to>
        <source><member>k8s-payments</member></source><destination><member>any</member></destination><service>any</service>
        <source-translation><dynamic-ip-and-port><translated-address><member>198.51.100.20</member></translated-address></dynamic-ip-and-port></source-translation>
        <description>efc:cluster-a/policy/payments#3f2a</description></entry>`,
    });
    await client.post({ type: 'commit', cmd: '<commit/>' });
    await expect.poll(() => device.jobs.active).toBe(false);
    await expect(device.dump()).toMatchFileSnapshot('golden/translation.xml');
  });
});
