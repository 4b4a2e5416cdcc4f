import type { SecurityRule, TranslationRule } from './model.ts';

/** What rules say, part by part, whatever order a device gives its lists in. */
type Parts = Readonly<Record<string, string>>;

export function isSameRule(a: SecurityRule, b: SecurityRule): boolean {
  return a === b || ruleDifference(a, b).length === 0;
}

export function isSameTranslation(a: TranslationRule, b: TranslationRule): boolean {
  return a === b || translationDifference(a, b).length === 0;
}

/** In words, what was expected and what was found. */
export function ruleDifference(expected: SecurityRule, found: SecurityRule): readonly string[] {
  return differences(ruleParts(expected), ruleParts(found));
}

export function translationDifference(expected: TranslationRule, found: TranslationRule): readonly string[] {
  return differences(translationParts(expected), translationParts(found));
}

function ruleParts({ source, destination, services, ...rest }: SecurityRule): Parts {
  return {
    source: `${source.negate ? 'not ' : ''}${list(source.groups)}`,
    destination: list([...destination.objects, ...destination.groups]),
    services: list(services),
    action: rest.action,
    log: String(rest.log),
    profile: rest.profile ?? '',
    'translated to': rest.translatedTo ?? 'itself',
    ...commonParts(rest),
  };
}

function translationParts({ source, destination, service, to, ...rest }: TranslationRule): Parts {
  return {
    source: list(source.groups),
    destination: list([...destination.objects, ...destination.groups]),
    services: service ?? '',
    'translated to': to.kind === 'Address' ? to.address : 'itself',
    ...commonParts(rest),
  };
}

function commonParts({
  family,
  comment,
  mark,
  strange,
}: Pick<SecurityRule, 'family' | 'comment' | 'mark' | 'strange'>): Parts {
  return { family: String(family), comment, mark, strange: strange ?? '' };
}

function list(names: readonly string[]): string {
  return names.toSorted().join(', ');
}

function differences(expected: Parts, found: Parts): readonly string[] {
  return Object.entries(expected).flatMap(([part, text]) => {
    const is = found[part] ?? '';
    if (text === is) return [];
    return [part === 'strange' ? `says what we never say: ${is}` : `${part} was "${text}" and is "${is}"`];
  });
}
