import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FortiGate } from '../../../simulators/fortigate/index.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { everyPacket } from '../../../test/kit/universe.ts';
import { type Evaluation, evaluate } from '../../border/evaluate.ts';
import { packetOf } from '../../engine/packet.ts';
import { type AnyDriver, bring, translationOf } from '../contract/harness.ts';

const signal = new AbortController().signal;

// Names that policies of others may use, of both families, each what it stands for in `configure`.
const PLAIN = ['net-0', 'net-1', 'range-0', 'range-1', 'nested', 'but', 'all', 'none'];
const UNKNOWABLE = ['domain', 'hollow', 'with-domain'];
const SERVICES = ['web', 'names', 'both', 'pings', 'gre', 'ALL', 'ALL_TCP', 'from-low'];

interface Theirs {
  readonly six: boolean;
  readonly srcaddr: readonly string[];
  readonly dstaddr: readonly string[];
  readonly service: readonly string[];
  readonly notFrom: boolean;
  readonly notTo: boolean;
  readonly notService: boolean;
  readonly isOn: boolean;
  readonly accept: boolean;
  readonly from: string;
  readonly to: string;
  /** How deep in our block it stands; absent: where `isBefore` says. */
  readonly among: number | undefined;
  readonly isBefore: boolean;
  readonly more: object;
}

const rarely = fc.constantFrom(false, false, false, true);

/** A policy of others; `isPlain`: of what can be worked out alone. */
function theirs(isPlain: boolean): fc.Arbitrary<Theirs> {
  const some = fc.subarray(isPlain ? PLAIN : [...PLAIN, ...UNKNOWABLE], { minLength: 1, maxLength: 2 });
  const names = fc.oneof(fc.constant(['all']), some);
  const more = isPlain
    ? [{}]
    : [
        {},
        {},
        { groups: [{ name: 'staff' }] },
        { users: [{ name: 'anna' }] },
        { schedule: 'nights' },
        { 'internet-service': 'enable', 'internet-service-name': [{ name: 'Mail' }] },
      ];
  return (
    fc
      .record({
        six: fc.boolean(),
        srcaddr: names,
        dstaddr: names,
        service: fc.oneof(fc.constant(['ALL']), fc.subarray(SERVICES, { minLength: 1, maxLength: 2 })),
        notFrom: rarely,
        notTo: rarely,
        notService: rarely,
        isOn: fc.constantFrom(true, true, true, false),
        accept: fc.boolean(),
        from: fc.constantFrom('any', 'port2', 'port2', 'inside', 'port4'),
        to: fc.constantFrom('any', 'port1', 'port1', 'port4'),
        among: fc.option(fc.nat(6), { nil: undefined }),
        isBefore: fc.boolean(),
        more: fc.constantFrom<object>(...more),
      })
      // Whether a negation is for IPv6 too is not proven.
      .map((one) => (isPlain && one.six ? { ...one, notFrom: false, notTo: false } : one))
  );
}

const named = (names: readonly string[]): object[] => names.map((name) => ({ name }));
const on = (is: boolean): string => (is ? 'enable' : 'disable');

const ANCHOR: Theirs = {
  six: false,
  srcaddr: ['none'],
  dstaddr: ['none'],
  service: ['web'],
  notFrom: false,
  notTo: false,
  notService: false,
  isOn: true,
  accept: false,
  from: 'any',
  to: 'any',
  among: undefined,
  isBefore: false,
  more: {},
};

/** Nobody knows whether it is for a flow. It leaves what is dropped otherwise open. */
const STAFF: Theirs = {
  ...ANCHOR,
  srcaddr: ['all'],
  dstaddr: ['range-0'],
  service: ['ALL'],
  accept: true,
  isBefore: true,
  more: { groups: [{ name: 'staff' }] },
};

/** Decides some flows of each plain world, whatever else chance puts there. */
const CLOSED_PORTS: Theirs = { ...ANCHOR, srcaddr: ['all'], dstaddr: ['range-0'], isBefore: true };

