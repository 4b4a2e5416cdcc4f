import { describe, expect, test } from 'vitest';
import { bodyOf, changeOf, readFresh, readRow, unguarded, unguardedFields } from './rows.ts';

test.each(['', 'any', undefined])('an address whose associated-interface is told as %j is bound to none', (told) => {
  const entry = { name: 'a', type: 'ipmask', subnet: '10.0.0.1 255.255.255.255' };
  const row = readRow('firewall/address', { ...entry, 'associated-interface': told });
  expect(unguarded('firewall/address', row)).toBeUndefined();
  expect(changeOf('firewall/address', row, { name: 'a', type: 'ipmask', subnet: '10.0.0.1/32' })).toBeUndefined();
});

test('one that is bound to an interface is not', () => {
  const row = readRow('firewall/ippool', { name: 'p', 'associated-interface': 'port1' });
  expect(unguarded('firewall/ippool', row)).toBe('associated-interface');
  expect(changeOf('firewall/ippool', row, { name: 'p' })).toEqual({ 'associated-interface': '' });
});

describe('fields of policies that choose flows', () => {
  const POLICY = 'firewall/policy';

  test.each([
    ['reputation-minimum', 0, 3],
    ['tos-mask', '0x00', '0xff'],
    ['src-vendor-mac', [], [{ id: 5 }]],
    ['ztna-status', 'disable', 'enable'],
    ['vlan-filter', '', '10-20'],
    ['tcp-session-without-syn', 'disable', 'all'],
  ])('%s', (field, nothing, edited) => {
    const row = (value: unknown, fresh: object = {}) =>
      readRow(POLICY, { policyid: 1, [field]: value }, readFresh(POLICY, { ...fresh }));
    const put = (value: unknown, fresh: object = {}): unknown =>
      bodyOf(changeOf(POLICY, row(value, fresh), {}, readFresh(POLICY, { ...fresh })) ?? {}, '');
    expect(unguardedFields(POLICY, row(nothing))).toEqual([]);
    expect(unguardedFields(POLICY, row(edited))).toEqual([field]);
    expect(put(nothing)).toEqual({});
    expect(put(edited)).toEqual({ [field]: nothing });
    // The device's own word goes before what says nothing.
    expect(put(edited, { [field]: edited })).toEqual({});
    expect(unguardedFields(POLICY, row(nothing, { [field]: edited }))).toEqual([field]);
  });

  test.each(['reputation-direction', 'geoip-match', 'ztna-tags-match-logic', 'logtraffic-start', 'uuid'])(
    '%s is none',
    (field) => expect(unguardedFields(POLICY, readRow(POLICY, { policyid: 1, [field]: 'a word' }))).toEqual([]),
  );
});
