import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { freePort } from '../../../../test/kit/free-port.ts';
import { a, ANSWER, cname, edns, QUESTION, soa, wire, type WireMessage } from '../../../../test/kit/dns-wire.ts';
import { putId } from '../../../machine/dns/compose.ts';
import { type DnsMessage, readMessage } from '../../../machine/dns/message.ts';
import { type Answerer, Listeners } from './listeners.ts';
import { DnsProxy, type Learn } from './proxy.ts';
import { framed, MessageReader } from './tcp-messages.ts';
import type { Heard, Upstream } from './upstream.ts';

const NAME = 'www.example.org.';
const ask = (more: Partial<WireMessage> = {}): Buffer =>
  wire({ id: 7, flags: QUESTION, question: { name: NAME, type: 1 }, ...more });

/** A resolver that says what it is told to, by name; `undefined`: nothing. */
function proxyTo(zone: Readonly<Record<string, Partial<WireMessage> | undefined>>, learn: Learn = () => undefined) {
  const over: string[] = [];
  const refusals: string[] = [];
  const answer = (transport: string) => (query: DnsMessage, heard: Heard) => {
    const { name, type } = query.question;
    over.push(`${transport} ${name} ${type}`);
    putId(query.bytes, 99);
    const told = zone[name];
    setImmediate(() => heard(told && readMessage(wire({ id: 99, question: { name, type }, ...told }))));
  };
  const upstream = { udp: answer('udp'), tcp: answer('tcp') } as unknown as Upstream;
  return {
    proxy: new DnsProxy({ upstream: () => upstream, learn, refused: (thrown) => refusals.push(String(thrown)) }),
    over,
    refusals,
  };
}

const answerOf = (
  proxy: DnsProxy,
  query: Buffer,
  client = '10.0.0.1',
  over: 'udp' | 'tcp' = 'udp',
): Promise<Buffer | undefined> => new Promise((resolve) => proxy.answer(query, client, over, resolve));
const reply = async (proxy: DnsProxy, query: Buffer, over: 'udp' | 'tcp' = 'udp') => {
  const bytes = await answerOf(proxy, query, '10.0.0.1', over);
  const read = bytes && readMessage(bytes);
  return (
    read && {
      id: read.id,
      rcode: read.rcode,
      answers: read.answers.length,
      cut: read.isTruncated,
      isAnswer: read.isAnswer,
    }
  );
};
const plain = { id: 7, rcode: 0, answers: 1, cut: false, isAnswer: true };

