import { type XmlElement, element, members } from './xml.ts';

const HEAD = '<response status="success"><result>';
/** As the reference prints it (1.8); what holds anything else is none. */
const ROW =
  /<entry ip="([0-9a-fA-F.:]+)"(?: from_agent="([01])")?(?: persistent="([01])")?>(<tag>(?:<member>[\w.-]+<\/member>)+<\/tag>)<\/entry>/y;
const TAIL = /<count>(\d+)<\/count><\/result><\/response>$/y;
const MEMBER = /<member>([^<]+)/g;

/**
 * A page of registered addresses as nearly all are printed: the very tree that `parseXml` makes of it, for a fraction of the time, because tags come again
 * and again. `undefined`: something else is in it, and it has to be read with care.
 */
export function registeredPage(body: string): XmlElement | undefined {
  if (!body.startsWith(HEAD)) return undefined;
  const rows: XmlElement[] = [];
  const known = new Map<string, XmlElement>();
  ROW.lastIndex = HEAD.length;
  let end = HEAD.length;
  for (let row = ROW.exec(body); row !== null; row = ROW.exec(body)) {
    end = ROW.lastIndex;
    const [, ip = '', agent, persistent, text = ''] = row;
    let tags = known.get(text);
    if (tags === undefined) {
      tags = element('tag', members(Array.from(text.matchAll(MEMBER), ([, tag = '']) => tag)));
      known.set(text, tags);
    }
    const attributes = new Map([['ip', ip]]);
    if (agent !== undefined) attributes.set('from_agent', agent);
    if (persistent !== undefined) attributes.set('persistent', persistent);
    rows.push({ name: 'entry', attributes, children: [tags], text: '' });
  }
  TAIL.lastIndex = end;
  const count = TAIL.exec(body)?.[1];
  if (rows.length === 0 || count === undefined) return undefined;
  return element('response', [element('result', [...rows, element('count', count)])], { status: 'success' });
}
