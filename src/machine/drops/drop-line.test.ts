import { describe, expect, test } from 'vitest';
import { dropPrefixes, readDropLine, TODAYS_PREFIXES } from './drop-line.ts';

const LINE =
  'nftables-firewall-dropped: IN=vrf42 OUT=vlan104009 MAC=12:34:56:78 SRC=10.0.0.10 DST=198.51.100.9 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=4711 DF PROTO=TCP SPT=40000 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 ';

describe('a line of the kernel’s log', () => {
  test('becomes the fields that today’s server prints', () => {
    expect(readDropLine(LINE, 1_767_323_045.9, TODAYS_PREFIXES)).toEqual({
      at: 1_767_323_045,
      fields: {
        IN: 'vrf42',
        OUT: 'vlan104009',
        MAC: '12:34:56:78',
        SRC: '10.0.0.10',
        DST: '198.51.100.9',
        LEN: '60',
        TOS: '0x00',
        PREC: '0x00',
        TTL: '63',
        ID: '4711',
        DF: '',
        PROTO: 'TCP',
        SPT: '40000',
        DPT: '25',
        WINDOW: '64240',
        RES: '0x00',
        SYN: '',
        URGP: '0',
        ACTION: 'drop',
      },
    });
  });

  test.each([
    ['nftables-metal-dropped: A=1', { A: '1', ACTION: 'drop' }],
    ['nftables-firewall-accepted: A=1', { A: '1', ACTION: 'accept' }],
    ['nftables-firewall-accepted: A=1=2 B= A=3', { A: '3', B: '', ACTION: 'accept' }],
    ['nftables-metal-accepted: A=1 @B=2 C=3', { A: '1', ACTION: 'accept' }],
    ['nftables-metal-dropped: __proto__=1', { ACTION: 'drop' }],
    [' nftables-metal-dropped: A=1', undefined],
    ['nftables-metal-dropped A=1', undefined],
    ['martian source 10.0.0.1', undefined],
  ])('%s', (line, fields) => {
    expect(readDropLine(line, 0, TODAYS_PREFIXES)?.fields).toEqual(fields);
  });

  test('prefixes come from the environment of today’s unit', () => {
    expect(dropPrefixes({})).toEqual(TODAYS_PREFIXES);
    expect(dropPrefixes({ DROPTAILER_PREFIXES_OF_DROPS: 'a: ,b: ', DROPTAILER_PREFIXES_OF_ACCEPTS: '' })).toEqual({
      drops: ['a: ', 'b: '],
      accepts: TODAYS_PREFIXES.accepts,
    });
  });
});