describe('the DNS proxy', () => {
  test('holds an answer until what it teaches is let through', async () => {
    let open = (): void => {};
    const taught: string[] = [];
    const { proxy } = proxyTo(
      { [NAME]: { answers: [cname(NAME, 'b.'), a('b.', '192.0.2.1')] } },
      (names, addresses) => {
        taught.push(`${names.join(' ')} ${addresses.map(({ text }) => text).join(' ')}`);
        return new Promise((resolve) => {
          open = resolve;
        });
      },
    );
    let isAnswered = false;
    const answered = reply(proxy, ask()).then((read) => {
      isAnswered = true;
      return read;
    });
    // The question to the resolver is on its way for as long as the machine is busy.
    await expect.poll(() => taught).toEqual(['www.example.org. b. 192.0.2.1']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isAnswered).toBe(false);
    open();
    expect(await answered).toEqual({ ...plain, answers: 2 });
    expect(proxy.counts).toMatchObject({ answered: 1, held: 1, refused: 0 });
  });

  test('an answer whose addresses cannot be let through is refused, and one that never came', async () => {
    const zone = { [NAME]: { answers: [a(NAME, '192.0.2.1')] } };
    const { proxy, refusals } = proxyTo(zone, () => Promise.reject(new Error('nft is away')));
    expect(await reply(proxy, ask())).toEqual({ ...plain, rcode: 5, answers: 0 });
    expect(refusals).toEqual(['Error: nft is away']);
    expect(await reply(proxy, ask({ question: { name: 'deaf.', type: 1 } }))).toEqual({
      ...plain,
      rcode: 5,
      answers: 0,
    });
    expect(proxy.counts).toMatchObject({ refused: 1, unanswered: 1, upstreamFailures: 1 });
    // Nobody waits for our own question, and it fails all the same.
    expect(await proxy.lookUp('nobody.', 1)).toBeUndefined();
    expect(proxy.counts).toMatchObject({ unanswered: 1, upstreamFailures: 2 });
    // Nor is it anybody's answer that is refused.
    expect(await proxy.lookUp(NAME, 1)).toBeGreaterThan(0);
    await expect.poll(() => refusals).toEqual(['Error: nft is away', 'Error: nft is away']);
    expect(proxy.counts).toMatchObject({ refused: 1 });
  });

  test('follows an alias that leads on, with the client’s type, and no further than ten names', async () => {
    const taught: string[] = [];
    const learn: Learn = (names, addresses) => {
      taught.push(`${names.join(' ')} ${addresses.map(({ text }) => text).join(' ')}`);
      return undefined;
    };
    const { proxy, over } = proxyTo(
      {
        [NAME]: { answers: [cname(NAME, 'b.')] },
        'b.': { answers: [cname('b.', 'c.')] },
        'c.': { answers: [a('c.', '192.0.2.1')] },
      },
      learn,
    );
    expect(await reply(proxy, ask())).toEqual(plain);
    expect([taught, over]).toEqual([
      ['www.example.org. b. c. 192.0.2.1'],
      ['udp www.example.org. 1', 'udp b. 1', 'udp c. 1'],
    ]);
    const endless = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`n${n}.`, { answers: [cname(`n${n}.`, `n${n + 1}.`)] }]),
    );
    const far = proxyTo(endless, learn);
    await reply(far.proxy, ask({ question: { name: 'n0.', type: 1 } }));
    expect(far.over.length).toBeLessThanOrEqual(11);
  });

  test('our own questions go over TCP where the answer is cut', async () => {
    const { proxy, over } = proxyTo({ [NAME]: { flags: ANSWER | 0x0200 } });
    expect(await proxy.lookUp(NAME, 28)).toBe(0);
    expect(over).toEqual(['udp www.example.org. 28', 'tcp www.example.org. 28']);
    const found = proxyTo({ [NAME]: { answers: [a(NAME, '192.0.2.1', 30), a(NAME, '192.0.2.2', 20)] } });
    expect([await found.proxy.lookUp(NAME, 1), await found.proxy.lookUp('deaf.', 1)]).toEqual([20, undefined]);
  });

  test('an answer longer than the client takes is cut; over TCP nothing is', async () => {
    const many = Array.from({ length: 60 }, (_, n) => a(NAME, `192.0.2.${n + 1}`));
    const { proxy } = proxyTo({ [NAME]: { answers: many } });
    expect(await reply(proxy, ask())).toEqual({ ...plain, answers: 0, cut: true });
    expect(await reply(proxy, ask({ additionals: [edns(1_232)] }))).toEqual({ ...plain, answers: 60 });
    expect(await reply(proxy, ask({ additionals: [edns(100)] }))).toEqual({ ...plain, answers: 0, cut: true });
    expect(await reply(proxy, ask(), 'tcp')).toEqual({ ...plain, answers: 60 });
  });

  test('what is no question is not passed on', async () => {
    const { proxy, over } = proxyTo({});
    const codes = async (bytes: Buffer): Promise<number | undefined> => {
      const answer = await answerOf(proxy, bytes);
      return answer && answer.readUInt16BE(2) & 15;
    };
    expect(await codes(Buffer.from([1, 2]))).toBeUndefined();
    expect(await codes(ask().subarray(0, 20))).toBe(1);
    expect(await codes(ask({ answers: [a(NAME, '192.0.2.66')] }))).toBe(1);
    expect(await codes(ask({ authorities: [soa(NAME)] }))).toBe(1);
    expect(await codes(ask({ flags: 0x2000 }))).toBe(4);
    expect(await codes(ask({ flags: ANSWER }))).toBeUndefined();
    for (const type of [251, 252]) expect(await codes(ask({ question: { name: NAME, type } }))).toBe(5);
    expect(over).toEqual([]);
  });

  test('one client cannot take all the room', async () => {
    const waiting: Heard[] = [];
    const upstream = { udp: (_: DnsMessage, heard: Heard) => waiting.push(heard) } as unknown as Upstream;
    const proxy = new DnsProxy({ upstream: () => upstream, learn: () => undefined, refused: () => {} });
    const refusals: string[] = [];
    const asks = (client: string, times: number): void => {
      for (let n = 0; n < times; n++) proxy.answer(ask(), client, 'udp', () => refusals.push(client));
    };
    asks('10.0.0.1', 4_000);
    expect(refusals).toEqual([]);
    expect((await answerOf(proxy, ask()))?.readUInt16BE(2)).toBe(0x8185);
    asks('10.0.0.2', 4_000);
    // Nor can all together: ten thousand are under way.
    asks('10.0.0.3', 2_001);
    expect([waiting.length, refusals, proxy.counts.limited]).toEqual([10_000, ['10.0.0.3'], 2]);
    // Whoever was answered has his place back.
    for (const heard of waiting.splice(0, 10)) heard(undefined);
    asks('10.0.0.1', 11);
    expect([waiting.length, refusals.filter((client) => client === '10.0.0.1').length]).toEqual([10_000, 11]);
  });
});

