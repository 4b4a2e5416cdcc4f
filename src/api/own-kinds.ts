import type { z } from 'zod';
import { addressGroupSpec } from './address-group.ts';
import { borderApprovalSpec } from './border-approval.ts';
import { borderFirewallSpec } from './border-firewall.ts';
import { borderPolicySpec, clusterBorderPolicySpec } from './border-policy.ts';
import type { CelRule } from './cel.ts';
import type { ResourceType } from './resource.ts';
import { sourceNATSpec } from './source-nat.ts';

/** One column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly path: string;
  /** 0 is always shown; 1 only with `-o wide`. */
  readonly priority: 0 | 1;
  readonly description: string;
}

/** What an API server has to know of a kind of ours, besides its group and scope (`kinds.ts`) and its status (`status.ts`). */
export interface OwnKind {
  readonly spec: z.ZodObject;
  readonly shortNames: readonly string[];
  readonly columns: readonly Column[];
  /** Fields of the spec that do not exist yet: an API server refuses them with this message, where it would drop an unknown one in silence. */
  readonly notYet?: Readonly<Record<string, string>>;
  /** About the whole object; of its metadata only `name` and `generateName` can be named. */
  readonly rules?: readonly CelRule[];
}

function column(name: string, path: string, description: string, priority: 0 | 1 = 0): Column {
  return { name, type: 'string', path, priority, description };
}

function condition(type: string, part: 'status' | 'reason' | 'message'): string {
  return `.status.conditions[?(@.type=="${type}")].${part}`;
}

const ready = [
  column('Ready', condition('Ready', 'status'), 'whether what is written here is in force, as read back'),
  column('Reason', condition('Ready', 'reason'), 'why it is ready or not, in one word'),
];
const waiting = column('Waiting', condition('Waiting', 'reason'), 'what waits for somebody, in one word');
const why = column('Message', condition('Ready', 'message'), 'why it is ready or not', 1);
const age: Column = {
  name: 'Age',
  type: 'date',
  path: '.metadata.creationTimestamp',
  priority: 0,
  description: 'when this object was made',
};
const selected: Column = {
  name: 'Workloads',
  type: 'integer',
  path: '.status.workloads',
  priority: 0,
  description: 'workloads that it selects',
};
const confirmed: Column = {
  name: 'Confirmed',
  type: 'date',
  path: '.status.confirmedAt',
  priority: 0,
  description: 'when what it holds was first read back whole',
};
const firewalls = column(
  'Firewalls',
  '.spec.firewalls',
  "firewalls that it names; empty: all on the workloads' way",
  1,
);

function notItself(path: string): CelRule {
  const [first = '', ...rest] = path.split('.');
  const steps = rest.map((_, index) => `has(self.spec.${[first, ...rest.slice(0, index + 1)].join('.')})`);
  const given = [`has(self.spec.${first})`, ...steps].join(' && ');
  return {
    rule: `!(${given}) || !(self.metadata.name in self.spec.${path})`,
    message: `a firewall cannot name itself in ${path}; remove it`,
  };
}

/** A dropped list of rules could be taken for one that is in force. */
const noIngress = { ingress: 'rules for what comes in are not possible yet; remove them' };

/**
 * Every kind of ours. A kind that stands here has a JSON schema, a page in the reference and a CustomResourceDefinition, and an API
 * server checks it.
 */
export const ownKinds: Partial<Record<ResourceType, OwnKind>> = {
  BorderFirewall: {
    spec: borderFirewallSpec,
    shortNames: ['bfw'],
    columns: [
      column('Driver', '.spec.driver', 'the kind of firewall'),
      column('Address', '.spec.address', 'how it is reached', 1),
      column('Mode', '.spec.mode', 'Observe writes nothing, Approve asks, Enforce writes'),
      ...ready,
      waiting,
      confirmed,
      column('Plan', '.status.plan.digest', 'the plan that waits, as a BorderApproval names it', 1),
      column('Frozen', condition('Frozen', 'status'), 'whether it is kept as it was, because a source is lost', 1),
      why,
      age,
    ],
    rules: [notItself('behind'), notItself('guard.after')],
  },
  ClusterBorderPolicy: {
    spec: clusterBorderPolicySpec,
    shortNames: ['cbpol'],
    columns: [
      column('Order', '.spec.order', 'lower comes first; empty: last'),
      ...ready,
      selected,
      firewalls,
      why,
      age,
    ],
    notYet: noIngress,
  },
  BorderPolicy: {
    spec: borderPolicySpec,
    shortNames: ['bpol'],
    columns: [
      column('Order', '.spec.order', 'lower comes first; empty: last'),
      ...ready,
      selected,
      firewalls,
      why,
      age,
    ],
    notYet: noIngress,
  },
  AddressGroup: {
    spec: addressGroupSpec,
    shortNames: ['agroup'],
    columns: [
      column('Name', '.status.deviceName', 'its name on devices'),
      column('As', '.spec.as', 'the form that the device knows it in'),
      column('Use', '.spec.use', 'what rules do with it'),
      ...ready,
      selected,
      column('Word', '.status.firewalls[0].words[0]', 'what to type into a rule of the first device that tells it', 1),
      firewalls,
      why,
      age,
    ],
  },
  SourceNAT: {
    spec: sourceNATSpec,
    shortNames: ['snat'],
    columns: [column('Order', '.spec.order', 'the lowest wins; empty: last'), ...ready, selected, firewalls, why, age],
  },
  BorderApproval: {
    spec: borderApprovalSpec,
    shortNames: ['bapp'],
    columns: [
      column('Firewall', '.spec.firewall', 'the BorderFirewall whose plan may go ahead'),
      column('Plan', '.spec.digest', 'the digest of that plan'),
      column('State', '.status.state', 'what became of it; empty: it still stands'),
      column('Message', '.status.message', 'why', 1),
      age,
    ],
  },
};
