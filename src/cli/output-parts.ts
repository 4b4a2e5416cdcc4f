import { z } from 'zod';

// What several documents of `output-schemas.ts` have in common.

export const endpointId = z.string().describe('pod:namespace/name or hep:name, of a host endpoint');
export const policyId = z
  .string()
  .describe('Kind/namespace/name, or Kind/name for cluster scope; a Kind that begins with Staged is never enforced');

export const endpoint = z.strictObject({
  id: endpointId,
  node: z.string().describe('the name of its node; empty where there is none'),
  addresses: z.array(z.string()).describe('its own addresses'),
  hostNetwork: z.literal(true).optional().describe("it has its node's addresses"),
});

const tiers = z.array(
  z.strictObject({
    name: z.string().describe('the name of the tier'),
    defaultAction: z.enum(['Deny', 'Pass']).describe('what happens at its end'),
    ingress: z.array(policyId).describe('policies for what comes in, in the order they are asked'),
    egress: z.array(policyId).describe('policies for what goes out, in the order they are asked'),
  }),
);

/** What decides about the traffic of an endpoint. */
export const appliedPolicies = {
  tiers: tiers.describe('tiers with policies that apply to it, in the order they are asked'),
  untrackedTiers: tiers.optional().describe('of a host endpoint: untracked policies, asked before all others'),
  preDNATTiers: tiers.optional().describe('of a host endpoint: policies asked before the destination is translated'),
  forwardTiers: tiers.optional().describe('of a host endpoint: policies asked about what is forwarded'),
  profiles: z.array(z.string()).describe('profiles, asked after the last tier'),
};

export const mention = z.strictObject({
  endpoint: endpointId,
  policy: policyId,
  direction: z.enum(['ingress', 'egress']).describe('the list that the rule stands in'),
  rule: z.int().min(0).describe('the index of the rule in that list, from 0'),
  side: z.enum(['source', 'destination']).describe('the side of the rule that selects the endpoint'),
  selector: z
    .string()
    .describe('the effective selector of that side; empty where only named ports or a service limit it'),
});

/** A mistake, as `validate` lists it and other documents carry it. */
export const diagnostic = z.strictObject({
  severity: z
    .enum(['error', 'warning'])
    .describe('error: something is not in force as written; warning: it is, but look at it'),
  code: z.string().describe('its stable code; see errors.md'),
  message: z.string().describe('what is wrong and the correction'),
  object: z.string().optional().describe('the object: Kind/namespace/name or Kind/name'),
  firewall: z.string().optional().describe('the border firewall at which it was found, where it is about one'),
  condition: z.string().optional().describe('the condition of a status that it speaks for'),
  path: z.string().describe('the field; empty for the whole'),
  at: z
    .strictObject({
      file: z.string().optional().describe('the file'),
      line: z.int().min(1).optional().describe('the line, from 1'),
      column: z.int().min(1).optional().describe('the column, from 1'),
    })
    .optional()
    .describe('where it stands'),
});

export const origin = z.strictObject({
  policy: z.string().describe('Kind/namespace/name, Kind/name, or tier/NAME and layer/NAME for the end of one'),
  rule: z.int().min(0).optional().describe('the index of the rule; absent for ends'),
});

export const foreignRule = z.strictObject({
  where: z.string().describe('its place on the device'),
  text: z.string().describe('the rule'),
  effect: z.enum(['before ours', 'after ours', 'unknown']).describe('when it is asked'),
});
