import { z } from 'zod';
import { diagnostic, foreignRule } from './output-parts.ts';

/** One line of a plan. */
export const objectChange = z.strictObject({
  change: z.enum(['+', '~', '-']).describe('made, changed or removed'),
  kind: z.string().describe("what it is, in the device's words"),
  name: z.string().describe('its name on the device'),
  detail: z.string().describe('for people, in one line'),
});

/** What a firewall lets pass from then on, and what no more. */
export const traffic = z.strictObject({
  changes: z
    .array(
      z.strictObject({
        presence: z.enum(['stays', 'joins', 'leaves']).describe('whether the senders are known before and after'),
        family: z.literal([4, 6]).describe('of addresses'),
        senders: z.array(z.string()).describe('addresses'),
        gained: z.array(z.string()).nullable().describe('flows that pass from then on; null: too many to be compared'),
        lost: z
          .array(z.string())
          .nullable()
          .describe('flows that are dropped from then on; null: too many to be compared'),
      }),
    )
    .describe('senders whose flows change in the same way'),
  translations: z
    .array(
      z.strictObject({
        family: z.literal([4, 6]).describe('of addresses'),
        senders: z.array(z.string()).describe('addresses'),
        from: z.string().describe('the address outside before, or "its own address"'),
        to: z.string().describe('the address outside from then on'),
        flows: z.array(z.string()).describe('which flows'),
      }),
    )
    .describe('senders whose flows leave with another address'),
  noLongerJudged: z.array(z.string()).describe('destinations that are no longer judged here'),
  judgedFromNowOn: z.array(z.string()).describe('destinations that are judged here from then on'),
  unknownNoLongerDropped: z.array(z.string()).describe('where unknown senders may be from then on'),
  unknownDroppedFromNowOn: z.array(z.string()).describe('where unknown senders are dropped from then on'),
  lists: z
    .array(
      z.strictObject({
        list: z.string().describe('its name on the device, or among what we give out'),
        resource: z.string().describe('what asks for it'),
        joins: z.array(z.string()).describe('addresses that are in it from then on'),
        leaves: z.array(z.string()).describe('addresses that are in it no more'),
        gained: z
          .array(z.string())
          .describe('of these, who may pass more: they join a list that allows, or leave one that denies'),
        lost: z.array(z.string()).describe('of these, who may pass less'),
        opens: z.boolean().describe('it denies, and nobody asks for it any more'),
      }),
    )
    .describe('lists that rules of others use, and that were there: pushed, tagged or fetched'),
  sendersBefore: z.int().min(0).describe('known addresses before'),
  sendersAfter: z.int().min(0).describe('known addresses after'),
});

/** What `plan` and `apply` print for one firewall. */
export const plan = z.strictObject({
  firewall: z.string().describe('its name'),
  digest: z.string().describe('64 hexadecimal digits; another one as soon as the plan is another'),
  isEmpty: z.boolean().describe('nothing is to be done'),
  objects: z.array(objectChange).describe('what is written, in the order in which it is'),
  counts: z
    .strictObject({
      made: z.int().min(0).describe('objects made'),
      changed: z.int().min(0).describe('objects changed'),
      removed: z.int().min(0).describe('objects removed'),
    })
    .describe('how many objects'),
  refusals: z.array(diagnostic).describe('what the device cannot say'),
  foreign: z.array(foreignRule).describe("others' rules that ours overrule or that keep ours from being asked"),
  drift: z
    .array(
      z.strictObject({
        object: z.string().describe('what of ours'),
        what: z.string().describe('what became of it'),
        by: z.string().optional().describe('who did it; absent where the device does not tell'),
      }),
    )
    .describe('what others changed of ours'),
  connections: z
    .strictObject({
      noLongerAllowed: z.int().min(0).describe('how many open connections the plan takes the right from'),
      established: z.enum(['Cut', 'Keep']).describe('Cut: they end with it; Keep: they go on'),
    })
    .optional()
    .describe('absent where nothing is to be done, or the device does not tell'),
  exposures: z
    .array(
      z.strictObject({
        direction: z.enum(['open', 'closed']).describe('whether they pass or are dropped for that time'),
        flows: z.string().describe('which flows'),
        longestMs: z.number().describe('the longest time, in milliseconds'),
      }),
    )
    .describe('flows that have neither their old nor their new verdict while the plan is carried out'),
  traffic: traffic.describe('what it means for traffic'),
});
