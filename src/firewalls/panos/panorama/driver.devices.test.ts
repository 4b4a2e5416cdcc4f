import { describe, expect, test } from 'vitest';
import type { PanOs, PanOsOptions, PanoramaOptions } from '../../../../simulators/panos/index.ts';
import { type Packet, fateOf } from '../../../../test/kit/ruleset-oracle.ts';
import { everyPacket } from '../../../../test/kit/universe.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { bring, clear, stepsOf } from '../../contract/harness.ts';
import { FULL, registeredOn } from '../lab.fixture.ts';
import {
  type Border,
  SERIALS,
  commitOn,
  connectToBorder,
  editGroup,
  foreignOnBorder,
  oursOnBorder,
  pushFrom,
  startBorder,
  writesOnBorder,
} from './lab.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';
import type { PanoramaDriver } from './driver.ts';

const { keep } = closedAfterEach();

async function border(options: PanoramaOptions = {}, firewallOptions: PanOsOptions = {}): Promise<Border> {
  return keep(await startBorder(options, firewallOptions));
}

function connect(at: Border, options: Parameters<typeof connectToBorder>[2] = {}): PanoramaDriver {
  return keep(connectToBorder(at, FULL, options));
}

const before = world(crowd(3, 'bank'));
const after = world({ ...crowd(2, 'bank'), '10.0.7.7': 'shop' }, [
  allowing('bank', '203.0.113.0/24', 8443),
  allowing('shop', '198.51.100.0/24', 80),
]);
const packets = everyPacket().filter(({ family, protocol }) => family === 4 && (protocol === 6 || protocol === 17));

function passes(
  device: PanOs,
  { source, destination, protocol, sourcePort = 1024, destinationPort = 0 }: Packet,
): boolean {
  const ports = { sourcePort, destinationPort, from: 'k8s', to: 'internet' };
  return device.passes({ source, destination, protocol: protocol === 6 ? 'tcp' : 'udp', ...ports }).verdict === 'pass';
}

/** Each of these firewalls, by its own rules, does with every packet what one of the rulesets says. */
function expectBetween(firewalls: readonly PanOs[], ...allowed: readonly Ruleset[]): void {
  for (const [at, firewall] of firewalls.entries())
    for (const packet of packets) {
      const passing = passes(firewall, packet);
      if (!allowed.some((one) => fateOf(one, packet).passes === passing))
        throw new Error(`firewall ${at} ${passing ? 'passes' : 'stops'} ${JSON.stringify(packet)}`);
    }
}

describe('two firewalls of a device group', () => {
  test('both say what the ruleset says, to every packet, and nothing else changes', async () => {
    const at = await border();
    const foreign = foreignOnBorder(at);
    await bring(connect(at), before);
    expectBetween(at.firewalls, before);
    await bring(connect(at), after);
    expectBetween(at.firewalls, after);
    expect(foreignOnBorder(at)).toBe(foreign);
    const writes = writesOnBorder(at);
    expect(await stepsOf(connect(at), after)).toEqual([]);
    expect(writesOnBorder(at)).toBe(writes);
  });
});

const signal = new AbortController().signal;
const unreachedBy = async (driver: PanoramaDriver): Promise<string> =>
  ((await driver.observe(signal)).unreached ?? []).join('\n');
/** Requests of a kind that were sent, to a firewall by its serial or to Panorama. */
const sent = ({ panorama }: Border, type: string, target?: string): number =>
  panorama.served.filter(({ parameters }) => parameters['type'] === type && parameters['target'] === target).length;

/** Both firewalls, the second of which is not kept for a while. */
async function twoFirewalls(): Promise<{ readonly at: Border; readonly first: PanOs; readonly second: PanOs }> {
  const at = await border();
  const [first, second] = at.firewalls;
  if (first === undefined || second === undefined) throw new Error('two firewalls were started');
  return { at, first, second };
}

