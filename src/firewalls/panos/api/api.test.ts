import { afterEach, describe, expect, test } from 'vitest';
import { PanOs, type PanOsOptions } from '../../../../simulators/panos/index.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { systemClock } from '../../../base/clock.ts';
import { DeviceApi } from '../../https/device-api.ts';
import { PanosApi, command } from './api.ts';
import { isNoSuchNode } from './errors.ts';
import { readCapacity, readIdentity } from './identity.ts';
import { followJob, jobOf } from './jobs.ts';
import { ConfigLock } from './locks.ts';
import { Login } from './login.ts';
import { countRegistered, messages, readRegistered, readTagsOf, sendMessage } from '../members/registered.ts';
import { objectPath, rulesPath, scopePath } from './scope.ts';
import { element, members } from './xml.ts';

const signal = new AbortController().signal;
const free = (): void => undefined;
const PASSWORD = 'p&ss w=rd+%';
const VSYS = { kind: 'vsys', vsys: 'vsys1' } as const;
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
});

async function start(options: PanOsOptions = {}): Promise<{ readonly device: PanOs; readonly api: PanosApi }> {
  const accounts = [{ name: 'bot', password: PASSWORD, role: 'superuser' as const }];
  const device = await PanOs.start({ accounts, commitMs: 20, ...options });
  opened.push(device);
  return { device, api: clientOf(device) };
}

function clientOf(
  device: PanOs,
  secret: Readonly<Record<string, string>> = { user: 'bot', password: PASSWORD },
): PanosApi {
  const { url, fingerprint = '' } = device;
  const https = new DeviceApi({ url: new URL(url), tls: { pin: fingerprint }, connections: 2 });
  opened.push({ [Symbol.asyncDispose]: () => https.close() });
  return new PanosApi(
    https,
    new Login({ title: 'file x', read: () => Promise.resolve(new Map(Object.entries(secret))) }, systemClock),
  );
}

const address = (name: string): { readonly action: 'set'; readonly xpath: string; readonly element: never } =>
  ({
    action: 'set',
    xpath: objectPath(VSYS, 'address', name),
    element: [element('ip-netmask', '192.0.2.1/32')],
  }) as never;

const commitAll = element('commit', [element('description', 'test')]);

describe('who is let in', () => {
  test('user and password make a key, which goes with every request and is made anew when it ran out', async () => {
    const { device, api } = await start();
    expect(await readIdentity(api, signal)).toMatchObject({ model: 'PA-VM', version: '11.1.2', isPanorama: false });
    device.accounts.expireKeys();
    expect(await readIdentity(api, signal)).toMatchObject({ uptimeSeconds: expect.any(Number) as number });
    expect(device.served.filter(({ parameters }) => parameters['type'] === 'keygen')).toHaveLength(2);
  });

  test('a wrong password, a withdrawn right and missing keys are said, without any secret', async () => {
    const { device } = await start({ accounts: [{ name: 'bot', password: PASSWORD, role: ['op'] }] });
    const wrong = clientOf(device, { user: 'bot', password: 's3cret' });
    await expect(readIdentity(wrong, signal)).rejects.toMatchObject({ code: 'DEVICE_CREDENTIALS' });
    await expect(readIdentity(wrong, signal)).rejects.not.toThrow(/s3cret/);
    await expect(clientOf(device).candidate(scopePath(VSYS), signal)).rejects.toMatchObject({ code: 'DEVICE_RIGHTS' });
    for (const secret of [{}, { user: 'bot' }, { key: 'a b' }])
      await expect(readIdentity(clientOf(device, secret), signal)).rejects.toMatchObject({
        code: 'DEVICE_CREDENTIALS',
      });
  });
});

