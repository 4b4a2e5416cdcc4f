import {
  type Action,
  type CtState,
  DEAD_MARK,
  LOG_GROUPS,
  type LogGroup,
  type Match,
  type Rule,
} from '../table/model.ts';
import { isRecord, numberIn, onlyKey, type Fields } from '../reach/json.ts';

/** Bits of the connection state as the kernel numbers them. */
const CT_STATES: readonly (readonly [number, CtState])[] = [
  [1, 'invalid'],
  [2, 'established'],
  [4, 'related'],
  [8, 'new'],
  [64, 'untracked'],
];

/** The rate at which drops are told, exactly as `log` actions are written (nftables reference, section 3). */
const LOG_LIMIT = { rate: 2000, burst: 4000, per: 'second' } as const;

/**
 * A rule of a listing made with `-n`, in our own terms. What is not written exactly as we write rules comes back as `foreign`: what
 * cannot be understood is never taken for ours.
 */
export function readRule(rule: Fields): Rule {
  const expressions: readonly unknown[] = Array.isArray(rule['expr']) ? rule['expr'] : [];
  const foreign: Rule = { kind: 'foreign', text: JSON.stringify(expressions) };
  const comment = rule['comment'];
  if (comment !== undefined && typeof comment !== 'string') return foreign;

  let position = 0;
  const matches: Match[] = [];
  for (; position < expressions.length; position++) {
    const match = readMatch(expressions[position]);
    if (match === undefined) break;
    matches.push(match);
  }
  // A named counter would be a name here.
  const counter = isRecord(onlyKey(expressions[position], 'counter'));
  if (counter) position++;
  const action = readAction(expressions.slice(position));
  if (action === undefined) return foreign;
  return { kind: 'ours', matches, counter, action, ...(comment === undefined ? {} : { comment }) };
}

function readMatch(expression: unknown): Match | undefined {
  const match = onlyKey(expression, 'match');
  if (!isRecord(match)) return undefined;
  const { op, left, right } = match;
  const ct = onlyKey(left, 'ct');
  if (isRecord(ct)) return readCtMatch(ct, op, right);
  if (op !== '==' && op !== '!=' && op !== 'in') return undefined;
  if (isRecord(left) && '&' in left) return readDeadMatch(left, op, right);
  if (op === 'in') return undefined;
  const not = op === '!=';

  const parts = onlyKey(left, 'concat');
  if (Array.isArray(parts)) return parts.length === 2 ? readPairMatch(parts[0], parts[1], not, right) : undefined;

  const payload = readPayload(left);
  const value = numberIn(right, 0, 255);
  if (payload === undefined)
    return metaKey(left) === 'l4proto' && value !== undefined ? { on: 'protocol', protocol: value, not } : undefined;
  const { protocol, field } = payload;
  if ((protocol === 'ip' || protocol === 'ip6') && (field === 'saddr' || field === 'daddr')) {
    const set = setName(right);
    return set === undefined ? undefined : { on: 'address', side: field, family: protocol === 'ip' ? 4 : 6, set, not };
  }
  if ((protocol === 'icmp' || protocol === 'icmpv6') && (field === 'type' || field === 'code') && value !== undefined)
    return { on: 'icmp', family: protocol === 'icmp' ? 4 : 6, field, value, not };
  return undefined;
}

function readCtMatch(ct: Fields, op: unknown, right: unknown): Match | undefined {
  if (Object.keys(ct).length !== 1) return undefined;
  if (ct['key'] === 'direction' && op === '==' && (right === 0 || right === 1))
    return { on: 'direction', direction: right === 0 ? 'original' : 'reply' };
  if (ct['key'] !== 'state' || op !== 'in') return undefined;
  const bits: readonly unknown[] = Array.isArray(right) ? right : [right];
  const states: CtState[] = [];
  for (const bit of bits) {
    const state = CT_STATES.find(([number]) => number === bit)?.[1];
    if (state === undefined) return undefined;
    states.push(state);
  }
  return { on: 'state', states: states.sort() };
}

function readDeadMatch(left: Fields, op: unknown, right: unknown): Match | undefined {
  const operands = left['&'];
  const isDead =
    op === '!=' &&
    right === 0 &&
    Array.isArray(operands) &&
    operands.length === 2 &&
    isCtMark(operands[0]) &&
    operands[1] === DEAD_MARK;
  return isDead ? { on: 'dead' } : undefined;
}

/** `ip daddr . meta l4proto @set` and `meta l4proto . th dport @set`. */
function readPairMatch(first: unknown, second: unknown, not: boolean, right: unknown): Match | undefined {
  const set = setName(right);
  if (set === undefined) return undefined;
  const address = readPayload(first);
  if (address !== undefined && metaKey(second) === 'l4proto') {
    const { protocol, field } = address;
    if ((protocol !== 'ip' && protocol !== 'ip6') || (field !== 'saddr' && field !== 'daddr')) return undefined;
    return { on: 'net', side: field, family: protocol === 'ip' ? 4 : 6, set, not };
  }
  const port = readPayload(second);
  if (metaKey(first) !== 'l4proto' || port?.protocol !== 'th' || not) return undefined;
  return port.field === 'sport' || port.field === 'dport' ? { on: 'service', side: port.field, set } : undefined;
}

