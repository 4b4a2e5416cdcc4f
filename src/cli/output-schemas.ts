import { z } from 'zod';

// What commands print with `-o json` and `-o yaml`, and lines with `--stdin`. Defined here alone: `printResult` is typed by it,
// docs/reference/cli-output.md and the JSON schemas beside it are made from it, and a test reads what each command prints with it.

const endpointId = z.string().describe('pod:namespace/name or hep:name, of a host endpoint');
const policyId = z.string().describe('Kind/namespace/name, or Kind/name for cluster scope');

const endpoint = z.strictObject({
  id: endpointId,
  node: z.string().describe('the name of its node; empty where there is none'),
  addresses: z.array(z.string()).describe('its own addresses'),
  hostNetwork: z.literal(true).optional().describe("it has its node's addresses"),
});

const mention = z.strictObject({
  endpoint: endpointId,
  policy: policyId,
  direction: z.enum(['ingress', 'egress']).describe('the list that the rule stands in'),
  rule: z.int().min(0).describe('the index of the rule in that list, from 0'),
  side: z.enum(['source', 'destination']).describe('the side of the rule that selects the endpoint'),
  selector: z.string().describe('the effective selector of that side; empty where only named ports limit it'),
});

/** A mistake, as `validate` lists it and other documents carry it. */
const diagnostic = z.strictObject({
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

const origin = z.strictObject({
  policy: z.string().describe('Kind/namespace/name, Kind/name, or tier/NAME and layer/NAME for the end of one'),
  rule: z.int().min(0).optional().describe('the index of the rule; absent for ends'),
});

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
    .enum(['not-governed', 'not-ours', 'unknown-source', 'unselected', 'rule', 'end', 'translation-held'])
    .describe('what decided'),
  decidedBy: origin.optional().describe('the deciding rule or end; absent where no policy decided'),
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

const foreignRule = z.strictObject({
  where: z.string().describe('its place on the device'),
  text: z.string().describe('the rule'),
  effect: z.enum(['before ours', 'after ours', 'unknown']).describe('when it is asked'),
});

const flowAnswer = z
  .strictObject({
    from: z.string().describe('as it was asked'),
    to: z.string().describe('as it was asked'),
    protocol: z.union([z.string(), z.number()]).describe('as it was asked'),
    port: z.number().optional().describe('as it was asked'),
    icmpType: z.number().optional().describe('as it was asked'),
    icmpCode: z.number().optional().describe('as it was asked'),
    outcome: z.enum(['allowed', 'denied', 'unknown']).describe('the worst of all families'),
    families: z
      .array(
        z.strictObject({
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
                      evaluation: evaluation
                        .optional()
                        .describe('what our block there does; absent where it cannot be told'),
                      others: z
                        .array(foreignRule)
                        .nullable()
                        .optional()
                        .describe(
                          "others' chains there, which may drop what ours lets through; null: the device did not answer; absent without --devices",
                        ),
                    }),
                  )
                  .describe('border firewalls, nearest to the pod first; ends with the one that drops the flow'),
                outcome: z.enum(['passes', 'drops', 'unknown']).describe('what becomes of it on this way'),
                leavesAs: z.string().optional().describe('the source address outside; absent unless it passes'),
              }),
            )
            .describe('the ways out; several where border firewalls have equal claims'),
          outcome: z.enum(['allowed', 'denied', 'unknown']).describe('never better than its weakest part'),
          wouldChange: z.array(z.string()).describe('for each place that denies it, what would let it pass there'),
        }),
      )
      .describe('one answer for each pair of addresses'),
  })
  .describe('whether a flow passes, and why');

const objectChange = z.strictObject({
  change: z.enum(['+', '~', '-']).describe('made, changed or removed'),
  kind: z.string().describe("what it is, in the device's words"),
  name: z.string().describe('its name on the device'),
  detail: z.string().describe('for people, in one line'),
});