/** What the names above stand for. */
function configure({ hand }: FortiGate): void {
  hand.settings('system/settings', { 'central-nat': 'enable' });
  hand.create('system/zone', { name: 'inside', interface: [{ 'interface-name': 'port3' }] });
  hand.create('firewall.schedule/recurring', { name: 'nights', day: 'monday' });
  for (const [suffix, nets, ranges] of [
    ['', ['203.0.113.0/24', '10.0.0.0/30'], ['198.51.100.1-198.51.100.200', '10.0.0.3-10.0.0.200']],
    ['6', ['2001:db8::/32', 'fd00::/126'], ['2001:db8::1-2001:db8::9', 'fd00::2-fd00::200']],
  ] as const) {
    for (const [at, net] of nets.entries())
      hand.create(`firewall/address${suffix}`, {
        name: `net-${at}`,
        ...(suffix === '' ? { subnet: net } : { type: 'ipprefix', ip6: net }),
      });
    for (const [at, range] of ranges.entries()) {
      const [first = '', last = ''] = range.split('-');
      hand.create(`firewall/address${suffix}`, {
        name: `range-${at}`,
        type: 'iprange',
        'start-ip': first,
        'end-ip': last,
      });
    }
    hand.create(`firewall/address${suffix}`, { name: 'domain', type: 'fqdn', fqdn: 'bank.example' });
    const groups = [
      ['inner', { member: named(['net-0', 'range-1']) }],
      ['nested', { member: named(['inner', 'none']) }],
      ['but', { member: named(['all']), exclude: 'enable', 'exclude-member': named(['nested']) }],
      ['with-domain', { member: named(['net-1', 'domain']) }],
      ['hollow', { member: [] }],
    ] as const;
    for (const [name, body] of groups) hand.create(`firewall/addrgrp${suffix}`, { name, ...body });
  }
  const services = [
    { name: 'web', 'tcp-portrange': '80 443' },
    { name: 'names', 'tcp-portrange': '53', 'udp-portrange': '53 8000-8080' },
    { name: 'pings', protocol: 'ICMP', icmptype: '8' },
    { name: 'gre', protocol: 'IP', 'protocol-number': 47 },
    { name: 'from-low', 'tcp-portrange': '1-65535:1-1023' },
  ];
  for (const service of services) hand.create('firewall.service/custom', service);
  hand.create('firewall.service/group', { name: 'both', member: named(['pings', 'web']) });
  // Next to which our block stands.
  policy(hand, 'anchor', ANCHOR);
}

function policy(hand: FortiGate['hand'], name: string, one: Theirs): string {
  const isSet = 'internet-service' in one.more;
  const suffix = one.six ? '6' : '';
  return hand.create('firewall/policy', {
    name,
    srcintf: named([one.from]),
    dstintf: named([one.to]),
    [`srcaddr${suffix}`]: named(one.srcaddr),
    ...(isSet ? {} : { [`dstaddr${suffix}`]: named(one.dstaddr), service: named(one.service) }),
    'srcaddr-negate': on(one.notFrom),
    'dstaddr-negate': on(!isSet && one.notTo),
    'service-negate': on(!isSet && one.notService),
    status: on(one.isOn),
    schedule: 'always',
    action: one.accept ? 'accept' : 'deny',
    ...one.more,
  });
}

/** Puts policies of others before, among and after ours. */
function place(simulated: SimulatedDevice, policies: readonly Theirs[]): readonly string[] {
  const { hand } = simulated.device;
  const ours = simulated.keysOfOurs('firewall/policy');
  return policies.map((one, at) => {
    const key = policy(hand, `theirs-${at}`, one);
    const beside = ours[(one.among ?? 0) % Math.max(1, ours.length)];
    if (one.among !== undefined && beside !== undefined) hand.move('firewall/policy', key, 'after', beside);
    else if (one.isBefore) hand.move('firewall/policy', key, 'before', hand.keys('firewall/policy')[0] ?? '');
    return key;
  });
}

/** Asked by the device's own configuration, with code that shares nothing with the driver. */
test.each([
  ['plain policies', true, 'Full'],
  ['plain policies', true, 'Filter'],
  ['policies with parts that nobody can know', false, 'Full'],
] as const)(
  'of %s around ours nothing is told as sure that is not so, and plain ones are sure (%s, form %s)',
  async (_title, isPlain, form) => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    const { device } = simulated;
    configure(device);
    const options = {
      zones: { from: ['port2'], to: ['port1'] },
      position: { before: 'anchor' },
      form,
      ...(form === 'Full' ? { securityProfile: 'none', log: 'All' } : {}),
    };
    const seen = { sure: 0, unknown: 0, byOthers: 0 };
    await fc.assert(
      fc.asyncProperty(
        rulesets({ addressGroups: false, translations: false }),
        fc.array(theirs(isPlain), { minLength: 2, maxLength: 9 }),
        async (ruleset, policies) => {
          const driver: AnyDriver = simulated.connect(options);
          fc.pre((await translationOf(driver, ruleset)).refusals.length === 0);
          await bring(driver, ruleset);
          const placed = place(simulated, [...policies, isPlain ? CLOSED_PORTS : STAFF]);
          const ours = new Set(simulated.keysOfOurs('firewall/policy'));
          try {
            const passages = await driver.passages?.(signal);
            if (passages === undefined) throw new Error('the driver answers no questions about flows');
            for (const packet of everyPacket()) {
              const { source, destination, protocol, sourcePort, destinationPort, ...rest } = packet;
              const ports = { sport: sourcePort, dport: destinationPort, ...rest };
              const given = Object.entries(ports).filter(([field, value]) => field !== 'family' && value !== undefined);
              const flow = packetOf({
                src: source,
                dst: destination,
                proto: protocol,
                ...Object.fromEntries(given),
              });
              const answer = passages.of(flow, evaluate(ruleset, flow));
              const passage = device.wouldPass({ ...packet, from: 'port2', to: 'port1' });
              const what = JSON.stringify({ packet, passage, answer });
              if (answer.outcome !== 'unknown') {
                seen.sure++;
                expect(answer.outcome === 'passes', what).toBe(passage.verdict === 'accept');
              } else seen.unknown++;
              if (!isPlain) continue;
              // A plain world has one decider, and it is the policy that the device names.
              expect(answer.deciders.length, what).toBe(1);
              const [decider] = answer.deciders;
              const isOurs = ours.has(String(passage.policy));
              const by = passage.policy === 0 ? 'end' : isOurs ? 'ours' : 'rule';
              expect(decider?.by, what).toBe(by);
              if (by === 'rule') expect(decider?.rule?.where, what).toContain(`firewall/policy ${passage.policy} `);
              if (by === 'rule') seen.byOthers++;
            }
          } finally {
            for (const key of placed) device.hand.delete('firewall/policy', key);
          }
        },
      ),
      { ...tries(6, 4), endOnFailure: true },
    );
    expect(seen.sure).toBeGreaterThan(0);
    if (isPlain) expect(seen).toMatchObject({ unknown: 0 });
    else expect(seen.unknown).toBeGreaterThan(0);
    if (isPlain) expect(seen.byOthers).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);

