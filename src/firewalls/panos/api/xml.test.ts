import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SallyportError } from '../../../base/error.ts';
import { type XmlElement, element, parseXml, xmlText } from './xml.ts';

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,8}$/);
/** Whatever XML can hold; a carriage return is left out, which a reader may turn into a line feed. */
const text = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  // oxlint-disable-next-line no-control-regex
  .filter((one) => !/[\u0000-\u001f\ufffe\uffff]|[\ud800-\udfff]/u.test(one));
const attributes = fc.dictionary(name, text, { maxKeys: 3 });
const tree: fc.Arbitrary<XmlElement> = fc.letrec<{ tree: XmlElement }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.tuple(name, text, attributes).map(([...parts]) => element(...parts)),
    fc
      .tuple(name, fc.array(tie('tree'), { minLength: 1, maxLength: 3 }), attributes)
      .map(([...parts]) => element(...parts)),
  ),
})).tree;

describe('XML of a device', () => {
  test('is read as it was written, whatever stands in it', () => {
    fc.assert(
      fc.property(tree, (one) => {
        expect(parseXml(xmlText(one))).toEqual(one);
      }),
    );
  });

  test('may have a declaration, comments, CDATA, both quotes, references and layout', () => {
    const read = parseXml(
      `<?xml version="1.0"?>\n<!-- a -->\n<a x='1"' y="&lt;&#65;&#x42;">\n <b><![CDATA[ 1 < 2 ]]> &amp; more</b><!-- b -->\n <c/>\n</a>\n`,
    );
    expect(read).toEqual(element('a', [element('b', ' 1 < 2  & more'), element('c')], { x: '1"', y: '<AB' }));
  });

  test.each([
    '',
    'text',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '<a/>x',
    '<a b></a>',
    '<a b="1" b="2"/>',
    '<a b="<"/>',
    '<a>&unknown;</a>',
    '<a>& b</a>',
    '<a>&#0;</a>',
    '<a>&#xd800;</a>',
    '<a>]]></a>',
    '<a><!-- -- --></a>',
    '<a><![CDATA[</a>',
    '<a>\u0000</a>',
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    '<a><?php ?></a>',
    '<'.repeat(10),
    `${'<a>'.repeat(200)}${'</a>'.repeat(200)}`,
  ])('%j is none', (one) => {
    expect(() => parseXml(one)).toThrow(SallyportError);
  });

  test('whatever comes is read or refused, at once', () => {
    const bits = fc.constantFrom(
      '<',
      '>',
      '/',
      'a',
      ' ',
      '="',
      '"',
      '&',
      'amp;',
      '<![CDATA[',
      ']]>',
      '<!--',
      '-->',
      '<a>',
      '</a>',
      '<?xml ?>',
    );
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 30 }), (parts) => {
        try {
          const read = parseXml(parts.join(''));
          expect(parseXml(xmlText(read))).toEqual(read);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'DEVICE_UNREADABLE' });
        }
      }),
    );
  });
});