const plan = z.strictObject({
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
  traffic: z
    .strictObject({
      changes: z
        .array(
          z.strictObject({
            presence: z.enum(['stays', 'joins', 'leaves']).describe('whether the senders are known before and after'),
            family: z.literal([4, 6]).describe('of addresses'),
            senders: z.array(z.string()).describe('addresses'),
            gained: z
              .array(z.string())
              .nullable()
              .describe('flows that pass from then on; null: too many to be compared'),
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
      sendersBefore: z.int().min(0).describe('known addresses before'),
      sendersAfter: z.int().min(0).describe('known addresses after'),
    })
    .describe('what it means for traffic'),
});

/** The documents, by their `kind`; `apiVersion` and `kind` stand before what is described here. */
export const outputSchemas = {
  SelectedEndpoints: z
    .strictObject({
      selector: z.string().describe('as it was given'),
      endpoints: z.array(endpoint).describe('the endpoints that it selects, by id'),
    })
    .describe('the endpoints that a selector selects'),

  EndpointPolicies: z
    .strictObject({
      endpoints: z
        .array(
          endpoint.extend({
            tiers: z
              .array(
                z.strictObject({
                  name: z.string().describe('the name of the tier'),
                  defaultAction: z.enum(['Deny', 'Pass']).describe('what happens at its end'),
                  ingress: z.array(policyId).describe('policies for what comes in, in the order they are asked'),
                  egress: z.array(policyId).describe('policies for what goes out, in the order they are asked'),
                }),
              )
              .describe('tiers with policies that apply to it, in the order they are asked'),
            profiles: z.array(z.string()).describe('profiles, asked after the last tier'),
            mentions: z.array(mention).describe('rules of policies whose source or destination it is'),
          }),
        )
        .describe('the endpoints whose id has the given text in it, by id'),
    })
    .describe('the policies that apply to endpoints, and those whose rules mention them'),

  PolicyEndpoints: z
    .strictObject({
      policies: z
        .array(
          z.strictObject({
            policy: policyId,
            tier: z.string().describe('the tier of a cluster policy; the kind of a border policy'),
            order: z.number().nullable().describe('null: last'),
            selector: z.string().describe('what it selects, namespaces included, in canonical form'),
            endpoints: z.array(endpoint).describe('the endpoints that it applies to, by id'),
            rules: z.array(mention).describe('the endpoints that the sides of its rules select'),
          }),
        )
        .describe('the policies of that name; several kinds may share one'),
    })
    .describe('the endpoints that a policy applies to, and those that its rules select'),

  AddressHolders: z
    .strictObject({
      address: z.string().describe('in canonical form'),
      holders: z
        .array(
          z.strictObject({
            kind: z
              .enum(['pod', 'host endpoint', 'node', 'leaves as', 'translated'])
              .describe(
                'pod, host endpoint, node: it has the address; leaves as: a pod whose packets leave its node with it; translated: somebody whose packets leave a border firewall with it',
              ),
            name: z.string().describe('namespace/name or name; the address before a translation where nobody has that'),
            detail: z.string().describe('for people: where it is, or by what'),
          }),
        )
        .describe('everybody who has it now, in the cluster and beyond each border firewall'),
    })
    .describe('who has an address'),

  Validation: z
    .strictObject({
      errors: z.int().min(0).describe('how many errors'),
      warnings: z.int().min(0).describe('how many warnings'),
      diagnostics: z.array(diagnostic).describe('all of them, by place'),
    })
    .describe('every mistake in manifests or configuration'),

  FlowAnswer: flowAnswer,

  Plans: z
    .strictObject({ plans: z.array(plan).describe('one for each firewall') })
    .describe('what would change on each device'),

  Applied: z
    .strictObject({ plans: z.array(plan).describe('one for each firewall; done and read back') })
    .describe('what was changed on each device'),

  Approved: z
    .strictObject({
      firewall: z.string().describe('its name'),
      digest: z.string().describe('of the plan that the yes is for'),
    })
    .describe('the yes that was left for the running controller'),

  Rendering: z
    .strictObject({
      firewalls: z
        .array(
          z.strictObject({
            firewall: z.string().describe('its name'),
            text: z.string().describe('what its device would hold'),
            refusals: z.array(diagnostic).describe('what the device cannot say'),
          }),
        )
        .describe('one for each firewall'),
    })
    .describe('the text that devices would hold'),

  Uninstall: z
    .strictObject({
      firewall: z.string().describe('its name'),
      objects: z.array(objectChange).describe('everything of ours there'),
      done: z.boolean().describe('whether it was removed'),
    })
    .describe('what leaving a firewall takes'),

  LabSummary: z
    .strictObject({
      packets: z.boolean().describe('real packets were sent; false with --no-packets'),
      tried: z.int().min(0).describe('how many flows were tried'),
      failures: z.int().min(0).describe('how many of them did not do what they should'),
    })
    .describe('how the story ended; the story itself goes to standard error'),

  Version: z
    .strictObject({
      version: z.string().describe('of Sallyport'),
      node: z.string().describe('of Node.js'),
    })
    .describe('the versions of Sallyport and its runtime'),
};

export type DocumentKind = keyof typeof outputSchemas;

/** The `apiVersion` of all documents. It changes when a field goes or changes its meaning; new fields may come. */
export const OUTPUT_VERSION = 'cli.sallyport.dev/v1alpha1';

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

/** What a document of a kind holds after `apiVersion` and `kind`. */
export type DocumentData<K extends DocumentKind> = DeepReadonly<z.infer<(typeof outputSchemas)[K]>>;

/** Which command prints which document. */
export const printedBy: Readonly<Record<DocumentKind, string>> = {
  SelectedEndpoints: 'eval',
  EndpointPolicies: 'endpoint',
  PolicyEndpoints: 'policy',
  AddressHolders: 'whois',
  Validation: 'validate',
  FlowAnswer: 'flow',
  Plans: 'plan',
  Applied: 'apply',
  Approved: 'approve',
  Rendering: 'render',
  Uninstall: 'uninstall',
  LabSummary: 'lab',
  Version: 'version',
};

/** A whole document, as it is printed. */
export function documentSchema(kind: DocumentKind): z.ZodObject {
  return z.strictObject({
    apiVersion: z.literal(OUTPUT_VERSION).describe('the version of these shapes'),
    kind: z.literal(kind).describe('what this document is'),
    ...outputSchemas[kind].shape,
  });
}

/** What `--stdin` prints for a line that is wrong; the other lines go on. */
export const errorLine = z.strictObject({
  error: z
    .strictObject({
      code: z.string().describe('its stable code; see errors.md'),
      message: z.string().describe('what is wrong'),
    })
    .describe('why there is no answer'),
});

/** What `--stdin` prints for each line, by command. */
export const lineSchemas = {
  eval: z.strictObject({
    selector: z.string().describe('as it was given'),
    endpoints: z.array(endpointId).describe('the endpoints that it selects, sorted'),
  }),
  flow: flowAnswer,
};
