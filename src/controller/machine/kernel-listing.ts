import type { Count, LiveRule, LiveTable } from '../../machine/table-change.ts';

const RULE = /^\t\t(.*) # handle (\d+)$/;
const COUNTED = /\bcounter packets (\d+) bytes (\d+)/;
const BLOCK = /^\t(set|map|chain|counter|limit|quota|flowtable|ct \w+) (\S+) \{/;

/**
 * What `nft -a list table` or `list chain` printed. Text and not JSON: of 20,000 rules it is a quarter as long, and nft makes it in a third of
 * the time.
 */
export function readListing(listing: string): LiveTable {
  const chains = new Map<string, LiveRule[]>();
  const counters = new Map<string, Count>();
  const elements = new Map<string, ReadonlySet<string>>();
  const rest: string[] = [];
  let set: { readonly name: string; readonly body: string[] } | undefined;
  let chain: LiveRule[] | undefined;
  let counter: string | undefined;
  for (const line of listing.split('\n')) {
    const block = BLOCK.exec(line);
    if (block !== null) {
      const [, kind, name = ''] = block;
      chain = kind === 'chain' ? [] : undefined;
      counter = kind === 'counter' ? name : undefined;
      set = kind === 'set' ? { name, body: [] } : undefined;
      if (chain !== undefined) chains.set(name, chain);
      rest.push(line);
      continue;
    }
    if (set !== undefined) {
      if (line !== '\t}') {
        set.body.push(line);
        continue;
      }
      // Elements of sets without flags are learnt, and change between loads.
      if (set.body.some((each) => each.startsWith('\t\tflags '))) rest.push(...set.body);
      else {
        const from = set.body.findIndex((each) => each.startsWith('\t\telements = {'));
        const end = from < 0 ? set.body.length : from;
        rest.push(...set.body.slice(0, end));
        elements.set(set.name, elementsIn(set.body.slice(end).join(' ')));
      }
      set = undefined;
    }
    const rule = chain === undefined ? null : RULE.exec(line);
    if (rule !== null) {
      const [, text = '', handle = ''] = rule;
      const counted = COUNTED.exec(text);
      chain?.push({
        handle: Number(handle),
        comment: / comment "([^"]*)"$/.exec(text)?.[1],
        count: counted === null ? undefined : countOf(counted),
        print: counted === null ? text : text.replace(COUNTED, 'counter'),
      });
      continue;
    }
    const total = counter === undefined ? null : /^\t\tpackets (\d+) bytes (\d+)/.exec(line);
    if (total !== null && counter !== undefined) counters.set(counter, countOf(total));
    else rest.push(line);
  }
  return { chains, counters, elements, rest: rest.join('\n') };
}

function elementsIn(text: string): ReadonlySet<string> {
  const inside = /\{(.*)\}/.exec(text)?.[1] ?? '';
  return new Set(
    inside
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  );
}

function countOf([, packets, bytes]: RegExpExecArray): Count {
  return { packets: Number(packets), bytes: Number(bytes) };
}
