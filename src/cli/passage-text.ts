import type { Decider, Passage } from '../firewalls/passage/passage.ts';
import { visible } from '../plan/print.ts';

/** So many rules that may decide are told, the first ones; the rest are counted. */
const MOST = 10;
const LABEL = '    device     ';
const FURTHER = '               ';

type Line = readonly [label: string, text: string];

/** What a device does with a flow and by which of its rules, whosever they are; or why nobody can tell. */
export function passageLines(passage: Passage): readonly Line[] {
  const lines = decidingLines(passage);
  const { retranslated, outcome, leaves } = passage;
  if (outcome === 'drops') return lines;
  if (retranslated === true) return [...lines, [FURTHER, 'translations of others may give it another source']];
  if (leaves?.by === undefined) return lines;
  return [...lines, [FURTHER, `leaves as ${leaves.source}, by the translation of ${visible(leaves.by)}`]];
}

function decidingLines({ outcome, deciders }: Passage): readonly Line[] {
  const [only] = deciders;
  if (deciders.length === 1 && only !== undefined && outcome !== 'unknown')
    return [[LABEL, `${outcome === 'passes' ? 'passes' : 'dropped'} ${byText(only)}`]];
  const sum =
    outcome === 'unknown'
      ? 'unknown: '
      : `${outcome === 'passes' ? 'passes' : 'dropped'}, whichever of these decides: `;
  const texts = deciders.slice(0, MOST).map(deciderText);
  if (deciders.length > MOST) texts.push(`and ${deciders.length - MOST} more`);
  return texts.map((text, at) => (at === 0 ? [LABEL, `${sum}${text}`] : [FURTHER, text]));
}

/** What would let a flow pass that the device drops by something else than our block. */
export function passageRemedies({ deciders }: Passage): readonly string[] {
  return deciders.flatMap((decider) => {
    if (decider.passes !== false || decider.by === 'ours') return [];
    return decider.rule === undefined
      ? ['a rule that allows it, of ours or of others: none matches']
      : [`a rule that allows it before ${visible(decider.rule.where)}`];
  });
}

function deciderText(decider: Decider): string {
  const { by, passes, because } = decider;
  if (by === 'device') return because.map(visible).join('; ');
  const what = passes === undefined ? 'would decide' : passes ? 'would pass' : 'would be dropped';
  const why = because.length === 0 ? '' : `, if at all: ${because.map(visible).join('; ')}`;
  return `${what} ${byText(decider)}${why}`;
}

function byText({ by, rule, inspected }: Decider): string {
  if (by === 'ours') return 'by our block';
  if (rule === undefined) return 'because no rule matches';
  const effect = rule.effect === 'unknown' ? '' : `, ${rule.effect}`;
  return `by ${visible(rule.where)} (${visible(rule.text)}${effect})${inspected === true ? ', inspected' : ''}`;
}
