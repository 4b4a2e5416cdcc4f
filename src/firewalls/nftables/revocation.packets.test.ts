import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Border } from '../../../test/kit/border.ts';
import { type SmallRuleset, smallRuleset } from '../../../test/kit/small-ruleset.ts';
import { patientClock } from '../../../test/kit/patient-clock.ts';
import { fromNowOn, type Seen, Sniffer } from '../../../test/packets/sniffer.ts';
import { settle } from '../../../test/packets/trials.ts';
import { silentLog } from '../../base/log.ts';
import { NftablesDriver } from './driver.ts';

const signal = new AbortController().signal;
const TCP = 6;
const UDP = 17;
/** How often each end of a stream has had occasion to send before it counts as still. */
const BEATS = 20;
const PROTOCOLS = { tcp: TCP, udp: UDP } as const;

interface Stream {
  readonly key: string;
  readonly transport: 'tcp' | 'udp';
  readonly port: number;
  readonly localPort: number;
}

const ends = {
  4: { pod: '10.0.0.1', other: '10.0.0.2', server: '203.0.113.1', outside: '198.18.0.1', next: '198.18.0.2' },
  6: { pod: 'fd00::1', other: 'fd00::2', server: '2001:db8::1', outside: 'fd99:5::1', next: 'fd99:5::2' },
} as const;

