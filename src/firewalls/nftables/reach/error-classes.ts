import type { Code } from '../../../base/catalogue.ts';
import { SallyportError } from '../../../base/error.ts';

/**
 * The one place that looks at nft's words. They are strerror(3) of the C library in the C locale, which we set, behind fixed prefixes
 * of nft, and tell the errno of the kernel: nothing else does (the exit status is 1 for everything).
 */
interface Row {
  /** The reason, after the prefixes. */
  readonly words: RegExp;
  readonly code: Code;
  /** Where this was seen or read: `T` tested with nft 1.0.6 (reference/nftables.md, section), `S` nft's source. */
  readonly source: string;
}

const rows: readonly Row[] = [
  {
    words: /^No such file or directory/,
    code: 'DEVICE_CHANGED',
    source: 'T section 2: element before chain, delete of the missing',
  },
  {
    words: /^File exists/,
    code: 'DEVICE_CHANGED',
    source: 'T sections 2, 4: other value for a key, create of an existing fence',
  },
  {
    words: /^Device or resource busy/,
    code: 'DEVICE_CHANGED',
    source: 'T section 2: a chain that somebody still names',
  },
  {
    words: /^interval overlaps with an existing one/,
    code: 'DEVICE_CHANGED',
    source: 'T section 9: prefix inside one that is there',
  },
  { words: /^conflicting intervals specified/, code: 'INTERNAL', source: 'T section 9: overlap inside our own text' },
  {
    words: /^element does not exist/,
    code: 'DEVICE_CHANGED',
    source: 'T section 9: deletion of a part of an interval',
  },
  {
    words: /^Message too long/,
    code: 'TRANSACTION_TOO_LARGE',
    source: 'T section 10: socket buffer in a user namespace',
  },
  { words: /^Operation not permitted/, code: 'DEVICE_RIGHTS', source: 'T section 9' },
  { words: /^Permission denied/, code: 'DEVICE_RIGHTS', source: 'S: nft opens the file it is given' },
  {
    words: /Operation not permitted \(you must be root\)/,
    code: 'DEVICE_RIGHTS',
    source: 'S src/mnl.c, cache initialisation',
  },
  { words: /^Too many links/, code: 'DEVICE_LIMIT', source: 'T section 2: the 16th jump, or a loop' },
  { words: /^Too many open files in system/, code: 'DEVICE_LIMIT', source: 'T section 9: a set beyond its size' },
  { words: /^Numerical result out of range/, code: 'DEVICE_LIMIT', source: 'T section 9' },
  { words: /^Operation not supported/, code: 'DEVICE_UNSUPPORTED', source: 'T section 9: wrong hook, missing module' },
  { words: /^Protocol not supported/, code: 'DEVICE_UNSUPPORTED', source: 'S src/mnl.c: kernel without nf_tables' },
  { words: /^Cannot allocate memory/, code: 'DEVICE_BUSY', source: 'S strerror(ENOMEM)' },
  { words: /^No buffer space available/, code: 'DEVICE_BUSY', source: 'S strerror(ENOBUFS)' },
  {
    words: /^Interrupted system call/,
    code: 'DEVICE_BUSY',
    source: 'S strerror(EINTR): the kernel was changed while it was listed',
  },
  { words: /^Resource temporarily unavailable/, code: 'DEVICE_BUSY', source: 'S strerror(EAGAIN)' },
  { words: /^syntax error/, code: 'INTERNAL', source: 'T: our own text is wrong' },
];

const ERROR_LINE = /^(?:\S.*?:\d+:\d+(?:-\d+)?: |netlink: |internal:\S* |)Error: (.*)$/;
const PREFIXES = /^(?:Could not process rule: |cache initialization failed: )/;

/** The reasons that nft printed, without its echo of our text, which may hold words that users chose. */
function reasons(stderr: string): readonly string[] {
  const found: string[] = [];
  for (const line of stderr.split('\n')) {
    const reason = ERROR_LINE.exec(line)?.[1];
    if (reason !== undefined) found.push(reason.replace(PREFIXES, ''));
    else if (line.startsWith('netlink: ') || line.includes('Unable to initialize Netlink socket: '))
      found.push(line.slice(line.lastIndexOf(': ') + 2));
  }
  return found;
}

/** Why nft refused, as an error whose code says who has to act; words that no row knows mean "rejected". */
export function nftError(stderr: string, doing: string): SallyportError {
  const said = reasons(stderr);
  for (const reason of said) {
    const row = rows.find(({ words }) => words.test(reason));
    if (row !== undefined) return new SallyportError(row.code, `${doing}: ${reason}`, { stderr: clip(stderr) });
  }
  const words = said[0] ?? stderr.trim().split('\n')[0] ?? '';
  return new SallyportError('DEVICE_REJECTED', `${doing}: ${words === '' ? 'nft failed without a word' : words}`, {
    stderr: clip(stderr),
  });
}

function clip(text: string): string {
  return text.length <= 2_000 ? text : `${text.slice(0, 2_000)}…`;
}

/** What conntrack's words mean: strerror(3) in the C locale behind `Operation failed:`; unknown words mean that it says no. */
export function conntrackError(stderr: string): SallyportError {
  const words = stderr.trim().split('\n').slice(-3).join(' ').slice(0, 500);
  if (/Operation not permitted|Permission denied/.test(words))
    return new SallyportError('DEVICE_RIGHTS', `no right to change tracked connections: ${words}`);
  // Seen with conntrack 1.4.7 when a connection that is being marked ends at that moment: what is there now is to be looked at again.
  // It has words of its own for ENOENT, and the kernel's where the connection was gone before. ENOBUFS: after 256 changes by one line.
  if (/Protocol error|such conntrack doesn't exist|No such file or directory|No buffer space available/.test(words))
    return new SallyportError('DEVICE_CHANGED', `connections ended while they were being marked: ${words}`);
  return new SallyportError('DEVICE_REJECTED', `conntrack refused: ${words}`);
}
