import type { Codes } from './entry.ts';

/** Codes of questions about rules by themselves, and of what `lint` finds. */
export const analysisCodes = {
  RULE_LIST_INVALID: {
    blame: 'input',
    what: 'A list of rules that was given to be compared or analysed has mistakes: a rule that Calico would refuse, or no list at all.',
    now: 'Nothing is compared: an answer about other rules than were written would mislead.',
    fix: 'Correct every place that the message names. Rules have the form of a Calico policy (`action`, `protocol`, `source`, `destination` …).',
  },
  LINT_SELECTS_NOBODY: {
    blame: 'input',
    what: 'A policy, an AddressGroup or a SourceNAT selects no endpoint, or none leaves through a BorderFirewall.',
    now: 'Nothing: it decides nothing until an endpoint comes that it selects.',
    fix: 'Look for a misspelt label or namespace in its selector; `sallyport policy NAME` shows the selector of a policy in effect. Delete the object if it is no longer needed.',
  },
  LINT_MATCHES_NOTHING: {
    blame: 'input',
    what: 'No flow of the endpoints that the policy applies to can meet a rule: its selector selects nobody, no endpoint has a port of that name, or its conditions exclude each other.',
    now: 'The rule decides nothing. If it denies, what it was to keep out is not kept out.',
    fix: 'Correct the condition that the message names, or remove the rule.',
  },
  LINT_PORT_UNDEFINED: {
    blame: 'input',
    what: 'A rule names a port that no endpoint has.',
    now: 'The name stands for no port; the other ports of the rule count.',
    fix: 'Correct the name, or give the container port that name.',
  },
  LINT_SHADOWED: {
    blame: 'input',
    what: 'Everything that a rule matches is decided before it, for every endpoint that its policy applies to.',
    now: 'The rule decides nothing.',
    fix: 'Remove the rule.',
  },
  LINT_CONFLICT: {
    blame: 'input',
    what: 'Two rules say opposite things to the same flows, and the later one never gets its way; or they stand in policies of the same order, so that only the names of the policies decide.',
    now: 'The first rule in order decides.',
    fix: 'Put the exception before the rule it is an exception from, or give the policies different orders.',
  },
  LINT_REDUNDANT: {
    blame: 'input',
    what: 'Without the rule every flow would get the same verdict from what follows.',
    now: 'Nothing: the rule does no harm.',
    fix: 'Remove it if it is not there to say something to people. Of several such rules remove one and look again: each may be what makes another one redundant.',
  },
  LINT_POLICY_UNREACHED: {
    blame: 'input',
    what: 'Other policies decide everything that the rules of a policy match, for every endpoint that it applies to.',
    now: 'The policy decides nothing but that its tier applies.',
    fix: 'Give it a lower order than the policies that the message names, or delete it.',
  },
  LINT_ALLOWS_EVERYTHING: {
    blame: 'input',
    what: 'A rule allows every port from anywhere, or to anywhere.',
    now: 'It holds as it is written.',
    fix: 'Name the peers or the ports that are needed.',
  },
  LINT_PASS_TO_NOWHERE: {
    blame: 'input',
    what: 'A rule passes flows on, and no later tier has a policy for their direction.',
    now: 'The profile of the namespace decides, which allows everything.',
    fix: 'Write `Allow` if that is meant, `Deny` if not.',
  },
} as const satisfies Codes;