function readAction(expressions: readonly unknown[]): Action | undefined {
  const [first, second] = expressions;
  if (expressions.length === 2) return readLog(first, second) ?? readDispatchByNumber(first, second);
  if (expressions.length !== 1 || !isRecord(first)) return undefined;
  const verdict = readVerdict(first);
  if (verdict !== undefined) return verdict;
  const dispatch = readMapLookup(onlyKey(first, 'vmap'));
  if (dispatch !== undefined) return { do: 'dispatch', family: dispatch.family, map: dispatch.map };
  const reject = onlyKey(first, 'reject');
  if (isRecord(reject))
    return Object.keys(reject).length === 1 && reject['type'] === 'tcp reset' ? { do: 'resetTcp' } : undefined;
  const snat = onlyKey(first, 'snat');
  if (isRecord(snat)) return readTranslate(snat);
  return isMarkDead(onlyKey(first, 'mangle')) ? { do: 'markDead' } : undefined;
}

/** `accept`, `drop`, `return`, `goto X`, `jump X`: what rules and the elements of verdict maps share. */
export function readVerdict(
  expression: unknown,
): Extract<Action, { readonly do: 'accept' | 'drop' | 'return' | 'goto' | 'jump' }> | undefined {
  if (!isRecord(expression) || Object.keys(expression).length !== 1) return undefined;
  for (const word of ['accept', 'drop', 'return'] as const) if (expression[word] === null) return { do: word };
  for (const word of ['goto', 'jump'] as const) {
    const target = expression[word];
    if (isRecord(target) && typeof target['target'] === 'string') return { do: word, chain: target['target'] };
  }
  return undefined;
}

function readLog(limit: unknown, log: unknown): Action | undefined {
  const rate = onlyKey(limit, 'limit');
  const to = onlyKey(log, 'log');
  if (!isRecord(rate) || !isRecord(to)) return undefined;
  const isOurRate =
    Object.keys(rate).length === 3 &&
    rate['rate'] === LOG_LIMIT.rate &&
    rate['burst'] === LOG_LIMIT.burst &&
    rate['per'] === LOG_LIMIT.per;
  const isOurLog = Object.keys(to).length === 4 && to['snaplen'] === 96 && to['queue-threshold'] === 1;
  const group = (Object.keys(LOG_GROUPS) as LogGroup[]).find((name) => LOG_GROUPS[name] === to['group']);
  const prefix = to['prefix'];
  return isOurRate && isOurLog && group !== undefined && typeof prefix === 'string'
    ? { do: 'log', prefix, group }
    : undefined;
}

function readDispatchByNumber(mangle: unknown, vmap: unknown): Action | undefined {
  const set = onlyKey(mangle, 'mangle');
  const jump = onlyKey(vmap, 'vmap');
  if (!isRecord(set) || !isRecord(jump) || metaKey(set['key']) !== 'mark' || metaKey(jump['key']) !== 'mark')
    return undefined;
  const numbers = readMapLookup(onlyKey(set['value'], 'map'));
  const map = setName(jump['data']);
  if (numbers === undefined || map === undefined) return undefined;
  return { do: 'dispatchByNumber', family: numbers.family, numbers: numbers.map, map };
}

function readTranslate(snat: Fields): Action | undefined {
  const lookup = readMapLookup(onlyKey(snat['addr'], 'map'));
  const family = snat['family'] === 'ip' ? 4 : snat['family'] === 'ip6' ? 6 : undefined;
  if (lookup === undefined || lookup.family !== family || Object.keys(snat).length !== 2) return undefined;
  return { do: 'translate', family: lookup.family, map: lookup.map };
}

function isMarkDead(mangle: unknown): boolean {
  if (!isRecord(mangle) || !isCtMark(mangle['key'])) return false;
  const operands = onlyKey(mangle['value'], '|');
  return Array.isArray(operands) && operands.length === 2 && isCtMark(operands[0]) && operands[1] === DEAD_MARK;
}

/** `{key: ip saddr, data: @map}` */
function readMapLookup(lookup: unknown): { readonly family: 4 | 6; readonly map: string } | undefined {
  if (!isRecord(lookup)) return undefined;
  const key = readPayload(lookup['key']);
  const map = setName(lookup['data']);
  if (map === undefined || key?.field !== 'saddr') return undefined;
  if (key.protocol === 'ip') return { family: 4, map };
  return key.protocol === 'ip6' ? { family: 6, map } : undefined;
}

function readPayload(expression: unknown): { readonly protocol: string; readonly field: string } | undefined {
  const payload = onlyKey(expression, 'payload');
  if (!isRecord(payload) || Object.keys(payload).length !== 2) return undefined;
  const { protocol, field } = payload;
  return typeof protocol === 'string' && typeof field === 'string' ? { protocol, field } : undefined;
}

function metaKey(expression: unknown): unknown {
  const meta = onlyKey(expression, 'meta');
  return isRecord(meta) && Object.keys(meta).length === 1 ? meta['key'] : undefined;
}

function isCtMark(expression: unknown): boolean {
  const ct = onlyKey(expression, 'ct');
  return isRecord(ct) && Object.keys(ct).length === 1 && ct['key'] === 'mark';
}

function setName(value: unknown): string | undefined {
  return typeof value === 'string' && value.startsWith('@') ? value.slice(1) : undefined;
}
