import { stringify } from 'yaml';
import { policyRules, rights } from '../src/kubernetes/rights.ts';

const NOTE = `# Made from src/kubernetes by \`npm run reference\`; do not edit.
# Rights for somebody who asks from a laptop: everything that commands read, and nothing in the cluster to change. Bind them to a group of yours.
# Secrets are not among them: what \`plan\` asks of a firewall with \`credentialsRef\` takes \`get\` on that Secret besides.
`;
const NAME = 'sallyport-asker';
const RBAC = 'rbac.authorization.k8s.io';

/** The rights of `examples/deploy/laptop`: what a controller watches, and nothing that it writes. */
export function readerExample(): string {
  const objects = [
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRole',
      metadata: { name: NAME },
      rules: policyRules(rights.filter(({ feature }) => feature === 'watch')),
    },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: NAME },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: NAME },
      subjects: [{ apiGroup: RBAC, kind: 'Group', name: 'border-askers' }],
    },
  ];
  const texts = objects.map((one) => stringify(one, { lineWidth: 0, aliasDuplicateObjects: false }));
  return NOTE + texts.join('---\n');
}
