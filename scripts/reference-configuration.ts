import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { configurationSchema } from '../src/controller/configuration/configuration.ts';
import { fieldList, readSchema } from './reference-fields.ts';
import { code, fenced, page, paragraph } from './reference-markdown.ts';

/** `docs/reference/schema/configuration.json`, for editors and checks. */
export function configurationJsonSchema(): string {
  const schema = z.toJSONSchema(configurationSchema, { io: 'input' });
  return `${JSON.stringify({ title: 'The configuration file of Sallyport', ...schema }, null, 2)}\n`;
}

/** The example of the page: a file that a test reads (test/house/docs.test.ts). */
const EXAMPLE = 'examples/configuration.yaml';

/** `docs/reference/configuration.md` */
export function configurationPage(root: string): string {
  const schema = readSchema(z.toJSONSchema(configurationSchema, { io: 'input' }));
  return page(
    'The configuration file',
    paragraph(
      `One YAML file, named with ${code('-c')}: ${code('sources')} with names of your choice, and ${code('controllers')} that each say which ` +
        'source they use. Relative paths count from the folder of the file. Where a text is expected, ' +
        `${code('{file: PATH}')} or ${code('{env: NAME}')} may stand. An unknown key is a mistake; all mistakes are told at once, each with ` +
        `file, line and correction, by ${code('sallyport validate -c FILE')}. JSON schema: [configuration.json](schema/configuration.json).`,
    ),
    '## Keys',
    fieldList(schema),
    '## Example',
    paragraph(`[${EXAMPLE}](../../${EXAMPLE}), with every key:`),
    fenced('yaml', readFileSync(join(root, EXAMPLE), 'utf8')),
  );
}
