/** Where a body goes, piece by piece. Faults stand between it and the socket. */
export interface Sink {
  /** False: the client reads too slowly; wait for `onDrain`. */
  write(chunk: Buffer): boolean;
  onDrain(listener: () => void): void;
  /** When the client is gone, or the body has ended. */
  onClose(listener: () => void): void;
  end(): void;
}

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export type WholeReply = Head & { readonly body: Buffer };

/** An answer: whole, or as a stream. */
export type Reply = WholeReply | (Head & { readonly stream: (sink: Sink) => void });

export const JSON_TYPE = 'application/json';
export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): WholeReply {
  return { status, headers: { 'content-type': JSON_TYPE, ...headers }, body: Buffer.from(JSON.stringify(value)) };
}

/** What the real one says of a path that it does not serve at all. */
export const nothingHere: Reply = {
  status: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: Buffer.from('404 page not found\n'),
};
