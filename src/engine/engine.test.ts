import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  hostEndpoint,
  kubernetesPolicy,
  namespace,
  networkSet,
  pod,
  policy,
  stagedPolicy,
  tier,
} from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { readResource } from '../api/read.ts';
import { type Resource, resourceKey } from '../api/resource.ts';
import { Inventory } from '../inventory/inventory.ts';
import { type Selector, parseSelector } from '../selector/selector.ts';
import { Engine } from './engine.ts';
import { packetOf } from './packet.ts';

function selector(text: string): Selector {
  const { value } = parseSelector(text);
  if (value === undefined) throw new Error(text);
  return value;
}

function put(engine: Engine, ...objects: readonly PlainObject[]): void {
  for (const object of objects) {
    const { resource } = readResource(object, {});
    if (resource !== undefined) engine.inventory.apply({ kind: 'put', resource });
  }
}

function remove(engine: Engine, object: PlainObject): void {
  const { resource } = readResource(object, {});
  if (resource !== undefined) engine.inventory.apply({ kind: 'delete', key: resourceKey(resource) });
}

function engineOf(...objects: readonly PlainObject[]): Engine {
  const engine = new Engine(new Inventory());
  put(engine, namespace('a', { env: 'prod' }), ...objects);
  engine.flush();
  return engine;
}

const WEB = selector("app == 'web' && pcns.env == 'prod'");
const web = pod('a/web', { labels: { app: 'web' }, ips: ['10.0.0.1'] });

describe('registered selectors', () => {
  test('are followed until the last user is gone', () => {
    const engine = engineOf(web);
    engine.register(WEB);
    engine.register(WEB);
    expect([...engine.endpointsOf(WEB.id)]).toEqual(['pod:a/web']);
    expect([...engine.matching('pod:a/web')]).toEqual([WEB.id]);
    engine.unregister(WEB);
    expect([...engine.matching('pod:a/web')]).toEqual([WEB.id]);
    engine.unregister(WEB);
    expect([...engine.matching('pod:a/web')]).toEqual([]);
    expect([...engine.endpointsOf(WEB.id)]).toEqual([]);
    engine.unregister(WEB);
    expect([...engine.matching('pod:a/web')]).toEqual([]);
  });

  test('one that a policy uses too stays when the policy goes', () => {
    const scoped = policy('g', { selector: "app == 'web'" });
    const engine = engineOf(web, scoped);
    const own = selector("app == 'web'");
    engine.register(own);
    remove(engine, scoped);
    engine.flush();
    expect([...engine.endpointsOf(own.id)]).toEqual(['pod:a/web']);
    engine.unregister(own);
    expect([...engine.endpointsOf(own.id)]).toEqual([]);
  });

  test('a flush names the endpoints whose selectors changed, by a label of their namespace too', () => {
    const engine = engineOf(web, pod('a/other', { ips: ['10.0.0.2'] }));
    engine.register(WEB);
    expect(engine.flush().changedEndpoints).toEqual([]);
    put(engine, namespace('a', { env: 'test' }));
    expect(engine.flush().changedEndpoints).toEqual(['pod:a/web']);
    expect([...engine.matching('pod:a/web')]).toEqual([]);
  });

  test('host-network pods are followed, and no cluster policy is about them', () => {
    const engine = engineOf(
      pod('a/agent', { labels: { app: 'web' }, ips: ['192.0.2.1'], hostNetwork: true }),
      policy('g', { selector: "app == 'web'" }),
      kubernetesPolicy('a/k', { podSelector: {} }),
    );
    engine.register(WEB);
    expect([...engine.endpointsOf(WEB.id)]).toEqual(['pod:a/agent']);
    expect(engine.appliesTo('pod:a/agent')).toBe(false);
    expect(engine.tiersOf('pod:a/agent')).toEqual([]);
  });
});

