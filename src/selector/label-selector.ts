import { compareUtf8 } from '../base/compare.ts';
import type { Diagnostic, Parsed } from '../base/diagnostic.ts';
import { assertNever } from '../base/error.ts';
import { quoteForMessage } from '../ip/address.ts';
import { labelKeyProblem, labelValueProblem } from './label-syntax.ts';
import { type SelectorNode, all, equal, has, isIn, join, not, notIn } from './node.ts';

export type LabelSelectorOperator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';

/** Kubernetes `labelSelector`: every label and every expression must hold; empty selects everything. */
export interface LabelSelector {
  readonly matchLabels: ReadonlyMap<string, string>;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: LabelSelectorOperator;
    readonly values: readonly string[];
  }[];
}

/** A labelSelector whose types are right and whose content is not yet checked. */
export interface UncheckedLabelSelector {
  readonly matchLabels?: ReadonlyMap<string, string>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/**
 * The terms of a labelSelector in Calico's order (semantics 8.2.2): labels by key, then expressions as written. A pod selector has the
 * orchestrator term before them, in the same conjunction.
 */
export function labelSelectorTerms(selector: LabelSelector): readonly SelectorNode[] {
  const labels = [...selector.matchLabels].sort(([a], [b]) => compareUtf8(a, b));
  return [...labels.map(([key, value]) => equal(key, value)), ...selector.matchExpressions.map(expressionNode)];
}

/** A labelSelector as a selector tree; `all()` when it is empty. */
export function labelSelectorNode(selector: LabelSelector): SelectorNode {
  return join('and', labelSelectorTerms(selector), all());
}

function expressionNode({ key, operator, values }: LabelSelector['matchExpressions'][number]): SelectorNode {
  switch (operator) {
    case 'In':
      return isIn(key, values);
    case 'NotIn':
      return notIn(key, values);
    case 'Exists':
      return has(key);
    case 'DoesNotExist':
      return not(has(key));
    default:
      return assertNever(operator);
  }
}

/** Checks what the API server checks: operators, their values, and the syntax of keys and values. All mistakes at once. */
export function checkLabelSelector(selector: UncheckedLabelSelector, path: string): Parsed<LabelSelector> {
  const diagnostics: Diagnostic[] = [];
  const wrong = (at: string, message: string | undefined): void => {
    if (message !== undefined)
      diagnostics.push({ severity: 'error', code: 'LABEL_SELECTOR_INVALID', message, path: at });
  };
  const matchLabels = selector.matchLabels ?? new Map<string, string>();
  for (const [key, value] of matchLabels) {
    const at = `${path}.matchLabels[${JSON.stringify(key)}]`;
    wrong(at, labelKeyProblem(key));
    wrong(at, labelValueProblem(value));
  }
  const matchExpressions: LabelSelector['matchExpressions'][number][] = [];
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    wrong(`${at}.key`, labelKeyProblem(key));
    if (!isOperator(operator)) {
      wrong(`${at}.operator`, `${quoteForMessage(operator)} is no operator; use In, NotIn, Exists or DoesNotExist`);
      continue;
    }
    const takesValues = operator === 'In' || operator === 'NotIn';
    if (takesValues && values.length === 0) wrong(`${at}.values`, `${operator} needs at least one value`);
    if (!takesValues && values.length > 0) wrong(`${at}.values`, `${operator} takes no values; remove them`);
    if (takesValues)
      for (const [position, value] of values.entries()) wrong(`${at}.values[${position}]`, labelValueProblem(value));
    matchExpressions.push({ key, operator, values });
  }
  return diagnostics.length > 0 ? { diagnostics } : { value: { matchLabels, matchExpressions }, diagnostics };
}

function isOperator(text: string): text is LabelSelectorOperator {
  return text === 'In' || text === 'NotIn' || text === 'Exists' || text === 'DoesNotExist';
}
