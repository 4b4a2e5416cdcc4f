/** Flags of today's firewall-controller that take a value, and those that need none (metal-stack reference, 3.1). */
const WITH_VALUE = ['log-level', 'metrics-addr', 'hosts-file', 'firewall-name', 'kubeconfig'];
const SWITCHES = ['enable-IDS', 'enable-signature-check'];
/** Levels of today's log beside ours. */
const LEVELS: ReadonlyMap<string, string> = new Map([
  ['', 'info'],
  ['warning', 'warn'],
  ['dpanic', 'error'],
  ['panic', 'error'],
  ['fatal', 'error'],
]);
/** How Go reads truth. */
const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/**
 * The command line as ours. Today's units start `firewall-controller` and `droptailer-client`, the first with flags as Go writes them: one dash or
 * two, the value behind `=` or as the next word, switches with `=` alone.
 */
export function ourWords(program: string, given: readonly string[]): readonly string[] {
  if (program === 'droptailer-client') return ['droptailer', ...given];
  const [first = ''] = given;
  if (first === 'run') return ['run', ...ourFlags(given.slice(1))];
  if (program !== 'firewall-controller' || (first !== '' && !first.startsWith('-'))) return given;
  if (['-h', '--help', '-V', '--version'].includes(first)) return given;
  if (given.some((word) => /^--?v(=|$)/.test(word) && !FALSE.includes(word.split('=')[1] ?? 'true')))
    return ['--version'];
  return ['run', '--as-today', ...ourFlags(given.filter((word) => !/^--?v=/.test(word)))];
}

function ourFlags(words: readonly string[]): readonly string[] {
  return words.map((word, index) => (/^--?log-level$/.test(words[index - 1] ?? '') ? ourLevel(word) : ourFlag(word)));
}

function ourLevel(word: string): string {
  const level = word.toLowerCase();
  return LEVELS.get(level) ?? level;
}

function ourFlag(word: string): string {
  const [, name = '', , value] = /^--?([A-Za-z-]+)(=(.*))?$/s.exec(word) ?? [];
  if (name === 'log-level' && value !== undefined) return `--${name}=${ourLevel(value)}`;
  if (WITH_VALUE.includes(name)) return value === undefined ? `--${name}` : `--${name}=${value}`;
  if (!SWITCHES.includes(name)) return word;
  const said = value ?? 'true';
  return `--${name}=${TRUE.includes(said) ? 'true' : FALSE.includes(said) ? 'false' : said}`;
}
