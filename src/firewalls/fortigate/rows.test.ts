import { expect, test } from 'vitest';
import { changeOf, readRow, unguarded } from './rows.ts';

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
