import { type Answer, codes, refuse, Refusal } from './answer.ts';
import type { Draft } from './draft.ts';
import { type Element, MalformedXml, parseFragment, serialise } from './xml.ts';

interface EditWords {
  readonly xpath: string;
  readonly given: string;
  readonly where: string | undefined;
  readonly dst: string | undefined;
  readonly newname: string | undefined;
  readonly from: string | undefined;
}

/** The answer to one edit; `undefined`: there is no such action. */
export function edits(draft: Draft, action: string, words: EditWords): Answer | undefined {
  switch (action) {
    case 'set':
      return draft.set(words.xpath, words.given);
    case 'edit':
      return draft.edit(words.xpath, words.given);
    case 'delete':
      return draft.delete(words.xpath);
    case 'move':
      return draft.move(words.xpath, words.where, words.dst);
    case 'rename':
      return draft.rename(words.xpath, words.newname);
    case 'clone':
      return draft.clone(words.xpath, words.from, words.newname);
    default:
      return undefined;
  }
}

/** One operation of a batch; its refusal is its answer. */
export function oneOf(draft: Draft, one: Element): Answer {
  const { attributes } = one;
  try {
    const answer = edits(draft, one.name, {
      xpath: attributes.get('xpath') ?? '',
      given: one.children.map(serialise).join(''),
      where: attributes.get('where'),
      dst: attributes.get('dst'),
      newname: attributes.get('newname'),
      from: attributes.get('from'),
    });
    if (answer === undefined) throw refuse(codes.invalidCommand, ` ${one.name} unexpected here`);
    return answer;
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.answer;
    throw thrown;
  }
}

/** A command. What is not XML is malformed (code 18). */
export function readCommand(text: string | undefined): Element {
  try {
    const [root, ...more] = parseFragment(text ?? '');
    if (root === undefined || more.length > 0) throw new MalformedXml('a command is one element');
    return root;
  } catch (thrown) {
    if (thrown instanceof MalformedXml) throw refuse(codes.malformedCommand, ` ${thrown.message}`);
    throw thrown;
  }
}
