import { request } from 'node:https';
import { expect, test } from 'vitest';
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

test.each([
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
