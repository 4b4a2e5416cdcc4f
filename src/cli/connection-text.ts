import type { ConnectionEnd } from '../engine/analysis/connection-ends.ts';
import type { Connection } from '../engine/analysis/connections.ts';

/** Columns that tables and lines of text keep to. */
const WIDTH = 100;
/** Names of one end that are shown; more are counted. */
const SHOWN_NAMES = 12;
const SHOWN_SERVICES = 8;

/**
 * Connections for people, grouped by who opens them: a heading, and one line for each receiver. Everything is in the data form; here long
 * lists are cut, and what is left out is counted. `mark` stands before each connection: `+ `, `- `.
 */
export function connectionLines(connections: readonly Connection[], mark = ''): readonly string[] {
  const lines: string[] = [];
  let heading: ConnectionEnd | undefined;
  for (const { from, to, families, services } of connections) {
    if (from !== heading) {
      heading = from;
      lines.push(...wrapped(endText(from), '', '  '));
    }
    const only = families.length === 1 ? ` (IPv${families[0]} only)` : '';
    const what = counted(
      services.map(({ text }) => text),
      SHOWN_SERVICES,
      '; ',
    );
    lines.push(...wrapped(`${endText(to)}: ${what}${only}`, `  ${mark}-> `, '       '));
  }
  return lines;
}

function endText({ workloads, endpoints, addresses, nets }: ConnectionEnd): string {
  const outside = nets.map((net) => (net.endsWith('/0') ? `everywhere outside (${net})` : net));
  return counted([...workloads, ...endpoints, ...addresses, ...outside], SHOWN_NAMES, ', ');
}

function counted(texts: readonly string[], limit: number, separator: string): string {
  const rest = texts.length > limit ? ` and ${texts.length - limit} more` : '';
  return `${texts.slice(0, limit).join(separator)}${rest}`;
}

/** A text over as many lines as it takes, broken at blanks. */
export function wrapped(text: string, first: string, others: string): readonly string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = others;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}

/** A line that is too long over as many as it takes, further in than it begins. */
export function rewrapped(line: string): readonly string[] {
  const indent = /^ *([~+-] )?/.exec(line)?.[0] ?? '';
  if (line.length <= WIDTH) return [line];
  return wrapped(line.slice(indent.length), indent, `${' '.repeat(indent.length)}  `);
}
