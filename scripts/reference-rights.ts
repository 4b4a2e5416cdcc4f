import { peopleRoles } from '../src/kubernetes/people.ts';
import { type Feature, type Right, features, rights } from '../src/kubernetes/rights.ts';
import { machineRights, type MachineRight } from '../src/controller/machine/machine-rights.ts';
import { bullets, code, page, paragraph, table } from './reference-markdown.ts';

/** `docs/reference/rights.md` */
export function rightsPage(): string {
  return page(
    'Rights',
    paragraph(
      'What Sallyport asks of an API server, and why; the roles of the chart are made from the same table. What is written is the status of our own kinds, ' +
        'events, leases in its own namespace and, where pods wait for the border, one condition of theirs. Nothing else of the cluster can be changed. It ' +
        'cannot make a `BorderApproval`: a yes comes from people.',
    ),
    ...(Object.keys(features) as Feature[]).map(section),
    '## Firewall machines',
    paragraph(
      'What `run` needs of the clusters of a firewall machine of metal-stack, whose controller is none of the chart: roles that are there for ' +
        'today’s controller have most of it. What is missing costs what it is for, and is told; rules that are known stay in force all the same.',
    ),
    table(
      ['what', 'verbs', 'where', 'why'],
      machineRights.map((right) => [
        code(resourceOf(right)),
        right.verbs.join(', '),
        machineScopes[right.scope],
        right.why,
      ]),
    ),
    '## People',
    paragraph(
      'ClusterRoles that the chart brings. Who may edit a namespace may write its BorderPolicies, because a firewall counts only those that it `accepts`.',
    ),
    bullets(
      peopleRoles.map(({ name, about, partOf }) => {
        const part =
          partOf.length === 0 ? 'part of no other role: bind it' : `aggregated to ${partOf.map(code).join(' and ')}`;
        return `${code(name)}: ${about} (${part}).`;
      }),
    ),
  );
}

function section(feature: Feature): string {
  const rows = rights
    .filter((right) => right.feature === feature)
    .map((right) => [code(resourceOf(right)), right.verbs.join(', '), where(right), right.why]);
  const about = features[feature];
  return [
    `## ${feature}`,
    '',
    paragraph(`${about[0]?.toUpperCase() ?? ''}${about.slice(1)}.`),
    '',
    table(['what', 'verbs', 'where', 'why'], rows),
  ].join('\n');
}

const machineScopes: Readonly<Record<MachineRight['scope'], string>> = {
  Firewall: "the Firewall's namespace",
  Machine: "the machine's namespace",
  Cluster: 'workload cluster',
};

function resourceOf({
  group,
  resource,
  subresource,
  names,
}: Pick<Right, 'group' | 'resource' | 'subresource' | 'names'>): string {
  const name = group === '' ? resource : `${resource}.${group}`;
  const whole = subresource === undefined ? name : `${name}/${subresource}`;
  return names === undefined ? whole : `${whole} ${names.join(' ')}`;
}

function where({ scope }: Right): string {
  return scope === 'Cluster' ? 'cluster' : 'its own namespace';
}
