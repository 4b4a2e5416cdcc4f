import { stringify } from 'yaml';
import { customResourceDefinitions } from '../src/api/crd.ts';

/** File name to text of each CustomResourceDefinition, for `deploy/crds`. */
export function crdFiles(): ReadonlyMap<string, string> {
  return new Map(
    customResourceDefinitions().map((definition) => [
      `${definition.metadata.name.split('.')[0] ?? ''}.yaml`,
      `# Made from src/api by \`npm run reference\`; do not edit.\n${stringify(definition, { lineWidth: 0, aliasDuplicateObjects: false })}`,
    ]),
  );
}
