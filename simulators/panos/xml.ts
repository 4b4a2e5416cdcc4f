/** One XML element. Never changed after it was made, so that trees share what they have in common. */
export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Element[];
  /** All text directly inside; blank text between children counts as none. */
  readonly text: string;
}

const noAttributes: ReadonlyMap<string, string> = new Map();
const noChildren: readonly Element[] = [];
/** Deeper documents are refused: no command and no configuration comes near it. */
const DEPTH = 64;

/** What is not well formed, or uses what is never accepted (a DTD, an entity of its own, a processing instruction). */
export class MalformedXml extends Error {
  override readonly name = 'MalformedXml';
}

export function element(
  name: string,
  content: string | readonly Element[] = noChildren,
  attributes: Readonly<Record<string, string>> = {},
): Element {
  const pairs = Object.entries(attributes);
  return {
    name,
    attributes: pairs.length === 0 ? noAttributes : new Map(pairs),
    children: typeof content === 'string' ? noChildren : content,
    text: typeof content === 'string' ? content : '',
  };
}

export const entry = (name: string, content: string | readonly Element[] = noChildren): Element =>
  element('entry', content, { name });

export const child = (of: Element | undefined, name: string): Element | undefined =>
  of?.children.find((one) => one.name === name);

/** The text of a child, trimmed; `undefined` where there is no such child. */
export const textOf = (of: Element | undefined, name: string): string | undefined => child(of, name)?.text.trim();

/** The element at the end of a way of names. */
export function descend(from: Element | undefined, ...names: readonly string[]): Element | undefined {
  let at = from;
  for (const name of names) at = child(at, name);
  return at;
}

/** Texts of all `member` children. */
export const members = (of: Element | undefined): readonly string[] =>
  (of?.children ?? noChildren).filter(({ name }) => name === 'member').map(({ text }) => text);

/** Names of all `entry` children. */
export const entryNames = (of: Element | undefined): readonly string[] =>
  (of?.children ?? noChildren).filter(({ name }) => name === 'entry').map((one) => one.attributes.get('name') ?? '');

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string =>
  /[&<>]/.test(text) ? text.replaceAll(/[&<>]/g, (c) => escapes[c] ?? c) : text;
