import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

// Which test shows which line of the policy semantics: names begin with the number of the line. A line without a test, and a line of the
// checklist (17) whose tests are gone or renamed, fail here.

const root = join(import.meta.dirname, '../..');
const files = new Map(
  ['src', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(root, folder, name))
      .filter((path) => path !== import.meta.filename)
      .map((path) => [relative(root, path), readFileSync(path, 'utf8')] as const),
  ),
);

/** Numbers at the beginning of names: `5.4 …`, `9.1.8 and 9.2.7 …`, `4.2 to 4.4 …`, or as a column of a table, `'13.1', …`. */
function numbersIn(text: string): string[] {
  const number = String.raw`\d+(?:\.\d+)+`;
  const names = text.matchAll(new RegExp(`['"\`](${number}(?:(?:,| and| to) ${number})*)(?=[ :,'…]|\`)`, 'g'));
  return [...names].flatMap(([, list = '']) => {
    const all = list.match(new RegExp(number, 'g')) ?? [];
    const [first = '', last = ''] = all;
    return list.includes(' to ') ? between(first, last) : all;
  });
}

function between(first: string, last: string): string[] {
  const at = (text: string): number => Number(text.split('.').at(-1));
  const section = first.slice(0, first.lastIndexOf('.'));
  return Array.from({ length: at(last) - at(first) + 1 }, (_, more) => `${section}.${at(first) + more}`);
}

/** How many numbered lines each section of the reference has. */
const LINES: Readonly<Record<string, number>> = {
  '1.1': 10,
  '1.2': 6,
  '1.4': 7,
  '2': 10,
  '3.1': 6,
  '3.2': 8,
  '3.3': 4,
  '4': 8,
  '5': 10,
  '6.1': 6,
  '6.2': 5,
  '6.3': 7,
  '6.5': 3,
  '7': 10,
  '8.1': 7,
  '8.2': 8,
  '9.1': 10,
  '9.2': 8,
  '10': 8,
  '11': 5,
  '13': 10,
  '15': 4,
  '16': 8,
};

/** Lines that no test can show, and why. */
const NOT_SHOWN = new Map([
  ['6.2.4', 'the default of 6.2.2 is written into every object that is read, so none without types is left'],
  ['7.9', 'packets of tunnels are dropped before policy, and are no part of the model'],
  ['8.1.7', 'what a node sends to its own pods is no part of the model (8.3)'],
  ['10.7', 'names of interfaces are shown by nothing here'],
]);

describe('every numbered line of the reference has a test', () => {
  const shown = new Set([...files.values()].flatMap(numbersIn));

  test.each(Object.entries(LINES))('section %s, of %i lines', (section, count) => {
    const lines = Array.from({ length: count }, (_, at) => `${section}.${at + 1}`);
    expect(lines.filter((line) => !shown.has(line) && !NOT_SHOWN.has(line))).toEqual([]);
  });

  test('what is said to be not shown is not', () => {
    expect([...NOT_SHOWN.keys()].filter((line) => shown.has(line))).toEqual([]);
  });
});

