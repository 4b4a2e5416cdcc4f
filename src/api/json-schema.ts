import { z } from 'zod';
import { addressGroupSpec } from './address-group.ts';
import { borderApprovalSpec } from './border-approval.ts';
import { borderFirewallSpec } from './border-firewall.ts';
import { borderPolicySpec, clusterBorderPolicySpec } from './border-policy.ts';
import { type Kind, kinds } from './kinds.ts';
import type { ResourceType } from './resource.ts';
import { sourceNATSpec } from './source-nat.ts';

const specs: Partial<Record<ResourceType, z.ZodObject>> = {
  BorderFirewall: borderFirewallSpec,
  ClusterBorderPolicy: clusterBorderPolicySpec,
  BorderPolicy: borderPolicySpec,
  AddressGroup: addressGroupSpec,
  SourceNAT: sourceNATSpec,
  BorderApproval: borderApprovalSpec,
};

/**
 * JSON schemas (2020-12) of what users write, for our kinds: for editors and reference pages. What one field says against another one is
 * checked by `readResource` alone.
 */
export function jsonSchemas(): ReadonlyMap<ResourceType, object> {
  return new Map(
    kinds.flatMap((kind): [ResourceType, object][] => {
      const spec = specs[kind.type];
      return spec === undefined ? [] : [[kind.type, schemaOf(kind, spec)]];
    }),
  );
}

function schemaOf(kind: Kind, spec: z.ZodObject): object {
  const namespaced = kind.scope === 'Namespaced' ? { namespace: z.string().max(63).optional() } : {};
  const object = z.strictObject({
    apiVersion: z.literal(`${kind.group}/${kind.versions[0] ?? ''}`),
    kind: z.literal(kind.kind),
    metadata: z.looseObject({
      name: z.string().max(253),
      ...namespaced,
      labels: z.record(z.string(), z.string()).optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    }),
    spec,
    status: z.looseObject({}).optional(),
  });
  return { title: kind.kind, ...z.toJSONSchema(object, { io: 'input' }) };
}