test('answers are about the last flush, whatever the inventory has taken since', () => {
  const engine = engineOf(web, policy('g', { selector: 'all()', tier: 'late', types: ['Ingress'] }));
  const packet = packetOf({ src: '198.51.100.7', dst: '10.0.0.1', proto: 'TCP', dport: 80 });
  const before = [engine.verdict(packet), engine.order.tiers.map(({ name }) => name), engine.party(packet.destination)];
  put(
    engine,
    tier('late', { order: 1, defaultAction: 'Pass' }),
    namespace('a', { env: 'test' }),
    networkSet('s', {}, ['10.0.0.0/8']),
  );
  remove(engine, web);
  expect([
    engine.verdict(packet),
    engine.order.tiers.map(({ name }) => name),
    engine.party(packet.destination),
  ]).toEqual(before);
  engine.flush();
  expect(engine.verdict(packet)).toEqual({ allowed: true });
  expect(engine.order.tiers[0]?.name).toBe('late');
});

describe('the outside', () => {
  const banks = selector("kind == 'bank'");
  const bank = networkSet('bank', { kind: 'bank' }, ['198.51.100.0/24'], ['bank.example']);

  test('is the nets and domains of network sets alone', () => {
    const engine = engineOf(
      bank,
      networkSet('a/second', { kind: 'bank' }, ['203.0.113.0/24', '198.51.100.7/32']),
      pod('a/p', { labels: { kind: 'bank' }, ips: ['10.0.0.9'] }),
      hostEndpoint('h', { kind: 'bank' }, { expectedIPs: ['192.0.2.9'] }),
    );
    expect(engine.outsideOf(banks).nets.toStrings()).toEqual(['198.51.100.0/24', '203.0.113.0/24']);
    expect(engine.outsideOf(banks).domains).toEqual(['bank.example']);
  });

  test('a flush names the selectors whose content came out different, and only those', () => {
    const engine = engineOf(bank);
    const everything = selector('all()');
    for (const asked of [banks, everything]) engine.outsideOf(asked);
    put(engine, networkSet('copy', { kind: 'copy' }, ['198.51.100.7/32']));
    expect(engine.flush().changedOutside).toEqual([]);
    put(engine, networkSet('copy', { kind: 'copy' }, ['203.0.113.0/24']));
    expect(engine.flush().changedOutside).toEqual([everything.id]);
    remove(engine, bank);
    expect(engine.flush().changedOutside).toEqual([banks.id, everything.id].sort());
    engine.forgetOutside(banks.id);
    put(engine, bank);
    expect(engine.flush().changedOutside).toEqual([everything.id]);
  });
});

describe('nothing that was worked out for an answer outlives the state it was worked out from', () => {
  const scoped = policy('g', { selector: "app == 'web'", types: ['Egress'], egress: [{ action: 'Log' }] });
  const staged = (name: string): PlainObject => stagedPolicy(name, { selector: "app == 'web'", types: ['Egress'] });
  const applied = (engine: Engine): readonly string[] =>
    engine.tiersOf('pod:a/web').flatMap(({ egress }) => egress.map(({ id }) => id));
  const shown = (engine: Engine): readonly string[] =>
    engine.shownTiersOf('pod:a/web').flatMap(({ egress }) => egress.map(({ id }) => id));

  test('policies of an endpoint whose labels change, and staged ones', () => {
    const engine = engineOf(web, scoped, staged('s'));
    const both = ['GlobalNetworkPolicy/g', 'StagedGlobalNetworkPolicy/s'];
    expect([applied(engine), shown(engine)]).toEqual([both.slice(0, 1), both]);
    put(engine, pod('a/web', { labels: { app: 'other' }, ips: ['10.0.0.1'] }));
    engine.flush();
    expect([applied(engine), shown(engine)]).toEqual([[], []]);
    put(engine, web);
    engine.flush();
    expect([applied(engine), shown(engine)]).toEqual([both.slice(0, 1), both]);
  });

  test('the order with staged policies, of which another one comes or goes', () => {
    const engine = engineOf(web, scoped, staged('s'));
    expect([applied(engine).length, shown(engine).length]).toEqual([1, 2]);
    put(engine, staged('t'));
    engine.flush();
    expect([applied(engine).length, shown(engine).length]).toEqual([1, 3]);
    remove(engine, staged('s'));
    engine.flush();
    expect([applied(engine).length, shown(engine)]).toEqual([
      1,
      ['GlobalNetworkPolicy/g', 'StagedGlobalNetworkPolicy/t'],
    ]);
  });

  test('which network sets have an address', () => {
    const toBank = policy('g', {
      types: ['Egress'],
      egress: [{ action: 'Allow', destination: { selector: "kind == 'bank'" } }],
    });
    const engine = engineOf(web, toBank, networkSet('bank', { kind: 'bank' }, ['203.0.113.0/24']));
    const isAllowed = (): boolean =>
      engine.verdict(packetOf({ src: '10.0.0.1', dst: '203.0.113.1', proto: 'TCP' })).allowed;
    expect(isAllowed()).toBe(true);
    put(engine, networkSet('bank', { kind: 'shop' }, ['203.0.113.0/24']));
    engine.flush();
    expect(isAllowed()).toBe(false);
    put(engine, networkSet('bank', { kind: 'bank' }, ['203.0.113.0/24']));
    engine.flush();
    expect(isAllowed()).toBe(true);
  });

  test('names in network sets', () => {
    const named = (domain: string): PlainObject => ({
      ...networkSet('bank', { kind: 'bank' }, []),
      spec: { nets: ['203.0.113.0/24'], allowedEgressDomains: [domain] },
    });
    const engine = engineOf(named('a.example'));
    const asked = selector("kind == 'bank'");
    expect(engine.outsideOf(asked).domains).toEqual(['a.example']);
    put(engine, named('b.example'));
    expect([engine.flush().changedOutside, engine.outsideOf(asked).domains]).toEqual([[asked.id], ['b.example']]);
  });
});