describe('a firewall that is not connected', () => {
  test('is told, the other goes on, and it is filled before anything counts as confirmed', async () => {
    const { at, first, second } = await twoFirewalls();
    const driver = connect(at);
    await bring(driver, before);
    at.panorama.setConnected(SERIALS[1], false);
    await bring(driver, world(crowd(5, 'bank')));
    expectBetween([first], world(crowd(5, 'bank')));
    expectBetween([second], before);
    expect(await unreachedBy(driver)).toBe(
      'edge-2 (007951000000002) is not connected to Panorama, and keeps what it has',
    );
    const others = sent(at, 'user-id', SERIALS[0]);
    at.panorama.setConnected(SERIALS[1], true);
    const steps = await stepsOf(driver, world(crowd(5, 'bank')));
    expect(steps.map(({ title }) => title)).toEqual(['edge-2 (007951000000002): registered addresses catch up']);
    expect(await unreachedBy(driver)).toBe('');
    await bring(driver, world(crowd(5, 'bank')));
    expectBetween(at.firewalls, world(crowd(5, 'bank')));
    expect(sent(at, 'user-id', SERIALS[0])).toBe(others);
  });

  test('gets rules and members when it is back, in an order that opens nothing', async () => {
    const { at, first, second } = await twoFirewalls();
    const driver = connect(at);
    await bring(driver, before);
    at.panorama.setConnected(SERIALS[1], false);
    await bring(driver, after);
    expectBetween([first], after);
    at.panorama.setConnected(SERIALS[1], true);
    const steps = await stepsOf(connect(at), after);
    expect(steps.map(({ kind, urgent }) => `${kind}${urgent ? ' urgent' : ''}`)).toEqual([
      'Members urgent',
      'Rules',
      'Members',
    ]);
    for (const step of steps) {
      await driver.apply(step as Parameters<PanoramaDriver['apply']>[0], signal);
      expectBetween([second], before, after);
    }
    expectBetween(at.firewalls, after);
    expect(await stepsOf(connect(at), after)).toEqual([]);
  });

  test('that lost every registered address opens nothing, and gets its own back alone', async () => {
    const { at, first, second } = await twoFirewalls();
    const driver = connect(at);
    await bring(driver, before);
    const goal = oursOnBorder(at);
    second.clearRegistered();
    for (const packet of packets) if (passes(second, packet)) expect(fateOf(before, packet).passes).toBe(true);
    const others = sent(at, 'user-id', SERIALS[0]);
    await bring(driver, before);
    expect(oursOnBorder(at)).toBe(goal);
    expect(sent(at, 'user-id', SERIALS[0])).toBe(others);
    expectBetween([first, second], before);
  });

  test('where none is, nothing is known and nothing is written', async () => {
    const at = await border();
    const driver = connect(at);
    await bring(driver, before);
    for (const serial of SERIALS) at.panorama.setConnected(serial, false);
    const writes = writesOnBorder(at);
    await expect(driver.observe(signal)).rejects.toMatchObject({ code: 'DEVICE_UNREACHABLE' });
    expect(writesOnBorder(at)).toBe(writes);
  });
});

describe('a new firewall', () => {
  test("waits for its owner's first push, and is filled after it", async () => {
    const at = await border();
    const driver = connect(at);
    await bring(driver, before);
    const third = await at.add('007951000000003');
    editGroup(at.panorama, 'set', '', { element: '<description>one more</description>' });
    await commitOn(at.panorama);
    await bring(driver, world(crowd(4, 'bank')));
    expect(await unreachedBy(driver)).toContain('nothing was ever pushed to edge-3 (007951000000003)');
    expect(registeredOn(third, true)).toEqual([]);
    await pushFrom(at.panorama);
    for (const packet of packets)
      if (passes(third, packet)) expect(fateOf(world(crowd(4, 'bank')), packet).passes).toBe(true);
    expect(await stepsOf(driver, world(crowd(4, 'bank')))).not.toEqual([]);
    await bring(driver, world(crowd(4, 'bank')));
    expectBetween(at.firewalls, world(crowd(4, 'bank')));
    expect(await unreachedBy(driver)).toBe('');
  });
});

