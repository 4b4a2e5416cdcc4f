import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import protobuf from 'protobufjs';
import type { Authority, Issued } from './certificates.ts';

const { root } = protobuf.parse(`
  syntax = "proto3";
  package proto;
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message Drop { Timestamp timestamp = 1; map<string, string> fields = 2; }
`);
const message = root.lookupType('proto.Drop');

/** What the server prints: `<timestamp> <fields as JSON>`. */
export interface Printed {
  readonly seconds: number;
  readonly fields: Readonly<Record<string, string>>;
}

/** The droptailer's server, as its protocol has it, with the client's certificate demanded. Messages are read by protobufjs. */
export class DroptailerServer {
  readonly printed: Printed[] = [];
  /** Names of the clients that were let in. */
  readonly clients = new Set<string>();
  /** The status of the next answers. */
  status = '0';
  /** Messages that came whole, answered or not. */
  heard = 0;
  /** Takes messages and answers none. */
  isSilent = false;
  readonly port: number;
  readonly #server: Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();

  static async start({ certificate, key }: Issued, clients: Authority, port = 0): Promise<DroptailerServer> {
    const server = createSecureServer({
      cert: certificate,
      key,
      ca: clients.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return new DroptailerServer(server);
  }

  private constructor(server: Http2SecureServer) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('secureConnection', (socket: TLSSocket) => {
      const name: string | string[] | undefined = socket.getPeerCertificate().subject.CN;
      this.clients.add([name].flat().join());
    });
    server.on('sessionError', () => undefined);
    server.on('tlsClientError', () => undefined);
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
      session.on('error', () => undefined);
    });
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('error', () => undefined);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        this.heard += 1;
        if (this.isSilent) return;
        const body = Buffer.concat(chunks);
        const isOurs =
          headers[':path'] === '/proto.Droptailer/Push' &&
          headers['content-type'] === 'application/grpc' &&
          headers['te'] === 'trailers' &&
          body.readUInt8(0) === 0 &&
          body.readUInt32BE(1) === body.length - 5;
        const status = isOurs ? this.status : '12';
        if (status === '0') {
          const read = message.toObject(message.decode(body.subarray(5)), { longs: Number }) as {
            timestamp: { seconds: number };
            fields: Record<string, string>;
          };
          this.printed.push({ seconds: read.timestamp.seconds, fields: { ...read.fields } });
        }
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
        stream.end(Buffer.alloc(5));
      });
    });
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