test('6.1.2 of one order the name decides first, then the namespace', () => {
  const engine = engineOf(policy('z', {}), policy('m', {}), policy('a/m', {}), policy('a/b', {}));
  expect(engine.order.policies.map(({ id }) => id)).toEqual([
    'NetworkPolicy/a/b',
    'GlobalNetworkPolicy/m',
    'NetworkPolicy/a/m',
    'GlobalNetworkPolicy/z',
  ]);
});

test('a rule for names matches no address, as nobody knows here whose it is', () => {
  const named = policy('g', {
    types: ['Egress'],
    egress: [{ action: 'Allow', destination: { domains: ['bank.example'] } }],
  });
  const engine = engineOf(web, named);
  const { allowed, egress } = engine.verdict(packetOf({ src: '10.0.0.1', dst: '203.0.113.1', proto: 'TCP' }));
  expect([allowed, egress?.reason]).toEqual([false, 'tier-default']);
});

describe('hostile names', () => {
  test('labels that objects have by nature are labels like any other', () => {
    const hostile = JSON.parse('{"__proto__": "x", "constructor": "y", "toString": "z"}') as Record<string, string>;
    const engine = engineOf(pod('a/h', { labels: hostile, ips: ['10.0.0.1'] }), pod('a/plain', { ips: ['10.0.0.2'] }));
    for (const text of ["__proto__ == 'x'", "constructor == 'y'", "toString == 'z'", 'has(__proto__)']) {
      const asked = selector(text);
      engine.register(asked);
      expect([...engine.endpointsOf(asked.id)]).toEqual(['pod:a/h']);
    }
    const none = selector('has(valueOf) || has(hasOwnProperty)');
    engine.register(none);
    expect([...engine.endpointsOf(none.id)]).toEqual([]);
  });

  test('a namespace or pod called like a property of objects is one like any other', () => {
    const engine = engineOf(
      namespace('constructor', { env: 'prod' }),
      pod('constructor/tostring', { labels: { app: 'web' }, ips: ['10.0.0.3'] }),
    );
    engine.register(WEB);
    expect([...engine.endpointsOf(WEB.id)]).toEqual(['pod:constructor/tostring']);
  });
});

test('an endpoint that stays as it was, while its pod is told again and again, keeps no earlier pod in memory', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const engine = engineOf();
  engine.register(WEB);
  const tell = (): WeakRef<Resource> => {
    const { resource } = readResource(pod('a/web', { labels: { app: 'web' }, ips: ['10.0.0.1'] }), {});
    if (resource === undefined) throw new Error('it can be read');
    engine.inventory.apply({ kind: 'put', resource });
    engine.flush();
    return new WeakRef(resource);
  };
  const told = [tell(), tell(), tell()];
  expect([...engine.endpointsOf(WEB.id)]).toEqual(['pod:a/web']);
  // What was made in a turn is kept for its length.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(told.map((one) => one.deref() !== undefined)).toEqual([false, false, true]);
});
