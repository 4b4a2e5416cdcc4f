import { describe, expect, test } from 'vitest';
import { parseSelector } from './selector.ts';

/** Text and canonical form, by the line of semantics 1 that it shows. */
const valid: readonly (readonly [line: string, text: string, canonical: string])[] = [
  ['1.1.1 blanks between tokens', " \ta\t ==  'b' \t", 'a == "b"'],
  ['1.1.1 no blanks', "a=='b'&&c!='d'||!e=='f'", '((a == "b" && c != "d") || !e == "f")'],
  [
    '1.1.2 any identifier character first',
    "- == '' && . == '' && / == '' && 0 == '' && 9lives == '' && _ == ''",
    '(- == "" && . == "" && / == "" && 0 == "" && 9lives == "" && _ == "")',
  ],
  ['1.1.2 no structure', "a//b..c--/ == 'x'", 'a//b..c--/ == "x"'],
  ['1.1.3 512 characters', `${'k'.repeat(512)} == 'x'`, `${'k'.repeat(512)} == "x"`],
  ['1.1.3 512 characters in has', `has(${'k'.repeat(512)})`, `has(${'k'.repeat(512)})`],
  ['1.1.4 either quote', `a == 'x' && b == "y"`, '(a == "x" && b == "y")'],
  ['1.1.4 the other quote inside', `a == 'say "hi"' && b == "it's"`, `(a == 'say "hi"' && b == "it's")`],
  ['1.1.4 backslash is ordinary', `a == 'x\\' && b == "\\n"`, `(a == "x\\" && b == "\\n")`],
  ['1.1.4 line breaks and any Unicode', "a == 'x\r\n\u{1f600}\u0000é'", 'a == "x\r\n\u{1f600}\u0000é"'],
  ['1.1.4 empty literal', "a == ''", 'a == ""'],
  ['1.1.4 operators inside a literal', "a == ' && || ! (){},=='", 'a == " && || ! (){},=="'],
  [
    '1.1.6 words joined',
    "a startswith 'x' && b endswith 'y' && c notin {'z'}",
    '(a starts with "x" && b ends with "y" && c not in {"z"})',
  ],
  [
    '1.1.6 words apart',
    "a starts \t with 'x' && b ends\twith 'y' && c not\tin {'z'}",
    '(a starts with "x" && b ends with "y" && c not in {"z"})',
  ],
  ['1.1.7 set at once', "a in{'x'}", 'a in {"x"}'],
  ['1.1.7 literal at once', 'a contains"x"', 'a contains "x"'],
  ['1.1.7 literal at once, two words', `a starts with'x' && b not in{"y"}`, '(a starts with "x" && b not in {"y"})'],
  ['1.1.9 blanks inside parentheses', 'has(\ta ) || all( ) || global(\t)', '(has(a) || all() || global())'],
  ['1.1.10 in', "in == 'x'", 'in == "x"'],
  ['1.1.10 not', "not in {'x'}", 'not in {"x"}'],
  ['1.1.10 not not in', "not not in {'x'}", 'not not in {"x"}'],
  ['1.1.10 contains', "contains contains 'x'", 'contains contains "x"'],
  [
    '1.1.10 starts',
    "starts starts with 'x' && startswith startswith 'x'",
    '(starts starts with "x" && startswith starts with "x")',
  ],
  [
    '1.1.10 all, has and global as labels',
    "all == 'x' && has == 'y' && global != 'z'",
    '(all == "x" && has == "y" && global != "z")',
  ],
  ['1.1.10 keywords in has', 'has(has) && has(all) && has(in)', '(has(has) && has(all) && has(in))'],
  [
    '1.1.10 a label that begins with a keyword',
    "inner == 'x' && hash == 'y' && allow == 'z'",
    '(inner == "x" && hash == "y" && allow == "z")',
  ],
  ['1.2 nothing', '', 'all()'],
  ['1.2 only blanks', ' \t ', 'all()'],
  ['1.2 and before or', 'has(a) || has(b) && has(c) || has(d)', '(has(a) || (has(b) && has(c)) || has(d))'],
  ['1.2.1 ! binds to one operation', "!a == 'b' && c == 'd'", '(!a == "b" && c == "d")'],
  ['1.2.1 same with parentheses', "(!(a == 'b')) && (c == 'd')", '(!a == "b" && c == "d")'],
  ['1.2.2 even run', '!!has(a)', 'has(a)'],
  ['1.2.2 odd run with blanks', '! !\t!has(a)', '!has(a)'],
  ['1.2.2 run before parentheses', '!!(has(a) && has(b))', '(has(a) && has(b))'],
  ['1.2.3 empty set', 'a in {} || b not in { }', '(a in {} || b not in {})'],
  ['1.2.3 trailing comma', "a in {'x','y' , }", 'a in {"x", "y"}'],
  ['1.2.5 200 parentheses', `${'('.repeat(200)}has(a)${')'.repeat(200)}`, 'has(a)'],
  ['1.4.2 decided for each literal', `a in {'p"q', "r's", 't'}`, `a in {'p"q', "r's", "t"}`],
  ['1.4.3 sorted, once', "a in {'b', 'a', 'b', ''}", 'a in {"", "a", "b"}'],
  ['1.4.3 by UTF-8 bytes', "a in {'\u{10000}', '\u{ffff}', 'é', 'z'}", 'a in {"z", "é", "\u{ffff}", "\u{10000}"}'],
  ['1.4.4 order stays', 'has(b) && has(a)', '(has(b) && has(a))'],
  ['1.4.4 not flattened', '(has(a) && has(b)) && has(c)', '((has(a) && has(b)) && has(c))'],
  ['1.4.4 redundant parentheses vanish', '((has(a)) && (((has(b)))))', '(has(a) && has(b))'],
  ['1.4.5 negated group', '!(has(a) || has(b))', '!(has(a) || has(b))'],
  [
    '1.4.7 nothing simplified',
    "a == 'x' && a == 'y' && a == 'x' && all()",
    '(a == "x" && a == "y" && a == "x" && all())',
  ],
];

