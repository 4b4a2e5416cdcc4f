import { expect } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import type { Packet } from '../../../../test/kit/ruleset-oracle.ts';
import { everyPacket } from '../../../../test/kit/universe.ts';
import { evaluate } from '../../../border/evaluate.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { packetOf } from '../../../engine/packet.ts';
import type { Passage, Passages } from '../../passage/passage.ts';

export const WORDS = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'icmp6'],
  [132, 'sctp'],
] as const) as ReadonlyMap<number, 'tcp'>;

/** How often what was told. */
export interface Seen {
  passes: number;
  drops: number;
  unknown: number;
}

/**
 * Compares what is told with what devices do to every packet, by their own configuration and with code that shares nothing with the driver: what
 * is sure is so on each of them. `look`: what else has to be so.
 */
export function compare(
  devices: readonly PanOs[],
  passages: Passages,
  ruleset: Ruleset,
  seen: Seen,
  look: (answer: Passage, rule: string, what: string) => void = () => undefined,
): void {
  const judges = devices.map((device) => device.judging());
  for (const packet of everyPacket()) {
    const answer = passages.of(asked(packet), evaluate(ruleset, asked(packet)));
    const { protocol, source, destination, sourcePort = 0, destinationPort = 0 } = packet;
    const ends = { sourcePort, destinationPort, from: 'k8s', to: 'internet' };
    seen[answer.outcome]++;
    for (const judge of judges) {
      const passage = judge({ source, destination, protocol: WORDS.get(protocol) ?? protocol, ...ends });
      const what = JSON.stringify({ packet, passage, answer });
      if (answer.outcome !== 'unknown')
        expect(passage.verdict, what).toBe(answer.outcome === 'passes' ? 'pass' : 'stop');
      look(answer, passage.rule, what);
    }
  }
}

export function asked({ source, destination, protocol, sourcePort, destinationPort, icmpType, icmpCode }: Packet) {
  const given = Object.entries({ sport: sourcePort, dport: destinationPort, icmpType, icmpCode });
  return packetOf({
    src: source,
    dst: destination,
    proto: protocol,
    ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
  });
}
