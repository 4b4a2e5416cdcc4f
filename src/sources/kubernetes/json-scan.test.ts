import { expect, test } from 'vitest';
import { JsonScan, readObject } from './json-scan.ts';

test.each([
  [
    '{"metadata":{"name":"a","managedFields":[{"x":"}]"}],"labels":{}},"n":1}',
    { metadata: { name: 'a', managedFields: null, labels: {} }, n: 1 },
  ],
  [' { "metadata" : { "managedFields" : [ 1 ] } } ', { metadata: { managedFields: null } }],
  ['{"n":"ß","metadata":{"name":"ü","managedFields":[]}}', { n: 'ß', metadata: { name: 'ü', managedFields: null } }],
  ['{"managedFields":[1],"spec":{"managedFields":[2]}}', { managedFields: [1], spec: { managedFields: [2] } }],
  ['{"a\\"":{"managedFields":[1]},"metadata":{"b\\"":[2]}}', { 'a"': { managedFields: [1] }, metadata: { 'b"': [2] } }],
  ['{"metadata":[{"managedFields":[1]}]}', { metadata: [{ managedFields: [1] }] }],
  ['[{"metadata":{"managedFields":[1]}}]', [{ metadata: { managedFields: [1] } }]],
  ['"text"', 'text'],
])('an object is read without its managed fields: %s', (text, expected) => {
  const scan = new JsonScan(Buffer.from(text));
  expect(readObject(scan)).toEqual(expected);
  scan.end();
});
