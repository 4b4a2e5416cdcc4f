import { z } from 'zod';

/** What `doctor` prints. */
export const examination = z
  .strictObject({
    errors: z.int().min(0).describe('how many checks found an error'),
    warnings: z.int().min(0).describe('how many found something that is worth knowing'),
    checks: z
      .array(
        z.strictObject({
          check: z
            .enum([
              'configuration',
              'server',
              'identity',
              'clock',
              'rights',
              'kinds',
              'objects',
              'pools',
              'firewall',
              'visibility',
            ])
            .describe(
              'what was looked at: the configuration or context; the API server and its version; who we are to it; its clock; rights; API groups, versions and definitions; mistakes in objects; IP pools; a firewall and its device; what a firewall sees of a sample pod',
            ),
          subject: z.string().optional().describe('the feature, firewall, pool or pod that it is about'),
          result: z.enum(['OK', 'Warning', 'Error', 'Skipped']).describe('how it ended'),
          message: z.string().describe('what was found, for people'),
          fix: z.string().optional().describe('what to do'),
        }),
      )
      .describe('in the order they were made'),
  })
  .describe('what stands in the way of Sallyport, and what it will see');

/** One check of `doctor`. */
export type Check = z.infer<typeof examination>['checks'][number];
