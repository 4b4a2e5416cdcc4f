import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { wait } from './commands/wait.ts';
import { buildProgram } from './program.ts';

let server: Server;
let base: string;
let answers: (readonly [number, object])[];
let asked: string[];
let said: string[];

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const [status, body] = answers.shift() ?? [500, {}];
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

async function run(...words: readonly string[]): Promise<{ readonly code: number; readonly said: readonly string[] }> {
  said = [];
  const program = buildProgram({ out: () => undefined, err: (text) => void said.push(text) });
  return { code: await program.run(['wait', ...words]), said };
}

/** The command without its words, and with a second between two looks at whether it has ended. */
async function ends(): Promise<number> {
  said = [];
  const clock = new FakeClock();
  const terminal = { out: () => undefined, err: (text: string) => void said.push(text) };
  let code: number | undefined;
  const waiting = wait(terminal, { url: base, pod: 'shop/web-0', uid: 'u-1' }, clock).then((it) => (code = it));
  await expect
    .poll(() => {
      clock.advance(1_000);
      return code;
    })
    .toBeDefined();
  return waiting;
}

test('asks until the pod may start, and says what it waits for once', async () => {
  const not = { ready: false, message: 'edge-1: 10.0.0.1 is not there yet', firewalls: [] };
  answers = [
    [200, not],
    [200, not],
    [503, {}],
    [200, { ready: false }],
    [200, { ready: true, message: 'confirmed by edge-1' }],
  ];
  expect(await ends()).toBe(0);
  expect(said).toEqual([
    `waiting for the border: shop/web-0 at ${base}`,
    'not yet: edge-1: 10.0.0.1 is not there yet',
    'the controller answers 503; asking again',
    'not yet: the border has not confirmed this pod',
    'confirmed by edge-1',
  ]);
  expect(new Set(asked)).toEqual(new Set(['/v1/pods/shop/web-0/border?uid=u-1&wait=20']));
});

test('an answer that is none of ours lets nobody go', async () => {
  answers = [
    [200, { ready: 'yes' }],
    [200, { ready: true }],
  ];
  expect(await ends()).toBe(0);
  expect(said).toContain('what answers there is no controller of Sallyport; asking again');
});

test('another server there is told at once', async () => {
  answers = [[404, {}]];
  const { code, said } = await run('--url', base, '--pod', 'shop/web-0', '--uid', 'u-1');
  expect(code).toBe(1);
  expect(said.join('\n')).toContain('is no readiness address of Sallyport');
});

test('a controller that is not there yet is asked again', async () => {
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  answers = [[200, { ready: true }]];
  const waiting = ends();
  const words = 'the controller does not answer: nothing listens there (ECONNREFUSED); asking again';
  await expect.poll(() => said).toContain(words);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  expect(await waiting).toBe(0);
});

test('its name and where to ask can come from the environment, and all that is missing is said', async () => {
  const before = { ...process.env };
  try {
    expect((await run()).said.join('\n')).toMatch(
      /address of the controller .* and the name of the pod .* and its uid/,
    );
    Object.assign(process.env, { SALLYPORT_URL: base, POD_NAMESPACE: 'shop', POD_NAME: 'web-1', POD_UID: 'u-1' });
    answers = [[200, { ready: true }]];
    expect((await run()).code).toBe(0);
    expect(asked).toEqual(['/v1/pods/shop/web-1/border?uid=u-1&wait=20']);
  } finally {
    for (const key of ['SALLYPORT_URL', 'POD_NAMESPACE', 'POD_NAME', 'POD_UID']) {
      if (before[key] === undefined) delete process.env[key];
      else process.env[key] = before[key];
    }
  }
});

test.each([
  ['--url', 'ftp://x', '--pod', 'shop/web-0', '--uid', 'u-1'],
  ['--url', 'http://x', '--pod', 'web-0', '--uid', 'u-1'],
  ['--url', 'http://x', '--pod', 'shop/../etc', '--uid', 'u-1'],
  ['--url', 'http://x', '--pod', 'shop/web-0', '--uid', 'a&b'],
])('%s %s %s %s %s %s is refused', async (...words) => {
  expect((await run(...words)).code).toBe(1);
  expect(asked).toEqual([]);
});
