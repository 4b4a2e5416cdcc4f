import { describe, expect, test } from 'vitest';
import { resourcePath } from './resource-path.ts';

describe('paths of the API', () => {
  const pods = { group: '', version: 'v1', plural: 'pods' };

  test.each([
    [pods, {}, '/api/v1/pods'],
    [pods, { namespace: 'shop' }, '/api/v1/namespaces/shop/pods'],
    [pods, { namespace: 'shop', name: 'web-0', part: 'status' }, '/api/v1/namespaces/shop/pods/web-0/status'],
    [{ group: 'a.dev', version: 'v1', plural: 'things' }, { name: 'x' }, '/apis/a.dev/v1/things/x'],
  ])('%o %o', (collection, which, path) => {
    expect(resourcePath(collection, which)).toBe(path);
  });

  test('no name leads out of its place', () => {
    expect(resourcePath(pods, { namespace: 'a/b', name: '../secrets?x#y' })).toBe(
      '/api/v1/namespaces/a%2Fb/pods/..%2Fsecrets%3Fx%23y',
    );
  });

  test.each([{ name: '..' }, { namespace: '..' }, { name: 'x', part: '.' }])('nor does %o', (which) => {
    expect(() => resourcePath(pods, which)).toThrow('was taken for a name');
  });
});