/** Each line of the checklist with the names, or beginnings of names, of tests that show it, by file. */
const CHECKLIST: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'every lexical oddity of 1.1 has a test; canonical form and id byte for byte': {
    'src/selector/parser.test.ts': [
      '1.1.1 line break at the end',
      '1.1.2 any identifier character first',
      '1.1.3 513 characters in has',
      '1.1.4 backslash is ordinary',
      '1.1.5 stray =',
      '1.1.6 words joined',
      '1.1.7 word runs on',
      '1.1.8 label before )',
      '1.1.9 has with blank',
      '1.1.10 contains',
    ],
    'test/conformance/01-selectors.test.ts': [
      '1.1 and 1.2 the same texts are right',
      '1.3 to 1.5 what is right means, prints and is called the same',
    ],
  },
  'absent label: !=, not in, NotIn, !has match': {
    'src/selector/selector.test.ts': ['absent labels'],
    'test/conformance/08-kubernetes.test.ts': ['8.1.6 NotIn holds where the key is absent', '8.1.6 DoesNotExist too'],
  },
  'all() and global() in each of: policy selector, GNP namespaceSelector, rule namespaceSelector (NP, GNP)': {
    'src/engine/scope.test.ts': [
      '3.1.4 beside a namespaceSelector the own all() means has a namespace',
      '3.2.1 NetworkPolicy with all() namespaces: no sets, no hosts',
      '3.2.1 NetworkPolicy with global(): only what has no namespace',
    ],
    'test/conformance/03-scope.test.ts': ['3.1.4 all() everywhere', '3.2.1 global() in a global policy'],
    'test/conformance/13-validation.test.ts': ["global() in a policy's selector", 'global() beside something'],
  },
  'rule with only notSelector, in NP and in GNP; shared addresses': {
    'src/engine/scope.test.ts': ['3.2.5', '3.3.1', '3.3.3'],
    'test/conformance/03-scope.test.ts': [
      '3.2.4 notSelector brings the namespace',
      '3.3.2 alone it is a set of its own',
    ],
  },
  'negative namespace selectors reach global sets and host endpoints': {
    'test/conformance/03-scope.test.ts': ['3.2.7 negative namespace selectors reach host endpoints and global sets'],
  },
  'pcns./pcsa. spoofing pod labels are dropped; own label beats inherited': {
    'test/conformance/02-labels.test.ts': [
      '2.1 the own value beats an inherited one',
      '2.5 a pod cannot claim a namespace or an account by label',
    ],
  },
  'nil order, equal order, negative order; tier ties; policy naming a missing tier': {
    'test/conformance/06-order.test.ts': [
      '6.1.1 tiers by order, absent last',
      '6.1.2 policies by order, negative and fractional',
    ],
  },
  'types defaulting table; policy with a type but no rules; rules without their type': {
    'test/conformance/06-order.test.ts': [
      '6.2.2 nothing is Ingress',
      '6.2.5 a type without rules',
      '6.2.1 a rule of a direction that is not in types never decides',
    ],
  },
  'end of tier Deny and Pass; tier that applies in one direction only; Pass chain to profile': {
    'test/conformance/06-order.test.ts': [
      '6.3.3 the end of a tier',
      '6.3.2 and for the direction that no policy is about as well',
      '6.3.4 a Pass in the last tier leads to the profiles',
    ],
  },
  'endpoint with no profile; missing profile': {
    'test/conformance/06-order.test.ts': ['6.3.5 no profiles, and profiles that do not exist, deny'],
    'test/conformance/02-labels.test.ts': ['2.9 a missing profile gives no labels'],
  },
  'Log continues; Pass from the middle of a policy': {
    'test/conformance/05-rules.test.ts': ['5.6 Allow and Deny end, Log goes on, Pass leaves the tier'],
    'src/engine/verdict.test.ts': ['5.6 Log goes on, and a Pass in the middle leaves the tier'],
  },
  'named ports: several pods, several protocols, undefined name, mixed with numbers, in notPorts, without protocol': {
    'test/conformance/05-rules.test.ts': [
      '5.1 numbers and names of one list are alternatives',
      '5.1 names of another protocol do not count',
      '5.1 without a protocol each name brings its own',
      '5.1 names of a source are those of its pod',
      '5.2 names in notPorts',
      '5.3 a name that nobody defines',
    ],
    'test/conformance/08-kubernetes.test.ts': ['8.1.5 a name is looked up on each destination'],
  },
  'ipBlock/except v4 and v6; notNets makes a rule one-family; /0 network set': {
    'test/conformance/08-kubernetes.test.ts': [
      '8.1.4 ipBlock without some',
      '8.2.5 an except of the other family, and IPv6',
    ],
    'test/conformance/05-rules.test.ts': ['5.4 notNets of IPv4 make a rule for IPv4'],
    'test/conformance/04-sets.test.ts': ['4.4 a net of length 0 is kept as halves'],
    'src/engine/rule-match.test.ts': ['4.4 a network set of everything selects every address of its family'],
  },
  'host-network, finished, terminating, address-reused pods': {
    'test/conformance/10-pods.test.ts': [
      '10.1 those that are scheduled and not of the network of their host',
      '10.4 finished by its phase',
      '10.4 an address that a finished pod still shows is another one already',
      '10.5 in its grace period a pod keeps its addresses',
      '10.8 two pods may share an address for a moment',
    ],
  },
  'CNP: equal priority, fail-closed peers, no-rules direction, Pass to NetworkPolicy and to Baseline': {
    'test/conformance/09-cluster-policies.test.ts': [
      '9.1.2 equal priorities by name',
      '9.1.8 and 9.2.7 a peer that cannot be kept',
      '9.1.5 no rules, no isolation',
      '9.1.4 NetworkPolicy is final for pods that it selects',
      '9.1.4 and Baseline is for the others',
    ],
  },
  'host endpoint four lists; forward default allow; pre-DNAT without default deny': {
    'test/conformance/07-hosts.test.ts': [
      '7.2 four lists by flag, each in tier and policy order',
      '7.6 the forward list is there only with applyOnForward',
      '7.4 what pre-DNAT does not decide goes on',
    ],
  },
  'every query answer names tier, policy and rule for both hops': {
    'test/conformance/06-order.test.ts': ['6.5.3 whether a flow is allowed, and why, for both hops'],
  },
};

describe('17: the checklist', () => {
  test.each(Object.entries(CHECKLIST))('%s', (_, named) => {
    for (const [file, names] of Object.entries(named)) {
      const text = (files.get(file) ?? '').replaceAll("\\'", "'");
      expect([file, names.filter((name) => !text.includes(name))]).toEqual([file, []]);
    }
  });
});
