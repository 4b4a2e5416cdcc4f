import type { Clock } from '../../../src/base/clock.ts';
import type { Fault } from './faults.ts';
import type { Sink } from './reply.ts';

/** The body of one answer, and the connection under it. */
export interface Line extends Sink {
  /** The peer gets a reset. */
  reset(): void;
  /** Ends the connection in the middle of a chunk. */
  breakOff(): void;
}

type Spoiler = (line: Line, clock: Clock) => Line;

/** Lets `limit` bytes through; `then` is called once, and nothing follows. */
function limited(line: Line, limit: number, then: () => void): Line {
  let left = limit;
  let over = false;
  const finish = (): boolean => {
    if (!over) {
      over = true;
      then();
    }
    return true;
  };
  return {
    ...line,
    write(chunk) {
      if (over) return true;
      if (chunk.length <= left) {
        left -= chunk.length;
        const more = line.write(chunk);
        return left === 0 ? finish() : more;
      }
      if (left > 0) line.write(chunk.subarray(0, left));
      return finish();
    },
    end: () => {
      if (!over) line.end();
    },
  };
}

/** Parts are let through one after the other, each once `ready` calls back. */
function paced(line: Line, cut: (chunk: Buffer) => readonly Buffer[], ready: (then: () => void) => void): Line {
  const waiting: Buffer[] = [];
  let ended = false;
  let closed = false;
  let busy = false;
  line.onClose(() => {
    closed = true;
  });
  const go = (): void => {
    if (busy || closed) return;
    const part = waiting.shift();
    if (part === undefined) {
      if (ended) line.end();
      return;
    }
    busy = true;
    line.write(part);
    ready(() => {
      busy = false;
      go();
    });
  };
  return {
    ...line,
    write(chunk) {
      for (const part of cut(chunk)) waiting.push(part);
      go();
      return true;
    },
    end() {
      ended = true;
      go();
    },
  };
}

function cutEvery(bytes: number): (chunk: Buffer) => readonly Buffer[] {
  return (chunk) =>
    Array.from({ length: Math.ceil(chunk.length / bytes) }, (_, index) =>
      chunk.subarray(index * bytes, (index + 1) * bytes),
    );
}

/** Holds chunks back until they make up so many bytes. */
function lumped(line: Line, bytes: number): Line {
  let held: Buffer[] = [];
  let size = 0;
  const release = (): boolean => {
    if (size === 0) return true;
    const lump = Buffer.concat(held);
    held = [];
    size = 0;
    return line.write(lump);
  };
  return {
    ...line,
    write(chunk) {
      held.push(chunk);
      size += chunk.length;
      return size < bytes || release();
    },
    end() {
      release();
      line.end();
    },
  };
}

function inserted(line: Line, text: string, before: number): Line {
  let chunks = 0;
  return {
    ...line,
    write(chunk) {
      if (chunks++ === before) line.write(Buffer.from(text));
      return line.write(chunk);
    },
  };
}

function spoiler(fault: Fault): Spoiler | undefined {
  switch (fault.fault) {
    case 'reset':
      return (line) => limited(line, fault.afterBytes ?? 0, () => line.reset());
    case 'stall':
      return (line) => limited(line, fault.afterBytes, () => {});
    case 'truncate':
      return (line) => limited(line, fault.afterBytes, () => line.breakOff());
    case 'shorten':
      return (line) => limited(line, fault.afterBytes, () => line.end());
    case 'pieces':
      // A turn of the event loop between two: otherwise the socket puts them together again.
      return (line) => paced(line, cutEvery(fault.bytes), setImmediate);
    case 'slow':
      return (line, clock) => paced(line, cutEvery(fault.bytes), (then) => clock.after(fault.pauseMs, then));
    case 'lumps':
      return (line) => lumped(line, fault.bytes);
    case 'insert':
      return (line) => inserted(line, fault.text, fault.beforeChunk ?? 0);
    case 'endAfter':
      return (line, clock) => {
        const cancel = clock.after(fault.ms, () => line.end());
        line.onClose(cancel);
        return line;
      };
    default:
      return undefined;
  }
}

/** The body as the faults make it; `undefined`: as it is. The first fault stands nearest to the socket. */
export function spoil(faults: readonly Fault[], line: Line, clock: Clock): Line | undefined {
  const spoilers = faults.flatMap((fault) => spoiler(fault) ?? []);
  if (spoilers.length === 0) return undefined;
  return spoilers.reduce((inner, next) => next(inner, clock), line);
}
