import { describe, expect, test } from 'vitest';
import { rule, rules, told, vsys } from './client.fixture.ts';
import { PanOs } from './index.ts';
import { DONE, address, device } from './config.fixture.ts';

describe('several operations at once', () => {
  const batch = (firewall: PanOs, operations: string, more: Readonly<Record<string, string>> = {}) =>
    firewall.byHand({
      type: 'config',
      action: 'multi-config',
      element: `<multi-config>${operations}</multi-config>`,
      ...more,
    });
  const put = (id: string, name: string) =>
    `<set id="${id}" xpath="${vsys}/address/entry[@name='${name}']"><ip-netmask>10.1.9.9/32</ip-netmask></set>`;

  test('all go well', async () => {
    await using firewall = await device();
    firewall.set("address-group/entry[@name='k8s-web']", '<static><member>10.0.0.1</member></static>');
    firewall.set(`${rules}/entry[@name='r1']`, rule());
    firewall.set(`${rules}/entry[@name='r9']`, rule());
    const answer = batch(
      firewall,
      `${put('1', 'k8s-a9')}<set id="2" xpath="${vsys}/address-group/entry[@name='k8s-web']/static"><member>k8s-a9</member></set><move id="3" xpath="${rules}/entry[@name='r9']" where="top"/>`,
    );
    expect(answer.children.map((one) => `${one.attributes.get('id')} ${told(one)}`)).toEqual([
      `1 ${DONE}`,
      `2 ${DONE}`,
      `3 ${DONE}`,
    ]);
    expect(firewall.order()).toBe('r9 r1');
  });

  test('the first that fails ends it, and nothing is kept', async () => {
    await using firewall = await device();
    const before = firewall.candidate();
    const answer = batch(firewall, `${put('1', 'a1')}${put('LEN-ERROR', 'x'.repeat(64))}${put('3', 'a3')}`);
    expect(answer.attributes.get('status')).toBe('error');
    expect(answer.children.map((one) => `${one.attributes.get('id')} ${told(one)}`)).toEqual([
      `1 ${DONE}`,
      `LEN-ERROR error 12: ${'x'.repeat(64)} can be at most 63 characters, but current length: 64`,
    ]);
    expect(firewall.candidate()).toBe(before);
    expect(firewall.configuration.pending).toEqual([]);
  });

  test('strict: what the same administrator had not committed is given up first', async () => {
    await using firewall = await device();
    firewall.set(...address('mine'));
    firewall.set(...address('hers'), 'alice');
    batch(firewall, put('1', 'x'.repeat(64)), { 'strict-transactional': 'yes' });
    expect(firewall.get("address/entry[@name='mine']")).toBe('success 7: ');
    expect(firewall.get("address/entry[@name='hers']")).toContain('success 19');
  });

  test('strict: not beside a commit', async () => {
    await using firewall = await device({ commitMs: 60_000 });
    firewall.set(...address('mine'));
    firewall.byHand({ type: 'commit', cmd: '<commit/>' });
    expect(told(batch(firewall, put('1', 'a2'), { 'strict-transactional': 'yes' }))).toContain(
      'A commit is in progress.',
    );
  });

  test('not more than the device takes at once, and nothing that it does not know', async () => {
    await using firewall = await device({ quirks: { maxOperations: 2 } });
    expect(told(batch(firewall, put('1', 'a1') + put('2', 'a2') + put('3', 'a3')))).toContain('error 14');
    expect(told(batch(firewall, '<destroy id="1" xpath="/config"/>'))).toContain('error 17');
  });
});
