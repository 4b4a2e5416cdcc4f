import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { SallyportError } from '../../../base/error.ts';
import type { PanosApi } from '../api/api.ts';
import { type ListContent, ListContents } from './list-contents.ts';
import { type XmlElement, child, parseXml, textAt } from '../api/xml.ts';

const signal = new AbortController().signal;

/** A device that answers about a list by its first row that is asked for. */
async function readBy(answer: (anchor: number) => string): Promise<ListContent | undefined> {
  const op = (cmd: XmlElement): Promise<XmlElement> => {
    const ip = child(cmd, 'system', 'external-list', 'show', 'type', 'ip');
    if (ip === undefined) return Promise.reject(new SallyportError('DEVICE_REJECTED', 'no such command'));
    try {
      return Promise.resolve(parseXml(`<result>${answer(Number(textAt(ip, 'anchor')))}</result>`));
    } catch (thrown) {
      return Promise.reject(thrown instanceof Error ? thrown : new Error('nothing'));
    }
  };
  const contents = new ListContents(new FakeClock());
  return (await contents.read({ op } as unknown as PanosApi, ['e'], {}, signal)).contents.get('e');
}

const list = (rows: string): string => `<external-list>${rows}</external-list>`;
const refuse = (): never => {
  throw new SallyportError('DEVICE_REJECTED', 'out of range');
};
const rowsFrom = (all: readonly string[], most: number, anchor: number): string =>
  list(
    all
      .slice(anchor - 1, anchor - 1 + most)
      .map((one) => `<member>${one}</member>`)
      .join(''),
  );
/** The first page is short of what was asked for, and nothing else is answered. */
function goesAfter(pages: number): (anchor: number) => string {
  let asked = 0;
  return (anchor) => (asked++ < pages ? rowsFrom(many, 300, anchor) : refuse());
}
const many = Array.from({ length: 2_500 }, (_, at) => `10.9.${at >> 8}.${at & 255}`);

test.each<readonly [string, (anchor: number) => string, readonly string[]]>([
  ['nobody', () => list('<total-valid>0</total-valid><valid-members/>'), []],
  ['nothing at all', () => list(''), []],
  [
    'addresses, prefixes and ranges, as members are written',
    (anchor) =>
      anchor > 1
        ? list('')
        : list('<e>10.0.0.1/32</e><e>10.0.1.0/24</e><e>10.2.0.1-10.2.0.9</e><e>2001:DB8::1</e><source>feeds</source>'),
    ['10.0.0.1', '10.0.1.0/24', '10.2.0.1-10.2.0.9', '2001:db8::1'],
  ],
  ['pages of a thousand', (anchor) => rowsFrom(many, 1_000, anchor), many],
  ['smaller pages than were asked for', (anchor) => rowsFrom(many, 300, anchor), many],
  [
    'no page after the last',
    (anchor) => (anchor > 3 ? refuse() : rowsFrom(many.slice(0, 3), 1_000, anchor)),
    many.slice(0, 3),
  ],
])('is read: %s', async (_, answer, members) => {
  const content = await readBy(answer);
  expect(content?.kind === 'read' ? [...content.members] : content).toEqual(members);
});

test.each<readonly [string, (anchor: number) => string]>([
  ['an answer without a list', () => '<msg>external list</msg>'],
  ['rows that nobody understands', () => list('<row>ten dot nothing</row>')],
  ['the same rows, whichever are asked for: there may be more', () => rowsFrom(many, 300, 1)],
  ['the same full page for ever', () => rowsFrom(many, 1_000, 1)],
  ['a refusal', refuse],
  ['a refusal after a full page', (anchor) => (anchor > 1 ? refuse() : rowsFrom(many, 1_000, 1))],
  ['a refusal of everything from a page on: it is gone, and a Panorama says so', goesAfter(1)],
])('is not known: %s', async (_, answer) => {
  expect(await readBy(answer)).toMatchObject({ kind: 'unread' });
});

test.each(['DEVICE_UNREACHABLE', 'DEVICE_BUSY', 'DEVICE_RIGHTS'] as const)(
  'is not known where it fails with %s, also after its first page: it is no failure of the firewall',
  async (code) => {
    const fail = (): never => {
      throw new SallyportError(code, 'not now');
    };
    expect(await readBy(fail)).toEqual({ kind: 'unread', why: 'not now' });
    const later = (anchor: number): string => (anchor > 1 ? fail() : rowsFrom(many.slice(0, 3), 1_000, 1));
    expect(await readBy(later)).toEqual({ kind: 'unread', why: 'not now' });
  },
);

test('is not known where it takes too long, and nothing is where the reading as a whole is ended', async () => {
  vi.useFakeTimers();
  try {
    const op = (_cmd: XmlElement, until: AbortSignal): Promise<XmlElement> =>
      new Promise((_, reject) => {
        until.addEventListener('abort', () => reject(until.reason as Error));
      });
    const api = { op } as unknown as PanosApi;
    const slow = new ListContents(new FakeClock()).read(api, ['e'], {}, signal);
    await vi.advanceTimersByTimeAsync(5_000);
    // Its time is over; what came meanwhile is read first.
    await vi.advanceTimersToNextTimerAsync();
    expect((await slow).contents.get('e')).toEqual({ kind: 'unread', why: 'no answer within 5000 ms' });
    const whole = new AbortController();
    const ended = new ListContents(new FakeClock()).read(api, ['e'], {}, whole.signal);
    whole.abort(new SallyportError('DEVICE_UNREACHABLE', 'told to stop'));
    await expect(ended).rejects.toThrow('told to stop');
  } finally {
    vi.useRealTimers();
  }
});
