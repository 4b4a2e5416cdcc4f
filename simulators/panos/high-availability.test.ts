import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { told, vsys } from './client.fixture.ts';
import { PanOs, type PanOsOptions } from './index.ts';

async function pair(options: PanOsOptions = {}) {
  const clock = new FakeClock();
  const [one, other] = await PanOs.startPair({ zones: ['k8s'], clock, commitMs: 10, ...options });
  const set = (device: PanOs, name: string): void => {
    device.byHand({
      type: 'config',
      action: 'set',
      xpath: `${vsys}/address/entry[@name='${name}']`,
      element: '<ip-netmask>10.0.0.1</ip-netmask>',
    });
  };
  return {
    clock,
    one,
    other,
    set,
    commit: (device: PanOs): void => {
      device.byHand({ type: 'commit', cmd: '<commit/>' });
      clock.advance(10);
    },
    op: (device: PanOs, cmd: string): string => told(device.byHand({ type: 'op', cmd })),
    states: (): string => `${one.ha.state} ${other.ha.state}`,
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    },
  };
}

const STATE = '<show><high-availability><state/></high-availability></show>';
const SYNC =
  '<request><high-availability><sync-to-remote><running-config/></sync-to-remote></high-availability></request>';
const tag = (ip: string): Readonly<Record<string, string>> => ({
  type: 'user-id',
  cmd: `<uid-message><payload><register><entry ip="${ip}"><tag><member>web</member></tag></entry></register></payload></uid-message>`,
});

describe('a pair', () => {
  test('a commit on either is what both run', async () => {
    await using at = await pair();
    at.set(at.one, 'a');
    expect(at.other.dumpCandidate()).not.toContain('"a"');
    at.commit(at.one);
    expect(at.other.dump()).toBe(at.one.dump());
    at.set(at.other, 'b');
    at.commit(at.other);
    expect(at.one.dump()).toContain('"b"');
    expect(at.op(at.one, STATE)).toBe(
      'success: yes | Active-Passive | active | 007951000000001 | 127.0.0.1 | passive | 007951000000002 | up | synchronized | yes',
    );
    expect(at.op(at.other, STATE)).toContain('passive');
  });

  test('without its link each has its own, until it is asked to carry over', async () => {
    await using at = await pair();
    at.one.ha.link = false;
    at.set(at.one, 'a');
    at.commit(at.one);
    expect(at.other.dump()).not.toContain('"a"');
    expect(at.op(at.one, STATE)).toContain('not synchronized');
    expect(at.op(at.one, SYNC)).toBe('error 14: Failed to synchronize running configuration with HA peer');
    at.one.ha.link = true;
    at.set(at.other, 'x');
    at.other.byHand({ type: 'commit', cmd: '<commit/>' });
    expect(at.op(at.one, SYNC)).toBe('error 14: Another sync is in progress. Please try again later');
    at.clock.advance(10);
    expect(at.op(at.one, SYNC)).toContain('success');
    expect(at.other.dump()).toBe(at.one.dump());
  });

  test('fails over by hand, by suspension, by a restart; who comes back is passive', async () => {
    await using at = await pair();
    expect(at.states()).toBe('active passive');
    at.one.failOver();
    expect(at.states()).toBe('passive active');
    at.op(at.other, '<request><high-availability><state><suspend/></state></high-availability></request>');
    expect(at.states()).toBe('active suspended');
    at.op(at.other, '<request><high-availability><state><functional/></state></high-availability></request>');
    expect(at.states()).toBe('active passive');
    at.one.reboot(60_000);
    expect(at.states()).toBe('non-functional active');
    at.set(at.other, 'meanwhile');
    at.commit(at.other);
    expect(at.one.dump()).not.toContain('meanwhile');
    at.clock.advance(60_000);
    expect(at.states()).toBe('passive active');
  });

  test.each([
    [false, ''],
    [true, '10.0.0.1 web\n'],
  ])('registered addresses are shared: %s', async (haSharesRegistered, there) => {
    await using at = await pair({ quirks: { haSharesRegistered } });
    at.one.byHand(tag('10.0.0.1'));
    expect(at.other.dumpRegistered()).toBe(there);
    at.one.failOver();
    expect(at.one.dumpRegistered()).toBe('10.0.0.1 web\n');
    expect(at.other.dumpRegistered()).toBe(there);
  });

  test('one alone says so', async () => {
    await using device = await PanOs.start();
    expect(told(device.byHand({ type: 'op', cmd: STATE }))).toBe('success: no');
    expect(told(device.byHand({ type: 'op', cmd: SYNC }))).toContain('error 14');
  });
});
