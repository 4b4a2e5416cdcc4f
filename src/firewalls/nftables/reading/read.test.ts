import { expect, test } from 'vitest';
import { Nft } from '../reach/nft.ts';
import { foreignEffect, readForeign } from './read.ts';
import type { Transport } from '../reach/transport.ts';

test.each([
  ['prerouting', 0, 'before ours'],
  ['forward', -1, 'before ours'],
  ['forward', 0, 'unknown'],
  ['forward', 1, 'after ours'],
  // Whoever translates first has translated for good.
  ['postrouting', 99, 'before ours'],
  ['postrouting', 100, 'unknown'],
  ['postrouting', 101, 'after ours'],
] as const)('a chain of others at %s, priority %i, is asked %s', (hook, priority, effect) => {
  expect(foreignEffect(hook, priority)).toBe(effect);
});

/** Answers listings as nft prints them (libnftables-json(5)). */
function listing(objects: Readonly<Record<string, readonly object[]>>): Transport {
  const unasked = (): never => {
    throw new Error('only listings are asked');
  };
  return {
    name: 'edge',
    run: (_program, args) => {
      const nftables = [{ metainfo: { version: '1.0.6' } }, ...(objects[args.at(-1) ?? ''] ?? [])];
      return Promise.resolve({ code: 0, stdout: JSON.stringify({ nftables }), stderr: '' });
    },
    start: unasked,
    runWithFile: unasked,
  };
}

test('chains and flowtables of others are told, ours are not', async () => {
  const base = { type: 'filter', hook: 'forward', policy: 'accept' };
  const transport = listing({
    chains: [
      { chain: { family: 'inet', table: 'sallyport', name: 'forward', ...base, prio: 0 } },
      { chain: { family: 'ip', table: 'filter', name: 'FORWARD', ...base, prio: 0 } },
      { chain: { family: 'inet', table: 'theirs', name: 'plain' } },
      { chain: { family: 'inet', table: 'theirs', name: 'in', ...base, hook: 'input', prio: 0 } },
    ],
    flowtables: [
      { flowtable: { family: 'inet', table: 'theirs', name: 'fast', hook: 'ingress', prio: 0, dev: ['eth0', 'eth1'] } },
    ],
  });
  expect(await readForeign(new Nft(transport), new AbortController().signal)).toEqual([
    {
      where: 'inet theirs fast',
      text: 'flowtable of eth0, eth1: connections in it pass our rules by, cut ones too',
      effect: 'before ours',
    },
    { where: 'ip filter FORWARD', text: 'type filter hook forward priority 0; policy accept', effect: 'unknown' },
  ]);
});
