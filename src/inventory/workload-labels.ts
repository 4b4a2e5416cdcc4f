import type { Pod } from '../api/resource.ts';
import { TextMap } from '../base/text-map.ts';
import {
  NAMESPACE_LABEL,
  NAMESPACE_PREFIX,
  ORCHESTRATOR_LABEL,
  SERVICE_ACCOUNT_LABEL,
  SERVICE_ACCOUNT_PREFIX,
} from './labels.ts';

/** What the labels of a workload depend on. */
type Workload = Pick<Pod, 'labels' | 'namespace' | 'serviceAccountName'>;

/**
 * A workload's own labels in effect (semantics 2.4 and 2.5). What begins with `pcns.` or `pcsa.` is dropped, so that a pod cannot claim
 * another namespace or service account, and Calico's own labels override the written ones. A view on the workload: there are as many as
 * pods, and a map of its own would be a fifth of what a pod costs.
 */
export class WorkloadLabels extends TextMap {
  readonly #workload: Workload;
  readonly #orchestrator: string;

  constructor(workload: Workload, orchestrator: string) {
    super();
    this.#workload = workload;
    this.#orchestrator = orchestrator;
  }

  get size(): number {
    let size = 0;
    for (const _ of this.entries()) size++;
    return size;
  }

  get(key: string): string | undefined {
    return this.#set(key) ?? (isClaim(key) ? undefined : this.#workload.labels.get(key));
  }

  *entries(): Generator<[string, string], undefined> {
    for (const [key, value] of this.#workload.labels)
      if (!isClaim(key) && this.#set(key) === undefined) yield [key, value];
    for (const key of SET_BY_CALICO) {
      const value = this.#set(key);
      if (value !== undefined) yield [key, value];
    }
    return undefined;
  }

  override forEach(callback: (value: string, key: string, map: ReadonlyMap<string, string>) => void): void {
    this.#workload.labels.forEach((value, key) => {
      if (!isClaim(key) && this.#set(key) === undefined) callback(value, key, this);
    });
    for (const key of SET_BY_CALICO) {
      const value = this.#set(key);
      if (value !== undefined) callback(value, key, this);
    }
  }

  /** The label that Calico sets itself under a name; `undefined`: it sets none, and a written one counts. */
  #set(key: string): string | undefined {
    switch (key) {
      case NAMESPACE_LABEL:
        return this.#workload.namespace;
      case ORCHESTRATOR_LABEL:
        return this.#orchestrator;
      case SERVICE_ACCOUNT_LABEL:
        // An empty name is none.
        return this.#workload.serviceAccountName === '' ? undefined : this.#workload.serviceAccountName;
      default:
        return undefined;
    }
  }
}

const SET_BY_CALICO = [NAMESPACE_LABEL, ORCHESTRATOR_LABEL, SERVICE_ACCOUNT_LABEL];

/** Whether a name belongs to what is inherited. */
function isClaim(key: string): boolean {
  return key.startsWith(NAMESPACE_PREFIX) || key.startsWith(SERVICE_ACCOUNT_PREFIX);
}
