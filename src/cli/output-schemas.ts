import { z } from 'zod';
import { connections, worldDifference } from './output-connections.ts';
import { expectations, flowAnswer } from './output-flow.ts';
import { audit } from './output-audit.ts';
import { examination } from './output-doctor.ts';
import { appliedPolicies, diagnostic, endpoint, endpointId, mention, policyId } from './output-parts.ts';
import { objectChange, plan } from './output-plan.ts';

// What commands print with `-o json` and `-o yaml`, and lines with `--stdin`. Defined here alone: `printResult` is typed by it,
// docs/reference/cli-output.md and the JSON schemas beside it are made from it, and a test reads what each command prints with it.

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
            ...appliedPolicies,
            mentions: z.array(mention).describe('rules of policies whose source or destination it is'),
          }),
        )
        .describe('the endpoints whose id has the given text in it, by id'),
    })
    .describe('the policies that apply to endpoints, and those whose rules mention them'),

  HostPolicies: z
    .strictObject({
      node: z.string().describe('its name'),
      endpoints: z
        .array(endpoint.extend(appliedPolicies))
        .describe('pods and host endpoints there, by id, with the policies that apply to each'),
    })
    .describe('the policies that apply to the endpoints of a node'),

  PolicyEndpoints: z
    .strictObject({
      policies: z
        .array(
          z.strictObject({
            policy: policyId,
            tier: z.string().describe('the tier of a cluster policy; the kind of a border policy'),
            order: z.number().nullable().describe('null: last'),
            staged: z
              .strictObject({
                action: z.enum(['Set', 'Delete', 'Learn', 'Ignore']).describe('what enforcing it would do'),
                target: policyId.describe('the policy that would be written or deleted'),
              })
              .optional()
              .describe('it is shown and never enforced'),
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
      early: z
        .array(
          z.strictObject({
            firewall: z.string().describe('name of the border firewall'),
            sender: z.string().describe('namespace/name of who had the address, or soon got it'),
            packets: z.number().describe('how many were told; in a flood the firewall drops more than it tells'),
            from: z.string().describe('when the first of them was dropped, ISO 8601'),
            to: z.string().describe('when the last one was'),
            before: z.string().optional().describe('who had the address until shortly before, and may have sent some'),
          }),
        )
        .describe(
          'packets from it that a firewall dropped before it knew their sender, oldest first, as the controller of this machine has kept it',
        ),
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

  Expectations: expectations,

  Connections: connections,

  WorldDifference: worldDifference,

  Lint: z
    .strictObject({ findings: z.array(diagnostic).describe('by place') })
    .describe('policies and rules that do nothing, contradict each other, or open more than people mean'),

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
      object: z
        .string()
        .optional()
        .describe('the BorderApproval that was made, by its name; absent: a file of this machine holds the yes'),
    })
    .describe('the yes that was given to a plan'),

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

  Audit: audit,

  Examination: examination,

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
  HostPolicies: 'host',
  PolicyEndpoints: 'policy',
  AddressHolders: 'whois',
  Validation: 'validate',
  FlowAnswer: 'flow',
  Expectations: 'expect',
  Connections: 'connections',
  WorldDifference: 'diff',
  Lint: 'lint',
  Plans: 'plan',
  Applied: 'apply',
  Approved: 'approve',
  Rendering: 'render',
  Uninstall: 'uninstall',
  Audit: 'audit',
  Examination: 'doctor',
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
