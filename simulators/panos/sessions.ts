import { parseAddress } from './addresses.ts';
import { type Answer, codes, refuse, result } from './answer.ts';
import type { Flow, Passage } from './packet.ts';
import { element, type Element } from './xml.ts';

interface Session {
  readonly id: number;
  readonly flow: Flow;
  readonly rule: string;
  readonly natRule: string | undefined;
  readonly translated: string | undefined;
}

/** What a filter may compare, and with what of a session. */
const filters: Readonly<Record<string, (of: Session) => string>> = {
  source: ({ flow }) => flow.source,
  destination: ({ flow }) => flow.destination,
  'source-port': ({ flow }) => String(flow.sourcePort ?? 0),
  'destination-port': ({ flow }) => String(flow.destinationPort ?? 0),
  protocol: ({ flow }) => String(protocolNumber(flow.protocol)),
  from: ({ flow }) => flow.from,
  to: ({ flow }) => flow.to,
  rule: ({ rule }) => rule,
  'nat-rule': ({ natRule }) => natRule ?? '',
};

const numbers = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;
export const protocolNumber = (protocol: Flow['protocol']): number =>
  typeof protocol === 'number' ? protocol : numbers[protocol];

/** Connections that were let through. They outlive the rule that let them, until they are cleared. */
export class Sessions {
  #all: Session[] = [];
  #last = 0;

  /** The id of a session that a passage opens; `undefined` where it opens none. */
  open(flow: Flow, passage: Passage): number | undefined {
    if (passage.verdict !== 'pass') return undefined;
    this.#last += 1;
    this.#all.push({
      id: this.#last,
      flow,
      rule: passage.rule,
      natRule: passage.translation?.rule,
      translated: passage.translation?.sources[0],
    });
    return this.#last;
  }

  lives(id: number): boolean {
    return this.#all.some((one) => one.id === id);
  }

  clear(): void {
    this.#all = [];
  }

  show(filter: Element | undefined): Answer {
    const matches = matching(filter);
    return result(
      this.#all
        .filter(matches)
        .map((one) =>
          element('entry', [
            element('idx', String(one.id)),
            element('source', one.flow.source),
            element('sport', String(one.flow.sourcePort ?? 0)),
            element('dst', one.flow.destination),
            element('dport', String(one.flow.destinationPort ?? 0)),
            element('proto', String(protocolNumber(one.flow.protocol))),
            element('from', one.flow.from),
            element('to', one.flow.to),
            element('xsource', one.translated ?? one.flow.source),
            element('security-rule', one.rule),
            element('nat-rule', one.natRule ?? ''),
            element('state', 'ACTIVE'),
            element('type', 'FLOW'),
          ]),
        ),
    );
  }

  /** `clear session all`, narrowed by a filter. */
  end(filter: Element | undefined): Answer {
    const matches = matching(filter);
    this.#all = this.#all.filter((one) => !matches(one));
    return result([element('member', 'sessions cleared')]);
  }

  endOne(id: string): Answer {
    if (!this.#all.some((one) => String(one.id) === id)) throw refuse(codes.notFound, ` session ${id} does not exist`);
    this.#all = this.#all.filter((one) => String(one.id) !== id);
    return result([element('member', `session ${id} cleared`)]);
  }
}

/** All given parts must match. An unknown part is refused: it would clear more than was meant. */
function matching(filter: Element | undefined): (of: Session) => boolean {
  const tests = (filter?.children ?? []).map(({ name, text }) => {
    const part = Object.hasOwn(filters, name) ? filters[name] : undefined;
    if (part === undefined) throw refuse(codes.invalidCommand, ` filter -> ${name} unexpected here`);
    const wanted = text.trim();
    if ((name === 'source' || name === 'destination') && parseAddress(wanted) === undefined)
      throw refuse(codes.invalidCommand, ` filter -> ${name} '${wanted}' is no address`);
    return (one: Session): boolean => part(one) === wanted;
  });
  return (one) => tests.every((test) => test(one));
}
