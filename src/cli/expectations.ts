import type { Diagnostic, Parsed } from '../base/diagnostic.ts';
import { protocolNumber } from '../engine/packet.ts';
import { formatAddress, parseAddress } from '../ip/address.ts';
import { parseSelector, type Selector } from '../selector/selector.ts';

/** One end of an expected flow: a name (pod, workload, host endpoint or address), or a selector, in one namespace or in all. */
export type ExpectedSide =
  | { readonly kind: 'Name'; readonly name: string }
  | { readonly kind: 'Selector'; readonly selector: Selector; readonly namespace?: string };

/** What an `expect` file says in one line. */
export interface Expectation {
  /** From 1. */
  readonly line: number;
  /** As it is written, without comment. */
  readonly text: string;
  readonly verdict: 'allow' | 'deny';
  readonly from: ExpectedSide;
  readonly to: ExpectedSide;
  readonly protocol: string;
  /** What of its protocol is tried, one flow each; one empty entry for protocols without ports. */
  readonly services: readonly ExpectedService[];
  /** Name of a border firewall that lets every way of it pass (`allow`), or that drops it (`deny`). */
  readonly via?: string;
  /** Canonical source address outside, on every way. */
  readonly as?: string;
}

export interface ExpectedService {
  readonly port?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** TCP, UDP, SCTP. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132]);
/** ICMP, ICMPv6. */
const WITH_TYPES: ReadonlySet<number> = new Set([1, 58]);
const FORM = 'allow|deny FROM -> TO:PORT[,PORT…]/PROTOCOL [via FIREWALL] [as ADDRESS]';

/**
 * Reads an `expect` file: one expectation a line, `#` begins a comment. All mistakes at once; a file with mistakes has no value.
 * @example parseExpectations('allow shop/web -> 203.0.113.10:443/TCP via edge-1', 'policy.expect').value?.[0]?.verdict; // 'allow'
 */
export function parseExpectations(source: string, file: string): Parsed<readonly Expectation[]> {
  const diagnostics: Diagnostic[] = [];
  const expectations: Expectation[] = [];
  for (const [index, raw] of source.split(/\r?\n/).entries()) {
    const text = withoutComment(raw);
    if (text.trim() === '') continue;
    const read = new LineReader(text).expectation(index + 1);
    if ('expectation' in read) expectations.push(read.expectation);
    else {
      const at = { file, line: index + 1, column: read.column };
      diagnostics.push({ severity: 'error', code: 'EXPECTATION_SYNTAX', message: read.message, path: '', at });
    }
  }
  return diagnostics.length > 0 ? { diagnostics } : { value: expectations, diagnostics };
}

function withoutComment(line: string): string {
  for (const [at, character] of unquoted(line, 0)) if (character === '#') return line.slice(0, at);
  return line;
}

/** The characters that stand in no quoted text of a selector, and their places. */
function* unquoted(text: string, start: number): Generator<readonly [number, string]> {
  let quote = '';
  for (let at = start; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === '' && character !== "'" && character !== '"') yield [at, character];
    else if (quote === '') quote = character;
    else if (character === quote) quote = '';
  }
}

/** A mistake at a column, from 1. */
interface Mistake {
  readonly message: string;
  readonly column: number;
}

class LineMistake extends Error {
  readonly column: number;
  constructor(message: string, column: number) {
    super(message);
    this.column = column;
  }
}

class LineReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  expectation(line: number): { readonly expectation: Expectation } | Mistake {
    try {
      return { expectation: { line, ...this.#read() } };
    } catch (thrown) {
      if (thrown instanceof LineMistake) return { message: thrown.message, column: thrown.column };
      throw thrown;
    }
  }

  #read(): Omit<Expectation, 'line'> {
    const verdict = this.#word();
    if (verdict.text !== 'allow' && verdict.text !== 'deny')
      throw mistake(`a line begins with "allow" or "deny", as in: ${FORM}`, verdict.at);
    const from = this.#side();
    const arrow = this.#word();
    if (arrow.text !== '->') throw mistake(`"->" stands between the sender and the receiver, as in: ${FORM}`, arrow.at);
    const { side: to, ...service } = this.#target();
    let via: string | undefined;
    let as: string | undefined;
    for (let word = this.#word(); word.text !== ''; word = this.#word()) {
      const value = this.#word();
      if (word.text === 'via' && via === undefined && value.text !== '') via = value.text;
      else if (word.text === 'as' && as === undefined && verdict.text === 'allow') as = sourceAddress(value);
      else throw mistake(`after the flow come at most "via FIREWALL" and, for allow, "as ADDRESS"`, word.at);
    }
    return {
      text: this.#text.trim(),
      verdict: verdict.text,
      from,
      to,
      ...service,
      ...(via === undefined ? {} : { via }),
      ...(as === undefined ? {} : { as }),
    };
  }

  /** The next word, empty at the end of the line. */
  #word(): Word {
    this.#skipBlanks();
    const at = this.#at;
    while (this.#at < this.#text.length && !isBlank(this.#text.charAt(this.#at))) this.#at++;
    return { text: this.#text.slice(at, this.#at), at };
  }

  #side(): ExpectedSide {
    this.#skipBlanks();
    const selected = this.#selector();
    if (selected !== undefined) return selected;
    const { text, at } = this.#word();
    if (text === '' || text === '->') throw mistake(`the sender is missing, as in: ${FORM}`, at);
    return { kind: 'Name', name: text };
  }

