import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import type { Pod } from '../../api/resource.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import type { ApiRequest } from '../../kubernetes/api-client.ts';
import { readText } from '../../sources/manifests/reading.ts';
import { Gate } from './gate.ts';
import type { PodStanding } from './readiness.ts';

const GATE = 'sallyport.dev/border';
const confirmed: PodStanding = {
  ready: true,
  message: 'confirmed by edge-1',
  firewalls: [{ firewall: 'edge-1', state: 'Confirmed', message: 'read back from the firewall' }],
};
const waiting: PodStanding = {
  ready: false,
  message: 'edge-1: 10.1.0.1 is not there yet',
  firewalls: [{ firewall: 'edge-1', state: 'Waiting', message: '10.1.0.1 is not there yet' }],
};

interface Written {
  readonly pod: string;
  readonly uid: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime?: string;
}

describe('the readiness gate of pods', () => {
  let clock: FakeClock;
  let gate: Gate;
  let written: Written[];
  let standing: PodStanding;
  let asked: number;
  let mayWrite: boolean;
  let fails: SallyportError | undefined;
  let tries: number;
  /** What happens while the border is asked. */
  let meanwhile: () => void;

  beforeEach(() => {
    clock = new FakeClock();
    [written, standing, asked, mayWrite, fails, tries] = [[], confirmed, 0, true, undefined, 0];
    meanwhile = () => undefined;
    const call = ({ method, path, body, contentType }: ApiRequest): Promise<unknown> => {
      tries += 1;
      if (fails !== undefined) return Promise.reject(fails);
      expect([method, contentType]).toEqual(['PATCH', 'application/strategic-merge-patch+json']);
      const { metadata, status, ...more } = body as {
        metadata: { uid: string };
        status: { conditions: readonly (Written & { type: string })[] };
      };
      // Nothing but one condition, of exactly this pod.
      expect([Object.keys(metadata), Object.keys(status), more]).toEqual([['uid'], ['conditions'], {}]);
      const [{ type, ...condition }] = status.conditions as [Written & { type: string }];
      expect([type, status.conditions.length]).toEqual([GATE, 1]);
      written.push({ ...condition, pod: path.split('/').slice(4, -1).join('/'), uid: metadata.uid });
      return Promise.resolve({});
    };
    gate = new Gate({
      api: { title: 'test', call, open: () => Promise.reject(new Error('no')), close: () => Promise.resolve() },
      standing: () => {
        asked += 1;
        const said = standing;
        meanwhile();
        return Promise.resolve(said);
      },
      addressesOf: () => [],
      mayWrite: () => mayWrite,
      clock,
      log: silentLog,
    });
  });
  afterEach(() => gate.stop());

  const pod = (
    name: string,
    more: { ip?: string; gated?: boolean; condition?: Partial<Written>; phase?: string } = {},
  ) => {
    const { ip = '10.1.0.1', gated = true, condition, phase = 'Running' } = more;
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'shop', uid: `uid-of-${name}` },
      spec: { nodeName: 'a', ...(gated ? { readinessGates: [{ conditionType: GATE }] } : {}) },
      status: {
        phase,
        ...(ip === '' ? {} : { podIP: ip, podIPs: [{ ip }] }),
        conditions: [{ type: 'Ready', status: 'False' }, ...(condition ? [{ type: GATE, ...condition }] : [])],
      },
    };
    const [resource] = [...readText(JSON.stringify(manifest), 'pod.json').resources.values()];
    return resource as Pod;
  };
  const tell = (...pods: readonly Pod[]): void => gate.taken(pods.map((resource) => ({ kind: 'put', resource })));
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 500) {
      clock.advance(500);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const echo = ({ pod: name, uid: _uid, ...condition }: Written): Pod =>
    pod(name.split('/').at(-1) ?? '', { condition });

  test('becomes true when the border has confirmed, once; nothing is written when nothing changed', async () => {
    tell(pod('till-1'), pod('plain', { gated: false }));
    await pass(1_000);
    const moment = new Date(clock.wall() - 1_000).toISOString().slice(0, 17);
    expect(written).toMatchObject([
      {
        pod: 'shop/pods/till-1',
        uid: 'uid-of-till-1',
        status: 'True',
        reason: 'Confirmed',
        message: '10.1.0.1: confirmed by edge-1',
        lastTransitionTime: expect.stringContaining(moment) as string,
      },
    ]);
    tell(echo(written[0] as Written));
    const before = asked;
    await pass(3_600_000 / 60);
    expect([written.length, asked]).toEqual([1, before]);
  });

  test('says which firewall it waits for, after a moment, and what changes of that seldom', async () => {
    standing = waiting;
    tell(pod('till-1'));
    await pass(500);
    expect(written).toEqual([]);
    await pass(1_000);
    expect(written).toMatchObject([
      { status: 'False', reason: 'Waiting', message: '10.1.0.1: edge-1: 10.1.0.1 is not there yet' },
    ]);
    tell(echo(written[0] as Written));
    standing = { ...waiting, message: 'edge-2: something else' };
    await pass(20_000);
    expect(written.length).toBe(1);
    await pass(15_000);
    expect(written.length).toBe(2);
    expect(written[1]).not.toHaveProperty('lastTransitionTime');
    standing = confirmed;
    tell(echo(written[1] as Written));
    await pass(6_000);
    expect(written[2]).toMatchObject({ status: 'True' });
  });

  test('stays true while firewalls are away, and becomes false with another address', async () => {
    const condition = { status: 'True', reason: 'Confirmed', message: '10.1.0.1: confirmed by edge-1' };
    standing = waiting;
    tell(pod('till-1', { condition }));
    await pass(60_000);
    expect(written).toEqual([]);
    tell(pod('till-1', { condition, ip: '10.1.0.2' }));
    await pass(2_000);
    expect(written).toMatchObject([{ status: 'False', message: '10.1.0.2: edge-1: 10.1.0.1 is not there yet' }]);
  });

  test('nothing without the right to write, without an address, or of what has ended', async () => {
    mayWrite = false;
    tell(pod('till-1'));
    await pass(60_000);
    expect([tries, asked]).toEqual([0, 0]);
    mayWrite = true;
    tell(pod('none', { ip: '' }), pod('done', { phase: 'Succeeded' }));
    gate.taken([{ kind: 'delete', key: 'Pod/shop/till-1' }]);
    await pass(60_000);
    expect(tries).toBe(0);
  });

  test('nothing by one that lost the right while it asked', async () => {
    meanwhile = () => {
      mayWrite = false;
    };
    tell(pod('till-1'));
    await pass(5_000);
    expect([asked, tries]).toEqual([1, 0]);
  });

  describe('what happens while the border is asked', () => {
    const once = (what: () => void): void => {
      meanwhile = () => {
        meanwhile = () => undefined;
        what();
      };
    };

    test('a pod that gets another address is not said to be ready for the one that it had', async () => {
      once(() => {
        standing = waiting;
        tell(pod('till-1', { ip: '10.1.0.2' }));
      });
      tell(pod('till-1'));
      await pass(2_000);
      expect(written.map(({ status, message }) => `${status} ${message.slice(0, 8)}`)).toEqual(['False 10.1.0.2']);
    });

    test('of a pod that is gone nothing is written, nor of one that another has taken the name of', async () => {
      once(() => gate.taken([{ kind: 'delete', key: 'Pod/shop/till-1' }]));
      tell(pod('till-1'));
      await pass(2_000);
      expect([asked, tries]).toEqual([1, 0]);
      once(() => {
        standing = waiting;
        gate.taken([{ kind: 'delete', key: 'Pod/shop/till-2' }]);
        tell({ ...pod('till-2'), uid: 'another' });
      });
      tell(pod('till-2'));
      await pass(2_000);
      expect(written.map(({ uid, status }) => `${uid} ${status}`)).toEqual(['another False']);
    });

    test('an update of the pod that leaves its addresses as they are holds nothing up', async () => {
      meanwhile = () => tell(pod('till-1', { condition: { status: 'False', reason: 'Waiting', message: 'x' } }));
      tell(pod('till-1'));
      await pass(500);
      expect(written).toMatchObject([{ status: 'True' }]);
    });
  });

  test('an API server that refuses is left alone for a while, and asked again', async () => {
    fails = new SallyportError('API_FORBIDDEN', 'no', { status: 403 });
    tell(...Array.from({ length: 100 }, (_, at) => pod(`till-${at}`)));
    await pass(5_000);
    expect(tries).toBeLessThanOrEqual(20);
    fails = undefined;
    await pass(20_000);
    expect(new Set(written.map(({ pod: name }) => name)).size).toBe(100);
  });

  test('so many are written in a second, and no more', async () => {
    tell(...Array.from({ length: 200 }, (_, at) => pod(`till-${at}`)));
    await pass(500);
    expect(written.length).toBeLessThanOrEqual(40);
    await pass(4_500);
    expect(written.length).toBe(200);
  });
});
