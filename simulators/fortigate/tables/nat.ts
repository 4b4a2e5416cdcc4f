import { readAddress4, readAddress6 } from '../addresses.ts';
import { CmdbFault, code, returnCode } from '../fault.ts';
import { choice, number, onOff, reference, rows, text, uuid } from '../field.ts';
import { type Row, textOf } from '../row.ts';
import { type CheckView, type Table, table } from '../table.ts';
import { keepAddress4, keepAddress6 } from './address.ts';

/** Pools of more addresses than this are refused (the reference has the code, not the number). */
const LARGEST_POOL = 65_536n;

function checkPool(tableId: string, read: (text: string) => bigint | undefined): NonNullable<Table['check']> {
  return (row: Row, view: CheckView) => {
    const bounds = boundsOf(row, read);
    if (bounds === undefined)
      throw new CmdbFault(code.emptyValue, returnCode(code.emptyValue, 'startip and endip are needed'), 424);
    if (bounds.to < bounds.from)
      throw new CmdbFault(code.endBeforeStart, returnCode(code.endBeforeStart, 'endip is before startip'));
    if (tableId === 'firewall/ippool' && bounds.to - bounds.from >= LARGEST_POOL)
      throw new CmdbFault(
        code.poolRangeTooLarge,
        returnCode(code.poolRangeTooLarge, 'the range of the pool is too large'),
      );
    if (textOf(row, 'type') === 'nptv6') return;
    for (const [name, other] of view.entries(tableId)) {
      const others = boundsOf(other, read);
      if (name === textOf(row, 'name') || others === undefined || textOf(other, 'type') === 'nptv6') continue;
      if (bounds.from <= others.to && others.from <= bounds.to)
        throw new CmdbFault(code.poolOverlaps, returnCode(code.poolOverlaps, `the range overlaps pool ${name}`));
    }
  };
}

function boundsOf(row: Row, read: (text: string) => bigint | undefined): { from: bigint; to: bigint } | undefined {
  const [from, to] = [read(textOf(row, 'startip')), read(textOf(row, 'endip'))];
  return from === undefined || to === undefined || from === 0n || to === 0n ? undefined : { from, to };
}

export const natTables: readonly Table[] = [
  table('firewall/ippool', { right: 'fwgrp.others', check: checkPool('firewall/ippool', readAddress4) }, [
    text('name', 79),
    choice('type', 'overload one-to-one fixed-port-range port-block-allocation'),
    text('startip', 15, { default: '0.0.0.0', read: keepAddress4 }),
    text('endip', 15, { default: '0.0.0.0', read: keepAddress4 }),
    number('startport', 1024, 65_535, 5117),
    number('endport', 1024, 65_535, 65_533),
    text('source-startip', 15, { default: '0.0.0.0', read: keepAddress4 }),
    text('source-endip', 15, { default: '0.0.0.0', read: keepAddress4 }),
    number('block-size', 64, 4096, 128),
    number('num-blocks-per-user', 1, 128, 8),
    number('pba-timeout', 3, 86_400, 30),
    onOff('permit-any-host', 'disable'),
    onOff('arp-reply', 'enable'),
    reference('arp-intf', 15, ['system/interface']),
    reference('associated-interface', 15, ['system/interface']),
    text('comments', 255, { free: true }),
    onOff('nat64', 'disable', { since: '7.0.1' }),
  ]),
  table('firewall/ippool6', { right: 'fwgrp.others', check: checkPool('firewall/ippool6', readAddress6) }, [
    text('name', 79),
    choice('type', 'overload nptv6', { since: '7.6.0' }),
    text('startip', 45, { default: '::', read: keepAddress6 }),
    text('endip', 45, { default: '::', read: keepAddress6 }),
    text('internal-prefix', 64, { since: '7.6.0' }),
    text('external-prefix', 64, { since: '7.6.0' }),
    text('comments', 255, { free: true }),
    onOff('nat46', 'disable', { since: '7.0.1' }),
  ]),
  table(
    'firewall/vip',
    {
      right: 'fwgrp.others',
      apart: ['firewall/address', 'firewall/addrgrp', 'system/external-resource'].map((other) => ({
        table: other,
        code: code.addressAndVip,
      })),
    },
    vipFields(),
  ),
  table(
    'firewall/vip6',
    {
      right: 'fwgrp.others',
      apart: ['firewall/address6', 'firewall/addrgrp6', 'system/external-resource'].map((other) => ({
        table: other,
        code: code.addressAndVip,
      })),
    },
    vipFields(),
  ),
];

function vipFields(): Table['fields'] {
  return [
    text('name', 79),
    uuid(),
    text('comment', 255, { free: true }),
    choice('type', 'static-nat'),
    onOff('status', 'enable'),
    text('extip', 91),
    rows('mappedip', 'range', [text('range', 91)]),
    reference('extintf', 35, ['system/interface'], { also: ['any'] }),
    onOff('portforward', 'disable'),
    choice('protocol', 'tcp udp sctp icmp'),
    text('extport', 63),
    text('mappedport', 63),
    number('color', 0, 32, 0),
  ];
}