  #target(): { side: ExpectedSide } & Pick<Expectation, 'protocol' | 'services'> {
    this.#skipBlanks();
    const start = this.#at;
    const selected = this.#selector();
    const { text, at } = this.#word();
    if (selected !== undefined) return { side: selected, ...readService(text, at) };
    const found = /^(?:\[([^\]]+)\]|([^:[\]]+?))(:[0-9.,]+)?\/([A-Za-z0-9]+)$/.exec(text) ?? withoutProtocol.exec(text);
    if (found === null)
      throw mistake(
        `the receiver is NAME:PORT/PROTOCOL, as in 203.0.113.10:443/TCP, [2001:db8::1]:53/UDP or shop/db:5432/TCP`,
        start,
      );
    const [, bracketed, plain, ports = '', protocol = 'TCP'] = found;
    const name = bracketed ?? plain ?? '';
    return {
      side: { kind: 'Name', name },
      ...readService(`${ports}/${protocol}`, at + (bracketed === undefined ? name.length : name.length + 2)),
    };
  }

  /** `(SELECTOR)` or `namespace/(SELECTOR)`. */
  #selector(): ExpectedSide | undefined {
    const opened = /^([^\s/()]+\/)?\(/.exec(this.#text.slice(this.#at));
    if (opened === null) return undefined;
    const start = this.#at + opened[0].length;
    const end = closingParenthesis(this.#text, start);
    if (end === undefined) throw mistake('the selector has no closing ")"', this.#at);
    const { value, diagnostics } = parseSelector(this.#text.slice(start, end));
    if (value === undefined) {
      const [first] = diagnostics;
      throw mistake(`the selector: ${first?.message ?? 'it cannot be read'}`, start + (first?.at?.column ?? 1) - 1);
    }
    this.#at = end + 1;
    const namespace = opened[1]?.slice(0, -1);
    return { kind: 'Selector', selector: value, ...(namespace === undefined ? {} : { namespace }) };
  }

  #skipBlanks(): void {
    while (isBlank(this.#text.charAt(this.#at))) this.#at++;
  }
}

/** A word of a line, and how many characters stand before it. */
interface Word {
  readonly text: string;
  readonly at: number;
}

/** `NAME:PORT`, where TCP is meant. */
const withoutProtocol = /^(?:\[([^\]]+)\]|([^:[\]]+?))(:[0-9,]+)$/;

/** `:PORT[,PORT…]/PROTOCOL`, `:PORT…` for TCP, `:TYPE[.CODE]/ICMP`, `/PROTOCOL`. */
function readService(text: string, at: number): Pick<Expectation, 'protocol' | 'services'> {
  const found = /^(?::([0-9.,]+))?(?:\/([A-Za-z0-9]+))?$/.exec(text);
  const number = found === null ? undefined : protocolOf(found[2] ?? 'TCP');
  if (found === null || number === undefined)
    throw mistake('after the receiver stands :PORT/PROTOCOL, with TCP, UDP, SCTP, ICMP, ICMPv6 or a number', at);
  const [, values, protocol = 'TCP'] = found;
  if (WITH_TYPES.has(number)) return { protocol, services: [icmpService(values, at)] };
  if (!WITH_PORTS.has(number)) {
    if (values !== undefined) throw mistake(`${protocol} has no ports; leave them out`, at);
    return { protocol, services: [{}] };
  }
  if (values === undefined)
    throw mistake(`say which port: NAME:443/${protocol}; a rule may be for that port alone`, at);
  const services = values.split(',').map((port) => {
    if (!/^[1-9][0-9]{0,4}$/.test(port) || Number(port) > 65535) throw mistake(`"${port}" is no port: 1 to 65535`, at);
    return { port: Number(port) };
  });
  return { protocol, services };
}

function protocolOf(text: string): number | undefined {
  try {
    return protocolNumber(text);
  } catch {
    return undefined;
  }
}

/** A type, or type and code; an echo request where nothing is said. */
function icmpService(values: string | undefined, at: number): ExpectedService {
  if (values === undefined) return {};
  const [type, code, ...more] = values.split('.');
  const byte = (text: string): number => {
    if (/^(0|[1-9][0-9]{0,2})$/.test(text) && Number(text) <= 255) return Number(text);
    throw mistake(`"${values}" is no ICMP type: TYPE or TYPE.CODE, each 0 to 255`, at);
  };
  if (more.length > 0) throw mistake(`"${values}" is no ICMP type: TYPE or TYPE.CODE`, at);
  return { icmpType: byte(type ?? ''), ...(code === undefined ? {} : { icmpCode: byte(code) }) };
}

function sourceAddress({ text, at }: Word): string {
  const address = parseAddress(text);
  if (address === undefined) throw mistake('"as" takes the source address outside', at);
  return formatAddress(address);
}

/** Position of the parenthesis that closes one opened before `start`. */
function closingParenthesis(text: string, start: number): number | undefined {
  let depth = 1;
  for (const [at, character] of unquoted(text, start)) {
    if (character === '(') depth++;
    else if (character === ')') depth--;
    if (depth === 0) return at;
  }
  return undefined;
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t';
}

/** `at`: how many characters stand before it. */
function mistake(message: string, at: number): LineMistake {
  return new LineMistake(message, at + 1);
}
