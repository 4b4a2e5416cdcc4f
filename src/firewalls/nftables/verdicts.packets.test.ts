import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Border } from '../../../test/kit/border.ts';
import type { Attempt } from '../../../test/kit/probe.ts';
import { fateOf, type Packet } from '../../../test/kit/ruleset-oracle.ts';
import { rulesetPairs } from '../../../test/kit/rulesets.ts';
import { packets, universe } from '../../../test/kit/universe.ts';
import { silentLog } from '../../base/log.ts';
import { NftablesDriver } from './driver.ts';
import { renderTable } from './table/render.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { patientClock } from '../../../test/kit/patient-clock.ts';

const signal = new AbortController().signal;
const INSIDE_ONLY = new Set(['10.0.0.3', '10.0.1.1', 'fd00::3']);

describe('rulesets on a real border', () => {
  let border: Border;
  let directory: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-verdicts-'));
    const all = (of: { readonly 4: readonly string[]; readonly 6: readonly string[] }): string[] => [
      ...of[4],
      ...of[6],
    ];
    border = await Border.open(
      {
        pods: [...all(universe.senders), ...all(universe.strangers)],
        podNets: ['10.0.0.0/16', '172.16.0.0/24', 'fd00::/64', 'fd01::/64'],
        outside: all(universe.destinations).filter((address) => !INSIDE_ONLY.has(address)),
        translated: ['198.18.0.0/24', 'fd99:5::/64'],
      },
      [22, 53, 80, 443, 8000, 8080],
    );
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await border.close();
  });

  const attempt = async (packet: Packet, timeoutMs: number): Promise<Attempt> => {
    const { source, destination, protocol, sourcePort, destinationPort = 0 } = packet;
    const target = {
      from: source,
      to: destination,
      port: destinationPort,
      timeoutMs,
      ...(sourcePort === undefined ? {} : { localPort: sourcePort }),
    };
    if (protocol === 6) return border.inside.tcp(target);
    if (protocol === 17) return border.inside.udp(target);
    const answered = await border.inside.ping({ from: source, to: destination });
    return answered ? { outcome: 'passed', source: '' } : { outcome: 'silence' };
  };

  /** Packets that peers can send for real, each local end once. */
  const sendable = (list: readonly Packet[]): readonly Packet[] => {
    const found = new Map<string, Packet>();
    for (const packet of list) {
      const isEcho =
        (packet.protocol === 1 || packet.protocol === 58) &&
        packet.icmpCode === 0 &&
        (packet.icmpType === 8 || packet.icmpType === 128);
      if (INSIDE_ONLY.has(packet.destination) || !(packet.protocol === 6 || packet.protocol === 17 || isEcho)) continue;
      found.set(`${packet.source} ${packet.protocol} ${packet.sourcePort ?? packet.destination}`, packet);
    }
    return [...found.values()];
  };

  test(
    'every packet has the fate that the ruleset says, and what was written reads back as it was',
    async () => {
      let [passed, dropped] = [0, 0];
      await fc.assert(
        fc.asyncProperty(
          rulesetPairs({ hostile: true }),
          fc.array(packets(), { minLength: 40, maxLength: 40 }),
          async (pair, list) => {
            await border.reset();
            const driver = new NftablesDriver({
              address: `netns:${border.firewall.name}`,
              directory,
              log: silentLog,
              clock: patientClock,
            });
            for (const ruleset of pair) {
              const wanted = driver.translate(ruleset, { owns: undefined });
              for (const step of driver.steps(await driver.observe(signal), wanted)) await driver.apply(step, signal);
              const actual = await driver.observe(signal);
              expect(driver.steps(actual, wanted)).toEqual([]);
              expect(actual.table && renderTable(actual.table)).toBe(driver.render(wanted));
              await border.firewall.run('conntrack', ['-F']);
              const seen = await Promise.all(
                sendable(list).map(async (packet) => ({
                  packet,
                  result: await attempt(packet, 500),
                  fate: fateOf(ruleset, packet),
                })),
              );
              for (const { packet, result: first, fate } of seen) {
                // A busy machine is slow, a rule is not: what should pass may take the time of a retransmission.
                const result = fate.passes && first.outcome === 'silence' ? await attempt(packet, 3_000) : first;
                const { outcome } = result;
                expect({ packet, outcome }).toEqual({ packet, outcome: fate.passes ? 'passed' : 'silence' });
                if (!fate.passes) dropped++;
                else {
                  passed++;
                  // A ping does not tell what the far side saw.
                  if (result.source !== '')
                    expect({ packet, source: result.source }).toEqual({ packet, source: fate.from ?? packet.source });
                }
              }
            }
            for (const step of driver.leave(await driver.observe(signal), { cluster: 'lab', firewall: 'edge-1' }))
              await driver.apply(step, signal);
            expect((await driver.observe(signal)).empty).toBe(true);
          },
        ),
        { ...tries(4), endOnFailure: true },
      );
      expect(Math.min(passed, dropped)).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );
});
