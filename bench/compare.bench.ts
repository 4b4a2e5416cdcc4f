/**
 * Comparing two first-match lists, and finding what in one is never used or could go: `npm run bench -- compare`, or
 * `npx tsx bench/compare.bench.ts RULES` for another number than 2,000. Three kinds of list:
 * - `flattened`: blocks of twenty rules for a class of ten addresses each, ending in the class's default, and exceptions for everybody on top;
 * - `selectors`: the same with a selector, of which nothing is known, in place of the addresses;
 * - `random`: prefixes and ports by chance, a third of the rules from anywhere, a third to anywhere.
 */
import process from 'node:process';
import { analyse, compare } from '../src/engine/analysis/compare.ts';
import type { ListedRule, RuleList } from '../src/engine/analysis/rule-list.ts';
import { drawing } from './draw.ts';
import { load, print, smoke } from './figure.ts';

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const count = Number(words[0] ?? (smoke ? 100 : 2000));
const BLOCK = 20;

const draw = drawing();

function net(first: number, length: number): string {
  const address = ((first * 2 ** 24 + draw(2 ** 24)) & (length === 0 ? 0 : -(2 ** (32 - length)))) >>> 0;
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}/${length}`;
}

const LENGTHS = [12, 16, 20, 24, 24, 28, 32, 32];
const drawNet = (first: number): string => net(first, LENGTHS[draw(LENGTHS.length)] ?? 32);
const drawPorts = (): (number | string)[] => {
  const port = 1 + draw(20_000);
  return draw(4) === 0 ? [`${port}:${port + draw(1000)}`] : [port, 443].slice(0, 1 + draw(2));
};

function drawService(): Pick<ListedRule, 'protocol'> & { ports?: (number | string)[] } {
  const kind = draw(10);
  if (kind === 0) return {};
  return kind === 1 ? { protocol: 'ICMP' } : { protocol: kind < 8 ? 'TCP' : 'UDP', ports: drawPorts() };
}

function drawRule(source: ListedRule['source'], to: string | undefined, action: ListedRule['action']): ListedRule {
  const { ports, ...protocol } = drawService();
  const destination = { ...(to === undefined ? {} : { nets: [to] }), ...(ports === undefined ? {} : { ports }) };
  return { action, ...protocol, ...(source === undefined ? {} : { source }), destination };
}

function blocks(opaque: boolean): ListedRule[] {
  const rules: ListedRule[] = Array.from({ length: BLOCK }, () => drawRule(undefined, drawNet(203), 'Deny'));
  for (let block = 0; rules.length < count; block++) {
    const source = opaque
      ? { selector: `class == '${block}'` }
      : { nets: Array.from({ length: 10 }, () => net(10, 32)) };
    for (let n = 0; n < BLOCK - 1; n++)
      rules.push(drawRule(source, drawNet(100 + draw(100)), draw(4) === 0 ? 'Deny' : 'Allow'));
    rules.push({ action: 'Deny', source });
  }
  return rules.slice(0, count);
}

function random(): ListedRule[] {
  return Array.from({ length: count }, () => {
    const source = draw(3) === 0 ? undefined : { nets: [drawNet(10)] };
    // No rule is for everything: behind one nothing would be left to compare.
    const to = source !== undefined && draw(3) === 0 ? undefined : drawNet(100);
    return drawRule(source, to, draw(2) === 0 ? 'Deny' : 'Allow');
  });
}

/** Neighbours with one action change places: another text with the same meaning. */
function rewritten(rules: readonly ListedRule[]): ListedRule[] {
  const result = [...rules];
  for (let i = 0; i + 1 < result.length; i++) {
    const [one, other] = [result[i], result[i + 1]];
    if (one === undefined || one.action !== other?.action) continue;
    result.splice(i, 2, other, one);
    i++;
  }
  return result;
}

function time<T>(what: string, kind: string, budget: number, work: () => T): T {
  const start = performance.now();
  const result = work();
  print({
    bench: `compare/${what}/${kind}`,
    unit: 's',
    value: (performance.now() - start) / 1000,
    budget,
    rules: count,
    ...load(),
  });
  return result;
}

for (const [kind, rules] of [
  ['flattened', blocks(false)],
  ['selectors', blocks(true)],
  ['random', random()],
] as const) {
  const list: RuleList = { rules };
  const same = time('equal', kind, 2, () => compare(list, { rules: rewritten(rules) }));
  const last = rules.slice(0, -1);
  const other = time('different', kind, 2, () =>
    compare(list, { rules: [{ action: 'Allow', protocol: 47 }, ...last] }),
  );
  if (!same.equal || other.equal) throw new Error(`${kind}: the lists do not compare as they were made`);
  time('analyse', kind, 5, () => analyse(list));
}
