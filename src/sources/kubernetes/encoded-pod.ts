import { Undecodable } from './undecodable.ts';
import { BYTES, type Wire } from './wire.ts';

export const field = (number: number, type = BYTES): number => number * 8 + type;
/** Fields for `Wire.next`. */
export const oneOf = (...numbers: readonly number[]): number =>
  numbers.reduce((bits, number) => bits | (1 << number), 0);

const METADATA = oneOf(1);
const IN_METADATA = oneOf(1, 3, 5, 6, 9, 11, 12, 13);

/** A pod as protobuf. Of its metadata what is compared has been read; of the rest it is known where it stands. */
export class EncodedPod {
  readonly wire: Wire;
  readonly start: number;
  readonly end: number;
  name = '';
  namespace = '';
  uid = '';
  version = '';
  isDeleting = false;
  /** From the first of them to the last; both zero: there are none. */
  labelsStart = 0;
  labelsEnd = 0;
  annotationsStart = 0;
  annotationsEnd = 0;
  ownersStart = 0;
  ownersEnd = 0;

  /** The pod that stands from `start` to `end`. Throws `Undecodable`. */
  constructor(wire: Wire, start: number, end: number) {
    this.wire = wire;
    this.start = start;
    this.end = end;
    wire.position = start;
    let isThere = false;
    for (let tag = wire.next(end, METADATA); tag !== 0; tag = wire.next(end, METADATA)) {
      if (tag !== field(1)) {
        wire.skip(tag, end);
        continue;
      }
      // Nobody writes it so; whoever reads JSON need not wonder how the two halves go together.
      if (isThere) throw new Undecodable('an object has metadata twice');
      isThere = true;
      this.#metadata(wire, wire.inner(end));
    }
    if (!isThere) throw new Undecodable('an object has no metadata');
    if (this.name === '' || this.version === '') throw new Undecodable('an object has no name or no resourceVersion');
  }

  #metadata(wire: Wire, end: number): void {
    for (let tag = wire.next(end, IN_METADATA); tag !== 0; tag = wire.next(end, IN_METADATA)) {
      if (tag === field(1)) this.name = wire.text(end);
      else if (tag === field(3)) this.namespace = wire.sharedText(end);
      else if (tag === field(5)) this.uid = wire.text(end);
      else if (tag === field(6)) this.version = wire.text(end);
      else {
        // Its tag is of one byte, and was read.
        const start = wire.position - 1;
        wire.skip(tag, end);
        if (tag === field(11)) {
          if (this.labelsEnd === 0) this.labelsStart = start;
          this.labelsEnd = wire.position;
        } else if (tag === field(12)) {
          if (this.annotationsEnd === 0) this.annotationsStart = start;
          this.annotationsEnd = wire.position;
        } else if (tag === field(13)) {
          if (this.ownersEnd === 0) this.ownersStart = start;
          this.ownersEnd = wire.position;
        } else if (tag === field(9)) this.isDeleting = true;
      }
    }
  }
}
