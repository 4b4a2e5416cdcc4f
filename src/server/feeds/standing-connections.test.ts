import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Authority } from '../../../test/kit/certificates.ts';
import { PATH, ServedLists, TEXT } from './served-lists.fixture.ts';

const DAY_MS = 86_400_000;
const REFUSED = '401 credentials of a consumer are needed\n';
const AGAIN = '503 these lists are not given out by this copy now\n';
const auth = { kind: 'Certificate', subject: 'edge-3' } as const;

test('who was let in by an authority that is replaced is let in no more, on the connection that stands either', async () => {
  await using lists = new ServedLists();
  const others = new Authority(lists.folder, 'other CA');
  const believed = join(lists.folder, 'believed.pem');
  copyFileSync(lists.authority.file, believed);
  await lists.listen([auth], believed);
  const before = lists.agent(lists.authority.issue('/CN=edge-3'));
  const after = lists.agent(others.issue('/CN=edge-3'));
  expect(await lists.get(before)).toBe(`200 ${TEXT}`);
  writeFileSync(believed, others.certificate);
  lists.clock.advance(2_000);
  // Nobody connects: only a request on the connection that stands tells of it.
  expect(await lists.get(before)).toBe(AGAIN);
  for (let count = 0; count < 3; count++) expect(await lists.get(before)).toBe(REFUSED);
  expect(await lists.get(after)).toBe(`200 ${TEXT}`);
});

test('who is believed by the new authorities too goes on', async () => {
  await using lists = new ServedLists();
  const others = new Authority(lists.folder, 'other CA');
  const believed = join(lists.folder, 'believed.pem');
  copyFileSync(lists.authority.file, believed);
  await lists.listen([auth], believed);
  const agent = lists.agent(lists.authority.issue('/CN=edge-3'));
  expect(await lists.get(agent)).toBe(`200 ${TEXT}`);
  writeFileSync(believed, lists.authority.certificate + others.certificate);
  lists.clock.advance(2_000);
  // A firewall goes on with what it has, and comes back.
  expect(await lists.get(agent)).toBe(AGAIN);
  for (let count = 0; count < 3; count++) expect(await lists.get(agent)).toBe(`200 ${TEXT}`);
});

test('who shows a password does not wait for the authorities of others', async () => {
  await using lists = new ServedLists();
  const believed = join(lists.folder, 'believed.pem');
  copyFileSync(lists.authority.file, believed);
  await lists.listen([{ kind: 'Bearer', token: { text: 'token' } }], believed);
  const agent = lists.agent();
  const bearer = { authorization: 'Bearer token' };
  expect(await lists.get(agent, bearer)).toBe(`200 ${TEXT}`);
  writeFileSync(believed, new Authority(lists.folder, 'other CA').certificate);
  lists.clock.advance(2_000);
  for (let count = 0; count < 3; count++) expect(await lists.get(agent, bearer)).toBe(`200 ${TEXT}`);
});

test('a certificate that has ended opens nothing, on a connection that stands either', async () => {
  await using lists = new ServedLists();
  await lists.listen([auth], lists.authority.file);
  const agent = lists.agent(lists.authority.issue('/CN=edge-3'));
  expect(await lists.get(agent)).toBe(`200 ${TEXT}`);
  lists.clock.setWall(3 * DAY_MS);
  expect(await lists.get(agent)).toBe(REFUSED);
});

test('a password that is replaced opens nothing more on a connection that stands', async () => {
  await using lists = new ServedLists();
  const file = join(lists.folder, 'password');
  writeFileSync(file, 'old');
  await lists.listen([{ kind: 'Basic', username: { text: 'fw' }, password: { file } }]);
  const agent = lists.agent();
  const basic = (text: string): { authorization: string } => ({ authorization: `Basic ${btoa(text)}` });
  expect(await lists.get(agent, basic('fw:old'), PATH)).toBe(`200 ${TEXT}`);
  writeFileSync(file, 'newer');
  lists.clock.advance(2_000);
  expect(await lists.get(agent, basic('fw:old'))).toBe(REFUSED);
  expect(await lists.get(agent, basic('fw:newer'))).toBe(`200 ${TEXT}`);
});
