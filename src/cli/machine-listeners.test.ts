import { expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { freePort } from '../../test/kit/free-port.ts';
import type { Log } from '../base/log.ts';
import { listenersWish, MachineListeners } from './machine-listeners.ts';

const host = '127.0.0.1';
const asked = async (port: number, path: string): Promise<string> => {
  try {
    return await (await fetch(`http://${host}:${port}${path}`)).text();
  } catch {
    return 'nobody\n';
  }
};

test('probes and queries of a firewall machine follow its configuration; a place that cannot be had is told once', async () => {
  const [probes, queries, later] = [await freePort(), await freePort(), await freePort()];
  const logged: string[] = [];
  const at =
    (level: string) =>
    (fields: object): void =>
      void logged.push(`${level} ${JSON.stringify(fields)}`);
  const log: Log = { debug() {}, info: at('info'), warn: at('warn'), error: at('error') };
  type Wish = ReturnType<ConstructorParameters<typeof MachineListeners>[0]['wish']>;
  const elsewhere = '192.0.2.1';
  let wish: Wish = {
    probes: { host: elsewhere, port: later },
    queries: { host: elsewhere, port: later, tls: undefined },
  };
  const clock = new FakeClock();
  const listeners = new MachineListeners({
    wish: () => wish,
    probed: {
      ready: () => ({ ready: true, plain: 'ok' }),
      metrics: () => Promise.resolve('sallyport_up 1\n'),
      standing: () => 'ok',
    },
    clock,
    log,
  });
  const stop = new AbortController();
  const done = listeners.run(stop.signal);
  const eventually = (port: number, path: string, text: string): Promise<void> =>
    expect
      .poll(
        async () => {
          clock.advance(1_000);
          return asked(port, path);
        },
        { timeout: 20_000 },
      )
      .toBe(text);
  // That it can listen nowhere yet is no reason to end.
  await expect
    .poll(() => logged)
    .toEqual([expect.stringMatching(/^error .*LISTEN_FAILED.*"listener":"probes".*192\.0\.2\.1/)]);
  wish = { probes: { host, port: probes }, queries: undefined };
  await eventually(probes, '/readyz', 'ok\n');
  logged.splice(0);

  wish = { probes: { host, port: probes }, queries: { host, port: queries, tls: undefined } };
  await eventually(queries, '/metrics', 'sallyport_up 1\n');
  // The queries of a firewall machine are for itself alone.
  wish = { probes: { host, port: probes }, queries: { host: '0.0.0.0', port: queries, tls: undefined } };
  await eventually(queries, '/metrics', 'nobody\n');

  // At every address the machine itself may ask all, which alone reaches them by loopback.
  wish = { probes: { host: '::', port: probes }, queries: undefined };
  await eventually(probes, '/metrics', 'sallyport_up 1\n');

  wish = { probes: { host: elsewhere, port: later }, queries: undefined };
  let looks = 0;
  await expect
    .poll(async () => {
      clock.advance(1_000);
      looks += 1;
      return asked(probes, '/readyz');
    })
    .toSatisfy((text) => text === 'ok\n' && looks > 10);
  expect(logged).toEqual([expect.stringMatching(/^error .*LISTEN_FAILED.*"listener":"probes".*192\.0\.2\.1/)]);
  expect(await asked(probes, '/readyz')).toBe('ok\n');

  wish = { probes: { host, port: later }, queries: undefined };
  await eventually(later, '/readyz', 'ok\n');
  expect(await asked(probes, '/readyz')).toBe('nobody\n');
  expect(logged.at(-1)).toMatch(/^info .*"listener":"probes"/);
  stop.abort();
  await done;
  await listeners.close();
  expect(await asked(later, '/readyz')).toBe('nobody\n');
});

test.each([
  ['nothing is said', {}, {}, undefined],
  ['started as today’s controller', { asToday: true }, {}, ':: 8080'],
  ['a flag says where', { asToday: true, metricsAddr: '127.0.0.1:9000' }, {}, '127.0.0.1 9000'],
  ['the flag of somebody who gives an address of IPv6', { metricsAddr: '[::1]:9000' }, {}, '::1 9000'],
  ['a flag says nowhere', { asToday: true, metricsAddr: '0' }, {}, undefined],
  [
    'the configuration says where',
    { asToday: true, metricsAddr: ':9000' },
    { probes: { host, port: 7000 } },
    '127.0.0.1 7000',
  ],
  ['queries may have their port', { asToday: true }, { queries: { host, port: 8080, tls: undefined } }, undefined],
  [
    'a flag counts beside queries',
    { asToday: true, metricsAddr: ':9000' },
    { queries: { host, port: 8080, tls: undefined } },
    ':: 9000',
  ],
])('probes are served where they are to be: %s', (_, options, configured, place) => {
  const { probes } = listenersWish(options)({ probes: undefined, queries: undefined, ...configured });
  expect(probes && `${probes.host} ${probes.port}`).toBe(place);
});

test('a flag that is no address is refused', () => {
  for (const metricsAddr of ['9000', 'host:99999', ':x'])
    expect(() => listenersWish({ metricsAddr })).toThrow('is no address');
});
