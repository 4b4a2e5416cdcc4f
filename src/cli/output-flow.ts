import { z } from 'zod';
import { endpointId, foreignRule, origin } from './output-parts.ts';

/** What the policies of one endpoint say to a flow. */
const clusterHop = z.strictObject({
  endpoint: endpointId,
  allowed: z.boolean().describe('whether its policies allow the flow'),
  tier: z.string().optional().describe('the deciding tier; absent for profiles'),
  policy: z.string().optional().describe('the deciding policy, or Profile/NAME; absent at the end of a tier'),
  rule: z.int().min(0).optional().describe('the index of the deciding rule'),
  reason: z.enum(['rule', 'tier-default', 'profile', 'no-profile-match']).describe('what decided'),
  passes: z.array(z.string()).optional().describe('what passed the flow on before, in order'),
});

/** What our block on one border firewall does with a flow. */
const evaluation = z.strictObject({
  passes: z.boolean().describe('whether it lets the flow through'),
  class: z.string().optional().describe("the class of the sender's address; absent where the address is not known"),
  reason: z
    .enum(['no-rules', 'not-governed', 'not-ours', 'unknown-source', 'unselected', 'rule', 'end', 'translation-held'])
    .describe('what decided'),
  decidedBy: origin.optional().describe('the deciding rule or end; absent where no policy decided'),
  granted: z
    .literal(true)
    .optional()
    .describe(
      'it passes by an Allow of ours in every part; where it passes without, rules of others may still drop it',
    ),
  logged: z.array(origin).describe('Log rules on the way, in order'),
  seenSource: z.string().describe('the source address as this firewall sees it'),
  translation: z
    .strictObject({
      origin: origin.describe('the SourceNAT that takes the flow'),
      target: z
        .union([
          z.strictObject({ kind: z.literal('Address'), address: z.string() }),
          z.strictObject({ kind: z.literal('Exempt') }),
          z.strictObject({ kind: z.literal('Hold'), reason: z.string() }),
        ])
        .describe('Address: it leaves with that one; Exempt: with its own; Hold: it is dropped, and why'),
    })
    .optional()
    .describe('absent where no SourceNAT takes the flow'),
  leavesAs: z.string().describe('the source address after this firewall'),
});

/** What all rules of a device do with a flow. */
const passage = z.strictObject({
  outcome: z.enum(['passes', 'drops', 'unknown']).describe('known only where all that may decide do the same'),
  deciders: z
    .array(
      z.strictObject({
        by: z
          .enum(['rule', 'ours', 'end', 'device'])
          .describe(
            'a rule of others; our block; what is done where no rule matches; something that stands before all rules',
          ),
        rule: foreignRule.optional().describe('the rule of others'),
        passes: z.boolean().optional().describe('what comes of the flow if it decides; absent where nobody can tell'),
        inspected: z
          .literal(true)
          .optional()
          .describe('what passes is inspected, and may be dropped for what is in it'),
        because: z.array(z.string()).describe('why nobody can tell whether it decides, or what it does'),
      }),
    )
    .describe('what may decide, in the order in which it is asked'),
  retranslated: z
    .literal(true)
    .optional()
    .describe('what passes may leave with another source than ours give it, by translations of others'),
  leaves: z
    .strictObject({
      source: z.string().describe('the address'),
      by: z.string().optional().describe('the translation of others that gives it; absent: none does'),
    })
    .optional()
    .describe('the source that what passes surely leaves with; absent where the device alone does not tell'),
});

/** What becomes of the flow between two addresses. */
const familyAnswer = z.strictObject({
  source: z.string().describe('the address of the sender'),
  destination: z.string().describe('the address of the receiver'),
  cluster: z
    .strictObject({
      allowed: z.boolean().describe('whether the cluster lets it through'),
      egress: clusterHop.optional().describe('the policies of the sender; absent where it is no endpoint'),
      ingress: clusterHop.optional().describe('the policies of the receiver; absent where it is no endpoint'),
    })
    .describe('what the cluster does'),
  border: z
    .array(
      z.strictObject({
        exit: z.string().describe('the last border firewall on this way'),
        hops: z
          .array(
            z.strictObject({
              firewall: z.string().describe('its name'),
              seenSource: z
                .string()
                .optional()
                .describe('the source address that it sees; absent where nobody can tell'),
              unseen: z.enum(['Unsaid', 'NoNodeAddress']).optional().describe('why nobody can tell'),
              evaluation: evaluation.optional().describe('what our block there does; absent where it cannot be told'),
              others: z
                .array(foreignRule)
                .nullable()
                .optional()
                .describe(
                  "others' rules there, which may drop what ours lets through; null: the device did not answer; absent without --devices",
                ),
              device: passage
                .optional()
                .describe(
                  'what all rules of the device do; absent without --devices, and where that is not worked out',
                ),
            }),
          )
          .describe('border firewalls, nearest to the pod first; ends with the one that drops the flow'),
        outcome: z.enum(['passes', 'drops', 'unknown']).describe('what becomes of it on this way'),
        leavesAs: z
          .string()
          .optional()
          .describe('the source address outside; absent unless it passes, by our block or where no device was asked'),
      }),
    )
    .describe('the ways out; several where border firewalls have equal claims'),
  outcome: z.enum(['allowed', 'denied', 'unknown']).describe('never better than its weakest part'),
  wouldChange: z.array(z.string()).describe('for each place that denies it, what would let it pass there'),
});

/** What `flow` prints. */
export const flowAnswer = z
  .strictObject({
    from: z.string().describe('as it was asked'),
    to: z.string().describe('as it was asked'),
    protocol: z.union([z.string(), z.number()]).describe('as it was asked'),
    port: z.number().optional().describe('as it was asked'),
    icmpType: z.number().optional().describe('as it was asked'),
    icmpCode: z.number().optional().describe('as it was asked'),
    outcome: z.enum(['allowed', 'denied', 'unknown']).describe('the worst of all families'),
    families: z.array(familyAnswer).describe('one answer for each pair of addresses'),
  })
  .describe('whether a flow passes, and why');

/** What `expect` prints. */
export const expectations = z
  .strictObject({
    met: z.int().min(0).describe('how many expectations hold'),
    failed: z.int().min(0).describe('how many do not'),
    expectations: z
      .array(
        z.strictObject({
          line: z.int().min(1).describe('its line in the file'),
          text: z.string().describe('as it is written'),
          met: z.boolean().describe('whether every flow that it is about does as it says'),
          flows: z.int().min(0).describe('how many flows were tried'),
          failed: z.int().min(0).describe('how many of them do otherwise'),
          failures: z
            .array(
              z.strictObject({
                from: z.string().describe('the sender'),
                to: z.string().describe('the receiver'),
                port: z.number().optional().describe('the destination port'),
                icmpType: z.number().optional().describe('the ICMP type'),
                icmpCode: z.number().optional().describe('the ICMP code'),
                why: z.string().describe('what is wrong'),
                answer: familyAnswer.describe('what becomes of it, and why'),
              }),
            )
            .describe('the first ten of them'),
          error: z
            .strictObject({
              code: z.string().describe('its stable code; see errors.md'),
              message: z.string().describe('what is wrong'),
            })
            .optional()
            .describe('why nothing could be tried; absent where something was'),
        }),
      )
      .describe('all of them, in the order of the file'),
  })
  .describe('how the expectations of a file fared');
