import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzip } from 'node:zlib';
import type { Clock } from '../../../src/base/clock.ts';
import { type Call, readCall } from './call.ts';
import type { Fault, Faults } from './faults.ts';
import { type Reply, json } from './reply.ts';
import { type Line, spoil } from './spoiling.ts';
import { badRequest } from './status.ts';

/** A request as it was answered, for assertions. */
export interface LoggedRequest extends Omit<Call, 'body'> {
  /** Parsed, where it is JSON. */
  readonly body: unknown;
  /** Of the answer; 0 as long as there is none. */
  status: number;
  readonly faults: readonly Fault[];
}

/** An answer that is still being sent. */
export interface OpenStream {
  readonly call: Call;
  /** Ends it cleanly. */
  end(): void;
  /** Resets its connection. */
  reset(): void;
  /** From now on nothing more is sent on it. */
  stall(): void;
  /** Puts bytes in between. */
  insert(text: string): void;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function lineOf(response: ServerResponse): Line {
  return {
    write: (chunk) => response.destroyed || response.writableEnded || response.write(chunk),
    onDrain: (listener) => response.on('drain', listener),
    onClose: (listener) => response.on('close', listener),
    end: () => response.end(),
    reset: () => response.socket?.resetAndDestroy(),
    breakOff: () => {
      if (response.chunkedEncoding) response.socket?.write('400\r\n{"type":"');
      response.socket?.end();
    },
  };
}

function parsed(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    return body.toString();
  }
}

/** Answers of this size and more. */
const COMPRESSED_FROM = 128 * 1024;

export type Answering = (call: Call, faults: readonly Fault[], request: IncomingMessage) => Reply;

/** From requests to calls, from replies to bytes; keeps the log and spoils what is to be spoilt. */
export class Transport {
  readonly log: LoggedRequest[] = [];
  readonly streams = new Set<OpenStream>();
  readonly #clock: Clock;
  readonly #faults: Faults;
  readonly #answer: Answering;
  #audit = 0;

  constructor(clock: Clock, faults: Faults, answer: Answering) {
    this.#clock = clock;
    this.#faults = faults;
    this.#answer = answer;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let reply: Reply;
    let call: Call;
    try {
      call = readCall(request.method ?? 'GET', request.url ?? '/', request.headers, await readBody(request));
    } catch (error) {
      // A client that broke off, or a path that is none.
      if (!(error instanceof URIError || error instanceof TypeError)) return;
      const { headers, body } = json(400, badRequest(`the path cannot be read: ${error.message}`).body);
      response.writeHead(400, headers).end(body);
      return;
    }
    const faults = this.#faults.take(call);
    const logged: LoggedRequest = { ...call, body: parsed(call.body), status: 0, faults };
    this.log.push(logged);
    for (const fault of faults)
      if (fault.fault === 'latency') await new Promise<void>((done) => this.#clock.after(fault.ms, done));
    if (faults.some(({ fault }) => fault === 'noAnswer')) return;
    if (faults.some((one) => one.fault === 'reset' && one.afterBytes === undefined)) {
      request.socket.resetAndDestroy();
      return;
    }
    reply = this.#answer(call, faults, request);
    logged.status = reply.status;
    this.#send(call, reply, faults, response);
  }

  #send(call: Call, reply: Reply, faults: readonly Fault[], response: ServerResponse): void {
    const type = faults.find((one) => one.fault === 'contentType')?.contentType;
    const headers: Record<string, string> = {
      'audit-id': String(++this.#audit),
      'cache-control': 'no-cache, private',
      date: new Date(this.#clock.wall()).toUTCString(),
      ...reply.headers,
      ...(type === undefined ? {} : { 'content-type': type }),
    };
    const line = lineOf(response);
    const spoilt = spoil(faults, line, this.#clock);
    if ('body' in reply) {
      if (spoilt === undefined) {
        this.#whole(call, reply.status, headers, reply.body, response);
        return;
      }
      // A proper length, so that what is missing can be seen, unless the fault is that it cannot.
      const kept = faults.every(({ fault }) => fault !== 'shorten' && fault !== 'insert');
      response.writeHead(reply.status, { ...headers, ...(kept ? { 'content-length': reply.body.length } : {}) });
      spoilt.write(reply.body);
      spoilt.end();
      return;
    }
    response.writeHead(reply.status, headers);
    response.flushHeaders();
    this.#stream(call, reply.stream, spoilt ?? line, line);
  }

  /** As a real one: large answers are compressed for those who ask for it, streams never. */
  #whole(call: Call, status: number, headers: Record<string, string>, body: Buffer, response: ServerResponse): void {
    const send = (bytes: Buffer, more: Record<string, string>): void => {
      response.writeHead(status, { ...headers, ...more, 'content-length': bytes.length });
      response.end(call.method === 'HEAD' ? undefined : bytes);
    };
    if (body.length < COMPRESSED_FROM || !/\bgzip\b/.test(String(call.headers['accept-encoding'] ?? ''))) {
      send(body, {});
      return;
    }
    gzip(body, { level: 1 }, (error, bytes) => {
      if (error === null) send(bytes, { 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
      else response.destroy(error);
    });
  }

  #stream(call: Call, stream: (sink: Line) => void, to: Line, raw: Line): void {
    let stalled = false;
    const open: OpenStream = {
      call,
      end: () => to.end(),
      reset: () => raw.reset(),
      stall: () => {
        stalled = true;
      },
      insert: (text) => {
        to.write(Buffer.from(text));
      },
    };
    this.streams.add(open);
    to.onClose(() => this.streams.delete(open));
    stream({
      ...to,
      write: (chunk) => stalled || to.write(chunk),
      end: () => {
        if (!stalled) to.end();
      },
    });
  }
}
