import { Buffer } from 'node:buffer';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { a, edns, QUESTION, wire } from '../../../../test/kit/dns-wire.ts';
import { FakeClock, turns } from '../../../../test/kit/fake-clock.ts';
import { readMessage } from '../../../machine/dns/message.ts';
import { Upstream } from './upstream.ts';

const asked = { name: 'www.example.org.', type: 1 };
const query = (() => {
  const read = readMessage(wire({ id: 4_711, flags: QUESTION, question: asked, additionals: [edns(1_400)] }));
  if (read === undefined) throw new Error('unread');
  return read;
})();

describe('asking a resolver', () => {
  const ends: (() => void)[] = [];
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  async function resolver(hear: (bytes: Buffer, from: RemoteInfo, send: (reply: Buffer) => void) => void) {
    const socket = createSocket('udp4');
    socket.on('message', (bytes, from) => hear(bytes, from, (reply) => socket.send(reply, from.port, from.address)));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const upstream = new Upstream({ address: '127.0.0.1', port: socket.address().port });
    ends.push(
      () => socket.close(),
      () => upstream.stop(),
    );
    return upstream;
  }

  test('ids and ports are random, and all else of the question is the client’s', async () => {
    const seen: { readonly id: number; readonly port: number; readonly rest: string }[] = [];
    const upstream = await resolver((bytes, { port }, send) => {
      seen.push({ id: bytes.readUInt16BE(0), port, rest: bytes.toString('hex', 2) });
      send(wire({ id: bytes.readUInt16BE(0), question: asked }));
    });
    for (let n = 0; n < 200; n++) await upstream.udp(query);
    expect(new Set(seen.map(({ id }) => id)).size).toBeGreaterThan(190);
    expect(new Set(seen.map(({ port }) => port)).size).toBeGreaterThan(20);
    expect(new Set(seen.map(({ rest }) => rest))).toEqual(new Set([query.bytes.toString('hex', 2)]));
  });

  test('a port is given up after some questions', async () => {
    const ports = new Set<number>();
    const upstream = await resolver((bytes, { port }, send) => {
      ports.add(port);
      send(wire({ id: bytes.readUInt16BE(0), question: asked }));
    });
    for (let n = 0; n < 400; n++) await Promise.all(Array.from({ length: 50 }, () => upstream.udp(query)));
    expect(ports.size).toBeGreaterThan(40);
  });

  test('answers with another id, another question, no answer’s mark or octets left over are not looked at', async () => {
    const forged = a(asked.name, '192.0.2.66');
    const upstream = await resolver((bytes, _, send) => {
      const id = bytes.readUInt16BE(0);
      send(wire({ id: id ^ 1, question: asked, answers: [forged] }));
      send(wire({ id, question: { ...asked, name: 'www.example.com.' }, answers: [forged] }));
      send(wire({ id, question: { ...asked, type: 28 }, answers: [forged] }));
      send(wire({ id, flags: QUESTION, question: asked, answers: [forged] }));
      send(Buffer.concat([wire({ id, question: asked, answers: [forged] }), Buffer.from([0])]));
      send(Buffer.from([id >> 8]));
      send(wire({ id, question: { ...asked, name: 'WWW.example.org.' }, answers: [a(asked.name, '192.0.2.1')] }));
    });
    const answer = await upstream.udp(query);
    expect(answer?.bytes.subarray(-4)).toEqual(Buffer.from([192, 0, 2, 1]));
  });

  test('answers from elsewhere do not come through', async () => {
    const elsewhere = createSocket('udp4');
    ends.push(() => elsewhere.close());
    const upstream = await resolver((bytes, from, send) => {
      const id = bytes.readUInt16BE(0);
      elsewhere.send(
        wire({ id, question: asked, answers: [a(asked.name, '192.0.2.66')] }),
        from.port,
        from.address,
        () => send(wire({ id, question: asked, answers: [a(asked.name, '192.0.2.1')] })),
      );
    });
    for (let n = 0; n < 20; n++)
      expect((await upstream.udp(query))?.bytes.subarray(-4)).toEqual(Buffer.from([192, 0, 2, 1]));
  });

  test('over TCP, in however many pieces; what is no answer to the question is none', async () => {
    const replies = [asked, { ...asked, name: 'other.' }];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (chunk) => {
        const reply = wire({
          id: chunk.readUInt16BE(2),
          question: replies.shift() ?? asked,
          answers: [a(asked.name, '192.0.2.1')],
        });
        const all = Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]);
        for (const octet of all) socket.write(Buffer.from([octet]));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(() => server.close());
    const upstream = new Upstream({ address: '127.0.0.1', port: (server.address() as AddressInfo).port });
    expect((await upstream.tcp(query))?.answers).toHaveLength(1);
    expect(await upstream.tcp(query)).toBeUndefined();
    const nobody = new Upstream({ address: '127.0.0.1', port: 1 });
    expect(await nobody.tcp(query)).toBeUndefined();
  });

  test('a resolver to which there is no way gives no answer', async () => {
    // Reserved for documentation of IPv6 beyond any route; or, where everything has a route, silence that is ended.
    const upstream = new Upstream({ address: 'ff0e::1', port: 53 });
    ends.push(() => upstream.stop());
    const waiting = upstream.udp(query);
    await new Promise((resolve) => setTimeout(resolve, 50));
    upstream.stop();
    expect(await waiting).toBeUndefined();
  });

  test('silence has an end, each question its own, and the next one is asked as ever', async () => {
    let heard = 0;
    const silent = createSocket('udp4', () => heard++);
    silent.bind(0, '127.0.0.1');
    await once(silent, 'listening');
    ends.push(() => silent.close());
    const clock = new FakeClock();
    const upstream = new Upstream({ address: '127.0.0.1', port: silent.address().port }, clock);
    ends.push(() => upstream.stop());
    const ended: string[] = [];
    const waiting: Promise<void>[] = [];
    const ask = async (name: string): Promise<void> => {
      if ((await upstream.udp(query)) === undefined) ended.push(name);
    };
    for (const [name, until] of [
      ['first', 6_000],
      ['second', 9_900],
    ] as const) {
      const before = heard;
      waiting.push(ask(name));
      await expect.poll(() => heard).toBe(before + 1);
      clock.advance(until - clock.monotonic());
    }
    expect(ended).toEqual([]);
    clock.advance(400);
    await turns();
    expect(ended).toEqual(['first']);
    clock.advance(6_000);
    await turns();
    expect(ended).toEqual(['first', 'second']);
    waiting.push(ask('third'));
    await expect.poll(() => heard).toBe(3);
    clock.advance(10_500);
    await turns();
    await Promise.all(waiting);
    expect(ended).toEqual(['first', 'second', 'third']);
  });

  test('ending answers whoever waits', async () => {
    const upstream = await resolver(() => {});
    const waiting = upstream.udp(query);
    await new Promise((resolve) => setTimeout(resolve, 50));
    upstream.stop();
    expect(await waiting).toBeUndefined();
  });

  test('whoever asks after the end has no answer, whichever port the question would have left from', async () => {
    const upstream = await resolver((bytes, _, send) =>
      send(wire({ id: bytes.readUInt16BE(0), question: asked, answers: [a(asked.name, '192.0.2.1')] })),
    );
    // Each question leaves from one of 32 ports.
    for (let n = 0; n < 200; n++) expect(await upstream.udp(query)).toBeDefined();
    upstream.stop();
    for (let n = 0; n < 200; n++) expect(await upstream.udp(query)).toBeUndefined();
  });
});
