import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../../ip/address.ts';
import { nameFlow, readTrackedFlow } from './conntrack-lines.ts';

const lines = {
  tcp: 'ipv4     2 tcp      6 431998 ESTABLISHED src=10.0.0.1 dst=203.0.113.9 sport=5000 dport=443 src=203.0.113.9 dst=198.18.0.1 sport=443 dport=5000 [ASSURED] mark=1073741824 zone=5 use=1',
  udp6: 'ipv6     10 udp      17 29 src=fd01::2 dst=2001:db8::9 sport=57662 dport=53 [UNREPLIED] src=2001:db8::9 dst=fd01::2 sport=53 dport=57662 mark=0 use=1',
  icmp: 'ipv4     2 icmp     1 29 src=10.0.0.1 dst=203.0.113.9 type=8 code=0 id=22862 src=203.0.113.9 dst=10.0.0.1 type=0 code=0 id=22862 mark=0 use=1',
  esp: 'ipv4     2 unknown  50 599 src=10.0.0.1 dst=203.0.113.9 [UNREPLIED] src=203.0.113.9 dst=10.0.0.1 mark=0 use=1',
};

describe('conntrack listings', () => {
  test('the opener counts, not the answer', () => {
    const read = readTrackedFlow(lines.tcp);
    expect(read).toMatchObject({
      flow: { family: 4, protocol: 6, sourcePort: 5000, destinationPort: 443 },
      answersTo: '198.18.0.1',
      mark: 0x40000000,
      zone: 5,
    });
    expect(read && formatAddress(read.flow.source)).toBe('10.0.0.1');
    expect(read && formatAddress(read.flow.destination)).toBe('203.0.113.9');
  });

  test.each([
    [lines.tcp, '-f ipv4 -p tcp --orig-src 10.0.0.1 --orig-dst 203.0.113.9 --sport 5000 --dport 443 -w 5'],
    [lines.udp6, '-f ipv6 -p udp --orig-src fd01::2 --orig-dst 2001:db8::9 --sport 57662 --dport 53'],
    [
      lines.icmp,
      '-f ipv4 -p icmp --orig-src 10.0.0.1 --orig-dst 203.0.113.9 --icmp-type 8 --icmp-code 0 --icmp-id 22862',
    ],
    [lines.esp, '-f ipv4 -p 50 --orig-src 10.0.0.1 --orig-dst 203.0.113.9'],
  ])('%s', (line, name) => {
    const read = readTrackedFlow(line);
    expect(read && nameFlow(read)).toBe(name);
  });

  test.each(['', 'conntrack v1.4.7: 5 flow entries', 'ipv4 2 tcp six', 'ipv4 2 tcp 6 9 src=$(id) dst=1.1.1.1'])(
    '%j',
    (line) => {
      expect(readTrackedFlow(line)).toBeUndefined();
    },
  );
});

test.each(['TIME_WAIT', 'CLOSE'])('a TCP connection in %s still lets packets pass, so it is one', (state) => {
  const line = `ipv4     2 tcp      6 9 ${state} src=10.0.0.1 dst=203.0.113.1 sport=40000 dport=443 src=203.0.113.1 dst=10.0.0.1 sport=443 dport=40000 [ASSURED] mark=0 use=1`;
  expect(readTrackedFlow(line)).toEqual(readTrackedFlow(line.replace(state, 'ESTABLISHED')));
  expect(readTrackedFlow(line)).toBeDefined();
});
