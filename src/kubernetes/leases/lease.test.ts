import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isLaterEpoch, nextEpoch } from '../../base/epoch.ts';
import { leaseObject, leasePlace, readLease } from './lease.ts';
import { shareOut } from './shares.ts';

describe('Leases', () => {
  test('have names that an API server takes, whatever firewalls and clusters are called, and different ones', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (cluster, firewall, other) => {
        const { name } = leasePlace('firewall', cluster, firewall);
        expect(name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
        expect(name.length).toBeLessThanOrEqual(253);
        expect(leasePlace('copy', cluster, firewall).name).not.toBe(name);
        if (other !== firewall) expect(leasePlace('firewall', cluster, other).name).not.toBe(name);
        if (other !== cluster) expect(leasePlace('firewall', other, firewall).name).not.toBe(name);
      }),
    );
  });

  test('say what was written', () => {
    const place = leasePlace('copy', 'Prod_1', 'edge-a_0a1b2c3d');
    const written = {
      holder: 'edge-a_0a1b2c3d',
      epoch: 7,
      acquired: Date.UTC(2026, 0, 5),
      renewed: Date.UTC(2026, 0, 6),
    };
    const object = leaseObject(place, written, 'sallyport', { resourceVersion: '12', uid: 'u' });
    expect(object).toMatchInlineSnapshot(`
      {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
          "annotations": {
            "sallyport.dev/title": "edge-a_0a1b2c3d",
          },
          "labels": {
            "app.kubernetes.io/managed-by": "sallyport",
            "sallyport.dev/cluster": "Prod_1",
            "sallyport.dev/lease": "copy",
          },
          "name": "sallyport-copy-edge-a-0a1b2c3d-7f3bb8a5",
          "namespace": "sallyport",
          "resourceVersion": "12",
          "uid": "u",
        },
        "spec": {
          "acquireTime": "2026-01-05T00:00:00.000000Z",
          "holderIdentity": "edge-a_0a1b2c3d",
          "leaseDurationSeconds": 15,
          "leaseTransitions": 7,
          "renewTime": "2026-01-06T00:00:00.000000Z",
        },
      }
    `);
    expect(readLease(object, 'Prod_1')).toEqual({
      name: place.name,
      uid: 'u',
      memory: undefined,
      cannot: new Set(),
      resourceVersion: '12',
      holder: 'edge-a_0a1b2c3d',
      epoch: 7,
      released: false,
      copyOf: 'edge-a_0a1b2c3d',
    });
    expect(readLease(object, 'other')?.copyOf).toBeUndefined();
    const free = leaseObject(place, { ...written, holder: '' }, 'sallyport', { resourceVersion: '12', uid: 'u' });
    expect(readLease(free, 'Prod_1')).toMatchObject({ holder: '', released: true });
  });

  test('are read with any garbage in them', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (spec, labels, annotations) => {
        const record = readLease({ metadata: { name: 'a', resourceVersion: '1', labels, annotations }, spec }, 'prod');
        expect(record).toMatchObject({ name: 'a', released: false });
        expect(record?.epoch).toBeGreaterThanOrEqual(0);
      }),
    );
    for (const nothing of [undefined, null, 3, 'x', {}, { metadata: {} }, { metadata: { name: 'a' } }])
      expect(readLease(nothing, 'prod')).toBeUndefined();
  });

  test('count epochs without end', () => {
    for (const epoch of [0, 1, 2 ** 30, 2 ** 31 - 2, 2 ** 31 - 1]) {
      expect(isLaterEpoch(nextEpoch(epoch), epoch)).toBe(true);
      expect(isLaterEpoch(epoch, nextEpoch(epoch))).toBe(false);
      expect(isLaterEpoch(epoch, epoch)).toBe(false);
      expect(nextEpoch(epoch)).toBeLessThan(2 ** 31);
    }
  });
});

describe('shares', () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { maxLength: 20 });

  test('give each firewall to one copy, none more than its share, whatever the order of names', () => {
    fc.assert(
      fc.property(names, fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 6 }), (firewalls, copies) => {
        const shares = shareOut(firewalls, copies);
        expect([...shares.keys()].toSorted()).toEqual(firewalls.toSorted());
        const most = Math.ceil(firewalls.length / copies.length);
        for (const copy of copies)
          expect([...shares.values()].filter((one) => one === copy).length).toBeLessThanOrEqual(most);
        expect(shareOut(firewalls.toReversed(), copies.toReversed())).toEqual(shares);
      }),
    );
  });

  test('stay mostly the same when a copy goes', () => {
    const firewalls = Array.from({ length: 60 }, (_, at) => `edge-${at}`);
    const before = shareOut(firewalls, ['a', 'b', 'c']);
    const after = shareOut(firewalls, ['a', 'b']);
    const moved = firewalls.filter((name) => before.get(name) !== 'c' && before.get(name) !== after.get(name));
    expect(moved.length).toBeLessThan(firewalls.length / 6);
  });

  test('without a copy are none', () => {
    expect(shareOut(['edge-1'], []).size).toBe(0);
  });
});
