import { z } from 'zod';
import { type Kind, kinds } from './kinds.ts';
import { ownKinds } from './own-kinds.ts';
import type { ResourceType } from './resource.ts';

/**
 * JSON schemas (2020-12) of what users write, for our kinds: for editors and reference pages. What one field says against another one is
 * checked by `readResource` and, in a cluster, by the API server (`crd.ts`).
 */
export function jsonSchemas(): ReadonlyMap<ResourceType, object> {
  return new Map(
    kinds.flatMap((kind): [ResourceType, object][] => {
      const own = ownKinds[kind.type];
      return own === undefined ? [] : [[kind.type, schemaOf(kind, own.spec)]];
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
  const schema = z.toJSONSchema(object, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // For API servers alone; an editor has no use for them.
      for (const key of Object.keys(jsonSchema)) if (key.startsWith('x-kubernetes-')) delete jsonSchema[key];
    },
  });
  return { title: kind.kind, ...schema };
}
