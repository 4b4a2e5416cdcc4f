import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Border } from '../../../test/kit/border.ts';
import type { Peer } from '../../../test/kit/probe.ts';
import { smallRuleset } from '../../../test/kit/small-ruleset.ts';
import { patientClock } from '../../../test/kit/patient-clock.ts';
import { silentLog } from '../../base/log.ts';
import { NftablesDriver } from './driver.ts';

const signal = new AbortController().signal;
const TCP = 6;
const UDP = 17;
/** A port at which the outside answers by ICMP alone, never by a reset. */
const FORBIDDEN = 8080;

const ends = {
  4: { pod: '10.0.0.1', server: '203.0.113.1', translated: '198.18.0.1' },
  6: { pod: 'fd00::1', server: '2001:db8::1', translated: 'fd99:5::1' },
} as const;

/** No policy here says a word about ICMP (design 8.10). */
describe('what passes on every border', () => {
  let border: Border;
  let directory: string;
  let driver: NftablesDriver;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-baseline-'));
    border = await Border.open(
      {
        pods: [ends[4].pod, ends[6].pod],
        podNets: ['10.0.0.0/16', 'fd00::/64'],
        outside: [ends[4].server, ends[6].server],
        translated: ['198.18.0.0/24', 'fd99:5::/64'],
      },
      [80],
    );
    for (const { namespace } of [border.inside, border.outside])
      await namespace.must('nft', [
        `table inet eyes {
          chain input {
            type filter hook input priority 0; policy accept;
            tcp dport ${FORBIDDEN} reject with icmpx admin-prohibited
            icmp type destination-unreachable counter comment "4"
            icmpv6 type destination-unreachable counter comment "6"
          }
        }`,
      ]);
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await border.close();
  });
  beforeEach(async () => {
    await border.reset();
    driver = new NftablesDriver({
      address: `netns:${border.firewall.name}`,
      directory,
      log: silentLog,
      clock: patientClock,
    });
  });

  describe.each([4, 6] as const)('IPv%i', (family) => {
    const { pod, server, translated } = ends[family];

    describe.each([
      ['without translation', {}],
      ['with translation', { [pod]: translated }],
    ])('%s', (_, translations) => {
      beforeEach(async () => {
        const rules = [
          { protocol: TCP, port: FORBIDDEN },
          { protocol: UDP, port: 80 },
        ];
        const ruleset = smallRuleset({ policies: { web: rules }, members: { [pod]: 'web' }, translations });
        const wanted = driver.translate(ruleset, { owns: undefined });
        for (const step of driver.steps(await driver.observe(signal), wanted)) await driver.apply(step, signal);
      });

      /** ICMP errors that came to one end. */
      const errorsAt = async ({ namespace }: Peer): Promise<number> => {
        const listing = await namespace.must('nft', ['list', 'chain', 'inet', 'eyes', 'input']);
        return Number(new RegExp(`packets (\\d+) .*comment "${family}"`).exec(listing)?.[1]);
      };

      test('an error from outside about a connection that is allowed', async () => {
        const before = await errorsAt(border.inside);
        await border.inside.tcp({ from: pod, to: server, port: FORBIDDEN });
        expect(await errorsAt(border.inside)).toBeGreaterThan(before);
      });

      test('an error from the workload about an answer to it, and nothing else of ICMP', async () => {
        const before = await errorsAt(border.outside);
        const flow = { from: pod, to: server, port: 80, silent: true };
        expect((await border.inside.openUdp('pushed', flow)).outcome).toBe('passed');
        // The server goes on pushing to a port that is closed now.
        await border.inside.close('pushed');
        await expect.poll(() => errorsAt(border.outside)).toBeGreaterThan(before);
        expect(await border.inside.ping({ from: pod, to: server })).toBe(false);
      });
    });
  });
});
