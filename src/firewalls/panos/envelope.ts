import { SallyportError } from '../../base/error.ts';
import { type XmlElement, child, parseXml } from './xml.ts';

/** `<response status code>` as PAN-OS wraps every answer (reference 1.2). */
export interface Envelope {
  readonly succeeded: boolean;
  /** Absent in some refusals. */
  readonly code: number | undefined;
  /** Absent where it only has a message. */
  readonly result: XmlElement | undefined;
  /** All lines of its message, joined by spaces. */
  readonly message: string;
  readonly root: XmlElement;
}

/** Reads an answer. Throws `DEVICE_UNREADABLE`: it is no `<response>` with a status. */
export function readEnvelope(body: string): Envelope {
  const root = parseXml(body);
  const status = root.attributes.get('status');
  if (root.name !== 'response' || (status !== 'success' && status !== 'error'))
    throw new SallyportError('DEVICE_UNREADABLE', 'the answer is no <response> with a status');
  const result = child(root, 'result');
  return { succeeded: status === 'success', code: codeIn(root), result, message: messageIn(root), root };
}

function codeIn({ attributes }: XmlElement): number | undefined {
  const code = attributes.get('code');
  if (code === undefined) return undefined;
  if (!/^\d{1,6}$/.test(code)) throw new SallyportError('DEVICE_UNREADABLE', 'the code of an answer is no number');
  return Number(code);
}

/** `<msg>` with a text or with `<line>`s, beside the result or in it. */
export function messageIn(root: XmlElement): string {
  const message = child(root, 'msg') ?? child(root, 'result', 'msg');
  return message === undefined ? '' : linesIn(message).join(' ');
}

/** Texts of all `<line>`s below an element, in order, or its own text. */
export function linesIn(from: XmlElement): readonly string[] {
  if (from.children.length === 0) return from.text.trim() === '' ? [] : [from.text.trim().replaceAll(/\s+/g, ' ')];
  return from.children.flatMap(linesIn);
}
