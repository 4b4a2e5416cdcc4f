import { describe, expect, test } from 'vitest';
import { Nft } from './nft.ts';
import { probe } from './probe.ts';
import type { Transport } from './transport.ts';

/** A machine whose nft says this about itself; nothing else is answered. */
function machine(version: string): Transport {
  const unasked = (): never => {
    throw new Error('nothing but the version should be asked');
  };
  return {
    name: 'edge',
    run: (_program, args) =>
      args.includes('--version') ? Promise.resolve({ code: 0, stdout: version, stderr: '' }) : unasked(),
    start: unasked,
    runWithFile: unasked,
  };
}

const asked = (version: string): Promise<unknown> => probe(new Nft(machine(version)), new AbortController().signal);

describe('the version of nft', () => {
  test.each(['nftables v1.0.5 (Lester Gooch #4)', 'nftables v0.9.8 (E.D.S.)', 'nftables v1.0 (Fearless Fosdick #2)'])(
    '%s is too old, and nothing else is asked',
    async (version) => {
      await expect(asked(version)).rejects.toMatchObject({ code: 'PROGRAM_TOO_OLD', blame: 'rejected' });
    },
  );

  test('one that cannot be read counts as too old, not as new', async () => {
    await expect(asked('usage: nft [OPTION]')).rejects.toMatchObject({ code: 'PROGRAM_TOO_OLD' });
  });

  test.each(['nftables v1.0.6 (Lester Gooch #5)', 'nftables v1.1.0 (Commodore Bullmoose)', 'nftables v2.0.0 (x)'])(
    '%s is new enough: the next thing is asked',
    async (version) => {
      await expect(asked(version)).rejects.toThrow('nothing but the version should be asked');
    },
  );
});
