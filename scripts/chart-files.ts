import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { peopleRoles } from '../src/kubernetes/people.ts';
import { type Right, features, policyRules, rights } from '../src/kubernetes/rights.ts';

const NOTE = '# Made from src/kubernetes by `npm run reference`; do not edit.\n';

function rulesByFeature(scope: Right['scope']): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.keys(features).flatMap((feature) => {
      const rules = policyRules(rights.filter((right) => right.feature === feature && right.scope === scope));
      return rules.length === 0 ? [] : [[feature, rules]];
    }),
  );
}

function yaml(value: unknown): string {
  return NOTE + stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Files that templates of the chart read, by name: a chart can read nothing outside of its own folder. */
export function chartFiles(root: string): ReadonlyMap<string, string> {
  const copy = (path: string): string => readFileSync(join(root, 'deploy/monitoring', path), 'utf8');
  return new Map([
    ['rights.yaml', yaml({ cluster: rulesByFeature('Cluster'), namespace: rulesByFeature('OwnNamespace') })],
    ['people.yaml', yaml({ roles: peopleRoles })],
    ['alerts.yaml', copy('alerts.yaml')],
    ['dashboard.json', copy('dashboard.json')],
  ]);
}
