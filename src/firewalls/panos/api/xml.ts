import { SallyportError } from '../../../base/error.ts';

/** An element of the XML that PAN-OS speaks: names, attributes, and either elements or text. Immutable. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** All text directly in it, as written; layout between elements is left out. */
  readonly text: string;
}

/** An element to be written: its children in order, or its text. */
export function element(
  name: string,
  content: string | readonly XmlElement[] = [],
  attributes: Readonly<Record<string, string>> = {},
): XmlElement {
  const inside = typeof content === 'string' ? { children: [], text: content } : { children: content, text: '' };
  return { name, attributes: new Map(Object.entries(attributes)), ...inside };
}

/** `<entry name="…">`, the form of everything that has a name. */
export function entry(name: string, children: readonly XmlElement[] = []): XmlElement {
  return element('entry', children, { name });
}

/** `<member>` for each text. */
export function members(texts: Iterable<string>): readonly XmlElement[] {
  return [...texts].map((text) => element('member', text));
}

/** Canonical: no layout, attributes in their order, nothing but what was said. */
export function xmlText({ name, attributes, children, text }: XmlElement): string {
  const head = `${name}${[...attributes].map(([key, value]) => ` ${key}="${escapeXml(value)}"`).join('')}`;
  const inside = children.length === 0 ? escapeXml(text) : children.map(xmlText).join('');
  return inside === '' ? `<${head}/>` : `<${head}>${inside}</${name}>`;
}

/** The first element of this name, along a path. */
export function child(from: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  let at = from;
  for (const name of path) at = at?.children.find((one) => one.name === name);
  return at;
}

/** Text of the element at the end of a path, without space around it; `undefined`: it is not there. */
export function textAt(from: XmlElement | undefined, ...path: readonly string[]): string | undefined {
  return child(from, ...path)?.text.trim();
}

/** Texts of the `<member>`s at the end of a path. */
export function membersAt(from: XmlElement | undefined, ...path: readonly string[]): readonly string[] {
  const list = child(from, ...path)?.children ?? [];
  return list.filter(({ name }) => name === 'member').map(({ text }) => text.trim());
}

/** The `<entry>`s at the end of a path. */
export function entriesAt(from: XmlElement | undefined, ...path: readonly string[]): readonly XmlElement[] {
  return (child(from, ...path)?.children ?? []).filter(({ name }) => name === 'entry');
}

