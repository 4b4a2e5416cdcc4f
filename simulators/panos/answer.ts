import { type Element, serialise } from './xml.ts';

/** The codes of the XML API (reference 1.2). */
export const codes = {
  unknownCommand: 1,
  internal: 2,
  badPath: 6,
  notPresent: 7,
  notUnique: 8,
  referenced: 10,
  invalidObject: 12,
  notFound: 13,
  notPossible: 14,
  denied: 15,
  unauthorized: 16,
  invalidCommand: 17,
  malformedCommand: 18,
  data: 19,
  done: 20,
  timedOut: 22,
  badRequest: 400,
  forbidden: 403,
} as const;

/** One line of a message; `quoted` is written as CDATA before the rest. */
export type Line = string | { readonly quoted: string; readonly rest: string };

export interface Answer {
  readonly status: 'success' | 'error';
  readonly code?: number;
  /** XML after the opening tag of `response`. */
  readonly body: string;
  /** Where it is not 200. */
  readonly http?: number;
  /** What happens once it is on its way. */
  readonly afterwards?: () => void;
}

/** An answer that ends a request early. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly answer: Answer;

  constructor(answer: Answer, message: string) {
    super(message);
    this.answer = answer;
  }
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const cdata = (text: string): string => `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
const line = (one: Line): string =>
  `<line>${typeof one === 'string' ? escaped(one) : `${cdata(one.quoted)}${escaped(one.rest)}`}</line>`;
export const lines = (all: readonly Line[]): string => `<msg>${all.map(line).join('')}</msg>`;

const plain = (all: readonly Line[]): string =>
  all.map((one) => (typeof one === 'string' ? one : one.quoted + one.rest)).join('\n');

/** Refuses with a message of lines. Without a code the answer has none, as `show` of a missing node. */
export const refuse = (code: number | undefined, ...all: readonly Line[]): Refusal =>
  new Refusal({ status: 'error', ...(code === undefined ? {} : { code }), body: lines(all) }, plain(all));

/** Refuses before the command is looked at: the HTTP status is the code (reference 1.1). */
export const turnAway = (code: 400 | 403, message: string): Refusal =>
  new Refusal({ status: 'error', code, http: code, body: `<result><msg>${escaped(message)}</msg></result>` }, message);

/** What `set`, `edit`, `delete` and `move` answer. */
export const done: Answer = { status: 'success', code: codes.done, body: '<msg>command succeeded</msg>' };

export const result = (content: string | readonly Element[], code?: number): Answer => ({
  status: 'success',
  ...(code === undefined ? {} : { code }),
  body: `<result>${typeof content === 'string' ? content : content.map(serialise).join('')}</result>`,
});

/** A sentence as the result of an operational command. */
export const said = (sentence: string): Answer => result(escaped(sentence));

export function write({ status, code, body }: Answer, id?: string): string {
  const withCode = code === undefined ? '' : ` code="${code}"`;
  const withId = id === undefined ? '' : ` id="${escaped(id).replaceAll('"', '&quot;')}"`;
  return `<response status="${status}"${withCode}${withId}>${body}</response>`;
}