test('what stands before all policies, and a device that has no place for ours', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { hand } = simulated.device;
  configure(simulated.device);
  policy(hand, 'rest', { ...ANCHOR, srcaddr: ['all'], dstaddr: ['all'], service: ['ALL'], accept: true });
  const flow = packetOf({ src: '10.0.0.1', dst: '203.0.113.7', proto: 'tcp', dport: 443 });
  const unselected: Evaluation = {
    passes: true,
    reason: 'unselected',
    logged: [],
    seenSource: '10.0.0.1',
    leavesAs: '10.0.0.1',
  };
  const denied: Evaluation = { ...unselected, passes: false, reason: 'end' };
  const asked = async (evaluation: Evaluation): Promise<string> => {
    const { outcome, deciders } = await simulated
      .connect()
      .passages(signal)
      .then((passages) => passages.of(flow, evaluation));
    return `${outcome}: ${deciders.map(({ by, because }) => [by, ...because].join(' ')).join('; ')}`;
  };
  expect(await asked(unselected)).toBe('passes: rule');
  expect(await asked(denied)).toBe('unknown: ours nobody says where rules of ours stand on this device; rule');

  hand.create('firewall/vip', {
    name: 'shop',
    extip: '203.0.113.1-203.0.113.9',
    extintf: 'any',
    mappedip: [{ range: '10.0.0.1-10.0.0.9' }],
  });
  expect(await asked(unselected)).toBe('unknown: device its destination is the virtual address "shop" (firewall/vip)');
  hand.set('firewall/vip', 'shop', { status: 'disable' });
  expect(await asked(unselected)).toBe('passes: rule');

  hand.settings('system/settings', { 'ngfw-mode': 'policy-based' });
  expect(await asked(unselected)).toBe('unknown: device the VDOM is in another mode (`ngfw-mode`: policy-based)');
  hand.settings('system/settings', { 'ngfw-mode': 'profile-based' });
  hand.set('system/interface', 'port1', { ip: '203.0.113.7 255.255.255.0' });
  expect(await asked(unselected)).toBe('unknown: device its destination is an address of the device (port1)');

  hand.set('system/interface', 'port1', { ip: '203.0.113.254 255.255.255.0' });
  expect(await asked(unselected)).toBe('passes: rule');
  simulated.device.faults.next({ kind: 'page', status: 403 }, { url: '/cmdb/system/interface' }, 2);
  expect(await asked(unselected)).toBe(
    'unknown: device whether its destination is an address of the device is not known: no right to read system/interface',
  );
  simulated.device.faults.clear();
  const passages = await simulated.connect().passages(signal);
  const to = (dst: string) =>
    packetOf({ src: dst.includes(':') ? 'fd00::1' : '10.0.0.1', dst, proto: 'udp', dport: 5353 });
  for (const dst of ['239.1.2.3', '255.255.255.255', 'ff05::2'])
    expect(passages.of(to(dst), unselected).outcome, dst).toBe('unknown');

  hand.set('system/zone', 'inside', { intrazone: 'allow' });
  expect(await asked(unselected)).toBe(
    'unknown: device it may stay within the zone inside, which says by itself what becomes of such flows',
  );
});
