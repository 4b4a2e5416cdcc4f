import { z } from 'zod';

// Parts that the statuses of our kinds share. Every list and text has a limit, so that no object outgrows what the store of a cluster
// takes (1.5 MiB): whoever fills them cuts, and says how much was left out.

/** The most entries of each list, and characters of each text, of a status. */
export const LIMITS = {
  /** Firewalls that an object's status tells of. */
  firewalls: 64,
  /** Problems for each of them. */
  problems: 3,
  consumers: 32,
  fetches: 64,
  reasons: 8,
  traffic: 24,
  reason: 128,
  path: 256,
  message: 512,
  text: 256,
} as const;

/** A moment, as Kubernetes writes it: `2026-01-05T12:00:00Z`. */
export const moment = z.string().max(40).meta({ format: 'date-time' });
export const count = z.int().min(0);
const word = z.string().min(1).max(LIMITS.reason);
const message = z.string().max(LIMITS.message);
export const text = z.string().max(LIMITS.text);
/** The name of a BorderFirewall. */
export const firewallName = z.string().min(1).max(253);

export const observedGeneration = count
  .optional()
  .describe('the `metadata.generation` that this status speaks of; older than that: it says nothing of the last edit');

/** `metav1.Condition`, of these types; a list with one entry for each type. */
export function conditions<const T extends readonly string[]>(types: T) {
  return z
    .array(
      z.strictObject({
        type: z.enum(types).describe('what it is about'),
        status: z.enum(['True', 'False', 'Unknown']).describe('whether it is so'),
        observedGeneration,
        lastTransitionTime: moment.describe('since when `status` is what it is'),
        reason: word.describe('why, in one word for programs'),
        message: message.describe('why, for people'),
      }),
    )
    .max(types.length)
    .optional()
    .describe('`Ready`, and of the others those that are true');
}

/** One thing that is wrong, as in the log and in `sallyport validate`. */
export const problem = z.strictObject({
  code: word.describe('stands in the reference of error codes'),
  path: z.string().max(LIMITS.path).optional().describe('the field; absent: the whole object'),
  message: message.describe('what is wrong, and the correction'),
});

/** How long something took, over a stretch of time. */
export const spread = z.strictObject({
  windowSeconds: count.describe('length of the stretch'),
  count: count.describe('how many were measured in it'),
  p50Milliseconds: count.describe('half of them took no longer'),
  p99Milliseconds: count.describe('99 of 100 took no longer'),
  longestMilliseconds: count.describe('none took longer'),
});

/** A plan, as far as a status tells it; `sallyport plan` prints all of it. */
export const planSummary = z.strictObject({
  digest: z.string().max(64).optional().describe('what a BorderApproval names; absent: nothing is to be approved'),
  since: moment.describe('since when it waits'),
  reasons: z.array(text).max(LIMITS.reasons).describe('why it waits'),
  made: count.describe('objects on the device that it makes'),
  changed: count.describe('objects that it changes'),
  removed: count.describe('objects that it removes'),
  gaining: count.describe('addresses that may send more from then on'),
  losing: count.describe('addresses that may send less from then on'),
  traffic: z.array(text).max(LIMITS.traffic).describe('what is gained and lost, as `sallyport plan` prints it, cut'),
});

/** What consumers fetched of a firewall's lists. */
export const listsStatus = z.strictObject({
  given: count.describe('lists that can be fetched'),
  frozenSince: moment.optional().describe('since when they stay as they were, because the source is lost'),
  consumers: z
    .array(
      z.strictObject({
        name: text.describe('as the configuration names it'),
        fetchedAt: moment
          .optional()
          .describe(
            'when it fetched last, ten minutes more or less; absent: nothing yet since this copy gives them out',
          ),
        late: z.boolean().describe('it has fetched nothing for an hour'),
        current: count.describe('lists that it fetched and that are still so'),
        behind: count.describe('lists that it fetched and that have changed since'),
      }),
    )
    .max(LIMITS.consumers)
    .describe('who may fetch, those that are late or behind first'),
  fetches: z
    .array(
      z.strictObject({
        consumer: text.describe('who'),
        list: text.describe('which list; of one family, with `ipv4/` or `ipv6/` before its name'),
        version: z.string().max(12).describe('which version: the first digits of the SHA-256 of what it was given'),
        current: z.boolean().describe('the list is still so'),
        at: moment.describe('when, ten minutes more or less'),
      }),
    )
    .max(LIMITS.fetches)
    .describe('the last fetch of each consumer and list, those of old versions first'),
  more: count.optional().describe('consumers and fetches that are left out'),
});

/** What a status says of one firewall. */
const entry = {
  name: firewallName.describe('the BorderFirewall'),
  holds: z.enum(['True', 'False', 'Unknown']).describe('whether its device holds this object as it was read last'),
  since: moment.describe('since when `holds` is what it is'),
  observedGeneration,
  reason: word.describe('why, in one word for programs'),
  message: message.describe('why, for people'),
  problems: z
    .array(problem)
    .max(LIMITS.problems)
    .optional()
    .describe('what keeps it from holding all of it; of many the first'),
};

/** What firewalls hold of an object: a list with one entry for each, by name; each is written by who holds that firewall. */
export function entries<const S extends z.ZodRawShape>(more: S) {
  return z
    .array(z.strictObject({ ...entry, ...more }))
    .max(LIMITS.firewalls)
    .optional()
    .describe('firewalls that are to hold it, by name');
}