const escapedValue = (text: string): string => text.replaceAll(/[&<>"]/g, (c) => escapes[c] ?? c);

/** On one line, as devices answer. */
export function serialise(of: Element): string {
  let open = `<${of.name}`;
  for (const [name, value] of of.attributes) open += ` ${name}="${escapedValue(value)}"`;
  if (of.children.length === 0 && of.text === '') return `${open}/>`;
  return `${open}>${escaped(of.text)}${of.children.map(serialise).join('')}</${of.name}>`;
}

/** One element a line, two spaces a level. */
export function serialiseIndented(of: Element, level = 0): string {
  const margin = '  '.repeat(level);
  if (of.children.length === 0) return `${margin}${serialise(of)}\n`;
  let open = `${margin}<${of.name}`;
  for (const [name, value] of of.attributes) open += ` ${name}="${escapedValue(value)}"`;
  return `${open}>\n${of.children.map((one) => serialiseIndented(one, level + 1)).join('')}${margin}</${of.name}>\n`;
}

/** A document with one root. */
export function parseXml(text: string): Element {
  const roots = parseFragment(text.replace(/^\uFEFF?\s*<\?xml\s[^?]*\?>/, ''));
  const [root] = roots;
  if (root === undefined || roots.length > 1) throw new MalformedXml('a document has exactly one root element');
  return root;
}

/** Any number of elements beside each other, and no text. */
export function parseFragment(text: string): readonly Element[] {
  const { children, text: loose } = new Reader(text).content(undefined, 0);
  if (loose !== '') throw new MalformedXml('text outside of every element');
  return children;
}

const NAME = /[A-Za-z_][A-Za-z0-9._-]*/y;
const SPACE = /[ \t\r\n]*/y;
const references: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function isCharacter(code: number): boolean {
  return (
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/.test(text))
      throw new MalformedXml('a control character');
    this.#text = text;
  }

  /** What stands before the end tag of `inside`, or before the end of the text. */
  content(inside: string | undefined, depth: number): { readonly children: readonly Element[]; readonly text: string } {
    if (depth > DEPTH) throw new MalformedXml(`elements nested deeper than ${DEPTH}`);
    const children: Element[] = [];
    let text = '';
    for (;;) {
      const next = this.#text.indexOf('<', this.#at);
      text += this.#unescaped(this.#text.slice(this.#at, next < 0 ? undefined : next));
      if (next < 0) {
        if (inside !== undefined) throw new MalformedXml(`<${inside}> is not closed`);
        this.#at = this.#text.length;
        break;
      }
      this.#at = next;
      if (this.#skip('<!--')) this.#until('-->');
      else if (this.#skip('<![CDATA[')) text += this.#until(']]>');
      else if (this.#skip('</')) {
        const name = this.#match(NAME);
        this.#match(SPACE);
        if (name !== inside || !this.#skip('>')) throw new MalformedXml(`</${name}> closes nothing`);
        break;
      } else if (this.#text.startsWith('<!', this.#at) || this.#text.startsWith('<?', this.#at))
        throw new MalformedXml('declarations and processing instructions are refused');
      else children.push(this.#element(depth));
    }
    if (children.length > 0 && text.trim() === '') text = '';
    if (inside === undefined) text = text.trim();
    return { children: children.length === 0 ? noChildren : children, text };
  }

  #element(depth: number): Element {
    this.#at += 1;
    const name = this.#match(NAME);
    if (name === '') throw new MalformedXml(`no name after < at ${this.#at}`);
    let attributes: Map<string, string> | undefined;
    for (;;) {
      const gap = this.#match(SPACE);
      if (this.#skip('/>')) return { name, attributes: attributes ?? noAttributes, children: noChildren, text: '' };
      if (this.#skip('>')) break;
      if (gap === '') throw new MalformedXml(`<${name} goes on oddly at ${this.#at}`);
      const key = this.#match(NAME);
      this.#match(SPACE);
      if (key === '' || !this.#skip('=')) throw new MalformedXml(`an attribute of <${name}> without a value`);
      this.#match(SPACE);
      const quote = this.#text[this.#at];
      if (quote !== '"' && quote !== "'") throw new MalformedXml(`the value of ${key} is not quoted`);
      this.#at += 1;
      const value = this.#until(quote);
      if (value.includes('<')) throw new MalformedXml(`< in the value of ${key}`);
      attributes ??= new Map();
      if (attributes.has(key)) throw new MalformedXml(`${key} stands twice in <${name}>`);
      attributes.set(key, this.#unescaped(value));
    }
    return { name, attributes: attributes ?? noAttributes, ...this.content(name, depth + 1) };
  }

  #skip(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #until(end: string): string {
    const found = this.#text.indexOf(end, this.#at);
    if (found < 0) throw new MalformedXml(`no ${end} follows`);
    const text = this.#text.slice(this.#at, found);
    this.#at = found + end.length;
    return text;
  }

  #unescaped(text: string): string {
    if (!text.includes('&')) return text;
    return text.replaceAll(/&([^;&]*)(;?)/g, (_, word: string, end: string) => {
      const number = /^#(?:([0-9]{1,7})|x([0-9A-Fa-f]{1,6}))$/.exec(word);
      const code =
        number === null ? -1 : Number.parseInt(number[1] ?? number[2] ?? '', number[1] === undefined ? 16 : 10);
      const known = Object.hasOwn(references, word)
        ? references[word]
        : isCharacter(code)
          ? String.fromCodePoint(code)
          : undefined;
      if (end === '' || known === undefined) throw new MalformedXml(`&${word} is no reference that is accepted`);
      return known;
    });
  }
}
