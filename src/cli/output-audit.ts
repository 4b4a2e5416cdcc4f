import { z } from 'zod';
import { objectChange } from './output-plan.ts';

export const audit = z
  .strictObject({
    writes: z
      .array(
        z.strictObject({
          firewall: z.string().describe('the name of its BorderFirewall'),
          number: z.int().min(1).describe('of its first record in the trail of this firewall'),
          at: z.string().describe('when it was sent: ISO 8601, by the clock of the machine that sent it'),
          step: z.enum(['Members', 'Rules', 'Cut', 'Clean', 'Remove']).describe('what sort of step it was'),
          title: z.string().describe('for people'),
          plan: z.string().optional().describe('the digest of the plan that it was a step of'),
          by: z.string().describe('who wrote: a controller by its name, or the user of a command'),
          approved: z
            .strictObject({ by: z.string().describe('who'), at: z.string().describe('when: ISO 8601') })
            .optional()
            .describe('the yes to its plan; absent where none was needed'),
          objects: z.array(objectChange).describe('what it changed, the first hundred'),
          more: z.int().min(0).describe('how many more objects it changed'),
          text: z.string().describe('SHA-256 of the exact text or payload that was sent'),
          result: z
            .enum(['Accepted', 'Refused', 'Unknown'])
            .describe('what the device said; Unknown: the process ended before it answered'),
          ms: z.number().min(0).optional().describe('milliseconds until it answered'),
          device: z
            .array(z.string())
            .optional()
            .describe('how the device calls what it did for it, such as `job 417`; absent where it calls it nothing'),
          code: z.string().optional().describe('why it was refused; see errors.md'),
          message: z.string().optional().describe('the same for people'),
        }),
      )
      .describe('the newest writes, oldest first'),
    trails: z
      .array(
        z.strictObject({
          firewall: z.string().describe('the name of its BorderFirewall'),
          records: z.int().min(0).describe('how many records were read and proved'),
          problems: z
            .array(
              z.strictObject({
                file: z.string().describe('the file'),
                line: z.int().min(1).describe('the line, from 1'),
                message: z.string().describe('what is wrong'),
              }),
            )
            .describe('where it is not as it was written'),
          gaps: z
            .array(
              z.strictObject({
                at: z.string().describe('when writing went on: ISO 8601'),
                lost: z.int().min(1).describe('how many records are missing'),
                reason: z.string().describe('why'),
              }),
            )
            .describe('what could not be written, as the trail itself tells'),
        }),
      )
      .describe('the trail of each firewall'),
  })
  .describe('what was written to firewalls, when and by whom, with the proof that the record is whole');
