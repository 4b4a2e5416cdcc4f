import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Border } from '../../../test/kit/border.ts';
import { type SmallRuleset, smallRuleset } from '../../../test/kit/small-ruleset.ts';
import { silentLog } from '../../base/log.ts';
import { NftablesDriver } from './driver.ts';

const signal = new AbortController().signal;
const TCP = 6;
const UDP = 17;
/** Several of the 10 ms pauses of a stream. */
const WINDOW_MS = 150;
/** What had arrived before a change has been counted after this, on a busy machine too. */
const SETTLED_MS = 300;

const ends = {
  4: { pod: '10.0.0.1', other: '10.0.0.2', server: '203.0.113.1', outside: '198.18.0.1', next: '198.18.0.2' },
  6: { pod: 'fd00::1', other: 'fd00::2', server: '2001:db8::1', outside: 'fd99:5::1', next: 'fd99:5::2' },
} as const;

describe('connections that lose their right', () => {
  let border: Border;
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
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await border.close();
  });
  beforeEach(async () => {
    await border.reset();
    driver = new NftablesDriver({ address: `netns:${border.firewall.name}`, directory, log: silentLog });
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
  const moment = (ms = SETTLED_MS): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  let keys = 0;
  /** A flow on which both ends keep sending. */
  const stream = async (
    kind: 'tcp' | 'udp',
    target: { from: string; to: string; port: number; silent?: boolean; asks?: boolean; localPort?: number },
  ): Promise<string> => {
    const key = `stream-${keys++}`;
    open.push(key);
    const opened = kind === 'tcp' ? await border.inside.openTcp(key, target) : await border.inside.openUdp(key, target);
    expect(opened.outcome).toBe('passed');
    return key;
  };
  /** Bytes that got through meanwhile: towards the pod, and from it to the server. */
  const movement = async (
    key: string,
    kind: 'tcp' | 'udp',
    port: number,
    seenAs: string,
  ): Promise<[number, number]> => {
    const sum = async (): Promise<number> => (await border.outside.arrived()).get(`${kind} ${port} ${seenAs}`) ?? 0;
    const before = [(await border.inside.stream(key)).received, await sum()] as const;
    await moment(WINDOW_MS);
    return [(await border.inside.stream(key)).received - before[0], (await sum()) - before[1]];
  };
  const moves = async (...of: Parameters<typeof movement>): Promise<boolean[]> =>
    (await movement(...of)).map((bytes) => bytes > 0);

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
        expect(await moves(tcpGoes, 'tcp', 80, seenAs)).toEqual([true, true]);
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
        await moment();
        expect(await moves(udpGoes, 'udp', 80, seenAs)).toEqual([false, false]);
        expect(await moves(tcpGoes, 'tcp', 80, seenAs)).toEqual([false, false]);
        expect((await border.inside.stream(tcpGoes)).state).not.toBe('open');
        expect(await moves(tcpStays, 'tcp', 443, seenAs)).toEqual([true, true]);
        expect(await moves(udpStays, 'udp', 443, seenAs)).toEqual([true, true]);
        expect((await border.inside.stream(tcpStays)).state).toBe('open');
        expect((await border.inside.tcp({ from: pod, to: server, port: 80 })).outcome).toBe('silence');
      });

      test('a peer that only pushes is stopped too', async () => {
        const members = { [pod]: 'web' };
        await bring({ policies: { web: [{ protocol: UDP }] }, members, ...translations });
        const pushed = await stream('udp', { from: pod, to: server, port: 80, silent: true });
        expect((await movement(pushed, 'udp', 80, seenAs))[0]).toBeGreaterThan(0);
        await bring({ policies: { web: [{ protocol: TCP }] }, members, ...translations });
        await moment();
        expect((await movement(pushed, 'udp', 80, seenAs))[0]).toBe(0);
      });

      test('a right that comes back revives a flow that kept its ports', async () => {
        const members = { [pod]: 'web' };
        const may = { policies: { web: [{ protocol: UDP }] }, members, ...translations };
        await bring(may);
        const flow = await stream('udp', { from: pod, to: server, port: 80 });
        await bring({ policies: { web: [{ protocol: TCP }] }, members, ...translations });
        await moment();
        expect(await moves(flow, 'udp', 80, seenAs)).toEqual([false, false]);
        await bring(may);
        await moment();
        expect(await moves(flow, 'udp', 80, seenAs)).toEqual([true, true]);
      });

      test('the next owner of an address may use the very ports of a flow that was cut', async () => {
        const policies = { web: [{ protocol: UDP }] };
        const may = { policies, members: { [pod]: 'web', [other]: 'web' }, ...translations };
        await bring(may);
        const flow = await stream('udp', { from: pod, to: server, port: 80 });
        await bring({ policies, members: { [other]: 'web' } });
        await moment();
        expect(await moves(flow, 'udp', 80, seenAs)).toEqual([false, false]);
        await bring(may);
        await moment();
        expect(await moves(flow, 'udp', 80, seenAs)).toEqual([true, true]);
      });

      test('an address that is given back is silent at once, and starts from nothing with its next owner', async () => {
        const policies = { web: [{}], job: [{ protocol: UDP }] };
        await bring({ policies, members: { [pod]: 'web', [other]: 'web' }, ...translations });
        const tcp = await stream('tcp', { from: pod, to: server, port: 80 });
        const udp = await stream('udp', { from: pod, to: server, port: 80 });
        const neighbour = await stream('tcp', { from: other, to: server, port: 80 });
        await bring({ policies, members: { [other]: 'web' } });
        await moment();
        expect(await moves(udp, 'udp', 80, seenAs)).toEqual([false, false]);
        expect(await moves(tcp, 'tcp', 80, seenAs)).toEqual([false, false]);
        expect((await border.inside.udp({ from: pod, to: server, port: 80 })).outcome).toBe('silence');
        expect((await movement(neighbour, 'tcp', 80, other))[0]).toBeGreaterThan(0);
        await bring({ policies, members: { [pod]: 'job', [other]: 'web' }, translations: { [pod]: next } });
        expect(await border.inside.udp({ from: pod, to: server, port: 80 })).toMatchObject({
          outcome: 'passed',
          source: next,
        });
        expect((await border.inside.tcp({ from: pod, to: server, port: 80 })).outcome).toBe('silence');
        expect((await border.inside.stream(neighbour)).state).toBe('open');
      });
    });

    test('a translation added under traffic: nothing leaves under the old address afterwards', async () => {
      const policies = { web: [{}] };
      const members = { [pod]: 'web', [other]: 'web' };
      await bring({ policies, members });
      const tcp = await stream('tcp', { from: pod, to: server, port: 80 });
      const udp = await stream('udp', { from: pod, to: server, port: 80, asks: true });
      const neighbour = await stream('tcp', { from: other, to: server, port: 80 });
      expect(await moves(udp, 'udp', 80, pod)).toEqual([true, true]);
      await bring({ policies, members, translations: { [pod]: outside } });
      await moment();
      expect((await border.inside.stream(tcp)).state).not.toBe('open');
      expect((await movement(tcp, 'tcp', 80, pod))[1]).toBe(0);
      expect((await movement(udp, 'udp', 80, pod))[1]).toBe(0);
      expect(await moves(udp, 'udp', 80, outside)).toEqual([true, true]);
      expect(await border.inside.tcp({ from: pod, to: server, port: 443 })).toMatchObject({
        outcome: 'passed',
        source: outside,
      });
      expect((await border.inside.stream(neighbour)).state).toBe('open');
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
      const early = border.inside.tcp({ from: pod, to: server, port: 80, timeoutMs: 3_000 });
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
      expect(await moves(tcp, 'tcp', 80, pod)).toEqual([true, true]);
      expect((await border.inside.tcp({ from: pod, to: server, port: 80 })).outcome).toBe('silence');
    });
  });
});
