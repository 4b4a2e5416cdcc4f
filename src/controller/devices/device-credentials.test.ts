import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SmallApi, statusBody } from '../../../test/kit/small-api.ts';
import { SallyportError } from '../../base/error.ts';
import { readSecret } from '../../kubernetes/secret.ts';
import { credentialsOf } from './device-credentials.ts';

const signal = new AbortController().signal;
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'sallyport-credentials-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** What is read, or the code and the words of the refusal. */
async function read(
  credentialsRef: { env: string } | { file: string } | { secret: string },
  places = {},
): Promise<unknown> {
  try {
    const found = await credentialsOf({ credentialsRef }, { environment: {}, ...places })?.read(signal);
    return Object.fromEntries(found ?? []);
  } catch (thrown) {
    if (thrown instanceof SallyportError) return `${thrown.code} ${thrown.message}`;
    throw thrown;
  }
}

test('a variable and a file hold keys with values, each a text', async () => {
  const text = '# for edge-1\nusername: admin\npassword: "0123:\\t#"\ntoken: 0x10\n';
  const expected = { username: 'admin', password: '0123:\t#', token: '0x10' };
  expect(await read({ env: 'EDGE' }, { environment: { EDGE: text } })).toEqual(expected);
  const file = join(folder, 'edge');
  writeFileSync(file, text);
  expect(await read({ file })).toEqual(expected);
  writeFileSync(file, 'token: renewed');
  expect(await read({ file })).toEqual({ token: 'renewed' });
});

test.each([
  ['s3cret', 'it holds no keys with values'],
  ['', 'it holds no keys with values'],
  ['- s3cret', 'it holds no keys with values'],
  ['token: [s3cret]', 'entry 1 is no key with a text'],
  ['a: b\ntoken: s3cret\ntoken: s3cret', 'line 3 is no YAML (DUPLICATE_KEY)'],
  ['a: b\ntoken: "s3cret', 'line 2 is no YAML (MISSING_CHAR)'],
])('%j is refused, and no part of it is repeated', async (text, why) => {
  const said = await read({ env: 'EDGE' }, { environment: { EDGE: text } });
  expect(said).toBe(`DEVICE_CREDENTIALS variable EDGE: ${why}; write lines like "token: …"`);
  expect(said).not.toContain('s3cret');
});

test('what is not there, or too long, is named', async () => {
  const long = join(folder, 'long');
  writeFileSync(long, 'a'.repeat(70_000));
  expect(await read({ env: 'NONE' })).toBe('DEVICE_CREDENTIALS the environment has no variable NONE');
  expect(await read({ file: join(folder, 'none') })).toMatch(
    /^DEVICE_CREDENTIALS the file \S+none cannot be read \(ENOENT\)$/,
  );
  expect(await read({ file: long })).toMatch(/is longer than 65536 bytes$/);
  expect(await read({ file: '/dev/zero' })).toMatch(/is longer than 65536 bytes$/);
  expect(await read({ secret: 'edge' })).toMatch(/^DEVICE_CREDENTIALS there is no cluster to read a Secret from/);
  expect(credentialsOf({}, { environment: {} })).toBeUndefined();
});

test('a Secret is asked for by its name, and its refusals are told', async () => {
  const answers = new Map<string, readonly [number, unknown]>([
    ['edge', [200, { kind: 'Secret', data: { token: Buffer.from('t\u00f6ken\n').toString('base64'), other: 5 } }]],
    ['none', [404, statusBody(404, 'NotFound')]],
    ['closed', [403, statusBody(403, 'Forbidden')]],
    ['later', [503, statusBody(503, 'ServiceUnavailable')]],
  ]);
  await using api = await SmallApi.start(({ line }) => answers.get(line.split('/').at(-1) ?? '') ?? [500, {}]);
  const secrets = {
    namespace: 'sallyport',
    read: (name: string, stop: AbortSignal) => readSecret(api.client, { namespace: 'sallyport', name }, stop),
  };
  expect(await read({ secret: 'edge' }, { secrets })).toEqual({ token: 'töken' });
  expect(api.asked.map(({ line }) => line)).toEqual(['GET /api/v1/namespaces/sallyport/secrets/edge']);
  expect(await read({ secret: 'none' }, { secrets })).toBe('DEVICE_CREDENTIALS there is no Secret sallyport/none');
  expect(await read({ secret: 'closed' }, { secrets })).toMatch(
    /^DEVICE_CREDENTIALS Secret sallyport\/closed may not be read/,
  );
  expect(await read({ secret: 'later' }, { secrets })).toMatch(/^API_BUSY /);
});
