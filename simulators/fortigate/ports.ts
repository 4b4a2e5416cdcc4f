import { CmdbFault, code, returnCode } from './fault.ts';

export interface PortSpan {
  readonly from: number;
  readonly to: number;
}

/** One element of a port list: destination ports, and source ports where they are narrowed. */
export interface PortPair {
  readonly destination: PortSpan;
  readonly source: PortSpan;
}

const ALL: PortSpan = { from: 0, to: 65_535 };

/** `443 8443-8450:1024-65535` (reference 1.6); `undefined` for anything else. */
export function readPorts(text: string): readonly PortPair[] | undefined {
  const pairs: PortPair[] = [];
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    const [destinationText = '', sourceText, ...more] = word.split(':');
    const destination = readSpan(destinationText);
    const source = sourceText === undefined ? ALL : readSpan(sourceText);
    if (destination === undefined || source === undefined || more.length > 0) return undefined;
    pairs.push({ destination, source });
  }
  return pairs;
}

function readSpan(text: string): PortSpan | undefined {
  const [, first = '', last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const span = { from: Number(first), to: Number(last ?? first) };
  return first === '' || span.from > 65_535 || span.to > 65_535 ? undefined : span;
}

/** A port list as the device keeps it. */
export function keepPorts(written: string): string {
  const pairs = readPorts(written);
  if (pairs === undefined)
    throw new CmdbFault(
      code.invalidPortRange,
      returnCode(code.invalidPortRange, `${written} is not a valid port range`),
    );
  for (const { destination, source } of pairs)
    if (destination.to < destination.from || source.to < source.from)
      throw new CmdbFault(code.outOfRange, returnCode(code.outOfRange, `${written} ends before it starts`));
  return written.trim().split(/\s+/).join(' ');
}