describe('reads', () => {
  test.each(valid)('%s', (_line, text, canonical) => {
    const { value, diagnostics } = parseSelector(text);
    expect(diagnostics).toEqual([]);
    expect(value?.canonical).toBe(canonical);
    expect(parseSelector(canonical).value?.canonical).toBe(canonical);
  });
});

test('1.2.2 a group between two runs keeps them apart, and its negation prints without parentheses', () => {
  const { value } = parseSelector('!(!has(a))');
  expect(value?.canonical).toBe('!!has(a)');
  expect(value?.id).toBe('s:VZFYmDV_Drir7seXQB5vQXF8-34s2nf1b8ItRA');
  expect(parseSelector('!(!(!has(a)))').value?.id).toBe('s:u-KefmlxkjX93h0hfor0VQADQKHRSbR4knE8Gg');
  expect(parseSelector('!!has(a)').value?.id).toBe('s:JpRGrxZ4kdS6g7WoF-uG_g7qlh2ipw2zGYBMpQ');
});

/** Text, column from 1, and what the message must say. */
const invalid: readonly (readonly [line: string, text: string, column: number, says: string])[] = [
  ['1.1.1 line break', "a\n== 'x'", 2, 'found "\\n"'],
  ['1.1.1 line break at the end', "a == 'x'\n", 9, 'expected "&&", "||" or the end, found "\\n"'],
  ['1.1.1 carriage return at the end', "a == 'x'\r", 9, 'found "\\r"'],
  ['1.1.1 line break alone', '\n', 1, 'expected a label name'],
  ['1.1.1 no-break space', "a\u00a0== 'x'", 2, 'found "\u00a0"'],
  ['1.1.1 form feed in has', 'has(\fa)', 5, 'expected a label name after "has("'],
  ['1.1.2 not ASCII', "é == 'x'", 1, 'found "é"'],
  ['1.1.2 quoted label', "'a' == 'x'", 1, 'expected a label name'],
  ['1.1.3 513 characters', `x == '' && ${'k'.repeat(513)} == 'x'`, 12, 'at most 512 characters, this one has 513'],
  ['1.1.3 513 characters in has', `has(${'k'.repeat(513)})`, 5, 'at most 512'],
  ['1.1.4 no closing quote', "a == 'x", 6, "no closing '"],
  ['1.1.4 closed by the other quote', `a == 'x"`, 6, "no closing '"],
  ['1.1.4 no escape', "a == 'x\\'y'", 10, 'expected "&&", "||" or the end, found "y"'],
  ['1.1.5 single =', "a = 'x'", 3, 'write "=="'],
  ['1.1.5 stray =', "a==='b'", 4, 'expected a value in quotes, found "="'],
  ['1.1.5 single &', "a == 'x' & b == 'y'", 10, 'found "&"'],
  ['1.1.5 single |', "a == 'x' | b == 'y'", 10, 'found "|"'],
  ['1.1.5 divided !=', "a ! = 'x'", 3, 'after the label "a", found "!"'],
  ['1.1.5 divided &&', 'has(a) & & has(b)', 8, 'found "&"'],
  ['1.1.6 case matters', "a IN {'x'}", 3, 'found "IN"'],
  ['1.1.6 case matters, two words', "a Starts with 'x'", 3, 'found "Starts"'],
  ['1.1.6 line break between words', "a not\nin {'x'}", 3, 'found "not"'],
  ['1.1.7 word runs on', 'a inx', 3, 'found "inx"'],
  ['1.1.7 set without braces', 'a notin b', 9, 'expected "{"'],
  ['1.1.7 runs on', "a containsx 'y'", 3, 'found "containsx"'],
  ['1.1.8 label alone', 'a', 2, 'after the label "a", found the end'],
  ['1.1.8 label before )', '(a)', 3, 'found ")"'],
  ['1.1.8 two labels', 'a b', 3, 'found "b"'],
  ['1.1.8 keyword alone', 'all', 4, 'found the end'],
  ['1.1.9 has with blank', 'has (a)', 5, 'write "has(" without a blank between'],
  ['1.1.9 all with blank', 'all ()', 5, 'write "all(" without a blank between'],
  ['1.1.9 HAS', 'HAS(a)', 4, 'after the label "HAS"'],
  ['1.1.9 All', 'All()', 4, 'after the label "All"'],
  ['1.1.9 has of nothing', 'has()', 5, 'expected a label name after "has("'],
  ['1.1.9 has of a value', "has('a')", 5, 'expected a label name after "has("'],
  ['1.1.9 has of two', 'has(a, b)', 6, 'expected ")" after "has(a"'],
  ['1.1.9 all of something', 'all(a)', 5, 'expected ")" after "all("'],
  ['1.1.9 global not closed', 'global(', 8, 'expected ")" after "global("'],
  ['1.1.9 after a label', 'a has(b)', 3, 'found "has"'],
  [
    '1.2 missing operand',
    'has(a) &&',
    10,
    'expected a label name, "has(", "all()", "global()", "!" or "(", found the end',
  ],
  ['1.2 missing first operand', '&& has(a)', 1, 'expected a label name'],
  ['1.2 ! alone', '!', 2, 'found the end'],
  ['1.2 !=', "!= 'x'", 2, 'found "="'],
  ['1.2 empty parentheses', '()', 2, 'found ")"'],
  ['1.2 open parenthesis', "(a == 'b'", 10, 'the ")" of the "(" at character 1, found the end'],
  ['1.2 closing too many', 'has(a))', 7, 'or the end, found ")"'],
  ['1.2 no operator between', 'has(a) has(b)', 8, 'expected "&&", "||" or the end, found "has"'],
  ['1.2.3 leading comma', "a in {,'x'}", 7, 'expected a value in quotes, found ","'],
  ['1.2.3 only a comma', 'a in {,}', 7, 'expected a value in quotes'],
  ['1.2.3 two commas', "a in {'x',,'y'}", 11, 'expected a value in quotes'],
  ['1.2.3 missing comma', "a in {'x' 'y'}", 11, 'expected "," or "}"'],
  ['1.2.3 not closed', "a in {'x'", 10, 'expected "," or "}", found the end'],
  ['1.2.4 unquoted value', 'a == b', 6, 'expected a value in quotes, found "b"'],
  ['1.2.4 unquoted member', 'a in {x}', 7, 'expected a value in quotes, found "x"'],
  ['1.2.4 set in parentheses', "a in ('x')", 6, 'expected "{", found "("'],
  ['1.2.4 set for a comparison', "a == {'x'}", 6, 'expected a value in quotes, found "{"'],
  ['half a surrogate pair', "a == '\ud800'", 7, 'surrogate'],
  ['columns count characters', "a == '\u{1f600}' x", 10, 'found "x"'],
];

describe('refuses', () => {
  test.each(invalid)('%s', (_line, text, column, says) => {
    const { value, diagnostics } = parseSelector(text);
    expect(value).toBeUndefined();
    expect(diagnostics).toMatchObject([
      { severity: 'error', code: 'SELECTOR_SYNTAX', path: '', at: { line: 1, column } },
    ]);
    expect(diagnostics[0]?.message).toContain(says);
  });
});
