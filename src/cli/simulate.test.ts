import { request } from 'node:https';
import { expect, test } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { ConnectApi } from '../sources/metal/connect-api.ts';
import { RestApi } from '../sources/metal/rest-api.ts';
import { simulateUntil } from './commands/simulate.ts';
import { buildProgram } from './program.ts';

interface Said {
  readonly out: string[];
  readonly err: string[];
}

const terminalOf = ({ out, err }: Said) => ({
  out: (line: string) => void out.push(line),
  err: (line: string) => void err.push(line),
});

test('simulate says where it is and who is let in, answers, tells each request, and ends when told', async () => {
  const said: Said = { out: [], err: [] };
  const stop = new AbortController();
  const options = { listen: '127.0.0.1:0', latency: 0, version: '7.2.5' };
  const running = simulateUntil(stop.signal, terminalOf(said), options, 'fortigate');
  await expect.poll(() => said.out.length).toBe(3);
  const word = (name: string): string => said.out.find((line) => line.startsWith(name))?.split(/ +/)[1] ?? '';
  expect(said.err).toEqual(['FortiGate VM64, FortiOS v7.2.5, simulated; what it holds is gone when it ends']);
  const fingerprint = await new Promise<string>((shown, failed) => {
    const asking = request(
      `${word('url')}/api/v2/monitor/system/status`,
      // What is compared afterwards is the fingerprint.
      { rejectUnauthorized: false, agent: false, headers: { authorization: `Bearer ${word('token')}` } },
      (response) => {
        const { fingerprint256 } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
        response.resume().on('end', () => shown(`${response.statusCode} ${fingerprint256}`));
      },
    );
    asking.on('error', failed).end();
  });
  expect(fingerprint).toBe(`200 ${word('fingerprint')}`);
  expect(said.out.at(-1)).toBe('GET /api/v2/monitor/system/status 200');
  stop.abort();
  expect(await running).toBe(0);
});

test('a Panorama says where it is when its first push has ended on both firewalls, and later ones take their time', async () => {
  const said: Said = { out: [], err: [] };
  const stop = new AbortController();
  const options = { listen: '127.0.0.1:0', latency: 0, plain: true } as const;
  const running = simulateUntil(stop.signal, terminalOf(said), options, 'panorama');
  await expect.poll(() => said.out.length, { timeout: 30_000 }).toBe(3);
  const word = (name: string): string => said.out.find((line) => line.startsWith(name))?.split(/ +/)[1] ?? '';
  const ask = async (parameters: Readonly<Record<string, string>>): Promise<string> => {
    const body = new URLSearchParams(parameters);
    const authorization = `Basic ${Buffer.from(`${word('user')}:${word('password')}`).toString('base64')}`;
    return await (await fetch(`${word('url')}/api/`, { method: 'POST', body, headers: { authorization } })).text();
  };
  const jobs = { type: 'op', cmd: '<show><jobs><all></all></jobs></show>' };
  const first = await ask(jobs);
  expect(first.match(/<status>\w+<\/status>/g)).toEqual(['<status>FIN</status>']);
  expect(first.match(/<result>OK<\/result>/g)).toHaveLength(3);
  for (const target of ['007951000000001', '007951000000002'])
    expect(await ask({ type: 'config', action: 'show', xpath: '/config/panorama', target })).toContain('success');
  const push =
    '<commit-all><shared-policy><device-group><entry name="edge"/></device-group></shared-policy></commit-all>';
  expect(await ask({ type: 'commit', action: 'all', cmd: push })).toContain('<job>2</job>');
  expect(await ask(jobs)).toContain('<status>ACT</status>');
  stop.abort();
  expect(await running).toBe(0);
});

test('the metal-apis are simulated as the controller asks them, and a hand changes what they hold', async () => {
  const said: Said = { out: [], err: [] };
  const stop = new AbortController();
  const running = simulateUntil(stop.signal, terminalOf(said), { listen: '127.0.0.1:0', latency: 1 }, 'metal');
  await expect.poll(() => said.out.length, { timeout: 30_000 }).toBe(6);
  const word = (name: string): string => said.out.find((line) => line.startsWith(name))?.split(/ +/)[1] ?? '';
  const url = word('url');
  const project = word('projectID');
  const common = { url, machine: { hostname: word('name'), project }, clock: systemClock };
  for (const api of [
    new RestApi({ ...common, user: word('type'), secret: () => Promise.resolve(word('hmac')) }),
    new ConnectApi({ ...common, token: () => Promise.resolve(word('token')) }),
  ]) {
    expect(JSON.stringify(await api.read(stop.signal))).toContain('allow https');
    await api.close();
  }
  const allocation = { name: 'b', hostname: 'fw-2', project, networks: [] };
  const put = (body: object) => fetch(`${url}/simulate/firewall`, { method: 'PUT', body: JSON.stringify(body) });
  expect((await put({ id: 'm-2', allocation })).status).toBe(200);
  expect(
    (await put({ id: 'm-2', allocation: { ...allocation, firewall_rules: { egress: [{ ports: [70_000] }] } } })).status,
  ).toBe(400);
  expect((await put({ allocation })).status).toBe(400);
  expect(said.out).toContain('PUT /simulate/firewall 200');
  stop.abort();
  expect(await running).toBe(0);
});

test.each([
  [['simulate', 'metal', '--version', '1'], 'there is no version to choose'],
  [['simulate', 'metal', '--model', 'x'], 'a metal-api has no model'],
  [['simulate', 'metal', '--listen', '0.0.0.0:0'], 'plain HTTP is for loopback'],
  [['simulate', 'toaster'], 'no device of "toaster" is simulated'],
  [['simulate', 'fortigate', '--version', '5.4'], '"5.4" is not a FortiOS version'],
  [['simulate', 'fortigate', '--model', 'huge'], 'there is no model "huge"'],
  [['simulate', 'fortigate', '--listen', 'somewhere'], 'is not HOST:PORT'],
  [['simulate', 'fortigate', '--listen', '0.0.0.0:0', '--plain'], 'plain HTTP is for loopback'],
  [['simulate', 'panos', '--version', '9.0.1'], '"9.0.1" is not a PAN-OS version'],
  [['simulate', 'panos', '--model', 'huge'], 'model huge is none of PA-440'],
  [['simulate', 'panorama', '--model', 'PA-VM'], 'a Panorama has no model'],
  [['simulate', 'panorama', '--listen', '0.0.0.0:0', '--plain'], 'plain HTTP is for loopback'],
  [['simulate', 'fortigate', '--latency', 'long'], 'this is a number of milliseconds'],
])('%j is refused in words', async (words, text) => {
  const said: Said = { out: [], err: [] };
  expect(await buildProgram(terminalOf(said)).run(words)).toBe(1);
  expect(said.err.join('\n')).toContain(text);
});
