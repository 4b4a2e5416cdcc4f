import { Buffer } from 'node:buffer';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { a, edns, QUESTION, wire } from '../../../../test/kit/dns-wire.ts';
import { FakeClock, turns } from '../../../../test/kit/fake-clock.ts';
import { type DnsMessage, readMessage } from '../../../machine/dns/message.ts';
import { Upstream } from './upstream.ts';

const asked = { name: 'www.example.org.', type: 1 };
const query = (() => {
  const read = readMessage(wire({ id: 4_711, flags: QUESTION, question: asked, additionals: [edns(1_400)] }));
  if (read === undefined) throw new Error('unread');
  return read;
})();

/** The answer to it, or to another question: its octets are written over. */
const answerTo = (upstream: Upstream, over: 'udp' | 'tcp' = 'udp', asking = query) =>
  new Promise<DnsMessage | undefined>((resolve) => upstream[over](asking, resolve));

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
    for (let n = 0; n < 200; n++) await answerTo(upstream);
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
    for (let n = 0; n < 400; n++) await Promise.all(Array.from({ length: 50 }, () => answerTo(upstream)));
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
    const answer = await answerTo(upstream);
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
      expect((await answerTo(upstream))?.bytes.subarray(-4)).toEqual(Buffer.from([192, 0, 2, 1]));
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
    expect((await answerTo(upstream, 'tcp'))?.answers).toHaveLength(1);
    expect(await answerTo(upstream, 'tcp')).toBeUndefined();
    const nobody = new Upstream({ address: '127.0.0.1', port: 1 });
    expect(await answerTo(nobody, 'tcp')).toBeUndefined();
  });

  test('a resolver to which there is no way gives no answer', async () => {
    // Reserved for documentation of IPv6 beyond any route; or, where everything has a route, silence that is ended.
    const upstream = new Upstream({ address: 'ff0e::1', port: 53 });
    ends.push(() => upstream.stop());
    const waiting = answerTo(upstream);
    await new Promise((resolve) => setTimeout(resolve, 50));
    upstream.stop();
    expect(await waiting).toBeUndefined();
  });

  /** One that says nothing, and what reached it. */
  async function silence(clock: FakeClock) {
    const heard: string[] = [];
    const silent = createSocket('udp4', (bytes, { port }) => heard.push(`${port} ${bytes.toString('hex')}`));
    silent.bind(0, '127.0.0.1');
    await once(silent, 'listening');
    ends.push(() => silent.close());
    const upstream = new Upstream({ address: '127.0.0.1', port: silent.address().port }, clock);
    ends.push(() => upstream.stop());
    return { upstream, heard };
  }

  test('what is not answered in a second is asked once more, as it was', async () => {
    const clock = new FakeClock();
    const { upstream, heard } = await silence(clock);
    for (let n = 0; n < 10; n++) void answerTo(upstream);
    await expect.poll(() => heard.length).toBe(10);
    const first = heard.toSorted();
    clock.advance(900);
    void answerTo(upstream);
    await expect.poll(() => heard.length).toBe(11);
    const late = heard.slice(10);
    clock.advance(400);
    await expect.poll(() => heard.length).toBe(21);
    expect(heard.slice(11).toSorted()).toEqual(first);
    clock.advance(1_000);
    await expect.poll(() => heard.length).toBe(22);
    expect(heard.slice(21)).toEqual(late);
    clock.advance(6_000);
    // What was sent before this is there before it.
    void answerTo(upstream);
    await expect.poll(() => heard.length).toBe(23);
    expect(new Set(heard).size).toBe(12);
  });

  test('a question whose sending failed, as the kernel keeps that nobody was there, is asked all the same', async () => {
    const place = createSocket('udp4');
    place.bind(0, '127.0.0.1');
    await once(place, 'listening');
    const { port } = place.address();
    place.close();
    await once(place, 'close');
    const clock = new FakeClock();
    const upstream = new Upstream({ address: '127.0.0.1', port }, clock);
    ends.push(() => upstream.stop());
    const answered: unknown[] = [];
    const count = 60;
    for (let n = 0; n < count; n++) void answerTo(upstream).then((answer) => answered.push(answer?.answers.length));
    // From each of 32 ports several one after the other, with no time to read the error in between.
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let n = 0; n < count; n++) void answerTo(upstream).then((answer) => answered.push(answer?.answers.length));
    const back = createSocket('udp4', (bytes, from) =>
      back.send(wire({ id: bytes.readUInt16BE(0), question: asked, answers: [a(asked.name, '192.0.2.1')] }), from.port),
    );
    back.bind(port, '127.0.0.1');
    await once(back, 'listening');
    ends.push(() => back.close());
    // What the kernel keeps is read by then, as it is before any timer that is due.
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.advance(1_300);
    await expect.poll(() => answered.length).toBe(2 * count);
    expect(new Set(answered)).toEqual(new Set([1]));
  });

  test('silence has an end, each question its own, and the next one is asked as ever', async () => {
    const clock = new FakeClock();
    const { upstream, heard } = await silence(clock);
    const ended: string[] = [];
    const waiting: Promise<void>[] = [];
    const ask = async (name: string): Promise<void> => {
      if ((await answerTo(upstream)) === undefined) ended.push(name);
    };
    for (const [name, until] of [
      ['first', 6_000],
      ['second', 9_900],
    ] as const) {
      const before = heard.length;
      waiting.push(ask(name));
      await expect.poll(() => heard.length).toBe(before + 1);
      clock.advance(until - clock.monotonic());
      // Once more.
      await expect.poll(() => heard.length).toBe(before + 2);
    }
    expect(ended).toEqual([]);
    clock.advance(400);
    await turns();
    expect(ended).toEqual(['first']);
    clock.advance(6_000);
    await turns();
    expect(ended).toEqual(['first', 'second']);
    waiting.push(ask('third'));
    await expect.poll(() => heard.length).toBe(5);
    clock.advance(10_500);
    await turns();
    await Promise.all(waiting);
    expect(ended).toEqual(['first', 'second', 'third']);
  });

  test('ending answers whoever waits', async () => {
    const upstream = await resolver(() => {});
    const waiting = answerTo(upstream);
    await new Promise((resolve) => setTimeout(resolve, 50));
    upstream.stop();
    expect(await waiting).toBeUndefined();
  });

  test('whoever asks after the end has no answer, whichever port the question would have left from', async () => {
    const upstream = await resolver((bytes, _, send) =>
      send(wire({ id: bytes.readUInt16BE(0), question: asked, answers: [a(asked.name, '192.0.2.1')] })),
    );
    // Each question leaves from one of 32 ports.
    for (let n = 0; n < 200; n++) expect(await answerTo(upstream)).toBeDefined();
    upstream.stop();
    for (let n = 0; n < 200; n++) expect(await answerTo(upstream)).toBeUndefined();
  });
});
