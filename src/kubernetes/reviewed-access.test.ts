import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { type AskedOfSmallApi, SmallApi, statusBody } from '../../test/kit/small-api.ts';
import { type Access, ReviewedAccess } from './reviewed-access.ts';

const user = {
  username: 'system:serviceaccount:monitoring:prometheus',
  uid: 'u-1',
  groups: ['g'],
  extra: { k: ['v'] },
};
let api: SmallApi;
let clock: FakeClock;
let access: ReviewedAccess;
type Answer = readonly [number, unknown];
let review: (spec: Record<string, unknown>) => Answer | Promise<Answer>;
let decide: (spec: Record<string, unknown>) => readonly [number, unknown];

beforeEach(async () => {
  review = ({ token }) => [201, { status: token === 'good' ? { authenticated: true, user } : { error: 'who?' } }];
  decide = () => [201, { status: { allowed: true } }];
  api = await SmallApi.start(({ line, body }: AskedOfSmallApi) => {
    const { spec } = body as { readonly spec: Record<string, unknown> };
    return line === 'POST /apis/authentication.k8s.io/v1/tokenreviews' ? review(spec) : decide(spec);
  });
  clock = new FakeClock();
  access = new ReviewedAccess(api.client, clock);
});
afterEach(() => api[Symbol.asyncDispose]());

const of = (token: string, path = '/metrics'): Promise<Access> => access.ofReader(`Bearer ${token}`, path);

test('a token and a right let in, as the API server says', async () => {
  expect(await of('good')).toBe('allowed');
  expect(api.asked).toMatchObject([
    {
      line: 'POST /apis/authentication.k8s.io/v1/tokenreviews',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'good' } },
    },
    {
      line: 'POST /apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: {
        kind: 'SubjectAccessReview',
        spec: {
          user: user.username,
          uid: 'u-1',
          groups: ['g'],
          extra: { k: ['v'] },
          nonResourceAttributes: { verb: 'get', path: '/metrics' },
        },
      },
    },
  ]);
});

test.each([undefined, '', 'Basic Z29vZA==', 'Bearer', 'Bearer  ', 'Bearer a b', `Bearer ${'x'.repeat(20_000)}`])(
  'what is no token is nobody, and nobody is asked: %s',
  async (header) => {
    expect(await access.ofReader(header, '/metrics')).toBe('unauthenticated');
    expect(api.asked).toEqual([]);
  },
);

test('whoever is unknown, or may not', async () => {
  expect(await of('bad')).toBe('unauthenticated');
  decide = () => [201, { status: { allowed: false } }];
  expect(await of('good', '/a')).toBe('forbidden');
  decide = () => [201, { status: { allowed: true, denied: true } }];
  expect(await of('good', '/b')).toBe('forbidden');
});

test.each([
  { authenticated: false, user },
  { user },
  { authenticated: true },
  { authenticated: true, user: { username: '' } },
])('a name without a yes, and a yes without a name, are nobody: %j', async (status) => {
  review = () => [201, { status }];
  expect(await of('good')).toBe('unauthenticated');
  expect(api.asked).toHaveLength(1);
});

test.each<readonly [string, () => void]>([
  ['fails', () => (review = () => [500, statusBody(500, 'InternalError')])],
  ['does not let us ask', () => (decide = () => [403, statusBody(403, 'Forbidden')])],
  ['says something else', () => (review = () => [201, { status: { authenticated: 'yes', user } }])],
  ['does not say', () => (decide = () => [201, { status: {} }])],
])('nobody is let in when the API server %s; the next is asked for anew', async (_, break_) => {
  const [soundReview, soundDecide] = [review, decide];
  break_();
  expect(await of('good')).toBe('unavailable');
  [review, decide] = [soundReview, soundDecide];
  expect(await of('good')).toBe('allowed');
});

test('somebody without a name is nobody', async () => {
  review = () => [201, { status: { authenticated: true, user: { username: '' } } }];
  expect(await of('good')).toBe('unauthenticated');
});

test('an answer holds for ten seconds, for its token and path alone; one question serves all who wait', async () => {
  await Promise.all([of('good'), of('good'), of('good')]);
  clock.advance(9_999);
  await of('good');
  expect(api.asked).toHaveLength(2);
  await of('good', '/other');
  expect(api.asked).toHaveLength(4);
  decide = () => [201, { status: { allowed: false } }];
  clock.advance(1);
  expect(await of('good')).toBe('forbidden');
});

test('a flood of strangers is not passed on', async () => {
  const all = await Promise.all(Array.from({ length: 100 }, (_, n) => of(`bad-${n}`)));
  expect(all.filter((one) => one === 'unauthenticated')).toHaveLength(16);
  expect(all.filter((one) => one === 'unavailable')).toHaveLength(84);
  expect(api.asked).toHaveLength(16);
});

test('strangers whom a slow server keeps waiting do not keep out who was let in before', async () => {
  expect(await of('good')).toBe('allowed');
  for (let at = 0; at < 3_000; at++) await of(`stranger-${at}`);
  clock.advance(11_000);
  let answer = (): void => {};
  const late = new Promise<Answer>((resolve) => (answer = () => resolve([201, { status: {} }])));
  const quick = review;
  review = (spec) => (spec['token'] === 'good' ? quick(spec) : late);
  const strangers = Array.from({ length: 40 }, (_, n) => of(`slow-${n}`));
  expect(await of('good')).toBe('allowed');
  answer();
  expect(new Set(await Promise.all(strangers))).toEqual(new Set(['unauthenticated', 'unavailable']));
});