describe('pushes', () => {
  test('one that fails on one of two: the other has it, the words are told, and it is tried again after a while', async () => {
    const { at, first, second } = await twoFirewalls();
    const clock = new FakeClock();
    const driver = connect(at, { clock });
    await bring(driver, before);
    at.panorama.failNextPush(SERIALS[1], 'commit failed', 'out of memory');
    await bring(driver, after);
    expectBetween([first], after);
    expectBetween([second], before, after);
    expect(await unreachedBy(driver)).toMatch(/^edge-2 .* refuses what is pushed to it.*commit failed out of memory$/);
    // Members go on at the one that took it, and who leaves does so at both.
    const commits = sent(at, 'commit');
    await bring(driver, world({ '10.0.7.7': 'shop' }, [...after.classes.values()]));
    expect(sent(at, 'commit')).toBe(commits);
    expect(registeredOn(second, true).join()).not.toContain('10.0.0.1');
    clock.advance(30_000);
    await bring(driver, after);
    expectBetween(at.firewalls, after);
    expect(await unreachedBy(driver)).toBe('');
  });

  test('jobs are followed with their warnings, on Panorama and on each firewall, which are told once', async () => {
    const { at, second } = await twoFirewalls();
    const driver = connect(at);
    at.panorama.commitWarnings = ['rule r1 shadows r2'];
    second.commitWarnings = ['certificate expires'];
    await bring(driver, before);
    expect(driver.warnings()).toEqual(['rule r1 shadows r2', 'edge-2 (007951000000002): certificate expires']);
    expect(driver.warnings()).toEqual([]);
  });

  test('one that fails everywhere is an error with the words of all', async () => {
    const at = await border();
    const driver = connect(at);
    await bring(driver, before);
    for (const serial of SERIALS) at.panorama.failNextPush(serial, 'commit failed');
    await expect(bring(driver, after)).rejects.toThrow(/edge-1 .*commit failed; edge-2 .*commit failed/);
    expectBetween(at.firewalls, before, after);
    await bring(connect(at), after);
    expectBetween(at.firewalls, after);
  });

  test('a process that died between commit and push: the next one pushes without another commit', async () => {
    const at = await border();
    await bring(connect(at), before);
    at.panorama.faults.next({ kind: 'lost before' }, { matches: (given) => given.get('action') === 'all' });
    await expect(bring(connect(at), after)).rejects.toMatchObject({ code: 'DEVICE_UNREACHABLE' });
    expectBetween(at.firewalls, before, after);
    const commits = sent(at, 'commit');
    await bring(connect(at), after);
    expectBetween(at.firewalls, after);
    // One push, and a commit for what nothing names any more, with its push.
    expect(sent(at, 'commit') - commits).toBeLessThanOrEqual(3);
    expect(await stepsOf(connect(at), after)).toEqual([]);
  });

  test('what was committed and never pushed goes when nobody wants it any more', async () => {
    const at = await border();
    await bring(connect(at), before);
    const goal = oursOnBorder(at);
    at.panorama.faults.next({ kind: 'lost before' }, { matches: (given) => given.get('action') === 'all' });
    await expect(bring(connect(at), after)).rejects.toMatchObject({ code: 'DEVICE_UNREACHABLE' });
    await bring(connect(at), before);
    expect(oursOnBorder(at)).toBe(goal);
    await pushFrom(at.panorama);
    expectBetween(at.firewalls, before);
  });

  test('what others edit, and what they commit and do not push, is neither committed nor pushed', async () => {
    const at = await border();
    const edit = (name: string): void =>
      editGroup(at.panorama, 'set', `/address/entry[@name='${name}']`, {
        element: '<ip-netmask>192.0.2.9</ip-netmask>',
      });
    edit('committed');
    await commitOn(at.panorama);
    edit('draft');
    await bring(connect(at), before);
    expect(at.panorama.dump()).not.toContain('draft');
    expect(at.panorama.dumpCandidate()).toContain('draft');
    expect(foreignOnBorder(at).split('firewall 0')[1]).not.toContain('committed');
    expectBetween(at.firewalls, before);
  });
});

describe('leaving', () => {
  test('is not done as long as a firewall could not be left', async () => {
    const { at, second } = await twoFirewalls();
    const foreign = foreignOnBorder(at);
    const driver = connect(at);
    await bring(driver, before);
    at.panorama.setConnected(SERIALS[1], false);
    await expect(clear(driver)).rejects.toMatchObject({ code: 'DEVICE_UNREACHABLE' });
    expect(registeredOn(second, true)).not.toEqual([]);
    at.panorama.setConnected(SERIALS[1], true);
    await clear(driver);
    expect(oursOnBorder(at)).toBe('firewall 0\nfirewall 1');
    expect(foreignOnBorder(at)).toBe(foreign);
  });
});

test.each([0, 1, 3, 5, 8, 10])(
  'a firewall that goes away %i requests after the push makes nobody else wait, and is pushed to as soon as it is back',
  async (requests) => {
    // It takes a moment, so that the first question after it still finds it under way.
    const at = await border({ deviceLagMs: 40 });
    const driver = connect(at);
    const [first, second] = at.firewalls;
    if (first === undefined || second === undefined) throw new Error('two firewalls were started');
    await bring(driver, world(crowd(3, 'bank')));
    let left = Number.POSITIVE_INFINITY;
    const goes = (given: ReadonlyMap<string, string>): boolean => {
      if (given.get('action') === 'all' && left === Number.POSITIVE_INFINITY) left = requests;
      else if (left-- === 0) at.panorama.setConnected(second.serial, false);
      return false;
    };
    at.panorama.faults.next({ kind: 'slow', ms: 0 }, { matches: goes });
    const after = world(crowd(2, 'bank'), [allowing('bank', '203.0.113.0/24', 8443)]);
    // Conflicts alone are gone over: the others are read again at once.
    await bring(driver, after);
    expect(registeredOn(first, true)).toHaveLength(2);
    expect((await driver.observe(signal)).unreached).toEqual([expect.stringContaining('is not connected to Panorama')]);
    at.panorama.setConnected(second.serial, true);
    await bring(driver, after);
    expect((await driver.observe(signal)).unreached).toEqual([]);
    expect(registeredOn(second, true)).toHaveLength(2);
    const packet = {
      destination: '203.0.113.5',
      protocol: 'tcp',
      sourcePort: 1024,
      from: 'k8s',
      to: 'internet',
    } as const;
    const passes = (destinationPort: number): string =>
      second.passes({ ...packet, source: '10.0.0.1', destinationPort }).verdict;
    expect([passes(443), passes(8443)]).toEqual(['stop', 'pass']);
  },
);
