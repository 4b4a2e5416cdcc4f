import { request } from 'node:http';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Listener, readBody } from './listener.ts';

test('who goes away in the middle of a request harms nobody; the port stays through closing and opening', async () => {
  const read: (number | undefined)[] = [];
  const listener = new Listener({ host: '127.0.0.1', port: 0 }, undefined, async (asked, answer) => {
    read.push((await readBody(asked, 10))?.length);
    answer.end('done');
  });
  await listener.open();
  const { url } = listener;
  const port = Number(new URL(url).port);
  const post = (body: string): Promise<number | undefined> =>
    new Promise((answered, failed) => {
      const asking = request({ port, host: '127.0.0.1', method: 'POST', agent: false }, (answer) => {
        answer.resume().on('end', () => answered(answer.statusCode));
      });
      asking.on('error', failed).end(body);
    });
  try {
    await new Promise<void>((gone) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf', () => socket.destroy());
      });
      socket.on('close', () => gone());
    });
    expect(await post('ten bytes!')).toBe(200);
    expect(await post('eleven byte')).toBe(200);
    expect(read).toEqual([10, undefined]);
    await listener.close();
    await expect(post('')).rejects.toThrow('ECONNREFUSED');
    await listener.open();
    expect(listener.url).toBe(url);
    expect(await post('')).toBe(200);
  } finally {
    await listener.close();
  }
});

test('plain HTTP is for loopback', () => {
  expect(() => new Listener({ host: '0.0.0.0', port: 0 }, undefined, () => Promise.resolve())).toThrow('loopback');
});
