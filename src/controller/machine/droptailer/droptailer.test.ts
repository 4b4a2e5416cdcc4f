import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Authority, type Issued } from '../../../../test/kit/certificates.ts';
import { DroptailerServer } from '../../../../test/kit/droptailer-server.ts';
import { FakeClock, turns } from '../../../../test/kit/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { Drop } from '../../../machine/drops/drop-line.ts';
import { DropShipper } from './drop-shipper.ts';
import { followKernel, type KernelLine, readEntry } from './journal.ts';
import { PushClient } from './push-client.ts';

const drop = (number: number): Drop => ({
  at: 1_767_323_045 + number,
  fields: { ACTION: 'drop', ID: String(number), DF: '' },
});

/** Looks again and again, with a tenth of a second in between. */
const soon = <Value>(clock: FakeClock, look: () => Value): ReturnType<typeof expect.poll<Value>> =>
  expect.poll(() => {
    clock.advance(100);
    return look();
  });

describe('shipping drops', () => {
  let folder: string;
  let authority: Authority;
  let other: Authority;
  let serverCertificate: Issued;
  let server: DroptailerServer;
  let shipper: DropShipper;
  let client: PushClient;
  let stop: AbortController;
  let running: Promise<void>;
  let clock: FakeClock;
  /** Tries that came to nothing. */
  let failures: number;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-droptailer-test-'));
    authority = new Authority(folder, 'droptailer CA');
    other = new Authority(folder, 'another CA');
    serverCertificate = authority.issue('/CN=droptailer', { names: 'DNS:droptailer' });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Puts certificates where the client reads them, as rotation does. */
  const install = (issued: Issued, trusted: Authority): void => {
    copyFileSync(trusted.file, join(folder, 'ca.crt'));
    copyFileSync(issued.certificateFile, join(folder, 'tls.crt'));
    copyFileSync(issued.keyFile, join(folder, 'tls.key'));
  };
  const start = (limit = 1_000): void => {
    clock = new FakeClock();
    failures = 0;
    client = new PushClient({
      server: `127.0.0.1:${server.port}`,
      authority: join(folder, 'ca.crt'),
      certificate: join(folder, 'tls.crt'),
      key: join(folder, 'tls.key'),
      clock,
    });
    shipper = new DropShipper({
      push: (each, signal) =>
        client.push(each, signal).catch((error: unknown) => {
          failures += 1;
          throw error;
        }),
      limit,
      clock,
      log: silentLog,
    });
    stop = new AbortController();
    running = shipper.run(stop.signal);
  };
  const arrived = (): readonly string[] => server.printed.map(({ fields }) => fields['ID'] ?? '');
  const numbers = (first: number, last: number): readonly string[] =>
    Array.from({ length: last - first + 1 }, (_, index) => String(first + index));

  beforeEach(async () => {
    install(authority.issue('/CN=droptailer-client'), authority);
    server = await DroptailerServer.start(serverCertificate, authority);
  });
  afterEach(async () => {
    stop.abort();
    await running;
    client.close();
    await server.close();
  });

  test('each arrives once, in its order, as today’s server reads it', async () => {
    start();
    for (let n = 0; n < 300; n++) shipper.add(drop(n));
    await expect.poll(() => shipper.counts().shipped).toBe(300);
    expect(arrived()).toEqual(numbers(0, 299));
    expect(server.printed[7]).toEqual({ seconds: 1_767_323_052, fields: { ACTION: 'drop', ID: '7', DF: '' } });
    expect(shipper.counts()).toEqual({ seen: 300, shipped: 300, overflowed: 0, refused: 0, waiting: 0 });
    expect([...server.clients]).toEqual(['droptailer-client']);
  });

  test('certificates are rotated without a restart: of both sides, with another authority', async () => {
    start();
    for (let n = 0; n < 5; n++) shipper.add(drop(n));
    await expect.poll(() => shipper.counts().shipped).toBe(5);
    const { port } = server;
    await server.close();
    server = await DroptailerServer.start(other.issue('/CN=droptailer', { names: 'DNS:droptailer' }), other, port);
    for (let n = 5; n < 10; n++) shipper.add(drop(n));
    await soon(clock, () => failures).toBeGreaterThan(2);
    expect(arrived()).toEqual([]);
    install(other.issue('/CN=second'), other);
    await soon(clock, arrived).toEqual(numbers(5, 9));
    await expect.poll(() => shipper.counts().waiting).toBe(0);
    // The server lives on, and the client's certificate alone is renewed.
    install(other.issue('/CN=third'), other);
    clock.advance(1_000);
    shipper.add(drop(10));
    await soon(clock, arrived).toEqual(numbers(5, 10));
    expect([...server.clients]).toEqual(['second', 'third']);
  });

  test('an outage: what was dropped waits, the oldest give way, and all are counted', async () => {
    start(50);
    shipper.add(drop(0));
    await expect.poll(() => shipper.counts().shipped).toBe(1);
    const { port } = server;
    await server.close();
    for (let n = 1; n <= 80; n++) shipper.add(drop(n));
    await soon(clock, () => failures).toBeGreaterThan(2);
    expect(shipper.counts()).toEqual({ seen: 81, shipped: 1, overflowed: 30, refused: 0, waiting: 50 });
    server = await DroptailerServer.start(serverCertificate, authority, port);
    await soon(clock, () => shipper.counts().shipped).toBe(51);
    expect(arrived()).toEqual(numbers(31, 80));
    expect(shipper.counts()).toEqual({ seen: 81, shipped: 51, overflowed: 30, refused: 0, waiting: 0 });
  });

  test('a server that does not answer is left after three seconds, and asked again', async () => {
    server.isSilent = true;
    start();
    shipper.add(drop(0));
    await expect.poll(() => server.heard).toBe(1);
    server.isSilent = false;
    clock.advance(2_999);
    await turns();
    expect(failures).toBe(0);
    clock.advance(1);
    await expect.poll(() => failures).toBe(1);
    await soon(clock, arrived).toEqual(['0']);
  });

  test('what the server refuses for good is counted, and holds nobody up', async () => {
    server.status = '3';
    start();
    shipper.add(drop(0));
    await expect.poll(() => shipper.counts().refused).toBe(1);
    server.status = '14';
    shipper.add(drop(1));
    await soon(clock, () => failures).toBeGreaterThan(2);
    expect(shipper.counts()).toMatchObject({ refused: 1, waiting: 1 });
    server.status = '0';
    await soon(clock, arrived).toEqual(['1']);
  });

  test('nobody else is taken for the server, nor for its client', async () => {
    const { port } = server;
    await server.close();
    server = await DroptailerServer.start(authority.issue('/CN=x', { names: 'DNS:x' }), authority, port);
    start();
    shipper.add(drop(0));
    await soon(clock, () => failures).toBeGreaterThan(2);
    expect([server.printed.length, shipper.counts().waiting]).toEqual([0, 1]);
    await server.close();
    // A certificate of another authority is not let in.
    install(other.issue('/CN=stranger'), authority);
    server = await DroptailerServer.start(serverCertificate, authority, port);
    // It is looked at within a second, and each try after that is made with it.
    clock.advance(1_000);
    const before = failures;
    await soon(clock, () => failures).toBeGreaterThan(before + 2);
    expect([server.printed.length, shipper.counts().waiting]).toEqual([0, 1]);
  });
});

