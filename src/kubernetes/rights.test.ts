import { describe, expect, test } from 'vitest';
import { CALICO, CALICO_STORAGE, OUR_GROUP, kinds } from '../api/kinds.ts';
import { peopleRoles } from './people.ts';
import { type Right, policyRules, rights } from './rights.ts';

function name({ group, resource, subresource }: Right): string {
  return `${group}/${resource}${subresource === undefined ? '' : `/${subresource}`}`;
}

describe('what Sallyport asks of an API server', () => {
  test('every kind is listed and watched in its group, and nothing else is', () => {
    const watched = rights.filter(({ feature, names }) => feature === 'watch' && names === undefined);
    const groupsOf = (group: string) => (group === CALICO ? [CALICO, CALICO_STORAGE] : [group]);
    const expected = kinds
      .flatMap(({ group, plural }) => groupsOf(group).map((one) => `${one}/${plural}`))
      .filter((one) => ![`${CALICO_STORAGE}/profiles`, `${CALICO_STORAGE}/workloadendpoints`].includes(one))
      .concat('apiextensions.k8s.io/customresourcedefinitions');
    expect(watched.map(name).toSorted()).toEqual(expected.toSorted());
    for (const { resource, verbs } of watched)
      if (resource !== 'customresourcedefinitions') expect(verbs).toEqual(['list', 'watch']);
  });

  test('of others it can change nothing but the readiness of a pod, and that only where it is asked for', () => {
    const changing = rights.filter(({ verbs }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)));
    const strange = changing.filter(({ group, scope }) => group !== OUR_GROUP && scope === 'Cluster');
    expect(strange.map((right) => `${right.feature} ${name(right)} ${right.verbs.join()}`)).toEqual([
      'events events.k8s.io/events create,patch',
      'queries authentication.k8s.io/tokenreviews create',
      'queries authorization.k8s.io/subjectaccessreviews create',
      'readiness /pods/status patch',
    ]);
  });

  test('of our own kinds it changes the status alone, and whether firewalls are held, so that it can say no yes', () => {
    const written = rights.filter(
      ({ group, verbs }) => group === OUR_GROUP && verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)),
    );
    for (const right of written) expect(right.verbs).toEqual(['patch']);
    const objects = written.filter(({ subresource }) => subresource !== 'status');
    expect(objects.map((right) => `${right.feature} ${name(right)}`)).toEqual([
      'leaving sallyport.dev/borderfirewalls',
    ]);
  });

  test('Secrets are read by name in our own namespace, and nowhere else', () => {
    const secrets = rights.filter(({ resource }) => resource === 'secrets');
    expect(secrets.map(({ verbs, scope }) => ({ verbs, scope }))).toEqual([{ verbs: ['get'], scope: 'OwnNamespace' }]);
  });

  test('no right stands there twice, none by a wildcard', () => {
    const each = rights.flatMap((right) => right.verbs.map((verb) => `${name(right)} ${verb}`));
    expect(new Set(each).size).toBe(each.length);
    expect(each.filter((one) => one.includes('*'))).toEqual([]);
  });

  test('rules grant what the table says, and nothing more', () => {
    const granted = policyRules(rights).flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`)),
      ),
    );
    const asked = rights.flatMap((right) => right.verbs.map((verb) => `${name(right)} ${verb}`));
    expect(granted.toSorted()).toEqual(asked.toSorted());
  });
});

describe('roles for people', () => {
  const clusterWide = kinds.filter((kind) => kind.ours && kind.scope === 'Cluster').map(({ plural }) => plural);

  test("Kubernetes' own roles gain nothing that is about the whole cluster", () => {
    for (const { partOf, rules } of peopleRoles)
      if (partOf.length > 0)
        expect(rules.flatMap(({ resources }) => resources).filter((one) => clusterWide.includes(one))).toEqual([]);
  });

  test('who writes what a plan is made of says no yes by the same role, and an approver does nothing else', () => {
    const mayChange = (role: string): ReadonlySet<string> =>
      new Set(
        peopleRoles
          .filter(({ name }) => name === role)
          .flatMap(({ rules }) => rules)
          .filter(({ verbs }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)))
          .flatMap(({ resources }) => resources),
      );
    expect([...mayChange('sallyport-approver')]).toEqual(['borderapprovals']);
    expect(peopleRoles.filter(({ name }) => mayChange(name).has('borderapprovals')).map(({ name }) => name)).toEqual([
      'sallyport-approver',
    ]);
    const all = kinds.filter((kind) => kind.ours).map(({ plural }) => plural);
    expect([...mayChange('sallyport-border-owner')].toSorted()).toEqual(
      all.filter((plural) => plural !== 'borderapprovals').toSorted(),
    );
  });

  test('nobody is given a status to write, and who only reads can change nothing', () => {
    for (const { name: role, rules } of peopleRoles) {
      expect(rules.flatMap(({ resources }) => resources).filter((one) => one.includes('/'))).toEqual([]);
      if (role.endsWith('viewer'))
        expect(new Set(rules.flatMap(({ verbs }) => verbs))).toEqual(new Set(['get', 'list', 'watch']));
    }
  });
});
