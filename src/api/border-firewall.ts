import { z } from 'zod';
import { closest } from '../base/closest.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { cel, celExactlyOne } from './cel.ts';
import { action, cidrs, name, names, namespaceSelector, ownPorts, ownSelector, tierName } from './fields.ts';
import { refuse } from './mistake.ts';
import { NO_SPEC, checkEnvelope } from './own.ts';
import type { BorderFirewall, Meta } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, defined, show } from './shape.ts';

const text = z.string().min(1).max(1024);
/** More than any driver has. */
const OPTION_LIMIT = 64;
const optionalNames = z.array(name).max(256).default([]);

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A length of time like `60s`, in milliseconds. */
const duration = z
  .string()
  .max(16)
  .transform((written, context) => {
    const [, count, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(written) ?? [];
    const factor = unit === undefined ? undefined : MILLISECONDS[unit];
    if (count === undefined || factor === undefined)
      return refuse(context, 'FIELD_INVALID', `write a length of time as a number and ms, s, m or h, like "60s"`);
    return Number(count) * factor;
  })
  .meta({ pattern: '^[0-9]{1,9}(ms|s|m|h)$' });

const time = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'write a time of day like "22:30"' })
  .meta({ maxLength: 5 });

/** How much one change, and all changes of an hour, may take or give before somebody has to say yes. */
const guardLimit = z.strictObject({
  percent: z.number().min(0).max(100).default(20).describe('of the flows or workloads, per change'),
  atLeast: z.int().min(0).max(1_000_000).default(10).describe('fewer than these never wait'),
  percentPerHour: z.number().min(0).max(100).default(50).describe('of the flows or workloads, per hour'),
});