describe('its sockets', () => {
  test('answer clients over UDP and TCP, several questions on one connection, and nobody else', async () => {
    const { proxy } = proxyTo({ [NAME]: { answers: [a(NAME, '192.0.2.1')] } });
    const place = { address: '127.0.0.1', port: await freePort() };
    let isClient = true;
    const listeners = await Listeners.open(
      place,
      (query, client, over, heard) => proxy.answer(query, client, over, heard),
      () => isClient,
    );
    const udp = createSocket('udp4');
    udp.send(ask(), place.port, place.address);
    const [datagram] = (await once(udp, 'message')) as [Buffer];
    expect(readMessage(datagram)?.answers).toHaveLength(1);
    const tcp = connect(place.port, place.address);
    const reader = new MessageReader();
    const got: number[] = [];
    const both = new Promise<void>((resolve) => {
      tcp.on('data', (chunk) => {
        for (const each of reader.take(chunk)) got.push(each.readUInt16BE(0));
        if (got.length === 2) resolve();
      });
    });
    const two = Buffer.concat([framed(ask({ id: 1 })), framed(ask({ id: 2 }))]);
    tcp.write(two.subarray(0, 9));
    setTimeout(() => tcp.write(two.subarray(9)), 20);
    await both;
    expect(got.toSorted((one, other) => one - other)).toEqual([1, 2]);
    isClient = false;
    const stranger = connect(place.port, place.address);
    stranger.on('error', () => {});
    await once(stranger, 'close');
    await expect(
      Listeners.open(
        place,
        () => {},
        () => true,
      ),
    ).rejects.toThrow('EADDRINUSE');
    listeners.close();
    await once(tcp, 'close');
    udp.close();
  });

  test('a client that takes no answers gets no more of them: its further questions wait, however many came at once', async () => {
    const place = { address: '127.0.0.1', port: await freePort() };
    const long = Buffer.alloc(60_000);
    let answered = 0;
    let underWay = 0;
    let most = 0;
    const answer: Answerer = (_query, _client, _over, heard) => {
      most = Math.max(most, ++underWay);
      setImmediate(() => {
        underWay--;
        answered++;
        heard(long);
      });
    };
    const listeners = await Listeners.open(place, answer, () => true);
    const deaf = connect(place.port, place.address);
    const questions = 5_000;
    deaf.write(Buffer.concat(Array.from({ length: questions }, () => framed(ask()))));
    let before = -1;
    await expect
      .poll(
        () => {
          const isStill = answered > 0 && answered === before;
          before = answered;
          return isStill;
        },
        { interval: 200 },
      )
      .toBe(true);
    // What the kernel takes for it is a few megabytes; all answers are 300.
    expect([answered < questions / 5, most]).toEqual([true, 32]);
    let heard = 0;
    const reader = new MessageReader();
    deaf.on('data', (chunk) => void (heard += reader.take(chunk).length));
    await expect.poll(() => heard).toBe(questions);
    deaf.destroy();
    listeners.close();
  });

  test('what is answered at once is answered in its order, however much of it comes together', async () => {
    const place = { address: '127.0.0.1', port: await freePort() };
    const listeners = await Listeners.open(
      place,
      (query, _client, _over, heard) => heard(query),
      () => true,
    );
    const tcp = connect(place.port, place.address);
    const got: number[] = [];
    const reader = new MessageReader();
    tcp.on('data', (chunk) => {
      for (const each of reader.take(chunk)) got.push(each.readUInt16BE(0));
    });
    const ids = Array.from({ length: 30_000 }, (_, n) => n);
    tcp.write(Buffer.concat(ids.map((id) => framed(Buffer.from([id >> 8, id & 255])))));
    await expect.poll(() => got.length).toBe(ids.length);
    expect(got).toEqual(ids);
    tcp.destroy();
    listeners.close();
  });

  test('an answer that comes after the end hurts nobody', async () => {
    const place = { address: '127.0.0.1', port: await freePort() };
    const finish: (() => void)[] = [];
    const held: Answerer = (_query, _client, _over, heard) => finish.push(() => heard(ask()));
    const listeners = await Listeners.open(place, held, () => true);
    const udp = createSocket('udp4');
    udp.send(ask(), place.port, place.address);
    await expect.poll(() => finish.length).toBe(1);
    listeners.close();
    finish[0]?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
    udp.close();
  });
});