/** The name of an `<entry>`. */
export function nameOf({ attributes }: XmlElement): string {
  return attributes.get('name') ?? '';
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** What XML 1.0 cannot hold, not even as a reference. */
const FORBIDDEN =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

function escapeXml(text: string): string {
  if (FORBIDDEN.test(text)) throw new SallyportError('INTERNAL', 'a text cannot be written as XML');
  return text.replace(/[&<>"']/g, (one) => ESCAPES[one] ?? one);
}

/** Deeper than any answer; what is nested further is no answer. */
const DEEPEST = 128;
const ATTRIBUTE = /\s+([A-Za-z_][\w.:-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const SPACE = /\s*/y;
const TAG_END = /\s*(\/?)>/y;
const CLOSING = /<\/([A-Za-z_][\w.:-]*)\s*>/y;
const DECLARATION = /^\uFEFF?(?:<\?xml\s[^>]*\?>)?/;
/** Shared by all elements without: most have none. */
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();
const [LESS, GREATER, SLASH, BANG] = [0x3c, 0x3e, 0x2f, 0x21];
/** Whether a name may begin with a character, or go on with it. */
const BEGINS = charactersOf(/[A-Za-z_]/);
const GOES_ON = charactersOf(/[\w.:-]/);

function charactersOf(pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) => (pattern.test(String.fromCharCode(code)) ? 1 : 0));
}

/**
 * Reads one whole XML document: elements, attributes, text, CDATA, comments. There is no DTD, no entity but the five, no processing
 * instruction: a device has no need of them, and nothing that is misread may decide what is on it. Throws `DEVICE_UNREADABLE`.
 */
export function parseXml(text: string): XmlElement {
  return new Reader(text).document();
}

interface Open {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  text: string;
}

class Reader {
  readonly #text: string;
  #at: number;

  constructor(text: string) {
    if (FORBIDDEN.test(text))
      throw new SallyportError('DEVICE_UNREADABLE', 'the XML holds a character that XML cannot hold');
    this.#text = text;
    this.#at = DECLARATION.exec(text)?.[0].length ?? 0;
  }

  document(): XmlElement {
    this.#skipMisc();
    const stack: Open[] = [];
    for (;;) {
      const open = stack.at(-1);
      if (open !== undefined) this.#textInto(open);
      const closed = this.#tag(stack);
      if (closed === undefined) continue;
      const parent = stack.at(-1);
      if (parent !== undefined) {
        parent.children.push(closed);
        continue;
      }
      this.#skipMisc();
      if (this.#at < this.#text.length) throw this.#wrong('something comes after the document');
      return closed;
    }
  }

  /** An opening tag goes on the stack; the element that a tag ends is returned. */
  #tag(stack: Open[]): XmlElement | undefined {
    if (this.#code(0) !== LESS) throw this.#wrong('a tag is missing');
    if (this.#code(1) === SLASH) return this.#closing(stack);
    this.#at++;
    const name = this.#name();
    const attributes = this.#attributes();
    const isEmpty = this.#tagEnd(name);
    const open: Open = { name, attributes, children: [], text: '' };
    if (isEmpty) return finished(open);
    if (stack.push(open) > DEEPEST) throw this.#wrong(`elements are nested deeper than ${DEEPEST}`);
    return undefined;
  }

  #closing(stack: Open[]): XmlElement {
    const open = stack.pop();
    const end = this.#at + 2 + (open?.name.length ?? 0);
    // Nearly all: answers of tens of thousands of elements are read many times a second.
    if (open !== undefined && this.#text.charCodeAt(end) === GREATER && this.#text.startsWith(open.name, this.#at + 2))
      this.#at = end + 1;
    else {
      const closing = this.#take(CLOSING);
      if (closing === undefined) throw this.#wrong('a tag has no name');
      if (open === undefined || open.name !== closing[1]) throw this.#wrong(`</${closing[1]}> closes nothing`);
    }
    return finished(open);
  }

  #name(): string {
    const from = this.#at;
    if (BEGINS[this.#code(0)] !== 1) throw this.#wrong('a tag has no name');
    do this.#at++;
    while (GOES_ON[this.#code(0)] === 1);
    return this.#text.slice(from, this.#at);
  }

  #attributes(): ReadonlyMap<string, string> {
    if (this.#code(0) === GREATER) return NO_ATTRIBUTES;
    let found = this.#take(ATTRIBUTE);
    if (found === undefined) return NO_ATTRIBUTES;
    const attributes = new Map<string, string>();
    for (; found !== undefined; found = this.#code(0) === GREATER ? undefined : this.#take(ATTRIBUTE)) {
      const [, key = '', double, single] = found;
      if (attributes.has(key)) throw this.#wrong(`the attribute ${key} is there twice`);
      attributes.set(key, this.#resolved(double ?? single ?? ''));
    }
    return attributes;
  }

  /** Whether the tag is one of an element without content. */
  #tagEnd(name: string): boolean {
    if (this.#code(0) === GREATER) {
      this.#at++;
      return false;
    }
    const end = this.#take(TAG_END);
    if (end === undefined) throw this.#wrong(`the tag <${name}> does not end`);
    return end[1] === '/';
  }

  /** Of the character so many places further on; NaN after the end. */
  #code(further: number): number {
    return this.#text.charCodeAt(this.#at + further);
  }

  /** Text, CDATA and comments up to the next tag. */
  #textInto(open: Open): void {
    for (;;) {
      const next = this.#text.indexOf('<', this.#at);
      if (next === -1) throw this.#wrong(`<${open.name}> does not end`);
      if (next > this.#at) {
        const plain = this.#text.slice(this.#at, next);
        if (plain.includes(']]>')) throw this.#wrong('"]]>" stands in a text');
        open.text += this.#resolved(plain);
        this.#at = next;
      }
      if (this.#text.charCodeAt(next + 1) !== BANG) return;
      if (this.#text.startsWith('<![CDATA[', next)) open.text += this.#upTo('<![CDATA[', ']]>');
      else if (!this.#comment()) return;
    }
  }

  #comment(): boolean {
    if (!this.#text.startsWith('<!--', this.#at)) return false;
    if (this.#upTo('<!--', '-->').includes('--')) throw this.#wrong('"--" stands in a comment');
    return true;
  }

  #skipMisc(): void {
    do this.#take(SPACE);
    while (this.#comment());
  }

  #upTo(begin: string, end: string): string {
    const from = this.#at + begin.length;
    const to = this.#text.indexOf(end, from);
    if (to === -1) throw this.#wrong(`${begin} does not end`);
    this.#at = to + end.length;
    return this.#text.slice(from, to);
  }

  #resolved(text: string): string {
    if (!text.includes('&')) return text;
    return text.replace(/&([^;&]{0,10})(;?)/g, (_, name: string, end: string) => {
      const code = /^#(?:x([\da-f]{1,6})|(\d{1,7}))$/i.exec(name);
      const point =
        code === null ? Number.NaN : Number.parseInt(code[1] ?? code[2] ?? '', code[1] === undefined ? 10 : 16);
      const found = Number.isNaN(point) ? ENTITIES[name] : point <= 0x10ffff ? String.fromCodePoint(point) : undefined;
      if (end === '' || found === undefined || FORBIDDEN.test(found))
        throw this.#wrong('an "&" stands for nothing known');
      return found;
    });
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  #wrong(what: string): SallyportError {
    return new SallyportError('DEVICE_UNREADABLE', `no well-formed XML at character ${this.#at}: ${what}`);
  }
}

/** Layout between elements means nothing; text beside elements does, and no answer of the device has any. */
function finished(open: Open): XmlElement {
  if (open.text !== '' && open.children.length > 0 && open.text.trim() === '') open.text = '';
  return open;
}