const guard = z.strictObject({
  removals: guardLimit.prefault({}).describe('what a change may take away'),
  gains: guardLimit.prefault({}).describe('what a change may give'),
  quiet: z
    .array(
      z.strictObject({
        from: time.describe('when it begins: a time of day in UTC, like "22:30"'),
        to: time.describe('when it ends; not after its begin: on the next day'),
        days: z
          .array(z.enum(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']))
          .min(1)
          .max(7)
          .optional()
          .describe('days on which it begins; absent: every day'),
      }),
    )
    .max(64)
    .default([])
    .describe('times in which nothing but membership changes'),
  after: optionalNames.describe('firewalls that have to hold a change first'),
});

function exactlyOne(...fields: readonly string[]) {
  return (written: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void => {
    const given = fields.filter((field) => written[field] !== undefined);
    if (given.length !== 1) refuse(context, 'FIELD_CONFLICT', `exactly one of ${fields.join(', ')} has to be given`);
  };
}

/** The words of `spec.driver`. */
const DRIVERS = ['nftables', 'feed', 'fortigate', 'panos'] as const;
export type DriverWord = (typeof DRIVERS)[number];

/** `spec` of a BorderFirewall (design section 5). */
export const borderFirewallSpec = z
  .strictObject({
    driver: text.describe(`the kind of firewall: ${DRIVERS.join(', ')}`),
    address: text.describe('how it is reached: local, netns:NAME, ssh://USER@HOST or the address of its API'),
    credentialsRef: z
      .strictObject({
        secret: name.optional().describe('name of a Secret in the namespace of Sallyport'),
        file: text.optional().describe('path of a file'),
        env: text.optional().describe('name of an environment variable'),
      })
      .superRefine(exactlyOne('secret', 'file', 'env'))
      .meta(cel(celExactlyOne('secret', 'file', 'env')))
      .optional()
      .describe('where its credentials are: a Secret in our namespace, a file or an environment variable'),
    tls: z
      .strictObject({
        ca: z.string().min(1).max(65_536).optional().describe('certificates of its authority, as PEM text'),
        pin: text.optional().describe('the fingerprint of its certificate'),
        insecure: z
          .strictObject({ reason: text.describe('why nobody checks who answers') })
          .optional()
          .describe('take whoever answers; shows as the condition Insecure'),
      })
      .superRefine(exactlyOne('ca', 'pin', 'insecure'))
      .meta(cel(celExactlyOne('ca', 'pin', 'insecure')))
      .optional()
      .describe('how it proves who it is'),
    options: z
      .looseObject({})
      .superRefine((written, context) => {
        if (Object.keys(written).length > OPTION_LIMIT)
          refuse(context, 'FIELD_INVALID', `no driver has more than ${OPTION_LIMIT} options`);
      })
      .meta({ maxProperties: OPTION_LIMIT })
      .default({})
      .describe("the driver's own options"),
    workloads: z
      .strictObject({
        namespaceSelector: namespaceSelector.optional(),
        selector: ownSelector.optional().describe('which workloads, by their labels; absent: not limited by labels'),
        ipPools: names.optional().describe('only workloads with addresses of these IPPools; absent: of any'),
      })
      .describe('who leaves through it; {} for every workload'),
    destinations: cidrs.optional().describe('networks reached through it; absent: 0.0.0.0/0 and ::/0'),
    behind: optionalNames.describe('firewalls nearer to the pods, in order'),
    sees: z.enum(['Pod', 'Node']).optional().describe('the source it sees where no IP pool says so'),
    nodeAddress: z
      .enum(['InternalIP', 'ExternalIP'])
      .default('InternalIP')
      .describe("which of a node's addresses is used towards it"),
    networks: cidrs
      .optional()
      .describe('where every sender must be known; absent: the pools of its workloads whose pods it sees'),
    unknown: z
      .enum(['Drop', 'Ignore'])
      .default('Drop')
      .describe('packets from networks whose source is no known address'),
    unselected: z.enum(['Ignore', 'Deny']).default('Ignore').describe('known workloads that no policy here selects'),
    accepts: z
      .array(
        z.strictObject({
          namespaces: namespaceSelector,
          destinations: cidrs.optional().describe('networks that their rules may name; absent: any'),
          ports: ownPorts.optional().describe('destination ports that their rules may name; absent: any'),
          actions: z.array(action).min(1).max(4).optional().describe('actions that their rules may have; absent: any'),
        }),
      )
      .max(256)
      .default([])
      .describe('which BorderPolicies count here'),
    policies: z
      .strictObject({
        tiers: z.array(tierName).max(64).default([]).describe('their names; default brings NetworkPolicies along'),
      })
      .prefault({})
      .describe('tiers of cluster policy repeated here'),
    blind: z.enum(['Refuse', 'Widen']).default('Refuse').describe('rules for addresses that several workloads share'),
    established: z.enum(['Cut', 'Keep']).default('Cut').describe('connections that a change no longer allows'),
    mode: z.enum(['Observe', 'Approve', 'Enforce']).default('Observe').describe('Observe writes nothing'),
    approve: z.enum(['Rules', 'Everything']).default('Rules').describe('what waits for a yes in mode Approve'),
    drift: z
      .enum(['Repair', 'Show'])
      .optional()
      .describe('what to do about changes by others; absent: Repair for nftables, Show for others'),
    adopt: z.array(text).max(1024).default([]).describe('exact names of existing objects to take over'),
    approximate: z.enum(['Never', 'Narrower', 'Wider']).default('Never').describe('for what the device cannot say'),
    guard: guard.prefault({}).describe('how much may change without a yes'),
    readiness: z
      .strictObject({
        timeout: duration.prefault('60s').describe('a number and ms, s, m or h'),
        onTimeout: z.enum(['Hold', 'Release']).default('Hold').describe('keep them waiting, or let them start'),
      })
      .prefault({})
      .describe('how long pods wait for this firewall, and what then'),
    onDelete: z
      .enum(['Keep', 'Remove'])
      .default('Keep')
      .describe(
        'what happens to the device when this object goes; with Remove it goes only when nothing of ours is there any more',
      ),
  })
  .describe(
    'one firewall that is kept in step: how it is reached, who leaves through it, and how carefully it is changed',
  );

/** What follows from a mistake in a BorderFirewall; at the end of each. */
export const KEEPS_WHAT_IT_HOLDS = 'This firewall gets no plan and keeps what it holds.';

/** Reads a BorderFirewall whole or not at all: one that is half understood must not be written to. */
export function readBorderFirewall(meta: Meta, raw: RawMap, scope: Scope): BorderFirewall | undefined {
  const broken = scope.otherwise(KEEPS_WHAT_IT_HOLDS);
  const inside = broken.at('spec');
  const soundEnvelope = checkEnvelope(raw, broken);
  const map = inside.map(raw['spec'], NO_SPEC);
  if (map === undefined) return undefined;
  const right = checkSelf(meta.name, map, inside) && soundEnvelope;
  const read = inside.value(borderFirewallSpec, map);
  if (!read.ok || !right) {
    // Of one that is read, whoever opens devices says so, and its status.
    const unknown = unknownDriver(map['driver']);
    if (unknown !== undefined) inside.mistake('DEVICE_DRIVER', unknown, 'driver');
    return undefined;
  }
  const {
    credentialsRef,
    tls,
    workloads,
    destinations,
    networks,
    accepts,
    policies,
    readiness,
    drift,
    guard,
    ...same
  } = read.value;
  return {
    ...meta,
    type: 'BorderFirewall',
    ...defined(same),
    ...defined({
      credentialsRef: credentialsRef && credentialsOf(credentialsRef),
      tls: tls && defined(tls),
      networks: networks && PrefixSet.of(networks),
    }),
    workloads: defined(workloads),
    destinations: destinations === undefined ? PrefixSet.all : PrefixSet.of(destinations),
    accepts: accepts.map((accept) => ({
      namespaces: accept.namespaces,
      ...defined({
        destinations: accept.destinations && PrefixSet.of(accept.destinations),
        ports: accept.ports,
        actions: accept.actions,
      }),
    })),
    tiers: policies.tiers,
    drift: drift ?? (same.driver === 'nftables' ? 'Repair' : 'Show'),
    guard: { ...guard, quiet: guard.quiet.map((window) => defined(window)) },
    readiness: readinessOf(readiness),
  };
}

/** For how long pods wait for a firewall, and what is then. */
export function readinessOf({
  timeout,
  onTimeout,
}: {
  readonly timeout: number;
  readonly onTimeout: 'Hold' | 'Release';
}): BorderFirewall['readiness'] {
  return { timeoutMs: timeout, onTimeout };
}

/** What is wrong with a text as `spec.driver`, and the correction; `undefined` where it is one, or no text at all. */
export function unknownDriver(written: unknown): string | undefined {
  if (typeof written !== 'string' || written === '' || (DRIVERS as readonly string[]).includes(written))
    return undefined;
  const near = closest(written, DRIVERS);
  const hint = near === undefined ? `known: ${DRIVERS.join(', ')}` : `did you mean "${near}"?`;
  return `there is no driver ${show(written)}; ${hint}`;
}

/** Where credentials are, as one of the three. */
export function credentialsOf(written: {
  readonly secret?: string | undefined;
  readonly file?: string | undefined;
  readonly env?: string | undefined;
}): BorderFirewall['credentialsRef'] {
  const { secret, file, env } = written;
  if (secret !== undefined) return { secret };
  if (file !== undefined) return { file };
  return env === undefined ? undefined : { env };
}

/** A firewall cannot stand behind itself, nor wait for itself. */
function checkSelf(self: string, spec: RawMap, scope: Scope): boolean {
  let right = true;
  const guarded =
    typeof spec['guard'] === 'object' && spec['guard'] !== null && 'after' in spec['guard'] ? spec['guard'].after : [];
  for (const [path, list] of [
    [['behind'], spec['behind']],
    [['guard', 'after'], guarded],
  ] as const) {
    const index = Array.isArray(list) ? list.indexOf(self) : -1;
    if (index === -1) continue;
    scope.mistake('FIELD_CONFLICT', 'a firewall cannot name itself here; remove it', ...path, index);
    right = false;
  }
  return right;
}

/** As which cluster a firewall is kept, by its status; `undefined`: nothing was to be written to it yet, or nobody told. */
export function keptAs({ status }: { readonly status?: RawMap | undefined }): string | undefined {
  const name = status?.['cluster'];
  return typeof name === 'string' && name !== '' ? name : undefined;
}
