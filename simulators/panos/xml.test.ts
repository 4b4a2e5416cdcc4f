import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { element, type Element, parseFragment, parseXml, serialise, serialiseIndented } from './xml.ts';

const text = fc.string({ unit: fc.constantFrom('a', 'é', '😀', ' ', '<', '>', '&', '"', "'", ']', '\n') });
const tree = fc.letrec<{ node: Element }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    fc
      .record({
        name: fc.constantFrom('entry', 'member', 'ip-netmask', '_x.1'),
        value: text,
        attributes: fc.dictionary(fc.constantFrom('name', 'id'), text),
      })
      .map(({ name, value, attributes }) => element(name, value, attributes)),
    fc
      .record({
        name: fc.constantFrom('config', 'static'),
        children: fc.array(tie('node'), { minLength: 1, maxLength: 4 }),
      })
      .map(({ name, children }) => element(name, children)),
  ),
})).node;

describe('xml', () => {
  test('what was written is read again', () => {
    fc.assert(
      fc.property(tree, (one) => {
        const again = parseXml(serialise(one));
        expect(serialise(again)).toBe(serialise(one));
        expect(again).toEqual(one);
      }),
    );
  });

  test('indented text means the same where no text stands beside elements', () => {
    const one = element('a', [element('b', 'x y'), element('c', [element('d')])]);
    expect(parseXml(serialiseIndented(one))).toEqual(one);
  });

  test.each([
    '<a>',
    '<a></b>',
    '</a>',
    '<a',
    '<a b>',
    '<a b=c/>',
    '<a b="1" b="2"/>',
    '<a b="<"/>',
    '<a b="1"c="2"/>',
    '<a/><b/>',
    'text',
    '<a>&unknown;</a>',
    '<a>&amp</a>',
    '<a>&#0;</a>',
    '<a>&#x110000;</a>',
    '<a>\u0001</a>',
    '<a><!-- </a>',
    '<a><![CDATA[ </a>',
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<a><?php ?></a>',
    '<1a/>',
    '< a/>',
    `${'<a>'.repeat(70)}${'</a>'.repeat(70)}`,
  ])('refuses %s', (wrong) => {
    expect(() => parseXml(wrong)).toThrow();
  });

  test('reads references, CDATA, comments and a declaration', () => {
    const read = parseXml(
      '<?xml version="1.0"?><!-- x --><a b=\'"&lt;\'>1 &lt; <![CDATA[<2>]]>&#65;&#x42;<!-- y --></a>',
    );
    expect(read).toEqual(element('a', '1 < <2>AB', { b: '"<' }));
  });

  test('several elements beside each other', () => {
    expect(parseFragment(' <a/>\n<b>x</b> ')).toEqual([element('a'), element('b', 'x')]);
    expect(() => parseFragment('<a/>x')).toThrow('text outside');
  });
});
