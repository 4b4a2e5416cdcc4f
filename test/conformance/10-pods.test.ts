import { describe, expect, test } from 'vitest';
import { LabelIndex, loadWorld } from '../../src/engine/index.ts';
import { namespace, pod, policy } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

const IP = '10.0.0.1';
const ofOne = (object: PlainObject) => loadWorld([namespace('a'), object]).endpoints();
const ips = (object: PlainObject): readonly string[] | undefined => ofOne(object)[0]?.ips;
const told = (status: object, annotations: Record<string, string> = {}): PlainObject => ({
  ...pod('a/p', { annotations }),
  status: { phase: 'Running', ...status },
});

describe('10: pods as endpoints', () => {
  test('10.1 those that are scheduled and not of the network of their host', () => {
    expect(ofOne(pod('a/p', { ips: [IP] })).map(({ id }) => id)).toEqual(['pod:a/p']);
    expect(ofOne(pod('a/p', { ips: [IP], node: null }))).toEqual([]);
    expect(ofOne(pod('a/p', { ips: [IP], hostNetwork: true }))).toEqual([]);
    expect(ofOne(pod('a/p', { ips: [IP], phase: 'Pending' }))).toHaveLength(1);
  });

  test('10.2 not without an address', () => {
    expect(ofOne(pod('a/p', { ips: [] }))).toEqual([]);
    expect(ofOne(told({}))).toEqual([]);
  });

  test.each<[string, object, Record<string, string>, readonly string[]]>([
    [
      'podIPs before all',
      { podIPs: [{ ip: IP }, { ip: 'fd00::1' }], podIP: '10.0.0.9' },
      { 'cni.projectcalico.org/podIP': '10.0.0.8/32' },
      [IP, 'fd00::1'],
    ],
    ['podIP', { podIP: IP }, { 'cni.projectcalico.org/podIPs': '10.0.0.8/32' }, [IP]],
    ['podIP beside an empty list', { podIPs: [], podIP: IP }, {}, [IP]],
    [
      'the annotation podIPs',
      {},
      { 'cni.projectcalico.org/podIPs': '10.0.0.1/32,fd00::1/128', 'cni.projectcalico.org/podIP': '10.0.0.8/32' },
      [IP, 'fd00::1'],
    ],
    [
      'the annotation podIP',
      {},
      { 'cni.projectcalico.org/podIP': '10.0.0.1/32', 'vpc.amazonaws.com/pod-ips': '10.0.0.8' },
      [IP],
    ],
    ['the annotation of another vendor', {}, { 'vpc.amazonaws.com/pod-ips': IP }, [IP]],
  ])('10.3 addresses: %s', (_, status, annotations, expected) => {
    expect(ips(told(status, annotations))).toEqual(expected);
  });

  test.each([['Failed'], ['Succeeded'], ['Completed']])('10.4 finished by its phase: %s', (phase) => {
    expect(ofOne(pod('a/p', { ips: [IP], phase }))).toEqual([]);
  });

  test('10.4 finished by the empty annotation of a pod that is being deleted', () => {
    for (const name of ['cni.projectcalico.org/podIP', 'vpc.amazonaws.com/pod-ips']) {
      expect(ofOne(pod('a/p', { ips: [IP], deleting: true, annotations: { [name]: '' } }))).toEqual([]);
      expect(ofOne(pod('a/p', { ips: [IP], annotations: { [name]: '' } }))).toHaveLength(1);
    }
  });

  test('10.4 an address that a finished pod still shows is another one already', () => {
    const old = pod('a/old', { labels: { app: 'old' }, ips: [IP], phase: 'Succeeded' });
    const spec = { selector: "app == 'old'", types: ['Ingress'] };
    const world = loadWorld([namespace('a'), old, pod('a/p', { ips: [IP] }), policy('q', spec)]);
    expect(world.verdict({ src: '192.0.2.1', dst: IP, proto: 'TCP' }).ingress).toMatchObject({
      endpoint: 'pod:a/p',
      allowed: true,
    });
  });

  test('10.5 in its grace period a pod keeps its addresses', () => {
    expect(ips(pod('a/p', { ips: [IP], deleting: true }))).toEqual([IP]);
    expect(
      ips(pod('a/p', { ips: [IP], deleting: true, annotations: { 'cni.projectcalico.org/podIP': '10.0.0.1/32' } })),
    ).toEqual([IP]);
  });

  const allowed = (object: PlainObject, words: object = {}): readonly string[] => {
    const ingress = [{ action: 'Allow', ...words, destination: { ports: ['web'] } }];
    const world = loadWorld([namespace('a'), object, policy('q', { selector: 'all()', types: ['Ingress'], ingress })]);
    return ['TCP', 'UDP', 'SCTP'].flatMap((proto) =>
      [80, 81]
        .filter((dport) => world.verdict({ src: '192.0.2.1', dst: IP, proto, dport }).allowed)
        .map((dport) => `${dport}/${proto}`),
    );
  };
  const withPorts = (spec: object): PlainObject => {
    const plain = pod('a/p', { ips: [IP] });
    return { ...plain, spec: { ...plain.spec, ...spec } };
  };
  test.each<[string, object, readonly string[]]>([
    [
      'of containers',
      { containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 80, protocol: 'TCP' }] }] },
      ['80/TCP'],
    ],
    [
      'of init containers',
      { initContainers: [{ name: 'c', ports: [{ name: 'web', containerPort: 81, protocol: 'UDP' }] }] },
      ['81/UDP'],
    ],
    ['TCP by default', { containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 80 }] }] }, ['80/TCP']],
    [
      'of several containers',
      {
        containers: [
          { name: 'c', ports: [{ name: 'web', containerPort: 80 }] },
          { name: 'd', ports: [{ name: 'web', containerPort: 81, protocol: 'SCTP' }] },
        ],
      },
      ['80/TCP', '81/SCTP'],
    ],
    ['none without a name', { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80 }] }] }, []],
  ])('10.6 named ports: %s', (_, spec, expected) => {
    expect(allowed(withPorts(spec))).toEqual(expected);
  });

  test('10.8 two pods may share an address for a moment: sets count who gives it', () => {
    const index = new LabelIndex();
    index.setSelector('s', 'all()');
    const one = { labels: {}, nets: [`${IP}/32`], ports: [], parents: [] };
    expect(index.setEndpoint('new', one).added).toHaveLength(1);
    expect(index.setEndpoint('old', one)).toMatchObject({ added: [], removed: [] });
    expect(index.deleteEndpoint('old')).toMatchObject({ added: [], removed: [] });
    expect(index.deleteEndpoint('new').removed).toEqual([{ set: 's', member: `${IP}/32` }]);
  });
});
