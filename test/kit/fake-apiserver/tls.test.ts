import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Authority, type Issued } from '../certificates.ts';
import { FakeApiServer } from './server.ts';
import type { Body } from './test-client.ts';

const names = 'IP:127.0.0.1';
let folder: string;
let authority: Authority;
let other: Authority;
let ann: Issued;
let api: FakeApiServer;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-tls-'));
  authority = new Authority(folder);
  other = new Authority(folder, 'another');
  ann = authority.issue('/O=team/O=ops/CN=ann');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  api = await FakeApiServer.start({
    tls: { ...authority.issue('/CN=fake', { names }), clientAuthority: authority.certificate },
  });
});
afterEach(() => api.stop());

/** Who the server says we are, or the status it refuses us with. */
async function whoAmI(client?: Issued, ca = authority.certificate): Promise<unknown> {
  const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
  const answer = await new Promise<{ status: number; body: Body }>((resolve, reject) => {
    const asked = request(
      `${api.url}/apis/authentication.k8s.io/v1/selfsubjectreviews`,
      {
        method: 'POST',
        agent: false,
        ca,
        headers: { 'content-type': 'application/json' },
        ...(client === undefined ? {} : { key: client.key, cert: client.certificate }),
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Body }));
      },
    );
    asked.once('error', reject);
    asked.end(body);
  });
  return answer.status === 201 ? (answer.body['status'] as { userInfo: unknown }).userInfo : answer.status;
}

test('a client certificate names a user and groups', async () => {
  expect(await whoAmI(ann)).toEqual({ username: 'ann', groups: ['team', 'ops', 'system:authenticated'] });
});

test('no certificate, an expired one, and one of another authority are nobody', async () => {
  expect(await whoAmI()).toBe(401);
  expect(await whoAmI(authority.issue('/CN=ann', { expired: true }))).toBe(401);
  expect(await whoAmI(other.issue('/CN=ann'))).toBe(401);
});

test('the server’s own certificate can be changed while it runs', async () => {
  await expect(whoAmI(ann, other.certificate)).rejects.toThrow(/certificate/);
  api.setCertificate(other.issue('/CN=fake', { names }));
  expect(await whoAmI(ann, other.certificate)).toMatchObject({ username: 'ann' });
});
