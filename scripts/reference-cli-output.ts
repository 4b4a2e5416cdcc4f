import { z } from 'zod';
import {
  type DocumentKind,
  documentSchema,
  errorLine,
  lineSchemas,
  outputSchemas,
  OUTPUT_VERSION,
  printedBy,
} from '../src/cli/output-schemas.ts';
import { fieldList, readSchema } from './reference-fields.ts';
import { code, page, paragraph } from './reference-markdown.ts';

/** `docs/reference/cli-output.md` and the JSON schema of each document. */
export function cliOutputPages(): ReadonlyMap<string, string> {
  const kinds = Object.keys(outputSchemas)
    .filter((kind): kind is DocumentKind => kind in outputSchemas)
    .toSorted((a, b) => (printedBy[a] < printedBy[b] ? -1 : 1));
  return new Map([
    [
      'cli-output.md',
      page(
        'What commands print as data',
        paragraph(
          `With ${code('-o json')} or ${code('-o yaml')} a command prints one document: ${code('apiVersion')} is ${code(OUTPUT_VERSION)}, ` +
            `${code('kind')} says what it is, and the fields below follow. Later versions may add fields; none goes away, or changes its ` +
            `meaning, without another ${code('apiVersion')}. What stands below a list is in each of its entries.`,
        ),
        ...kinds.map(section),
        '## Lines of --stdin',
        paragraph(
          'One JSON object a line in, one out, in the same order. The exit code is that of the worst line. A line that cannot be answered gives:',
        ),
        fields(errorLine),
        ...Object.entries(lineSchemas).flatMap(([command, schema]) => [`### ${command} --stdin`, fields(schema)]),
      ),
    ],
    ...kinds.map((kind): [string, string] => [
      file(kind),
      `${JSON.stringify({ title: kind, ...z.toJSONSchema(documentSchema(kind)) }, null, 2)}\n`,
    ]),
  ]);
}

function section(kind: DocumentKind): string {
  const { description = '' } = outputSchemas[kind];
  return [
    `## ${kind}`,
    paragraph(
      `Printed by [${code(`sallyport ${printedBy[kind]}`)}](cli.md#${printedBy[kind]}): ${description}. JSON schema: [${kind}.json](${file(kind)}).`,
    ),
    fields(outputSchemas[kind]),
  ].join('\n\n');
}

function fields(schema: z.ZodObject): string {
  return fieldList(readSchema(z.toJSONSchema(schema)), 'optional');
}

function file(kind: DocumentKind): string {
  return `schema/cli/${kind}.json`;
}
