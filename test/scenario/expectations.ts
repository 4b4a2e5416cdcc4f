import { basename } from 'node:path';
import { type Story, fileOf, memoryDevices } from './actions.ts';
import { comparable, deviceText } from './device-text.ts';
import { answer, readAnswer, readQuestion, textOf } from './flow.ts';

/** What was seen instead, or nothing where all is as expected. */
type Expectation = (story: Story, words: readonly string[]) => string | undefined | Promise<string | undefined>;

/** What a story can expect. */
export const expectations: ReadonlyMap<string, Expectation> = new Map<string, Expectation>([
  [
    'flow', // FROM -> ADDRESS:PORT/TCP [at FIREWALL] passes|dropped|meets no firewall [from ADDRESS] [by RULE]
    async ({ stage }, words) => {
      const { question, rest } = readQuestion(words);
      const expected = readAnswer(rest);
      const seen = await answer(stage, question);
      const agrees =
        expected.verdict === seen.verdict &&
        (expected.from === undefined || expected.from === seen.from) &&
        (expected.by === undefined || expected.by === seen.by);
      return agrees ? undefined : textOf(seen);
    },
  ],
  [
    'device', // FIREWALL == FILE | FIREWALL unchanged (since `note device FIREWALL`)
    async (story, [firewall = '', how, file]) => {
      const seen = comparable(await deviceText(story.stage, firewall));
      const expected = how === 'unchanged' ? story.notes.get(`device ${firewall}`) : comparable(fileOf(story, file));
      if (expected === undefined) throw new Error(`no note was taken of ${firewall}`);
      return seen === expected ? undefined : `\n${seen}`;
    },
  ],
  [
    'group', // FIREWALL NAME ADDRESS… | FIREWALL NAME missing
    ({ stage }, [firewall = '', name = '', ...addresses]) => {
      const members = memoryDevices(stage).groupMembers(stage.firewall(firewall), name);
      const seen = members?.join(' ') ?? 'missing';
      return seen === addresses.join(' ') ? undefined : seen;
    },
  ],
  [
    'condition', // FIREWALL TYPE=True|False [reason=REASON]
    ({ stage }, [firewall = '', condition = '', ...more]) => {
      const [type, status] = condition.split('=');
      const { conditions } = stage.status(firewall);
      const found = conditions.find((one) => one.type === type);
      const reason = more.find((word) => word.startsWith('reason='))?.slice('reason='.length);
      const agrees =
        (found?.status ?? false) === (status === 'True') && (reason === undefined || found?.reason === reason);
      if (agrees) return undefined;
      return conditions.map((one) => `${one.type}=${one.status ? 'True' : 'False'} reason=${one.reason}`).join(', ');
    },
  ],
  [
    'message', // FIREWALL TYPE TEXT: the condition's message holds the text
    ({ stage }, [firewall = '', type, ...words]) => {
      const message =
        stage.status(firewall).conditions.find((one) => one.type === type)?.message ?? 'no such condition';
      return message.includes(words.join(' ')) ? undefined : message;
    },
  ],
  [
    'diagnostic', // CODE OBJECT [at FILE:LINE]
    ({ stage }, [code, object, , place]) => {
      const seen = stage.diagnostics().map((one) => ({
        code: one.code,
        object: one.object ?? '-',
        place: `${basename(one.at?.file ?? '')}:${one.at?.line ?? ''}`,
      }));
      const agrees = seen.some(
        (one) => one.code === code && one.object === object && (place === undefined || one.place === place),
      );
      return agrees ? undefined : seen.map((one) => `${one.code} ${one.object} at ${one.place}`).join('\n') || 'none';
    },
  ],
  [
    'diagnostics', // none
    ({ stage }) => {
      const texts = stage.diagnostics().map(({ code, object, message }) => `${code} ${object ?? '-'}: ${message}`);
      return texts.join('\n') || undefined;
    },
  ],
  [
    'source', // loading|complete|frozen
    ({ stage }, [expected]) => {
      const { state } = stage.controller.world;
      return state.kind === expected ? undefined : state.kind;
    },
  ],
  [
    'writes', // N: everything that was sent during the last `settle`, `advance` or `restart`
    ({ stage }, [count]) => (stage.sent.length === Number(count) ? undefined : stage.sent.join(', ')),
  ],
  [
    'changes', // N: of those, what is not tidying up after the change
    ({ stage }, [count]) => {
      const changes = stage.sent.filter((kind) => kind !== 'Clean' && kind !== 'Cut');
      return changes.length === Number(count) ? undefined : stage.sent.join(', ');
    },
  ],
  [
    'drift', // FIREWALL OBJECT…: what was found last
    ({ stage }, [firewall = '', ...words]) => {
      const texts = stage
        .status(firewall)
        .drift.map(({ object, what, by }) => `${object} ${what} by ${by ?? 'nobody knows'}`);
      return texts.includes(words.join(' ')) ? undefined : texts.join('\n') || 'none';
    },
  ],
]);
