import type { PlainEntity, PlainObject, PlainSelector } from './plain-objects.ts';
import { plain } from './slow-items.ts';
import { mustRead, prefixed, textOf } from './slow-selector.ts';

// Effective selectors as texts, joined and rewritten as policy semantics 3 and 8.2 say, text by text.

const NAMESPACE = 'projectcalico.org/namespace';
const ACCOUNT = 'projectcalico.org/serviceaccount';
const POD = "projectcalico.org/orchestrator == 'k8s'";

function joined(left: string, right: string): string {
  if (left === '' || right === '') return left + right;
  return `(${left}) && ${right}`;
}

function under(prefix: string, selector: string): string {
  return textOf(prefixed(mustRead(selector), prefix));
}

/** 3.1: what a policy of Calico applies to. */
export function policyScope({ kind, metadata, spec = {} }: PlainObject): string {
  const own = (spec['selector'] ?? '') as string;
  const namespaces = (spec['namespaceSelector'] ?? '') as string;
  const accounts = (spec['serviceAccountSelector'] ?? '') as string;
  if (kind.endsWith('GlobalNetworkPolicy')) return globalScope(own, namespaces, accounts);
  const text = joined(own, `${NAMESPACE} == '${metadata.namespace}'`);
  return accounts === '' ? text : joined(text, under('pcsa.', accounts));
}

/** 3.1.3 and 3.1.4; no text at all means every endpoint. */
export function globalScope(own: string, namespaces: string, accounts: string): string {
  let text = own;
  if (namespaces !== '') text = joined(text, under('pcns.', namespaces)).replaceAll('all()', `has(${NAMESPACE})`);
  if (accounts !== '') text = joined(text, under('pcsa.', accounts)).replaceAll('all()', `has(${ACCOUNT})`);
  return text;
}

/** 8.2.2: what a policy of Kubernetes' own kind applies to. */
export function kubernetesScope({ metadata, spec = {} }: PlainObject): string {
  return joined(
    podSelector(spec['podSelector'] as PlainSelector | undefined),
    `${NAMESPACE} == '${metadata.namespace}'`,
  );
}

/** 8.2.2 */
export function podSelector(selector: PlainSelector = {}): string {
  return [POD, ...terms(selector)].join(' && ');
}

/** 8.2.3: an empty one is every namespace. */
export function namespaceSelector(selector: PlainSelector): string {
  const all = terms(selector);
  return all.length === 0 ? 'all()' : all.join(' && ');
}

function terms({ matchLabels, matchExpressions = [] }: PlainSelector): string[] {
  const equal = plain(matchLabels)
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([key, value]) => `${key} == '${value}'`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    const listed = `{ ${values.map((value) => `'${value}'`).join(', ')} }`;
    if (operator === 'In') return `${key} in ${listed}`;
    if (operator === 'NotIn') return `${key} not in ${listed}`;
    return operator === 'Exists' ? `has(${key})` : `! has(${key})`;
  });
  return [...equal, ...expressions];
}

/** A side of a rule: what has to stand behind the address, and what must not (3.2, 3.3). */
export interface Sides {
  /** Empty: anything, strangers too. */
  readonly positive: string;
  /** Only where there is no positive one. */
  readonly negative: string;
}

export function entityScope(side: PlainEntity, namespace: string): Sides {
  const { selector = '', notSelector = '', namespaceSelector: namespaces = '', serviceAccounts: accounts = {} } = side;
  const { names = [], selector: labelled = '' } = accounts;
  const account = joined(
    labelled === '' ? '' : under('pcsa.', labelled),
    names.length === 0 ? '' : `${ACCOUNT} in {${names.map((name) => `'${name}'`).join(', ')}}`,
  );
  const endpoint = account === '' ? selector : selector === '' ? account : `(${account}) && (${selector})`;
  const own = namespace === '' ? '' : `${NAMESPACE} == '${namespace}'`;
  const from =
    namespaces === ''
      ? own
      : under('pcns.', namespaces)
          .replaceAll('all()', `has(${NAMESPACE})`)
          .replaceAll('global()', `!has(${NAMESPACE})`);
  const isSet = [endpoint, notSelector, namespaces].some((text) => text !== '');
  const inside = isSet ? from : '';
  const positive = inside === '' || endpoint === '' ? inside + endpoint : `(${inside}) && (${endpoint})`;
  if (positive === '') return { positive, negative: notSelector };
  return { positive: notSelector === '' ? positive : `(${positive}) && (!(${notSelector}))`, negative: '' };
}
