import { describe, expect, test } from 'vitest';
import { readResource } from './read.ts';
import type { RawMap } from './shape.ts';

function stored(kind: string, metadata: RawMap, spec: RawMap = {}) {
  return readResource({ apiVersion: 'crd.projectcalico.org/v1', kind, metadata, spec }, {});
}

function annotated(metadata: RawMap): RawMap {
  return { annotations: { 'projectcalico.org/metadata': JSON.stringify(metadata), note: 'kept' } };
}

describe("Calico's storage form", () => {
  test('name, labels and uid stand in the annotation, which is no annotation of the object', () => {
    const metadata = { name: 'platform.web', uid: 'stored', labels: { 'projectcalico.org/tier': 'platform' } };
    const { resource, diagnostics } = stored(
      'GlobalNetworkPolicy',
      { ...metadata, ...annotated({ name: 'web', uid: 'real', labels: { a: 'b' } }) },
      { tier: 'platform' },
    );
    expect(diagnostics).toEqual([]);
    expect(resource).toMatchObject({
      type: 'GlobalNetworkPolicy',
      name: 'web',
      uid: 'real',
      spec: { tier: 'platform' },
    });
    expect([...(resource?.labels ?? [])]).toEqual([['a', 'b']]);
    expect([...(resource?.annotations ?? [])]).toEqual([['note', 'kept']]);
  });

  test.each([
    ['default.web', {}, 'web'],
    ['default.web', { tier: 'default' }, 'web'],
    ['web', {}, 'web'],
    ['default.', {}, undefined],
    ['platform.web', { tier: 'platform' }, 'platform.web'],
    ['knp.default.web', {}, 'knp.default.web'],
  ])('without annotation %s in %o is %s', (name, spec, real) => {
    expect(stored('GlobalNetworkPolicy', { name }, spec).resource?.name).toBe(real);
  });

  test('a name that the stored one does not hold is not believed: it could hide another object', () => {
    const { resource, diagnostics } = stored('GlobalNetworkPolicy', { name: 'a', ...annotated({ name: 'b' }) });
    expect(resource?.name).toBe('a');
    expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['STORAGE_METADATA', 'warning']]);
  });

  test('other kinds keep their name', () => {
    const { resource } = stored(
      'GlobalNetworkSet',
      { name: 'default.bank', ...annotated({ name: 'x', labels: { bank: 'yes' } }) },
      { nets: [] },
    );
    expect(resource?.name).toBe('default.bank');
    expect([...(resource?.labels ?? [])]).toEqual([['bank', 'yes']]);
  });

  test('without annotation the labels are its own', () => {
    const { resource } = stored('GlobalNetworkSet', { name: 'bank', labels: { bank: 'yes' } });
    expect(resource?.labels.get('bank')).toBe('yes');
  });

  test('the namespace is that of the stored object', () => {
    const { resource } = stored('NetworkPolicy', {
      name: 'a',
      namespace: 'shop',
      ...annotated({ name: 'a', namespace: 'bank' }),
    });
    expect(resource?.namespace).toBe('shop');
  });

  test.each(['Tier', 'IPPool', 'HostEndpoint', 'FelixConfiguration', 'NetworkSet'])('%s is read', (kind) => {
    const { ignored, key } = stored(
      kind,
      { name: 'x', namespace: 'shop' },
      { cidr: '10.0.0.0/16', node: 'n', interfaceName: '*' },
    );
    expect(ignored).toBeUndefined();
    expect(key).toMatch(new RegExp(`^${kind}/`));
  });
});
