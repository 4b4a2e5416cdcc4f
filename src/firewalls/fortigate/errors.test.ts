import { expect, test } from 'vitest';
import { readEnvelope, type Refusal } from './envelope.ts';
import { refusalError } from './errors.ts';

const answer = (status: number, body: string): Parameters<typeof readEnvelope>[1] => ({
  status,
  headers: {},
  body: Buffer.from(body),
});

test.each<[string, number, string, Refusal | 'done']>([
  ['a success', 200, '{"status":"success","http_status":200}', 'done'],
  ['a list of one', 200, '[{"status":"success","http_status":200}]', 'done'],
  ['200 that says 404 inside', 200, '{"status":"error","http_status":404}', { http: 404 }],
  ['200 with a code inside', 200, '{"status":"error","error":-5}', { http: 500, error: -5 }],
  [
    '500 with a code',
    500,
    '{"status":"error","http_status":500,"error":-23,"cli_error":"used\\n"}',
    { http: 500, error: -23, words: 'used' },
  ],
  ['a page', 401, '<html>', { http: 401 }],
])('%s', (_, status, body, said) => {
  const reading = readEnvelope('fortigate:443: GET cmdb/firewall/policy', answer(status, body));
  if (said === 'done') expect(reading.kind).toBe('done');
  else expect(reading).toMatchObject({ kind: 'refused', refusal: said });
});

test('a page with 200 is no success', () => {
  expect(() => readEnvelope('fortigate:443: GET cmdb/firewall/policy', answer(200, '<html>'))).toThrow(
    /^fortigate:443: GET cmdb\/firewall\/policy: .* no JSON/,
  );
});

test.each<[string, unknown]>([
  ['revision', 7],
  ['status', null],
  ['http_status', '200'],
  ['error', 0.5],
  ['mkey', ['1']],
])('a success whose %s is %j is none, and with 500 it tells no more than that', (key, value) => {
  const body = JSON.stringify({ [key]: value });
  expect(() => readEnvelope('fortigate:443: GET x', answer(200, body))).toThrow(/no JSON object/);
  expect(readEnvelope('x', answer(500, body))).toEqual({ kind: 'refused', refusal: { http: 500 } });
});

test.each(['null', '7', '"x"', '[]', '[{},{}]', '[[{}]]'])('%s is no success', (body) => {
  expect(() => readEnvelope('fortigate:443: GET x', answer(200, body))).toThrow(/no JSON object/);
});

test('keys are numbers or texts, and what nobody knows is left as it is', () => {
  for (const told of [{ mkey: 7 }, { mkey: 'a' }, { mkey: null }, { results: [1], serial: 'S', new: {} }])
    expect(readEnvelope('x', answer(200, JSON.stringify(told)))).toEqual({ kind: 'done', envelope: told });
});

test.each<[Refusal, string, string]>([
  [{ http: 500, error: -4 }, 'DEVICE_LIMIT', 'rejected'],
  [{ http: 500, error: -580 }, 'DEVICE_LIMIT', 'rejected'],
  [{ http: 500, error: -3 }, 'DEVICE_CHANGED', 'conflict'],
  [{ http: 500, error: -5 }, 'DEVICE_CHANGED', 'conflict'],
  [{ http: 500, error: -23 }, 'DEVICE_CHANGED', 'conflict'],
  [{ http: 424, error: -56 }, 'DEVICE_REJECTED', 'rejected'],
  [{ http: 500, error: -99_999 }, 'DEVICE_REJECTED', 'rejected'],
  [{ http: 500, error: -360 }, 'DEVICE_BUSY', 'transient'],
  [{ http: 502 }, 'DEVICE_BUSY', 'transient'],
  [{ http: 429 }, 'DEVICE_BUSY', 'transient'],
  [{ http: 401 }, 'DEVICE_CREDENTIALS', 'rejected'],
  [{ http: 403 }, 'DEVICE_RIGHTS', 'rejected'],
  [{ http: 403, error: -14 }, 'DEVICE_RIGHTS', 'rejected'],
  [{ http: 404 }, 'DEVICE_CHANGED', 'conflict'],
  [{ http: 418 }, 'DEVICE_REJECTED', 'rejected'],
  [{ http: 500, error: -7, words: 'the entry is locked by admin' }, 'DEVICE_EDIT_LOCK', 'transient'],
  [{ http: 500, error: -7, words: 'blocked by a policy' }, 'DEVICE_REJECTED', 'rejected'],
])('%j is %s', (refusal, code, blame) => {
  expect(refusalError('fw: POST x', { method: 'POST', path: 'cmdb/x' }, refusal, [])).toMatchObject({ code, blame });
});

test.each<[string, Refusal, string]>([
  ['a lock under a code that says something vague', { http: 424, error: -61, words: 'it is locked by joe' }, 'lock'],
  ['a lock of what is named like one', { http: 500, error: -7, words: 'lock-room is locked by joe' }, 'lock'],
  [
    "a lock of the admin's",
    { http: 500, error: -61, words: "it can't be edited: locked by the admin's session" },
    'lock',
  ],
  ['a lock without a right', { http: 403, words: 'the workspace of joe is open' }, 'lock'],
  ['a name of ours', { http: 500, error: -651, words: 'node_check_object fail! for name lock' }, 'no lock'],
  ['a part of a name', { http: 500, error: -651, words: 'value parse error before door-lock' }, 'no lock'],
  ['a name in quotes', { http: 500, error: -651, words: "value parse error before 'a workspace'" }, 'no lock'],
  ['a name of theirs beside a code', { http: 500, error: -23, words: 'used by 1 entry: lock' }, 'no lock'],
  ['a table that is full', { http: 500, error: -4, words: 'workspace lock: maximum reached' }, 'no lock'],
  ['too many failed logins', { http: 429, words: 'you are locked out' }, 'no lock'],
])('%s is told as such', (_, refusal, is) => {
  const asked = { method: 'PUT', path: 'cmdb/firewall/addrgrp/lock-room', body: { member: [{ name: 'lock' }] } };
  expect(refusalError('fw', asked, refusal, []).code === 'DEVICE_EDIT_LOCK').toBe(is === 'lock');
});

test.each([
  ['GET', 'cmdb/firewall.service/custom', 'the right to read of the access group `fwgrp`'],
  ['PUT', 'cmdb/firewall/policy/7', 'the right to write of the access group `fwgrp`'],
  ['POST', 'monitor/system/external-resource/dynamic', 'the right to write of the access group `sysgrp`'],
  ['POST', 'cmdb', 'the right to write; it says'],
])('who may not %s %s is told which right it takes', (method, path, right) => {
  const words = refusalError('fw', { method, path }, { http: 403, error: -14, words: 'denied' }, []).message;
  expect(words).toContain(right);
});

test('no error repeats a secret, and none prints control characters', () => {
  const { message } = refusalError(
    'fw',
    { method: 'GET', path: 'x' },
    { http: 500, error: -1, words: 'token s3cret\u001b[2J' },
    ['s3cret'],
  );
  expect(message).not.toContain('s3cret');
  expect(message).not.toContain('\u001b');
});
