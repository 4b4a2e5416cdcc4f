import { SallyportError } from '../../../base/error.ts';
import { registeredPage } from './registered-page.ts';
import { type XmlElement, child, parseXml } from './xml.ts';

/** `<response status code>` as PAN-OS wraps every answer (reference 1.2). */
export interface Envelope {
  readonly succeeded: boolean;
  /** Absent in some refusals. */
  readonly code: number | undefined;
  /** Absent where it only has a message. */
  readonly result: XmlElement | undefined;
  /** The lines of its message; of registered addresses, one for each that was refused. */
  readonly messages: readonly string[];
  readonly root: XmlElement;
}

/** Reads an answer. Throws `DEVICE_UNREADABLE`: it is no `<response>` with a status. */
export function readEnvelope(body: string): Envelope {
  const root = registeredPage(body) ?? parseXml(body);
  const status = root.attributes.get('status');
  if (root.name !== 'response' || (status !== 'success' && status !== 'error'))
    throw new SallyportError('DEVICE_UNREADABLE', 'the answer is no <response> with a status');
  const result = child(root, 'result');
  // A batch answers by one response for each edit, up to the one that failed: that one says why (reference 1.4).
  const failed = root.children.find(
    ({ name, attributes }) => name === 'response' && attributes.get('status') === 'error',
  );
  return {
    succeeded: status === 'success' && failed === undefined,
    code: failed === undefined ? codeIn(root) : codeIn(failed),
    result,
    messages: messagesIn(failed ?? root),
    root,
  };
}

function codeIn({ attributes }: XmlElement): number | undefined {
  const code = attributes.get('code');
  if (code === undefined) return undefined;
  if (!/^\d{1,6}$/.test(code)) throw new SallyportError('DEVICE_UNREADABLE', 'the code of an answer is no number');
  return Number(code);
}

/** `<msg>` with a text or with `<line>`s, beside the result or in it; refused addresses say it in an attribute (reference 1.8). */
function messagesIn(root: XmlElement): readonly string[] {
  const message = child(root, 'msg') ?? child(root, 'result', 'msg');
  if (message === undefined) return [];
  const said = attributesIn(message, 'message');
  return said.length === 0 ? linesIn(message) : said;
}

function attributesIn(from: XmlElement, key: string): readonly string[] {
  const own = from.attributes.get(key);
  return [...(own === undefined ? [] : [own.trim()]), ...from.children.flatMap((one) => attributesIn(one, key))];
}

/** Texts of all `<line>`s below an element, in order, or its own text. */
export function linesIn(from: XmlElement): readonly string[] {
  if (from.children.length === 0) return from.text.trim() === '' ? [] : [from.text.trim().replaceAll(/\s+/g, ' ')];
  return from.children.flatMap(linesIn);
}
