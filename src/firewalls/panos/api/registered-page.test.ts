import fc from 'fast-check';
import { expect, test } from 'vitest';
import { registeredPage } from './registered-page.ts';
import { parseXml } from './xml.ts';

const row = fc
  .tuple(
    fc.oneof(fc.ipV4(), fc.ipV6()),
    fc.constantFrom('', ' from_agent="0"', ' from_agent="0" persistent="1"', ' persistent="0"'),
    fc.array(fc.stringMatching(/^[\w.-]{1,12}$/), { minLength: 1, maxLength: 3 }),
  )
  .map(
    ([ip, attributes, tags]) =>
      `<entry ip="${ip}"${attributes}><tag>${tags.map((tag) => `<member>${tag}</member>`).join('')}</tag></entry>`,
  );
const page = fc
  .array(row, { minLength: 1, maxLength: 6 })
  .map(
    (rows) => `<response status="success"><result>${rows.join('')}<count>${rows.length}</count></result></response>`,
  );

test('a page as the reference prints it is read as the XML that it is', () => {
  fc.assert(
    fc.property(page, (body) => {
      expect(registeredPage(body)).toEqual(parseXml(body));
    }),
  );
});

test('whatever else stands in a page, it is read as XML or not at all', () => {
  const piece = fc.oneof(
    fc.constantFrom('<', '>', '"', '&amp;', '<!-- -->', ' ', '\n', '<entry/>', '</tag>', '<count>1</count>', ' ip="1"'),
    fc.string({ maxLength: 3 }),
  );
  fc.assert(
    fc.property(page, fc.nat(), fc.nat(8), piece, (body, at, gone, put) => {
      const from = at % body.length;
      const changed = body.slice(0, from) + put + body.slice(from + gone);
      const read = registeredPage(changed);
      if (read !== undefined) expect(read).toEqual(parseXml(changed));
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['nobody is registered', '<response status="success"><result><count>0</count></result></response>'],
  [
    'refused',
    '<response status="error"><result><entry ip="10.0.0.1"><tag><member>a</member></tag></entry></result></response>',
  ],
  [
    'cut off',
    '<response status="success"><result><entry ip="10.0.0.1"><tag><member>a</member></tag></entry><count>1</count></result>',
  ],
])('%s: that is for whoever reads XML', (_what, body) => {
  expect(registeredPage(body)).toBeUndefined();
});
