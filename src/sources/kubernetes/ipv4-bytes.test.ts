import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAddress } from '../../ip/address.ts';
import { readIpv4 } from './ipv4-bytes.ts';

test('takes exactly the IPv4 addresses that texts of the same bytes are', () => {
  const text = fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), fc.stringMatching(/^[0-9.]{0,17}$/), fc.string());
  fc.assert(
    fc.property(text, fc.nat(3), (written, before) => {
      const bytes = Buffer.concat([Buffer.alloc(before, 0x31), Buffer.from(written), Buffer.from('1.2')]);
      const value = readIpv4(bytes, before, before + Buffer.byteLength(written));
      const address = parseAddress(written);
      expect(value).toBe(address?.family === 4 ? address.value : -1);
    }),
    { numRuns: 2_000 },
  );
});
