import { parseAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { textChains } from '../nft-text.ts';

/** One condition of a rule on a packet. */
type Test = (fields: Readonly<Record<string, string>>) => boolean;

interface Named {
  readonly tests: readonly Test[];
  readonly name: string;
}

/** What the field `POLICY` says of a packet that nothing let through: the base rules refused it, or no policy allows it. */
const BASE = 'base';
const NONE = 'none';

/**
 * Names the policy that a line of the log is about. Accepted packets are looked for among the rules of the file that is in force, whose
 * comments name policies and Services; what is dropped is so because no policy allows it, or by the base rules.
 */
export class PolicyNames {
  readonly #rules: readonly Named[];

  /** `text`: the file of our rules. */
  constructor(text: string) {
    const sets = new Map(
      [...text.matchAll(/^\tset (\S+) \{\n([\s\S]*?)^\t\}/gm)].map(([, name = '', body = '']) => [
        name,
        setOf(/elements = \{([^}]*)\}/.exec(body)?.[1] ?? ''),
      ]),
    );
    const forward = textChains(text).find(({ table, name }) => table === 'inet firewall' && name === 'forward');
    this.#rules = (forward?.rules ?? []).flatMap((rule) => {
      const name = / counter accept comment "([^"]*)"$/.exec(rule)?.[1];
      const tests = name === undefined ? undefined : testsOf(rule.slice(0, rule.indexOf(' counter accept ')), sets);
      return name === undefined || tests === undefined ? [] : [{ tests, name }];
    });
  }

  /** `prefix`: what the line began with. */
  nameOf(prefix: string, fields: Readonly<Record<string, string>>): string | undefined {
    if (fields['ACTION'] === 'drop') return prefix.includes('-metal-') ? BASE : NONE;
    return this.#rules.find(({ tests }) => tests.every((test) => test(fields)))?.name;
  }
}

const CONDITION = /(?:(ip6?) (saddr|daddr) |(tcp|udp) dport )(==|!=)? ?(?:@(\S+)|\{([^}]*)\}|(\S+))\s*/y;

/** Nothing for a rule with a condition that the log does not tell of. */
function testsOf(text: string, sets: ReadonlyMap<string, PrefixSet>): readonly Test[] | undefined {
  const tests: Test[] = [];
  CONDITION.lastIndex = 0;
  while (CONDITION.lastIndex < text.length) {
    const found = CONDITION.exec(text);
    if (found === null) return undefined;
    const [, , side, protocol, operator, set, list, single] = found;
    const negated = operator === '!=';
    if (protocol !== undefined) {
      const ports = (list ?? single ?? '').split(',').map((each) => each.trim().split('-').map(Number));
      tests.push(({ PROTO: of, DPT: port }) => {
        const isOne = ports.some(([first = 0, last = first]) => Number(port) >= first && Number(port) <= last);
        return of?.toLowerCase() === protocol && isOne !== negated;
      });
    } else {
      const nets = (set === undefined ? undefined : sets.get(set)) ?? setOf(list ?? single ?? '');
      const key = side === 'saddr' ? 'SRC' : 'DST';
      tests.push((fields) => {
        const address = parseAddress(fields[key] ?? '');
        return address !== undefined && nets.contains(address) !== negated;
      });
    }
  }
  return tests;
}

function setOf(list: string): PrefixSet {
  const texts = list.split(',').map((each) => each.trim());
  return PrefixSet.parse(texts.filter((each) => each !== '').map((each) => (each.includes('/') ? each : bare(each))));
}

function bare(text: string): string {
  return `${text}/${text.includes(':') ? 128 : 32}`;
}
