import { z } from 'zod';

// Parts that the statuses of our kinds share. Every list and text has a limit, so that no object outgrows what the store of a cluster
// takes (1.5 MiB): whoever fills them cuts, and says how much was left out.

/** The most entries of each list, and characters of each text, of a status. */
export const LIMITS = {
  /** Firewalls that an object's status tells of. */
  firewalls: 64,
  /** Problems for each of them. */
  problems: 3,
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
