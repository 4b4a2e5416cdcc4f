import { describe, expect, test } from 'vitest';
import { SallyportError } from '../base/error.ts';
import { type Flow, packetOf } from './packet.ts';

const flow: Flow = { src: '10.0.0.1', dst: '10.0.0.2', proto: 'TCP', dport: 80 };

test('names and numbers of protocols, in any case, and both families', () => {
  expect(packetOf({ ...flow, proto: 'udpLITE' })).toMatchObject({ family: 4, protocol: 136, destinationPort: 80 });
  expect(packetOf({ ...flow, proto: '47' }).protocol).toBe(47);
  expect(packetOf({ ...flow, proto: 0 }).protocol).toBe(0);
  expect(packetOf({ src: 'FD00::1', dst: 'fd00:0::2', proto: 'ICMPv6', icmpType: 255, icmpCode: 0 })).toMatchObject({
    family: 6,
    icmpType: 255,
    icmpCode: 0,
  });
});

describe('what cannot be read is said, whoever asks without types too', () => {
  test.each([
    [{ src: 'x' }, 'src: "x" is not an IP address'],
    [{ src: undefined }, 'src is no text'],
    [{ dst: 5 }, 'dst is no text'],
    [{ dst: 'fd00::1' }, 'different families'],
    [{ proto: 'tcpp' }, '"tcpp" is no protocol'],
    [{ proto: undefined }, 'nothing is no protocol'],
    [{ proto: null }, 'null is no protocol'],
    [{ proto: 256 }, '256 is no protocol'],
    [{ proto: 1.5 }, '1.5 is no protocol'],
    [{ dport: 65_536 }, 'dport 65536 is not a number from 0 to 65535'],
    [{ sport: '80' }, 'sport 80 is not a number'],
    [{ icmpType: 256 }, 'icmpType 256 is not a number from 0 to 255'],
    [{ icmpCode: -1 }, 'icmpCode -1 is not a number'],
  ])('%j', (broken, message) => {
    const ask = () => packetOf({ ...flow, ...(broken as Partial<Flow>) });
    expect(ask).toThrow(SallyportError);
    expect(ask).toThrow(message);
  });
});
