import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Dialect } from './dialect.ts';

/** What keeps a device from translating as a SourceNAT wants, for the owners of policies and firewalls. */
export interface TranslationLimit {
  /** What the device cannot do, after its name. */
  readonly why: string;
  /** What to do about it; absent: `why` says enough. */
  readonly advice?: string;
}

export function cannotSay(what: string): TranslationLimit {
  return { why: `cannot say ${what}` };
}

/** A limit of devices on which rules translate. `but`: why ours cannot here. `choices`: what can be written in place of it. */
export function byRules(
  { tableInstead }: Pick<Dialect, 'tableInstead'>,
  but: string,
  choices: string,
): TranslationLimit {
  const advice = tableInstead === undefined ? choices : `${choices}, or ${tableInstead}`;
  return { why: `translates by the rule that allows a flow, and ${but}`, advice };
}

/** `now`: what becomes of the flows. */
export function untranslated(
  policy: string,
  { device }: Pick<Dialect, 'device'>,
  { why, advice }: TranslationLimit,
  now = 'the flows that would be translated are dropped',
): Diagnostic {
  return {
    severity: 'error',
    code: 'DEVICE_CANNOT_SAY',
    object: policy,
    path: '',
    message: `${device} ${why}; ${now}${advice === undefined ? '' : `. ${advice}`}`,
  };
}
