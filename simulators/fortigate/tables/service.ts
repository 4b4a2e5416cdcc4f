import { CmdbFault, code, returnCode } from '../fault.ts';
import { choice, number, onOff, references, text, uuid, type Field } from '../field.ts';
import { keepPorts } from '../ports.ts';
import { type Row, namesOf, textOf } from '../row.ts';
import { type Table, table } from '../table.ts';

const isPorts = (row: Row): boolean => textOf(row, 'protocol').startsWith('TCP/UDP');

const customFields: readonly Field[] = [
  text('name', 79),
  uuid({ since: '7.4.2' }),
  choice(
    'protocol',
    'TCP/UDP/SCTP!7.6.0 TCP/UDP/UDP-Lite/SCTP@7.6.0 ICMP ICMP6 IP HTTP FTP CONNECT SOCKS-TCP SOCKS-UDP ALL',
  ),
  text('tcp-portrange', 512, { read: keepPorts }),
  text('udp-portrange', 512, { read: keepPorts }),
  text('sctp-portrange', 512, { read: keepPorts }),
  text('icmptype', 10, { read: keepByte }),
  text('icmpcode', 3, { read: keepByte }),
  number('protocol-number', 0, 254, 0),
  text('iprange', 91),
  text('fqdn', 255),
  text('udplite-portrange', 512, { since: '7.6.0', read: keepPorts }),
  choice('app-service-type', 'disable app-id app-category'),
  onOff('proxy', 'disable'),
  text('comment', 255, { free: true }),
  number('color', 0, 32, 0),
  onOff('fabric-object', 'disable'),
];

function keepByte(written: string): string {
  if (/^\d{1,3}$/.test(written) && Number(written) <= 255) return String(Number(written));
  throw new CmdbFault(code.outOfRange, returnCode(code.outOfRange, `${written} is not 0 to 255`));
}

const PORTS = ['tcp-portrange', 'udp-portrange', 'sctp-portrange'];

const relevant = (row: Row, field: string): boolean => {
  if (PORTS.includes(field)) return isPorts(row);
  if (field === 'icmptype' || field === 'icmpcode') return textOf(row, 'protocol').startsWith('ICMP');
  return field !== 'protocol-number' || textOf(row, 'protocol') === 'IP';
};

export const serviceTables: readonly Table[] = [
  table(
    'firewall.service/custom',
    {
      right: 'fwgrp.service',
      apart: [{ table: 'firewall.service/group', code: code.serviceAndGroup }],
      relevant,
      check(row) {
        if (isPorts(row) && PORTS.every((field) => textOf(row, field) === ''))
          throw new CmdbFault(code.invalidValue, returnCode(code.invalidValue, 'Port ranges cannot all be empty.'));
        for (const field of ['icmptype', 'icmpcode', 'protocol-number', ...PORTS]) {
          const value = row[field];
          if (!relevant(row, field) && value !== '' && value !== 0 && value !== undefined)
            throw new CmdbFault(
              code.invalidValue,
              returnCode(code.invalidValue, `${field} is not for protocol ${textOf(row, 'protocol')}`),
            );
        }
      },
    },
    customFields,
  ),
  table(
    'firewall.service/group',
    {
      right: 'fwgrp.service',
      apart: [{ table: 'firewall.service/custom', code: code.serviceAndGroup }],
      check(row, view) {
        const name = textOf(row, 'name');
        const groups = view.entries('firewall.service/group');
        const seen = new Set<string>();
        const stack = [...namesOf(row, 'member')];
        if (stack.length === 0)
          throw new CmdbFault(code.emptyValue, returnCode(code.emptyValue, 'node_check_object fail! for member'));
        for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
          if (next === name)
            throw new CmdbFault(
              view.switches.groupLoop,
              returnCode(view.switches.groupLoop, `${name} would be a member of itself`),
            );
          if (seen.has(next)) continue;
          seen.add(next);
          stack.push(...namesOf(groups.get(next) ?? {}, 'member'));
        }
      },
    },
    [
      text('name', 79),
      uuid({ since: '7.4.2' }),
      references('member', ['firewall.service/custom', 'firewall.service/group'], { most: 300 }),
      text('comment', 255, { free: true }),
      number('color', 0, 32, 0),
      onOff('fabric-object', 'disable'),
    ],
  ),
  table('firewall.schedule/recurring', { right: 'fwgrp.schedule', fixed: new Set(['always', 'none']) }, [
    text('name', 31),
    text('start', 5, { default: '00:00' }),
    text('end', 5, { default: '00:00' }),
    text('day', 63, { default: 'none' }),
    number('color', 0, 32, 0),
  ]),
  table('firewall.schedule/onetime', { right: 'fwgrp.schedule' }, [
    text('name', 31),
    text('start', 16),
    text('end', 16),
    number('color', 0, 32, 0),
  ]),
];