describe('connections that lose their right', () => {
  let border: Border;
  let sniffers: { readonly inside: Sniffer; readonly outside: Sniffer };
  let directory: string;
  let driver: NftablesDriver;
  let open: string[];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-revocation-'));
    border = await Border.open(
      {
        pods: [ends[4].pod, ends[4].other, ends[6].pod, ends[6].other],
        podNets: ['10.0.0.0/16', 'fd00::/64'],
        outside: [ends[4].server, ends[6].server],
        translated: ['198.18.0.0/24', 'fd99:5::/64'],
      },
      [80, 443],
    );
    sniffers = {
      inside: await Sniffer.open(border.inside.namespace, 'pod0'),
      outside: await Sniffer.open(border.outside.namespace, 'out0'),
    };
  });
  afterAll(async () => {
    for (const sniffer of Object.values(sniffers)) sniffer.stop();
    rmSync(directory, { recursive: true, force: true });
    await border.close();
  });
  beforeEach(async () => {
    await border.reset();
    driver = new NftablesDriver({
      address: `netns:${border.firewall.name}`,
      directory,
      log: silentLog,
      clock: patientClock,
    });
    open = [];
  });
  afterEach(async () => {
    for (const key of open) await border.inside.close(key);
  });

  const bring = async (small: SmallRuleset): Promise<void> => {
    const wanted = driver.translate(smallRuleset(small), { owns: undefined });
    for (let round = 0; round < 5; round++) {
      const steps = driver.steps(await driver.observe(signal), wanted);
      if (steps.length === 0) return;
      for (const step of steps) await driver.apply(step, signal);
    }
    throw new Error('there is always something to do');
  };
  let keys = 0;
  /** A flow on which both ends keep sending. */
  const stream = async (
    transport: 'tcp' | 'udp',
    target: { from: string; to: string; port: number; silent?: boolean; says?: '?' },
  ): Promise<Stream> => {
    const key = `stream-${keys++}`;
    open.push(key);
    const { inside } = border;
    const { localPort } = await (transport === 'tcp' ? inside.openTcp(key, target) : inside.openUdp(key, target));
    if (localPort === undefined) throw new Error(`${transport} ${target.from} -> ${target.to} did not open`);
    return { key, transport, port: target.port, localPort };
  };
  /**
   * What the border lets through of a flow from now on, by the time that the kernel gave it behind the border: towards the pod, and from
   * it to the server under this source. Resets may be the border's own.
   */
  const moves = async ({ transport, port, localPort }: Stream, seenAs: string): Promise<[boolean, boolean]> => {
    const since = fromNowOn();
    await Promise.all([border.inside.beats(BEATS), border.outside.beats(BEATS)]);
    for (const [side, sniffer] of Object.entries(sniffers))
      await settle(border, sniffer, side as keyof typeof sniffers);
    const passed = (packets: readonly Seen[], from: number, to: number, source?: string): boolean =>
      packets.some(
        (each) =>
          each.at >= since &&
          each.isReset !== true &&
          each.protocol === PROTOCOLS[transport] &&
          each.sourcePort === from &&
          each.destinationPort === to &&
          (source === undefined || each.source === source),
      );
    return [
      passed(sniffers.inside.packets, port, localPort),
      passed(sniffers.outside.packets, localPort, port, seenAs),
    ];
  };
  const stateOf = async ({ key }: Stream): Promise<string> => (await border.inside.stream(key)).state;

  describe.each([4, 6] as const)('IPv%i', (family) => {
    const { pod, other, server, outside, next } = ends[family];

    describe.each([
      ['without translation', undefined],
      ['with translation', outside],
    ])('%s', (_, translation) => {
      const translations = translation === undefined ? {} : { translations: { [pod]: translation } };
      const seenAs = translation ?? pod;

      test('a narrowed policy ends exactly what it no longer allows, in both directions', async () => {
        const members = { [pod]: 'web' };
        const wide = [
          { port: 80, protocol: TCP },
          { port: 443, protocol: TCP },
          { port: 80, protocol: UDP },
          { port: 443, protocol: UDP },
        ];
        await bring({ policies: { web: wide }, members, ...translations });
        const [tcpGoes, tcpStays] = [
          await stream('tcp', { from: pod, to: server, port: 80 }),
          await stream('tcp', { from: pod, to: server, port: 443 }),
        ];
        const [udpGoes, udpStays] = [
          await stream('udp', { from: pod, to: server, port: 80 }),
          await stream('udp', { from: pod, to: server, port: 443 }),
        ];
        expect(await moves(tcpGoes, seenAs)).toEqual([true, true]);
        await bring({
          policies: {
            web: [
              { port: 443, protocol: TCP },
              { port: 443, protocol: UDP },
            ],
          },
          members,
          ...translations,
        });
        expect(await moves(udpGoes, seenAs)).toEqual([false, false]);
        expect(await moves(tcpGoes, seenAs)).toEqual([false, false]);
        expect(await stateOf(tcpGoes)).not.toBe('open');
        expect(await moves(tcpStays, seenAs)).toEqual([true, true]);
        expect(await moves(udpStays, seenAs)).toEqual([true, true]);
        expect(await stateOf(tcpStays)).toBe('open');
        expect((await border.inside.tcp({ from: pod, to: server, port: 80 })).outcome).toBe('silence');
      });

      test('a peer that only pushes is stopped too', async () => {
        const members = { [pod]: 'web' };
        await bring({ policies: { web: [{ protocol: UDP }] }, members, ...translations });
        const pushed = await stream('udp', { from: pod, to: server, port: 80, silent: true });
        expect((await moves(pushed, seenAs))[0]).toBe(true);
        await bring({ policies: { web: [{ protocol: TCP }] }, members, ...translations });
        expect((await moves(pushed, seenAs))[0]).toBe(false);
      });

      test('a right that comes back revives a flow that kept its ports', async () => {
        const members = { [pod]: 'web' };
        const may = { policies: { web: [{ protocol: UDP }] }, members, ...translations };
        await bring(may);
        const flow = await stream('udp', { from: pod, to: server, port: 80 });
        await bring({ policies: { web: [{ protocol: TCP }] }, members, ...translations });
        expect(await moves(flow, seenAs)).toEqual([false, false]);
        await bring(may);
        expect(await moves(flow, seenAs)).toEqual([true, true]);
      });

      test('the next owner of an address may use the very ports of a flow that was cut', async () => {
        const policies = { web: [{ protocol: UDP }] };
        const may = { policies, members: { [pod]: 'web', [other]: 'web' }, ...translations };
        await bring(may);
        const flow = await stream('udp', { from: pod, to: server, port: 80 });
        await bring({ policies, members: { [other]: 'web' } });
        expect(await moves(flow, seenAs)).toEqual([false, false]);
        await bring(may);
        expect(await moves(flow, seenAs)).toEqual([true, true]);
      });

      test('an address that is given back is silent at once, and starts from nothing with its next owner', async () => {
        const policies = { web: [{}], job: [{ protocol: UDP }] };
        await bring({ policies, members: { [pod]: 'web', [other]: 'web' }, ...translations });
        const tcp = await stream('tcp', { from: pod, to: server, port: 80 });
        const udp = await stream('udp', { from: pod, to: server, port: 80 });
        const neighbour = await stream('tcp', { from: other, to: server, port: 80 });
        await bring({ policies, members: { [other]: 'web' } });
        expect(await moves(udp, seenAs)).toEqual([false, false]);
        expect(await moves(tcp, seenAs)).toEqual([false, false]);
        expect((await border.inside.udp({ from: pod, to: server, port: 80 })).outcome).toBe('silence');
        expect((await moves(neighbour, other))[0]).toBe(true);
        await bring({ policies, members: { [pod]: 'job', [other]: 'web' }, translations: { [pod]: next } });
        expect(await border.inside.udp({ from: pod, to: server, port: 80 })).toMatchObject({
          outcome: 'passed',
          source: next,
        });
        expect((await border.inside.tcp({ from: pod, to: server, port: 80 })).outcome).toBe('silence');
        expect(await stateOf(neighbour)).toBe('open');
      });
    });

    test('a translation added under traffic: nothing leaves under the old address afterwards', async () => {
      const policies = { web: [{}] };
      const members = { [pod]: 'web', [other]: 'web' };
      await bring({ policies, members });
      const tcp = await stream('tcp', { from: pod, to: server, port: 80 });
      const udp = await stream('udp', { from: pod, to: server, port: 80, says: '?' });
      const neighbour = await stream('tcp', { from: other, to: server, port: 80 });
      expect(await moves(udp, pod)).toEqual([true, true]);
      await bring({ policies, members, translations: { [pod]: outside } });
      expect((await moves(tcp, pod))[1]).toBe(false);
      expect((await moves(udp, pod))[1]).toBe(false);
      expect(await stateOf(tcp)).not.toBe('open');
      expect(await moves(udp, outside)).toEqual([true, true]);
      expect(await border.inside.tcp({ from: pod, to: server, port: 443 })).toMatchObject({
        outcome: 'passed',
        source: outside,
      });
      expect(await stateOf(neighbour)).toBe('open');
    });

    test('many senders, several addresses: each leaves as what was chosen for it', async () => {
      await bring({
        policies: { web: [{}] },
        members: { [pod]: 'web', [other]: 'web' },
        translations: { [pod]: outside, [other]: next },
      });
      for (const [from, source] of [
        [pod, outside],
        [other, next],
      ] as const) {
        expect(await border.inside.tcp({ from, to: server, port: 80 })).toMatchObject({ outcome: 'passed', source });
        expect(await border.inside.udp({ from, to: server, port: 80 })).toMatchObject({ outcome: 'passed', source });
        expect(await border.inside.ping({ from, to: server })).toBe(true);
      }
      await bring({
        policies: { web: [{}] },
        members: { [pod]: 'web', [other]: 'web' },
        translations: { [pod]: outside, [other]: outside },
      });
      for (const from of [pod, other])
        expect(await border.inside.tcp({ from, to: server, port: 80, localPort: 50_000 })).toMatchObject({
          outcome: 'passed',
          source: outside,
        });
    });

    test('a pod that sends before its address is known is held, and passes once it is', async () => {
      await bring({ policies: { web: [{}] }, members: { [other]: 'web' } });
      expect((await border.inside.tcp({ from: pod, to: server, port: 80 })).outcome).toBe('silence');
      const early = border.inside.tcp({ from: pod, to: server, port: 80, timeoutMs: 60_000 });
      await bring({
        policies: { web: [{}] },
        members: { [pod]: 'web', [other]: 'web' },
        translations: { [pod]: outside },
      });
      expect(await early).toMatchObject({ outcome: 'passed', source: outside });
    });

    test('connections that a change would take the right from are counted before it', async () => {
      const before = { policies: { web: [{}] }, members: { [pod]: 'web', [other]: 'web' } };
      await bring(before);
      await stream('tcp', { from: pod, to: server, port: 80 });
      await stream('udp', { from: pod, to: server, port: 443 });
      await stream('tcp', { from: other, to: server, port: 80 });
      const lost = async (small: SmallRuleset): Promise<number> => {
        const wanted = driver.translate(smallRuleset(small), { owns: undefined });
        return await driver.outlawed(await driver.observe(signal), wanted, signal);
      };
      expect(await lost(before)).toBe(0);
      expect(await lost({ ...before, policies: { web: [{ port: 80, protocol: TCP }] } })).toBe(1);
      // An address that is given back, and one that leaves as another.
      expect(await lost({ ...before, members: { [other]: 'web' } })).toBe(2);
      expect(await lost({ ...before, translations: { [other]: outside } })).toBe(1);
      expect(await lost({ ...before, policies: { web: [] } })).toBe(3);
    });

    test('established: Keep leaves connections alone', async () => {
      await bring({ policies: { web: [{}] }, members: { [pod]: 'web' }, established: 'Keep' });
      const tcp = await stream('tcp', { from: pod, to: server, port: 80 });
      await bring({
        policies: { web: [{ port: 443, protocol: TCP }] },
        members: { [pod]: 'web' },
        established: 'Keep',
      });
      expect(await moves(tcp, pod)).toEqual([true, true]);
      expect((await border.inside.tcp({ from: pod, to: server, port: 80 })).outcome).toBe('silence');
    });
  });
});
