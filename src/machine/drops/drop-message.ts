import type { Drop } from './drop-line.ts';

/** The one message that is sent: `proto.Drop { google.protobuf.Timestamp timestamp = 1; map<string, string> fields = 2; }` (reference 7.2). */
export function encodeDrop({ at, fields }: Drop): Buffer {
  const parts = [field(1, numberField(1, at))];
  for (const [key, value] of Object.entries(fields))
    parts.push(field(2, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from(value))])));
  return Buffer.concat(parts);
}

/** A message in gRPC's frame: not compressed, its length, itself. */
export function grpcFrame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

function numberField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  bytes.push(left);
  return Buffer.from(bytes);
}
