import { printAddress, type Span } from './addresses.ts';
import { child, type Element, members, textOf } from './xml.ts';

/** More addresses of a pool are told as a range. */
const MOST_TOLD = 64;

/** Every address that a source may become: of a pool any, of a static translation the one that stands for it. */
export function sourcesOf(how: Element, source: Span, spansOf: (name: string) => readonly Span[]): readonly string[] {
  const fixed = child(how, 'static-ip');
  if (fixed !== undefined) {
    const [span] = spansOf(textOf(fixed, 'translated-address') ?? '');
    if (span === undefined) return [];
    // Hosts keep their place: the n-th address becomes the n-th.
    const at = span.low + (source.low % (span.high - span.low + 1n));
    return [printAddress({ family: span.family, low: at, high: at })];
  }
  const pool = child(how, 'dynamic-ip-and-port') ?? child(how, 'dynamic-ip');
  const device = child(pool, 'interface-address');
  if (device !== undefined) return [textOf(device, 'ip') ?? `interface ${textOf(device, 'interface') ?? ''}`];
  return members(child(pool, 'translated-address')).flatMap((name) => spansOf(name).flatMap(told));
}

function told(span: Span): readonly string[] {
  const first = printAddress(span);
  if (span.high - span.low >= BigInt(MOST_TOLD)) return [`${first}-${printAddress({ ...span, low: span.high })}`];
  const found: string[] = [];
  for (let at = span.low; at <= span.high; at++) found.push(printAddress({ family: span.family, low: at, high: at }));
  return found;
}
