import { describe, expect, test } from 'vitest';
import { a, aaaa, ANSWER, cname, soa, wire, type WireMessage } from '../../../test/kit/dns-wire.ts';
import { lessonOf } from './learning.ts';
import { readMessage } from './message.ts';

const asked = { name: 'www.example.org.', type: 1 };

function learnt(message: Partial<WireMessage>) {
  const read = readMessage(wire({ question: asked, ...message }));
  if (read === undefined) throw new Error('unread');
  const { names, addresses, open } = lessonOf(read);
  return { names: names.join(' '), addresses: addresses.map(({ text, ttl }) => `${text} ${ttl}`).join(', '), open };
}

describe('what an answer teaches', () => {
  test('the addresses of the name, however it is written', () => {
    expect(
      learnt({ answers: [a('WWW.Example.org.', '192.0.2.1', 30), a('www.example.org.', '192.0.2.2', 60)] }),
    ).toEqual({
      names: 'www.example.org.',
      addresses: '192.0.2.1 30, 192.0.2.2 60',
      open: undefined,
    });
  });

  test('every name on the way gets them, in whatever order the way is told', () => {
    const answers = [a('c.example.', '192.0.2.1'), cname('b.example.', 'c.example.'), cname(asked.name, 'b.example.')];
    expect(learnt({ answers })).toEqual({
      names: 'www.example.org. b.example. c.example.',
      addresses: '192.0.2.1 60',
      open: undefined,
    });
  });

  test('records of names that are not on the way teach nothing', () => {
    expect(learnt({ answers: [a('bank.example.', '192.0.2.66'), a(asked.name, '192.0.2.1')] }).addresses).toBe(
      '192.0.2.1 60',
    );
    expect(
      learnt({ additionals: [a(asked.name, '192.0.2.66')], authorities: [a(asked.name, '192.0.2.67')] }).addresses,
    ).toBe('');
  });

  test("what is said of a name that stands for another does not become the other's", () => {
    const answers = [cname(asked.name, 'bank.example.'), a(asked.name, '192.0.2.66'), a('bank.example.', '192.0.2.1')];
    expect(learnt({ answers }).addresses).toBe('192.0.2.1 60');
    expect(learnt({ answers: answers.slice(0, 2) })).toEqual({
      names: 'www.example.org. bank.example.',
      addresses: '',
      open: 'bank.example.',
    });
  });

  test('a way without an end is asked for, unless the answer says that there is nothing', () => {
    const answers = [cname(asked.name, 'b.example.')];
    expect(learnt({ answers }).open).toBe('b.example.');
    expect(learnt({ answers, authorities: [soa('example.')] }).open).toBeUndefined();
    expect(learnt({ answers, flags: ANSWER | 0x0200 }).open).toBeUndefined();
    expect(learnt({}).open).toBeUndefined();
  });

  test('loops and ways that are too long end', () => {
    expect(learnt({ answers: [cname(asked.name, 'b.'), cname('b.', asked.name)] }).names).toBe('www.example.org. b.');
    const long = Array.from({ length: 40 }, (_, n) => cname(n === 0 ? asked.name : `n${n}.`, `n${n + 1}.`));
    const way = learnt({ answers: [...long, a('n40.', '192.0.2.1')] });
    expect([way.names.split(' ').length, way.addresses, way.open]).toEqual([11, '', undefined]);
  });

  test('addresses that lead nowhere are left out', () => {
    const four = ['0.0.0.0', '127.0.0.1', '169.254.0.1', '169.254.169.254', '224.0.0.1', '255.255.255.255'];
    const nowhere = four.map((text) => a(asked.name, text));
    const hosts = [a(asked.name, '10.0.0.1'), a(asked.name, '169.253.255.255'), a(asked.name, '169.255.0.0')];
    expect(learnt({ answers: [...nowhere, ...hosts] }).addresses).toBe(
      '10.0.0.1 60, 169.253.255.255 60, 169.255.0.0 60',
    );
    const six = [
      [0, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 1],
      [0, 0, 0, 0, 0, 0xffff, 0xc000, 0x201],
      [0xff02, 0, 0, 0, 0, 0, 0, 1],
      [0xfe80, 0, 0, 0, 0, 0, 0, 1],
      [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1],
      [0xfd00, 0, 0, 0, 0, 0, 0, 2],
    ].map((groups) => aaaa(asked.name, groups));
    expect(learnt({ question: { ...asked, type: 28 }, answers: six }).addresses).toBe('2001:db8::1 60, fd00::2 60');
  });

  test('answers that are none, and other questions, teach nothing', () => {
    const answers = [a(asked.name, '192.0.2.1')];
    expect(learnt({ answers, flags: ANSWER | 3 }).names).toBe('');
    expect(learnt({ answers, question: { ...asked, type: 16 } }).addresses).toBe('');
    expect(learnt({ answers, question: { ...asked, class: 3 } }).addresses).toBe('');
    expect(learnt({ answers: [{ ...a(asked.name, '192.0.2.1'), class: 3 }] }).addresses).toBe('');
    expect(learnt({ answers, question: { ...asked, type: 255 } }).addresses).toBe('192.0.2.1 60');
  });
});
