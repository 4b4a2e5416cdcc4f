/** Calico and Kubernetes selectors: read, print, evaluate. The public sub-path `sallyport/selector`. */
export { type Labels, type Selector, parseSelector, selectorOf } from './selector.ts';
export {
  type SelectorNode,
  all,
  and,
  contains,
  endsWith,
  equal,
  global,
  has,
  isIn,
  mapLabels,
  not,
  notEqual,
  notIn,
  or,
  readAgain,
  replaceAll,
  startsWith,
} from './node.ts';
export { type LabelSelector, checkLabelSelector, labelSelectorNode } from './label-selector.ts';
export { type Bound, type Restrictions, restrictionsOf } from './restrictions.ts';
export type { Diagnostic, Parsed } from '../base/diagnostic.ts';
