import { type Truth, allOf, doubt } from '../../passage/truth.ts';
import { type RuleQuestion, otherFields, servicesHold, sideHolds, whoseItIs, zonesHold } from './asked-rule.ts';
import { type XmlElement, textAt } from '../api/xml.ts';

/** Fields of a rule of translation that are looked at here, or that people read (reference 1.6). */
const KNOWN: ReadonlySet<string> = new Set([
  'disabled',
  'target',
  'from',
  'to',
  'to-interface',
  'source',
  'destination',
  'service',
  'nat-type',
  'source-translation',
  'description',
  'tag',
  'group-tag',
]);

/** Whether a rule of translation matches a flow (vendor reference 1.6). */
export function translationMatches(rule: XmlElement, question: RuleQuestion): Truth {
  const { family } = question.flow;
  return allOf([
    ...whoseItIs(rule, question),
    () => isOfFamily(textAt(rule, 'nat-type') ?? 'ipv4', family),
    () => zonesHold(rule, 'to', question.to),
    () => sideHolds(rule, 'source', question),
    () => sideHolds(rule, 'destination', question),
    () => servicesHold([textAt(rule, 'service') ?? 'any'], question),
    () => {
      const by = textAt(rule, 'to-interface') ?? 'any';
      return by === 'any' || by === '' ? true : doubt(`it is for what leaves by the interface ${by}`);
    },
  ]);
}

/** Of the other two the reference has the names alone. */
function isOfFamily(type: string, family: 4 | 6): Truth {
  if (type === 'ipv4') return family === 4;
  if (type === 'nptv6' && family === 4) return false;
  return doubt(`it translates between families or prefixes (${type})`);
}

/**
 * What it may do to a flow that it matches beside translating its source: then another rule may count, as the flow goes elsewhere. The
 * reference has translations of sources alone, so that whatever else a rule says is not known.
 */
export function redirects(rule: XmlElement): string | undefined {
  const type = textAt(rule, 'nat-type') ?? 'ipv4';
  if (type !== 'ipv4') return `it is of the type ${type}`;
  const [other] = otherFields(rule, (name) => KNOWN.has(name));
  return other === undefined ? undefined : `what its field \`${other.name}\` says is not known`;
}

/** The address that stands for a source in both directions: what is sent to it goes to that source. */
export function standsFor(rule: XmlElement): string | undefined {
  if (textAt(rule, 'disabled') === 'yes') return undefined;
  if (textAt(rule, 'source-translation', 'static-ip', 'bi-directional') !== 'yes') return undefined;
  return textAt(rule, 'source-translation', 'static-ip', 'translated-address');
}
