/** What a line of the kernel's log tells of one packet, in the form that the droptailer's server prints. */
export interface Drop {
  /** Seconds since the epoch. */
  readonly at: number;
  readonly fields: Readonly<Record<string, string>>;
}

/** The prefixes that rules log with; lists in the environment, separated by commas, a blank at the end belongs to a prefix (reference 7.2). */
export interface DropPrefixes {
  readonly drops: readonly string[];
  readonly accepts: readonly string[];
}

export const TODAYS_PREFIXES: DropPrefixes = {
  drops: ['nftables-metal-dropped: ', 'nftables-firewall-dropped: '],
  accepts: ['nftables-metal-accepted: ', 'nftables-firewall-accepted: '],
};

/**
 * Reads a line as today's client does: what follows the prefix is split at whitespace into `KEY=VALUE`; a flag has an empty value; a value
 * ends at a second `=`, what follows an `@` is lost, and the last of equal keys counts (reference 7.2). Nothing for a line without a prefix.
 */
export function readDropLine(line: string, at: number, prefixes: DropPrefixes): Drop | undefined {
  const isOf = (prefix: string): boolean => line.startsWith(prefix);
  const dropped = prefixes.drops.find(isOf);
  const prefix = dropped ?? prefixes.accepts.find(isOf);
  if (prefix === undefined) return undefined;
  const fields: Record<string, string> = {};
  const [text = ''] = line.slice(prefix.length).split('@');
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    const [key = '', value = ''] = word.split('=');
    // Nobody but the kernel writes these; a name that means something to an object of ours is no key all the same.
    if (key !== '' && key !== '__proto__') fields[key] = value;
  }
  fields['ACTION'] = dropped === undefined ? 'accept' : 'drop';
  return { at: Math.floor(at), fields };
}

/** Prefixes from the environment of today's unit; what is not given is as ever. */
export function dropPrefixes(environment: Readonly<Record<string, string | undefined>>): DropPrefixes {
  const list = (name: string, absent: readonly string[]): readonly string[] => {
    const given = environment[name];
    return given === undefined || given === '' ? absent : given.split(',').filter((each) => each !== '');
  };
  return {
    drops: list('DROPTAILER_PREFIXES_OF_DROPS', TODAYS_PREFIXES.drops),
    accepts: list('DROPTAILER_PREFIXES_OF_ACCEPTS', TODAYS_PREFIXES.accepts),
  };
}