describe('configuration', () => {
  test('a batch is done whole or not at all, and runs when it was committed', async () => {
    const { device, api } = await start();
    await api.edit([address('a'), address('b')], signal, free);
    await expect(api.edit([address('c'), address('x'.repeat(64))], signal, free)).rejects.toMatchObject({
      code: 'DEVICE_REJECTED',
    });
    expect(await api.candidate(objectPath(VSYS, 'address', 'c'), signal)).toEqual([]);
    expect(await api.running(objectPath(VSYS, 'address', 'a'), signal)).toBeUndefined();
    const job = jobOf(await api.commit(commitAll, signal, free), free) ?? 0;
    expect(await followJob(api, job, 'the commit', signal)).toMatchObject({ succeeded: true, type: 'Commit' });
    expect(device.dump()).toContain('192.0.2.1/32');
    expect(jobOf(await api.commit(commitAll, signal, free), free)).toBeUndefined();
    expect(await api.running(rulesPath(VSYS, 'security'), signal)).toBeUndefined();
  });

  test('a job that fails says why', async () => {
    const { device, api } = await start();
    device.failNextCommit('Validation Error:', ' address -> a is invalid');
    await api.edit([address('a')], signal, free);
    const job = jobOf(await api.commit(commitAll, signal, free), free) ?? 0;
    await expect(followJob(api, job, 'the commit', signal)).rejects.toMatchObject({
      code: 'DEVICE_REJECTED',
      message: expect.stringContaining('address -> a is invalid') as string,
    });
  });

  test('a lock of somebody else is told with its holder and not broken; ours is given back', async () => {
    const { device, api } = await start();
    device.locks.take('config', 'vsys1', 'alice');
    const lock = new ConfigLock(api, 'vsys1');
    const work = (): Promise<void> => lock.hold(signal, free, () => Promise.resolve());
    await expect(work()).rejects.toMatchObject({ code: 'DEVICE_EDIT_LOCK' });
    await expect(api.edit([address('a')], signal, free)).rejects.toMatchObject({ code: 'DEVICE_EDIT_LOCK' });
    device.locks.release('config', 'vsys1', 'alice');
    await work();
    device.locks.take('config', 'vsys1', 'bot');
    await work();
    device.locks.take('config', 'vsys1', 'alice');
  });

  test('a commit of somebody else makes ours wait', async () => {
    const { device, api } = await start({ commitMs: 60_000, clock: new FakeClock() });
    await api.edit([address('a')], signal, free);
    await api.commit(commitAll, signal, free);
    await api.edit([address('b')], signal, free);
    await expect(api.commit(commitAll, signal, free)).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
    expect(device.jobs).toBeDefined();
  });

  test('what is not there is told from what was refused', async () => {
    const { api } = await start();
    expect(await api.running(objectPath(VSYS, 'address', 'none'), signal)).toBeUndefined();
    await expect(api.running('/config/wrong', signal)).rejects.toSatisfy((thrown) => !isNoSuchNode(thrown));
  });
});

describe('registered addresses', () => {
  test('come in pages and go in messages of 500 addresses', async () => {
    const { device, api } = await start();
    const joins = Array.from({ length: 1_100 }, (_, at) => ({ address: `10.9.${at >> 8}.${at & 255}`, tag: 'sp-a' }));
    const sent = messages(joins, []);
    expect(sent).toHaveLength(3);
    for (const one of sent) await sendMessage(api, one, {}, signal, free);
    expect(await countRegistered(api, {}, signal)).toBe(1_100);
    expect([...(await readRegistered(api, {}, signal)).keys()].toSorted()).toEqual(
      joins.map(({ address: one }) => one).toSorted(),
    );
    const before = await readRegistered(api, {}, signal);
    const [move] = messages([{ address: '10.9.0.0', tag: 'sp-b' }], [{ address: '10.9.0.0', tag: 'sp-a' }]);
    await sendMessage(api, move ?? element(''), {}, signal, free);
    const after = await readRegistered(api, {}, signal, before);
    expect([...after].filter(([ip, tags]) => before.get(ip) !== tags)).toEqual([['10.9.0.0', new Set(['sp-b'])]]);
    expect(await readTagsOf(api, '10.9.0.0', {}, signal)).toEqual(new Set(['sp-b']));
    expect(device.dumpRegistered()).toContain('sp-b');
  });

  test('one that is there already makes its message a conflict', async () => {
    const { api } = await start();
    const [one = element('')] = messages([{ address: '10.9.0.1', tag: 'sp-a' }], []);
    await sendMessage(api, one, {}, signal, free);
    await expect(sendMessage(api, one, {}, signal, free)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
  });
});

test('what a device can hold is read from it', async () => {
  const { api } = await start({ capacity: { 'max-registered-ip-address': 1_000 } });
  expect(await readCapacity(api, signal)).toMatchObject({ registered: 1_000, rules: expect.any(Number) as number });
});

test('a command is nested elements', () => {
  expect(command(['show', 'jobs', 'id'], '4')).toEqual(element('show', [element('jobs', [element('id', '4')])]));
  expect(members(['a'])).toEqual([element('member', 'a')]);
});
