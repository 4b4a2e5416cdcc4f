import { z } from 'zod';
import type { ResourceType } from './resource.ts';
import {
  LIMITS,
  conditions,
  count,
  entries,
  listsStatus,
  moment,
  observedGeneration,
  planSummary,
  spread,
  text,
} from './status-parts.ts';

/** Conditions of a BorderFirewall (design section 5). */
export const FIREWALL_CONDITIONS = [
  'Ready',
  'Reconciling',
  'Stalled',
  'Frozen',
  'Waiting',
  'Drifted',
  'Blind',
  'CapacityLow',
  'Insecure',
  'Uninspected',
] as const;

/** Conditions of what firewalls are to hold. */
export const OBJECT_CONDITIONS = ['Ready', 'Reconciling', 'Stalled', 'Frozen', 'Waiting', 'Blind'] as const;

/** `status` of a BorderFirewall; written by the copy that writes to the device. */
export const borderFirewallStatus = z
  .strictObject({
    observedGeneration,
    conditions: conditions(FIREWALL_CONDITIONS),
    cluster: text
      .optional()
      .describe(
        'the owner of what is on the device; with another `cluster` nothing is written. Absent: nothing was to be written yet',
      ),
    writer: text.optional().describe('the copy of Sallyport that writes to the device'),
    device: text.optional().describe("what the device says it is, in its own words; absent: it hasn't answered"),
    confirmedAt: moment.optional().describe('when what it holds was first read back whole'),
    counts: z
      .strictObject({
        senders: count.describe('known addresses'),
        classes: count.describe('classes of workloads that are treated alike'),
        groups: count.describe('groups of addresses'),
        translations: count.describe('addresses that are translated'),
        writes: count.describe('writes since this copy began'),
        repairs: count.describe('of those, repairs of what others changed'),
      })
      .optional()
      .describe('of what was read back last'),
    plan: planSummary.optional().describe('the plan that waits; absent: none does'),
    addressToConfirmed: spread.optional().describe('from the news of an address to its being read back'),
    lists: listsStatus.optional().describe('of a firewall that fetches lists; absent: it fetches none from this copy'),
    releaseToConfirmed: spread
      .optional()
      .describe(
        'from the release of an address to its being read back as gone: so long its next owner could be taken for the last',
      ),
  })
  .describe('how the firewall stands, as read back from it');

const about = {
  observedGeneration,
  conditions: conditions(OBJECT_CONDITIONS),
};

const policyStatus = z.strictObject({
  ...about,
  workloads: count.optional().describe('workloads that it selects'),
  firewalls: entries({}),
});

/** `status` of a ClusterBorderPolicy. */
export const clusterBorderPolicyStatus = policyStatus.describe(
  'which firewalls hold the policy, and why others do not',
);
/** `status` of a BorderPolicy. */
export const borderPolicyStatus = policyStatus.describe('which firewalls hold the policy, and why others do not');

/** `status` of an AddressGroup. */
export const addressGroupStatus = z
  .strictObject({
    ...about,
    workloads: count.optional().describe('workloads that it selects'),
    deviceName: text.optional().describe('its name on devices'),
    firewalls: entries({
      addresses: count.optional().describe('addresses that are in it there'),
      words: z
        .array(text)
        .max(2)
        .optional()
        .describe('exactly what to type into a rule of that device; for each family where they differ'),
    }),
  })
  .describe('which firewalls hold the group, and under which word');

/** `status` of a SourceNAT. */
export const sourceNATStatus = z
  .strictObject({
    ...about,
    workloads: count.optional().describe('workloads that it selects'),
    firewalls: entries({
      translated: count.optional().describe('addresses that are translated there'),
      held: count.optional().describe('addresses whose flows are dropped there, because they cannot be translated'),
    }),
  })
  .describe('which firewalls hold the translation, and why others do not');

/** `status` of a BorderApproval. */
export const borderApprovalStatus = z
  .strictObject({
    state: z
      .enum(['Used', 'Lapsed', 'OtherPlan'])
      .optional()
      .describe('absent: it still stands. Each of these is for good: say yes again with a new object'),
    at: moment.optional().describe('since when'),
    message: text.optional().describe('why, for people'),
  })
  .describe('what became of the yes');

/** The status of each kind of ours that has one; CRDs and reference pages are made from it. */
export const statusSchemas: ReadonlyMap<ResourceType, z.ZodObject> = new Map<ResourceType, z.ZodObject>([
  ['BorderFirewall', borderFirewallStatus],
  ['ClusterBorderPolicy', clusterBorderPolicyStatus],
  ['BorderPolicy', borderPolicyStatus],
  ['AddressGroup', addressGroupStatus],
  ['SourceNAT', sourceNATStatus],
  ['BorderApproval', borderApprovalStatus],
]);

export type BorderFirewallStatus = z.infer<typeof borderFirewallStatus>;
export type AddressGroupStatus = z.infer<typeof addressGroupStatus>;
export type SourceNATStatus = z.infer<typeof sourceNATStatus>;
export type BorderApprovalStatus = z.infer<typeof borderApprovalStatus>;
/** Of what firewalls hold; some kinds say more. */
export type ObjectStatus = z.infer<typeof policyStatus> | AddressGroupStatus | SourceNATStatus;

/** The lists whose entries have a name of their own, with that name's field: writers of different entries leave each other's alone. */
export const STATUS_LIST_KEYS: Readonly<Record<string, string>> = { conditions: 'type', firewalls: 'name' };

export { LIMITS as STATUS_LIMITS };
