import type { Codes } from './entry.ts';

/** Codes of values that users write inside objects: addresses, prefixes, ports, selectors. */
export const valueCodes = {
  SELECTOR_SYNTAX: {
    blame: 'input',
    what: 'A selector cannot be read; the message says what was expected at which character.',
    now: 'The selector counts as unreadable: a rule that allows is left out, a rule or policy that denies takes its whole scope.',
    fix: "Correct the selector, for example `app == 'web' && tier in {'front', 'edge'}`; `sallyport eval` tries one out.",
  },
  LABEL_SELECTOR_INVALID: {
    blame: 'input',
    what: 'A Kubernetes label selector has a key, operator or value that the API server would refuse.',
    now: 'The selector counts as unreadable: a rule that allows is left out, a rule or policy that denies takes its whole scope.',
    fix: 'Give `In` and `NotIn` at least one value, `Exists` and `DoesNotExist` none, and use valid label keys and values.',
  },
  PREFIX_INVALID: {
    blame: 'input',
    what: 'A text is no address or CIDR block: the message says what is wrong with it and, where that can be known, how it should read.',
    now: 'The value is not used. In a rule it makes that rule unreadable: one that allows is left out, one that denies then denies everything.',
    fix: 'Write it as the message shows. Leading zeros, zone ids, IPv4-mapped IPv6 and bits after the prefix length are refused on purpose, because programs read them differently.',
  },
  LABEL_INDEX_INPUT: {
    blame: 'input',
    what: 'A program gave the label index a selector or an address that cannot be read.',
    now: 'The call changes nothing; the index stays as it was.',
    fix: 'Check the input first: `parseSelector` and `parsePrefix` tell what is wrong and where.',
  },
} as const satisfies Codes;
