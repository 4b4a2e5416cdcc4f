import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { freePort } from '../../../test/kit/free-port.ts';
import { parseAddress } from '../../ip/address.ts';
import { flowTo, machineFlows } from '../../machine/own-flows.ts';
import { reaches } from './reach.ts';

const { signal } = new AbortController();
const loopback = parseAddress('127.0.0.1');

test('a connection, or a refusal by the other end, has got through', async () => {
  const port = await freePort();
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  expect(await reaches(flowTo('it', loopback, port), signal)).toBe(true);
  server.close();
  await once(server, 'close');
  expect(await reaches(flowTo('it', loopback, port), signal)).toBe(true);
});

test('a resolver that answers anything has been reached, one that is silent has not', async () => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  let isSilent = false;
  let asked = 0;
  socket.on('message', (question, from) => {
    asked += 1;
    if (!isSilent) socket.send(question, from.port, from.address);
  });
  expect(await reaches(flowTo('it', loopback, port, 'udp'), signal)).toBe(true);
  isSilent = true;
  const clock = new FakeClock();
  let reached: boolean | undefined;
  const waiting = reaches(flowTo('it', loopback, port, 'udp'), signal, clock).then((it) => (reached = it));
  await expect.poll(() => asked).toBe(2);
  clock.advance(1_999);
  await turns();
  expect(reached).toBeUndefined();
  clock.advance(1);
  expect(await waiting).toBe(false);
  socket.close();
});

test('where there is no way at all, nothing is reached, and nothing thrown', async () => {
  // A broadcast address takes no connection; an address for documentation of IPv6 has no way here, or no answer.
  for (const address of ['255.255.255.255', '2001:db8::1'])
    for (const protocol of ['tcp', 'udp'] as const) {
      const clock = new FakeClock();
      const reached = reaches(flowTo('it', parseAddress(address), 9, protocol), signal, clock);
      await turns();
      clock.advance(2_000);
      expect(await reached).toBe(false);
    }
});

test('what others open, and what is not known, cannot be tried', async () => {
  for (const flow of [...machineFlows({ vpn: false }), flowTo('it', undefined, 443)])
    expect(await reaches(flow, signal)).toBeUndefined();
});
