import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeApiServer } from '../../../../test/kit/fake-apiserver/server.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { GivenCredentials } from '../../../kubernetes/given-credentials.ts';
import { HttpApiClient } from '../../../kubernetes/http-api-client.ts';
import { getObject } from '../../../kubernetes/objects.ts';
import { NameStateBeside, NameStateFile } from './name-state.ts';

const signal = new AbortController().signal;

describe('the state of names', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-names-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('is a file, whose folder is made; none is nothing', async () => {
    const file = new NameStateFile(() => join(folder, 'of/names.yaml'));
    expect(await file.read()).toBeUndefined();
    await file.write('a');
    await file.write('b');
    expect(await file.read()).toBe('b');
  });

  test('stands in the ConfigMap of today’s controller beside it, and comes from there where there is no file', async () => {
    await using api = await FakeApiServer.start();
    const client = new HttpApiClient(
      { title: 'fake', url: new URL(api.url), isInsecure: false },
      new GivenCredentials({}, systemClock),
    );
    const clock = new FakeClock();
    const state = (name: string, isReached = true) =>
      new NameStateBeside({
        file: new NameStateFile(() => join(folder, name)),
        access: () => (isReached ? { client, namespace: 'firewall' } : undefined),
        clock,
        log: silentLog,
      });
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'firewall' } });
    const first = state('first');
    expect(await first.read(signal)).toBeUndefined();
    await first.write('one', signal);
    await first.write('two', signal);
    const kept = async (): Promise<unknown> =>
      (
        (await getObject(
          client,
          { group: '', version: 'v1', plural: 'configmaps' },
          { namespace: 'firewall', name: 'fqdnstate' },
          signal,
        )) as { readonly data: unknown }
      ).data;
    // It is written every ten seconds at most.
    expect([await kept(), await first.read(signal), await state('second').read(signal)]).toEqual([
      { state: 'one' },
      'two',
      'one',
    ]);
    clock.advance(10_000);
    await first.write('three', signal);
    expect([await kept(), await state('third', false).read(signal)]).toEqual([{ state: 'three' }, undefined]);
    await client.close();
  });

  test('a cluster that is away hinders nothing', async () => {
    const client = { call: () => Promise.reject(new Error('away')) } as never;
    const state = new NameStateBeside({
      file: new NameStateFile(() => join(folder, 'names')),
      access: () => ({ client, namespace: 'firewall' }),
      clock: new FakeClock(),
      log: silentLog,
    });
    await state.write('a', signal);
    expect(await state.read(signal)).toBe('a');
  });
});
