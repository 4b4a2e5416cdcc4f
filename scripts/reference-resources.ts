import { jsonSchemas } from '../src/api/json-schema.ts';
import { z } from 'zod';
import { type Kind, kinds } from '../src/api/kinds.ts';
import { statusSchemas } from '../src/api/status.ts';
import { fieldList, readSchema } from './reference-fields.ts';
import { code, page, paragraph, table } from './reference-markdown.ts';

/** `docs/reference/resources.md`, and the JSON schema of each kind of ours beside it. */
export function resourcePages(): ReadonlyMap<string, string> {
  const schemas = jsonSchemas();
  const ours = kinds.filter((kind) => kind.ours);
  const sections = ours.map((kind) => {
    const schema = schemas.get(kind.type);
    if (schema === undefined) throw new Error(`${kind.kind} has no JSON schema`);
    return section(kind, schema);
  });
  return new Map([
    [
      'resources.md',
      page(
        'Resources',
        paragraph(
          `Our own kinds, with every field of their ${code('spec')} and ${code('status')}, then those of others that are read. A field of ours that is not known is a mistake, so that ` +
            `a slip of the pen cannot be taken for a rule. What stands below a list is in each of its entries. What a broken object means ` +
            'for the border is in [decision 1](../decisions/0001-broken-parts-take-the-safe-side.md).',
        ),
        ...sections,
        '## Kinds of others that are read',
        paragraph(
          `Their unknown fields are kept and ignored. Objects of other kinds are left aside. ${code('crd.projectcalico.org/v1')}, where ` +
            'Calico without its API server keeps its objects, is read as well, through one converter.',
        ),
        table(
          ['apiVersion', 'kind', 'scope'],
          kinds
            .filter((kind) => !kind.ours)
            .map((kind) => [
              kind.versions.map((version) => code(apiVersion(kind, version))).join(', '),
              code(kind.kind),
              kind.scope,
            ])
            .toSorted((a, b) => (a.join() < b.join() ? -1 : 1)),
        ),
      ),
    ],
    ...ours.map((kind): [string, string] => [schemaFile(kind), `${JSON.stringify(schemas.get(kind.type), null, 2)}\n`]),
  ]);
}

function section(kind: Kind, schema: object): string {
  const spec = readSchema(schema).properties?.['spec'];
  if (spec?.description === undefined) throw new Error(`the spec of ${kind.kind} has no description`);
  const about = `${sentence(spec.description)} ${code(apiVersion(kind, kind.versions[0] ?? ''))}, ${kind.scope === 'Cluster' ? 'without a namespace' : 'in a namespace'}. JSON schema: [${kind.kind}.json](${schemaFile(kind)}).`;
  const status = statusSchemas.get(kind.type);
  if (status?.description === undefined) throw new Error(`the status of ${kind.kind} has no description`);
  const told = `${code('status')}, in a cluster: ${status.description}.`;
  const fields = fieldList(readSchema(z.toJSONSchema(status)), 'optional');
  return [`## ${kind.kind}`, '', paragraph(about), '', fieldList(spec), '', paragraph(told), '', fields].join('\n');
}

function schemaFile(kind: Kind): string {
  return `schema/${kind.kind}.json`;
}

function apiVersion(kind: Kind, version: string): string {
  return kind.group === '' ? version : `${kind.group}/${version}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