describe('the journal', () => {
  test('is followed behind the last line when its program ends', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-journal-test-'));
    const program = join(folder, 'journalctl');
    const entry = (n: number): string =>
      `'{"__CURSOR":"c${n}","__REALTIME_TIMESTAMP":"17673230450000${n}0","MESSAGE":"line ${n}"}'`;
    // It tells two lines each time that it is started, those behind the cursor that it is given.
    writeFileSync(
      program,
      `#!/bin/sh\necho "$@" >> ${folder}/calls\ncase "$*" in\n*--after-cursor=c2*) echo ${entry(3)}; echo nonsense; echo ${entry(4)};;\n*--after-cursor=c4*) sleep 60;;\n*) echo ${entry(1)}; echo ${entry(2)};;\nesac\n`,
    );
    chmodSync(program, 0o755);
    const told: KernelLine[] = [];
    const stop = new AbortController();
    const clock = new FakeClock();
    const running = followKernel({ program, clock, log: silentLog }, (line) => told.push(line), stop.signal);
    await soon(clock, () => told.map(({ text }) => text)).toEqual(['line 1', 'line 2', 'line 3', 'line 4']);
    stop.abort();
    await running;
    rmSync(folder, { recursive: true });
  });

  test('an entry whose message is no text stands there as its bytes', () => {
    expect(readEntry('{"MESSAGE":[104,105],"__REALTIME_TIMESTAMP":"1767323045000000"}')).toEqual({
      text: 'hi',
      at: 1_767_323_045,
      cursor: undefined,
    });
    expect([readEntry('nonsense'), readEntry('null'), readEntry('{}')]).toEqual([undefined, undefined, undefined]);
  });
});
